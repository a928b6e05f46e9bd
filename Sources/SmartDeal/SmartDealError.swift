/// Says which tensor, option or list is wrong, with its value and what would be right.
public struct SmartDealError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The kind of an error, open for more kinds in later versions.
  public struct Code: Hashable, Sendable {
    private enum Kind: Hashable, Sendable {
      case badTensor, badOption, badRecord
    }
    private let kind: Kind

    /// A weight tensor's shape or numbers are not usable.
    public static let badTensor = Code(kind: .badTensor)
    /// An option is outside of its range, or does not fit the network.
    public static let badOption = Code(kind: .badOption)
    /// A record of layers is not what this code writes.
    public static let badRecord = Code(kind: .badRecord)
  }

  public var code: Code
  public var message: String
  public var description: String { message }

  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }
}
