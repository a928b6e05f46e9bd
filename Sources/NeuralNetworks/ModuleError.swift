/// Says what does not fit a module, and what would.
public struct ModuleError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The kind of an error, open for more kinds in later versions.
  public struct Code: Hashable, Sendable {
    private enum Kind: Hashable, Sendable { case mismatch, notFinite, unsupported }
    private let kind: Kind

    /// Names, shapes or counts differ.
    public static let mismatch = Code(kind: .mismatch)
    /// A number is infinite or not-a-number.
    public static let notFinite = Code(kind: .notFinite)
    /// A layer cannot do what is asked of it.
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
