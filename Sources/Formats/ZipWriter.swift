import Foundation

/// Writes zip archives without compression, the same bytes for the same members.
public struct ZipWriter: ~Copyable {
  private let file: FileHandle
  private let path: String
  private var directory: [UInt8] = []
  private var position = 0
  private var count = 0

  /// - Throws: `FormatError` where the file cannot be made.
  public init(path: String) throws(FormatError) {
    self.path = path
    guard FileManager.default.createFile(atPath: path, contents: nil),
      let file = FileHandle(forWritingAtPath: path)
    else {
      throw FormatError(
        .unreadable, file: path, found: "a place where no file can be made",
        expected: "a folder that exists and may be written to")
    }
    self.file = file
  }

  /// Adds a member.
  ///
  /// - `name`: Its path in the archive, with `/` between folders and after a folder.
  /// - Throws: `FormatError` beyond 4 GiB or 65,535 members, which this form of zip cannot hold, and
  ///   where the disk takes no more.
  public mutating func add(_ name: String, _ bytes: [UInt8]) throws(FormatError) {
    let nameBytes = Array(name.utf8)
    guard bytes.count < 1 << 32, position < 1 << 32 - 1 << 20, count < 65_535,
      nameBytes.count < 1 << 16
    else {
      throw FormatError(
        .limit, file: path, found: "more than 4 GiB or 65,535 members",
        expected: "a folder instead of a zip archive")
    }
    var fields: [UInt8] = []
    // Version 2.0, names in UTF-8, stored; 1 January 1980, so that time changes no byte.
    ZipWriter.put([20, 1 << 11, 0, 0, 33], to: &fields)
    ZipWriter.put(bytes.withUnsafeBytes { Inflation.crc32($0) }, to: &fields)
    ZipWriter.put(UInt32(bytes.count), to: &fields)
    ZipWriter.put(UInt32(bytes.count), to: &fields)
    ZipWriter.put([UInt16(nameBytes.count), 0], to: &fields)
    directory += [0x50, 0x4B, 1, 2]
    // Made on Unix, whose modes stand in the upper half of the attributes: rw-r--r--, or a folder.
    ZipWriter.put([3 << 8 | 20], to: &directory)
    directory += fields
    ZipWriter.put([0, 0, 0], to: &directory)
    ZipWriter.put(UInt32(name.hasSuffix("/") ? 0o40755 : 0o100644) << 16, to: &directory)
    ZipWriter.put(UInt32(position), to: &directory)
    directory += nameBytes
    count += 1
    try write([0x50, 0x4B, 3, 4] + fields + nameBytes)
    try write(bytes)
  }

  /// Ends the archive.
  public consuming func finish() throws(FormatError) {
    let start = position
    let entries = directory
    try write(entries)
    var end: [UInt8] = [0x50, 0x4B, 5, 6]
    ZipWriter.put([0, 0, UInt16(count), UInt16(count)], to: &end)
    ZipWriter.put(UInt32(entries.count), to: &end)
    ZipWriter.put(UInt32(start), to: &end)
    ZipWriter.put([0], to: &end)
    try write(end)
    try? file.close()
  }

  private mutating func write(_ bytes: [UInt8]) throws(FormatError) {
    do {
      try file.write(contentsOf: bytes)
    } catch {
      throw FormatError(.unreadable, file: path, found: "a disk that takes no more")
    }
    position += bytes.count
  }

  private static func put(_ numbers: [UInt16], to bytes: inout [UInt8]) {
    for number in numbers { bytes += [UInt8(truncatingIfNeeded: number), UInt8(number >> 8)] }
  }

  private static func put(_ number: UInt32, to bytes: inout [UInt8]) {
    put([UInt16(truncatingIfNeeded: number), UInt16(number >> 16)], to: &bytes)
  }
}
