/// Says which call failed, on what shapes, and why.
public struct TensorError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The kind of an error, open for more kinds in later versions.
  public struct Code: Hashable, Sendable {
    private enum Kind: Hashable, Sendable {
      case library, unknownOperator, computation, mismatch, unsupported
    }
    private let kind: Kind

    /// LibTorch, or the library that calls it, cannot be opened.
    public static let library = Code(kind: .library)
    /// LibTorch has no operator of that name.
    public static let unknownOperator = Code(kind: .unknownOperator)
    /// LibTorch refuses the arguments, or fails at them.
    public static let computation = Code(kind: .computation)
    /// Numbers or names do not fit each other, such as 5 numbers for a shape of 6 elements.
    public static let mismatch = Code(kind: .mismatch)
    /// The value has no counterpart on the other side, such as complex numbers in an array.
    public static let unsupported = Code(kind: .unsupported)
  }

  public var code: Code
  public var message: String

  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  public var description: String { message }
}
