/// The work of a plugin, written in Swift and linked into the program.
///
/// A stage is a value: parameters and artifacts in, artifacts and metrics out, nothing kept. What
/// differs between runs (seed, scratch folder, progress) comes in through the context. It runs in a
/// process of its own, so it may crash without harm to the run.
public protocol Stage: Sendable {
  /// Decoded from the resolved parameters; a parameter `train-rows` of the manifest fills the
  /// property `trainRows`.
  associatedtype Parameters: Decodable & Sendable

  /// The bytes of the plugin's `stage.yaml`: `PackageResources.stage_yaml`.
  static var manifest: [UInt8] { get }

  /// The digest of the stage's code, which enters its action keys: `CodeFingerprint.digest`, made
  /// at build time from the sources of the stage's module and of those that it uses.
  static var code: String { get }

  init()

  /// Does the work.
  ///
  /// - Throws: `StageError` with a sentence for the user; any other error is shown as it describes
  ///   itself.
  func run(_ parameters: Parameters, in context: StageContext) async throws
}

/// An error that tells the user what to change.
public struct StageError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The kind of an error, open for more kinds in later versions.
  public struct Code: Hashable, Sendable {
    public let name: String

    /// A code of the stage's own; one of the program's (`P0202`) is shown as such.
    public init(name: String) { self.name = name }

    /// An input's content is not what the stage can use.
    public static let badInput = Code(name: "bad-input")
    /// A parameter's value does not fit the data.
    public static let badParameter = Code(name: "bad-parameter")
    /// The work itself did not succeed.
    public static let failed = Code(name: "failed")
  }

  public var code: Code
  public var message: String
  /// The input slot that the message is about.
  public var slot: String?
  /// The line in that input, from 1.
  public var line: Int?
  /// Whether another attempt may succeed.
  public var isRetryable: Bool

  public init(
    code: Code, message: String, slot: String? = nil, line: Int? = nil, isRetryable: Bool = false
  ) {
    self.code = code
    self.message = message
    self.slot = slot
    self.line = line
    self.isRetryable = isRetryable
  }

  public var description: String { message }
}

/// How much a log line matters.
public enum LogLevel: String, Codable, Sendable { case debug, info, warn, error }
