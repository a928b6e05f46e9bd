import StructuredValue

/// Writes YAML that people go on with: plain where that is safe, quoted where it is not.
enum YAMLText {
  /// A scalar on one line.
  static func scalar(_ value: Value) -> String {
    guard case .string(let text) = value else { return value.json() }
    return isPlain(text) ? text : value.json()
  }

  static func scalar(_ text: String) -> String { scalar(.string(text)) }

  /// Whether a text is read again as the same text without quotes.
  private static func isPlain(_ text: String) -> Bool {
    guard let first = text.first, let last = text.last, first.isLetter || "./_".contains(first),
      last != ":", last != " ", text.allSatisfy({ $0.isASCII && !$0.isNewline && $0 != "\t" })
    else { return false }
    let words: Set = ["null", "Null", "NULL", "true", "True", "TRUE", "false", "False", "FALSE"]
    if words.contains(text) || text.hasPrefix(".") && text.dropFirst().first?.isLetter == true {
      return false
    }
    return !text.contains(": ") && !text.contains(" #")
      && text.allSatisfy { !"{}[],&*!|>'\"%@`".contains($0) }
  }

  /// A value in flow style: `{a: 1, b: [x, y]}`.
  static func flow(_ value: Value) -> String {
    switch value {
    case .map(let members):
      "{"
        + members.sorted { $0.key < $1.key }.map { "\(scalar($0.key)): \(flow($0.value))" }
        .joined(separator: ", ") + "}"
    case .list(let items): "[" + items.map(flow).joined(separator: ", ") + "]"
    default: scalar(value)
    }
  }

  /// A map in block style, its lines indented.
  static func block(_ members: [String: Value], indent: Int) -> [String] {
    let space = String(repeating: " ", count: indent)
    return members.sorted { $0.key < $1.key }.flatMap { key, value -> [String] in
      let name = "\(space)\(scalar(key)):"
      if case .map(let inner) = value, !inner.isEmpty {
        return [name] + block(inner, indent: indent + 2)
      }
      return ["\(name) \(flow(value))"]
    }
  }

  /// A text over several lines.
  static func literal(_ lines: [String], indent: Int) -> [String] {
    let space = String(repeating: " ", count: indent)
    return lines.map { $0.isEmpty ? "" : space + $0 }
  }
}
