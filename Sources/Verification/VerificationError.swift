/// Says why a network or property cannot be verified, and what would be right.
public struct VerificationError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The kind of an error, open for more kinds in later versions.
  public struct Code: Hashable, Sendable {
    private enum Kind: Hashable, Sendable { case unsupportedNetwork, badProperty, badOption }
    private let kind: Kind

    /// The network is no chain of linear layers and ReLUs, or its shapes do not fit.
    public static let unsupportedNetwork = Code(kind: .unsupportedNetwork)
    /// The property does not fit the network, or says nothing.
    public static let badProperty = Code(kind: .badProperty)
    /// An option's value is out of its range.
    public static let badOption = Code(kind: .badOption)
  }

  public var code: Code
  public var message: String
  public var description: String { message }

  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }
}
