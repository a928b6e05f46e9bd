public import StructuredValue

/// Reads JSON strictly and fast: one pass, positions in errors, no name twice in an object.
public enum JSONText {
  private static let depthLimit = 256

  /// Reads a file.
  ///
  /// - Throws: `FormatError` with the line and column, counted in bytes.
  public static func read(_ content: FileContent) throws(FormatError) -> Value {
    try content.withReader { (reader) throws(FormatError) in
      try read(reader.bytes, file: reader.file)
    }
  }

  static func read(_ bytes: UnsafeRawBufferPointer, file: String) throws(FormatError) -> Value {
    var parser = Parser(bytes, file: file)
    return try parser.document()
  }

  private struct Parser {
    private let bytes: UnsafeRawBufferPointer
    private let file: String
    private var position = 0

    init(_ bytes: UnsafeRawBufferPointer, file: String) {
      self.bytes = bytes
      self.file = file
    }

    private func failure(
      _ found: String, expected: String = "", _ code: FormatError.Code = .malformed
    ) -> FormatError {
      let before = bytes[..<min(position, bytes.count)]
      let line = before.count { $0 == 0x0A } + 1
      let start = before.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
      return FormatError(
        code, file: file, at: .row(line, column: position - start + 1), found: found,
        expected: expected)
    }

    private func unexpected(_ expected: String) -> FormatError {
      guard position < bytes.count else { return failure("the end", expected: expected) }
      let byte = bytes[position]
      let shown =
        (0x21..<0x7F).contains(byte)
        ? "'\(Character(Unicode.Scalar(byte)))'" : "byte \(byte)"
      return failure(shown, expected: expected)
    }

    mutating func document() throws(FormatError) -> Value {
      let value = try value(depth: 0)
      skipSpaces()
      guard position == bytes.count else { throw unexpected("the end") }
      return value
    }

    private mutating func skipSpaces() {
      while position < bytes.count {
        switch bytes[position] {
        case 0x20, 0x0A, 0x0D, 9: position += 1
        default: return
        }
      }
    }

    private mutating func skip(_ character: Unicode.Scalar) -> Bool {
      skipSpaces()
      guard position < bytes.count && bytes[position] == UInt8(ascii: character) else {
        return false
      }
      position += 1
      return true
    }

    private mutating func value(depth: Int) throws(FormatError) -> Value {
      skipSpaces()
      guard depth < depthLimit else {
        throw failure("values nested deeper than \(depthLimit) levels", .limit)
      }
      guard position < bytes.count else { throw unexpected("a value") }
      switch bytes[position] {
      case UInt8(ascii: "{"): return .map(try object(depth: depth))
      case UInt8(ascii: "["): return .list(try list(depth: depth))
      case UInt8(ascii: "\""): return .string(try string())
      case UInt8(ascii: "t"): return try word("true", .bool(true))
      case UInt8(ascii: "f"): return try word("false", .bool(false))
      case UInt8(ascii: "n"): return try word("null", .null)
      case UInt8(ascii: "-"), 0x30...0x39: return try number()
      default: throw unexpected("a value")
      }
    }

    private mutating func word(_ word: String, _ value: Value) throws(FormatError) -> Value {
      guard bytes[position...].starts(with: word.utf8) else { throw unexpected("a value") }
      position += word.utf8.count
      return value
    }

    private mutating func object(depth: Int) throws(FormatError) -> [String: Value] {
      position += 1
      var members: [String: Value] = [:]
      if skip("}") { return members }
      repeat {
        skipSpaces()
        guard position < bytes.count && bytes[position] == UInt8(ascii: "\"") else {
          throw unexpected("a name in quotes")
        }
        let name = try string()
        guard skip(":") else { throw unexpected("':'") }
        let value = try value(depth: depth + 1)
        guard members.updateValue(value, forKey: name) == nil else {
          throw failure("a second member '\(name)'")
        }
      } while skip(",")
      guard skip("}") else { throw unexpected("',' or '}'") }
      return members
    }

