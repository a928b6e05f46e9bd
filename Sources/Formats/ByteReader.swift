/// A cursor over bytes that checks every step.
///
/// It doesn't own the bytes: it lives inside `FileContent.withReader` only.
struct ByteReader {
  let bytes: UnsafeRawBufferPointer
  let file: String
  private(set) var offset = 0

  init(_ bytes: UnsafeRawBufferPointer, file: String) {
    self.bytes = bytes
    self.file = file
  }

  var count: Int { bytes.count }
  var remaining: Int { bytes.count - offset }
  var isAtEnd: Bool { offset == bytes.count }

  func error(
    _ code: FormatError.Code = .malformed, at place: Int? = nil, found: String,
    expected: String = ""
  ) -> FormatError {
    FormatError(code, file: file, at: .offset(place ?? offset), found: found, expected: expected)
  }

  mutating func seek(to position: Int, for what: @autoclosure () -> String) throws(FormatError) {
    guard position >= 0 && position <= bytes.count else {
      throw error(
        found: "\(what()) points to byte \(position)", expected: "at most \(bytes.count)")
    }
    offset = position
  }

  mutating func take(
    _ count: Int, _ what: @autoclosure () -> String
  ) throws(FormatError) -> UnsafeRawBufferPointer {
    guard count >= 0 && count <= remaining else {
      throw error(
        found: "the file ends inside \(what()): \(remaining) bytes left", expected: "\(count)")
    }
    let part = UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
    offset += count
    return part
  }

  mutating func byte(_ what: @autoclosure () -> String) throws(FormatError) -> UInt8 {
    guard offset < bytes.count else { throw error(found: "the file ends before \(what())") }
    defer { offset += 1 }
    return bytes[offset]
  }

  mutating func little<Integer: FixedWidthInteger>(
    _ type: Integer.Type, _ what: @autoclosure () -> String
  ) throws(FormatError) -> Integer {
    let part = try take(MemoryLayout<Integer>.size, what())
    return Integer(littleEndian: part.loadUnaligned(as: Integer.self))
  }

  mutating func big<Integer: FixedWidthInteger>(
    _ type: Integer.Type, _ what: @autoclosure () -> String
  ) throws(FormatError) -> Integer {
    let part = try take(MemoryLayout<Integer>.size, what())
    return Integer(bigEndian: part.loadUnaligned(as: Integer.self))
  }

  /// An unsigned 64-bit length as an Int.
  mutating func length(_ what: @autoclosure () -> String) throws(FormatError) -> Int {
    let start = offset
    let number = try little(UInt64.self, what())
    guard let length = Int(exactly: number) else {
      throw error(at: start, found: "\(what()) is \(number)", expected: "at most \(Int.max)")
    }
    return length
  }

  mutating func text(
    _ count: Int, _ what: @autoclosure () -> String
  ) throws(FormatError) -> String {
    let start = offset
    let part = try take(count, what())
    guard let text = String(validating: part, as: UTF8.self) else {
      throw error(at: start, found: "\(what()) is not UTF-8")
    }
    return text
  }
}
