import StructuredValue

/// Values as YAML text on one line.
enum YAMLSpelling {
  /// - Parameters:
  ///   - value: The value.
  ///   - spelling: How its author would write it; used where it reads as the value.
  ///   - style: Of the text that it replaces: quotes are kept.
  ///   - isInFlow: Whether it stands inside brackets.
  /// - Returns: Text that reads as the value.
  static func text(
    _ value: Value, _ spelling: String?, like style: YAMLNode.Style?, isInFlow: Bool
  ) -> String {
    switch value {
    case .string(let string): return quoted(string, style)
    case .list(let list):
      if let spelling = flow(spelling, value) { return spelling }
      return "[\(list.map { text($0, nil, like: nil, isInFlow: true) }.joined(separator: ", "))]"
    case .map(let map):
      if let spelling = flow(spelling, value) { return spelling }
      let members = map.sorted { $0.key < $1.key }.map { key, member in
        "\(quoted(key, nil)): \(text(member, nil, like: nil, isInFlow: true))"
      }
      return "{\(members.joined(separator: ", "))}"
    case .double(let number) where !number.isFinite:
      return number.isNaN ? ".nan" : number < 0 ? "-.inf" : ".inf"
    default:
      if let spelling, YAMLReader.plainScalar(spelling) == value { return spelling }
      return value.json()
    }
  }

  /// A spelling in brackets on one line that reads as the value.
  private static func flow(_ spelling: String?, _ value: Value) -> String? {
    guard let spelling, spelling.hasPrefix("[") || spelling.hasPrefix("{"),
      !spelling.contains(where: \.isNewline), !spelling.contains("#"),
      YAMLReader.read(spelling, file: "").0?.value == value
    else { return nil }
    return spelling
  }

  private static func quoted(_ string: String, _ style: YAMLNode.Style?) -> String {
    let isPrintable = string.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }
    switch style {
    case .singleQuoted where isPrintable: return "'\(string.replacing("'", with: "''"))'"
    case .doubleQuoted: return Value.string(string).json()
    default: return isPlain(string) ? string : Value.string(string).json()
    }
  }

  /// Whether a text needs no quotes anywhere, also not inside brackets.
  private static func isPlain(_ string: String) -> Bool {
    guard let first = string.unicodeScalars.first,
      first.properties.isAlphabetic || "_./".unicodeScalars.contains(first),
      string.last != " ", YAMLReader.plainScalar(string) == .string(string)
    else { return false }
    return string.unicodeScalars.allSatisfy { scalar in
      scalar.properties.isAlphabetic || ("0"..."9").contains(scalar)
        || "_./ -+@=".unicodeScalars.contains(scalar)
    }
  }

  /// A text of several lines as a literal block; nil where such a block can't say it.
  static func block(_ string: String, indent: Int, lineEnd: String) -> String? {
    let body = string.hasSuffix("\n") ? String(string.dropLast()) : string
    guard !body.hasSuffix("\n"), !body.hasPrefix(" "), !body.hasPrefix("\n"), !body.isEmpty,
      body.unicodeScalars.allSatisfy({ $0 == "\n" || ($0.value >= 0x20 && $0.value != 0x7F) })
    else { return nil }
    let spaces = String(repeating: " ", count: indent)
    let lines = body.split(separator: "\n", omittingEmptySubsequences: false)
      .map { $0.isEmpty ? "" : spaces + $0 }
    return (string.hasSuffix("\n") ? "|" : "|-") + lineEnd + lines.joined(separator: lineEnd)
  }
}
