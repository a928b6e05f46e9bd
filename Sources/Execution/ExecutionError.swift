/// Why a run could not go on at all; a stage that fails is a result, not an error.
public struct ExecutionError: Error, Hashable, Sendable, CustomStringConvertible {
  public struct Code: Hashable, Sendable {
    public let exitStatus: Int32
    /// Disk, store or supervisor: exit status 7.
    public static let infrastructure = Code(exitStatus: 7)
    /// Another process holds what this one needs: exit status 6.
    public static let locked = Code(exitStatus: 6)
  }

  public var code: Code
  public var message: String
  public var description: String { message }

  public init(code: Code, message: String) {
    self.code = code
    self.message = message
  }

  static func infrastructure(_ message: String) -> ExecutionError {
    ExecutionError(code: .infrastructure, message: message)
  }
}
