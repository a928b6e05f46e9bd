/// Reads pickled tables without executing anything.
///
/// Only the opcodes and names that the tables and checkpoints of this field use are known; any
/// other is refused by its name and offset. Protocols 2 to 5.
public enum Pickle {
  /// Reads a file that holds one pickle.
  ///
  /// - Throws: `FormatError` with the offset of the opcode that could not be followed.
  public static func read(path: String) throws(FormatError) -> PickledValue {
    try read(FileContent(path: path))
  }

  /// Reads one pickle, which must fill the file.
  ///
  /// - Throws: `FormatError` with the offset of the opcode that could not be followed.
  public static func read(_ content: FileContent) throws(FormatError) -> PickledValue {
    try content.withReader { (reader) throws(FormatError) in
      try PickleTree.value(whole(&reader), file: reader.file)
    }
  }

  /// One pickle that fills what is read.
  static func whole(_ reader: inout ByteReader) throws(FormatError) -> PickleGraph {
    let graph = try PickleMachine.run(&reader)
    guard reader.isAtEnd else {
      throw reader.error(found: "\(reader.remaining) bytes after the opcode STOP")
    }
    return graph
  }
}
