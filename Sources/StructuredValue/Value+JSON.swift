extension Value: Codable {
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    // Strings first: most values are, and each attempt that fails costs an error.
    if let value = try? container.decode(String.self) {
      self = .string(value)
    } else if container.decodeNil() {
      self = .null
    } else if let value = try? container.decode(Int.self) {
      self = .int(value)
    } else if let value = try? container.decode(Double.self) {
      self = .double(value)
    } else if let value = try? container.decode(Bool.self) {
      self = .bool(value)
    } else if let value = try? container.decode([Value].self) {
      self = .list(value)
    } else {
      self = .map(try container.decode([String: Value].self))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .null: try container.encodeNil()
    case .bool(let value): try container.encode(value)
    case .int(let value): try container.encode(value)
    case .double(let value):
      if value.isFinite {
        try container.encode(value)
      } else {
        try container.encode(value.jsonName)
      }
    case .string(let value): try container.encode(value)
    case .list(let value): try container.encode(value)
    case .map(let value): try container.encode(value)
    }
  }

  /// Reads JSON text; numbers that are whole are integers.
  ///
  /// - Throws: `JSONError` when the bytes are not one JSON value.
  public init(json: some Sequence<UInt8>) throws(JSONError) {
    self = try JSONReader.read(Array(json), as: Value.self)
  }

  /// Reads JSON text.
  public init(json: String) throws(JSONError) { try self.init(json: json.utf8) }

  /// The value as JSON with sorted keys, so that equal values give equal bytes.
  ///
  /// Other than in what `JSONWriter` writes, doubles keep a fraction or an exponent (`1.0`), non-finite ones become strings.
  ///
  /// - `indented`: Two spaces a level and one member a line, for people.
  public func json(indented: Bool = false) -> String {
    var text: [UInt8] = []
    write(to: &text, indent: indented ? 0 : nil)
    return String(decoding: text, as: UTF8.self)
  }

  /// Appends an object whose members stand as they are given.
  public static func appendJSON(_ members: [(String, Value)], to text: inout [UInt8]) {
    bracket("{", "}", members, &text, nil) { member, text, indent in
      quote(member.0, to: &text)
      text.append(UInt8(ascii: ":"))
      member.1.write(to: &text, indent: indent)
    }
  }

  private func write(to text: inout [UInt8], indent: Int?) {
    switch self {
    case .null: text += "null".utf8
    case .bool(let value): text += (value ? "true" : "false").utf8
    case .int(let value): text += String(value).utf8
    case .double(let value):
      text += (value.isFinite ? value.description : "\"\(value.jsonName)\"").utf8
    case .string(let value): Value.quote(value, to: &text)
    case .list(let values):
      Value.bracket("[", "]", values, &text, indent) { value, text, indent in
        value.write(to: &text, indent: indent)
      }
    case .map(let members):
      let sorted = members.sorted { $0.key.precedesInBytes($1.key) }
      Value.bracket("{", "}", sorted, &text, indent) { member, text, indent in
        Value.quote(member.key, to: &text)
        text += (indent == nil ? ":" : ": ").utf8
        member.value.write(to: &text, indent: indent)
      }
    }
  }

  private static func bracket<Element>(
    _ open: Unicode.Scalar, _ close: Unicode.Scalar, _ elements: [Element],
    _ text: inout [UInt8], _ indent: Int?, write: (Element, inout [UInt8], Int?) -> Void
  ) {
    text.append(UInt8(ascii: open))
    for (index, element) in elements.enumerated() {
      if index > 0 { text.append(UInt8(ascii: ",")) }
      if let indent { text += ("\n" + String(repeating: "  ", count: indent + 1)).utf8 }
      write(element, &text, indent.map { $0 + 1 })
    }
    if let indent, !elements.isEmpty {
      text += ("\n" + String(repeating: "  ", count: indent)).utf8
    }
    text.append(UInt8(ascii: close))
  }

  /// Appends a JSON string literal.
  ///
  /// `<` is escaped too, so that JSON can stand inside an HTML script element.
  public static func quote(_ string: String, to text: inout String) {
    var bytes: [UInt8] = []
    quote(string, to: &bytes)
    text += String(decoding: bytes, as: UTF8.self)
  }

  private static func quote(_ string: String, to text: inout [UInt8]) {
    text.append(UInt8(ascii: "\""))
    var string = string
    string.withUTF8 { bytes in
      var start = 0
      for index in bytes.indices {
        guard isUnusual[Int(bytes[index])], let (count, escape) = escape(bytes[index...]) else {
          continue
        }
        text.append(contentsOf: bytes[start..<index])
        text += escape.utf8
        start = index + count
      }
      text.append(contentsOf: bytes[start...])
    }
    text.append(UInt8(ascii: "\""))
  }

  /// The bytes that may have to be escaped: nearly none of them are met.
  private static let isUnusual: [Bool] = (0...255).map { byte in
    byte < 0x20 || [0x22, 0x3C, 0x5C, 0x7F, 0xE2].contains(byte)
  }

  /// What is written instead of the first bytes, and how many those are; nil where they stay.
  private static func escape(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> (Int, String)? {
    switch bytes[bytes.startIndex] {
    case UInt8(ascii: "\""): return (1, "\\\"")
    case UInt8(ascii: "\\"): return (1, "\\\\")
    case 0x0A: return (1, "\\n")
    case 0x0D: return (1, "\\r")
    case 0x09: return (1, "\\t")
    case UInt8(ascii: "<"): return (1, "\\u003c")
    case 0x7F: return (1, "\\u007f")
    case let byte where byte < 0x20:
      return (1, (byte < 0x10 ? "\\u000" : "\\u001") + String(byte & 0x0F, radix: 16))
    case 0xE2 where bytes.starts(with: [0xE2, 0x80, 0xA8]): return (3, "\\u2028")
    case 0xE2 where bytes.starts(with: [0xE2, 0x80, 0xA9]): return (3, "\\u2029")
    default: return nil
    }
  }
}

extension Double {
  var jsonName: String {
    isNaN ? "NaN" : self < 0 ? "-Infinity" : "Infinity"
  }
}
