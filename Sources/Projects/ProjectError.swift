/// Why a command cannot do what it was asked.
public struct ProjectError: Error, Sendable, CustomStringConvertible {
  /// The program's exit status (README, exit codes).
  public var status: Int32
  public var message: String
  public var description: String { message }

  public static let usage: Int32 = 2
  public static let invalidPipeline: Int32 = 3
  public static let missingInput: Int32 = 4

  public init(status: Int32, _ message: String) {
    self.status = status
    self.message = message
  }
}
