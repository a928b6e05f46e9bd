import Foundation

/// Reads a growing file of lines as it grows.
package struct JournalTail {
  let path: String
  private var offset = 0
  private var rest: [UInt8] = []

  /// What is read at once.
  static let chunk = 1 << 20
  /// A journal that is longer when it is first opened is read from here before its end only.
  static let history = 64 << 20

  package init(path: String) { self.path = path }

  /// The lines that were completed since the last call, at most a megabyte of them.
  ///
  /// - Returns: Nil where there is no such file.
  package mutating func lines() -> [[UInt8]]? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var facts = stat()
    if offset == 0, fstat(file, &facts) == 0, Int(facts.st_size) > JournalTail.history {
      // The first line, which says what run it is, has been read by whoever chose this file.
      offset = Int(facts.st_size) - JournalTail.history
      rest = Array("?".utf8)
    }
    let bytes = [UInt8](unsafeUninitializedCapacity: JournalTail.chunk) { buffer, count in
      count = max(0, pread(file, buffer.baseAddress, buffer.count, offset))
    }
    guard !bytes.isEmpty else { return [] }
    offset += bytes.count
    var lines: [[UInt8]] = []
    var start = 0
    while let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) {
      lines.append(rest + bytes[start..<end])
      rest = []
      start = end + 1
    }
    rest += bytes[start...]
    return lines
  }

  /// The first line of a file, once it is complete.
  package static func firstLine(of path: String) -> [UInt8]? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    let bytes = [UInt8](unsafeUninitializedCapacity: JournalTail.chunk) { buffer, count in
      count = max(0, pread(file, buffer.baseAddress, buffer.count, 0))
    }
    return bytes.firstIndex(of: UInt8(ascii: "\n")).map { Array(bytes[..<$0]) }
  }
}
