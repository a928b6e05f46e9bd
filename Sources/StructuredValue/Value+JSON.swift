public import Foundation

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

  /// Reads JSON text; numbers without fraction and exponent are integers.
  ///
  /// - Throws: `DecodingError` when the bytes are not one JSON value.
  public init(json: some DataProtocol) throws {
    self = try JSONDecoder().decode(Value.self, from: Data(json))
  }

  /// Reads JSON text.
  public init(json: String) throws { try self.init(json: Data(json.utf8)) }

  /// The value as JSON with sorted keys, so that equal values give equal bytes.
  ///
  /// Doubles keep a fraction or an exponent (`1.0`), non-finite ones become strings.
  ///
  /// - `indented`: Two spaces a level and one member a line, for people.
  public func json(indented: Bool = false) -> String {
    var text = ""
    write(to: &text, indent: indented ? 0 : nil)
    return text
  }

  private func write(to text: inout String, indent: Int?) {
    switch self {
    case .null: text += "null"
    case .bool(let value): text += value ? "true" : "false"
    case .int(let value): text += String(value)
    case .double(let value): text += value.isFinite ? "\(value)" : "\"\(value.jsonName)\""
    case .string(let value): Value.quote(value, to: &text)
    case .list(let values):
      Value.bracket("[", "]", values, &text, indent) { value, text, indent in
        value.write(to: &text, indent: indent)
      }
    case .map(let members):
      // By UTF-8 bytes, not by Swift's own order, which is that of normalised Unicode.
      let sorted = members.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
      Value.bracket("{", "}", sorted, &text, indent) { member, text, indent in
        Value.quote(member.key, to: &text)
        text += indent == nil ? ":" : ": "
        member.value.write(to: &text, indent: indent)
      }
    }
  }

  private static func bracket<Element>(
    _ open: String, _ close: String, _ elements: [Element], _ text: inout String, _ indent: Int?,
    write: (Element, inout String, Int?) -> Void
  ) {
    text += open
    for (index, element) in elements.enumerated() {
      if index > 0 { text += "," }
      if let indent { text += "\n" + String(repeating: "  ", count: indent + 1) }
      write(element, &text, indent.map { $0 + 1 })
    }
    if let indent, !elements.isEmpty { text += "\n" + String(repeating: "  ", count: indent) }
    text += close
  }

  /// Appends a JSON string literal.
  ///
  /// `<` is escaped too, so that JSON can stand inside an HTML script element.
  public static func quote(_ string: String, to text: inout String) {
    text += "\""
    for scalar in string.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\r": text += "\\r"
      case "\t": text += "\\t"
      case "<", "\u{7F}", "\u{2028}", "\u{2029}",
        _ where scalar.value < 0x20:
        let hex = String(scalar.value, radix: 16)
        text += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
      default: text.unicodeScalars.append(scalar)
      }
    }
    text += "\""
  }
}

extension Double {
  fileprivate var jsonName: String {
    isNaN ? "NaN" : self < 0 ? "-Infinity" : "Infinity"
  }
}
