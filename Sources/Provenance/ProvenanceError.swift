/// An error of the run history that says what failed, where, and what to do.
public struct ProvenanceError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The kind of an error, open for more kinds in later versions.
  public struct Code: Hashable, Sendable {
    /// The stable name that users see, such as `P0603`.
    public let name: String

    /// The repository can't be opened or read.
    public static let repository = Code(name: "P0601")
    /// The log kept moving while a run was being recorded, or its lock was left behind.
    public static let raceLost = Code(name: "P0602")
    /// No run is recorded under this name or for this commit.
    public static let missingRecord = Code(name: "P0603")
    /// The repository or the folder of records can't be written.
    public static let notWritable = Code(name: "P0604")
    /// A record's bytes can't be read as a record, or its id is not one.
    public static let badRecord = Code(name: "P0605")
    /// Another repository couldn't be reached, or refused.
    public static let sync = Code(name: "P0606")
  }

  public var code: Code
  public var message: String
  public var description: String { "error \(code.name): \(message)" }

  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }
}