    private mutating func list(depth: Int) throws(FormatError) -> [Value] {
      position += 1
      var elements: [Value] = []
      if skip("]") { return elements }
      repeat { elements.append(try value(depth: depth + 1)) } while skip(",")
      guard skip("]") else { throw unexpected("',' or ']'") }
      return elements
    }

    private mutating func string() throws(FormatError) -> String {
      position += 1
      let start = position
      var isPlain = true
      while position < bytes.count && bytes[position] != 0x22 {
        guard bytes[position] >= 0x20 else { throw unexpected("an escaped control character") }
        if bytes[position] == 0x5C {
          isPlain = false
          position += 1
        }
        position += 1
      }
      guard position < bytes.count else { throw failure("a string that doesn't end") }
      let end = position
      let raw = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
      let text: String?
      if isPlain {
        text = String(validating: raw, as: UTF8.self)
      } else {
        position = start
        text = String(validating: try unescaped(until: end), as: UTF8.self)
      }
      guard let text else { throw failure("a string that is not UTF-8") }
      position = end + 1
      return text
    }

    private mutating func unescaped(until end: Int) throws(FormatError) -> [UInt8] {
      var text: [UInt8] = []
      while position < end {
        guard bytes[position] == 0x5C else {
          text.append(bytes[position])
          position += 1
          continue
        }
        position += 1
        switch bytes[position] {
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "t"): text.append(9)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "b"): text.append(8)
        case UInt8(ascii: "f"): text.append(0x0C)
        case 0x22, 0x5C, 0x2F: text.append(bytes[position])
        case UInt8(ascii: "u"):
          text.append(contentsOf: String(Character(try scalar(until: end))).utf8)
          continue
        default: throw unexpected("one of the escapes \\n \\t \\r \\b \\f \\\" \\\\ \\/ \\u")
        }
        position += 1
      }
      return text
    }

    private mutating func scalar(until end: Int) throws(FormatError) -> Unicode.Scalar {
      let first = try unit(until: end)
      if let scalar = Unicode.Scalar(first) { return scalar }
      if (0xD800..<0xDC00).contains(first), position + 1 < end, bytes[position] == 0x5C,
        bytes[position + 1] == UInt8(ascii: "u")
      {
        position += 1
        let second = try unit(until: end)
        if (0xDC00..<0xE000).contains(second),
          let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
        {
          return scalar
        }
      }
      throw failure("half a surrogate pair")
    }

    private mutating func unit(until end: Int) throws(FormatError) -> UInt32 {
      position += 1
      guard end - position >= 4, bytes[position] >= 0x30,
        let unit = UInt32(
          String(decoding: bytes[position..<position + 4], as: UTF8.self), radix: 16)
      else { throw unexpected("four hexadecimal digits") }
      position += 4
      return unit
    }

    private mutating func number() throws(FormatError) -> Value {
      let start = position
      var isInteger = true
      scan: while position < bytes.count {
        switch bytes[position] {
        case 0x30...0x39, UInt8(ascii: "-"): break
        case UInt8(ascii: "+"), UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"):
          isInteger = false
        default: break scan
        }
        position += 1
      }
      let text = UnsafeRawBufferPointer(rebasing: bytes[start..<position])
      if isInteger, let number = NumberText.int(text) { return .int(number) }
      let digits = text.first == UInt8(ascii: "-") ? text[1...] : text[...]
      guard let number = NumberText.double(text), let last = text.last,
        (0x30...0x39).contains(last), let first = digits.first, (0x30...0x39).contains(first),
        !zip(digits, digits.dropFirst()).contains(where: {
          $0 == 0x2E && !(0x30...0x39).contains($1)
        })
      else {
        position = start
        throw failure(
          "'\(String(decoding: text.prefix(40), as: UTF8.self))'",
          expected: "a number within the range of a double")
      }
      return .double(number)
    }
  }
}
