/// Says what of data, network or plan does not fit, with its value and what would be right.
public struct TrainingError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The kind of an error, open for more kinds in later versions.
  public struct Code: Hashable, Sendable {
    private enum Kind: Hashable, Sendable { case badPictures, badNetwork, badPlan, diverged }
    private let kind: Kind

    /// Pictures and labels are not usable, or not with this network.
    public static let badPictures = Code(kind: .badPictures)
    /// The network cannot be trained here.
    public static let badNetwork = Code(kind: .badNetwork)
    /// An option of the training is outside of its range.
    public static let badPlan = Code(kind: .badPlan)
    /// The loss is no number any more.
    public static let diverged = Code(kind: .diverged)
  }

  public var code: Code
  public var message: String
  public var description: String { message }

  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }
}
