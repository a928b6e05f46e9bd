/// Says which data, option or result is wrong and what would be right.
public struct InferenceError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The kind of an error, open for more kinds in later versions.
  public struct Code: Hashable, Sendable {
    private enum Kind: Hashable, Sendable { case badData, badOption, failed }
    private let kind: Kind

    /// Rows, targets, labels or splits are not usable.
    public static let badData = Code(kind: .badData)
    /// An option is outside of its range, or does not fit the model.
    public static let badOption = Code(kind: .badOption)
    /// The computation itself did not succeed.
    public static let failed = Code(kind: .failed)
  }

  public var code: Code
  public var message: String
  public var description: String { message }

  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }
}
