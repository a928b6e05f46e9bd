public import StructuredValue

/// Reads YAML 1.2 by its core schema, with places and without surprises: `no`, `on` and `012` are
/// strings, duplicate keys are mistakes.
public enum YAMLReader {
  /// Nodes that a file may have after aliases are expanded.
  static let nodeLimit = 200_000
  /// Lists and maps inside each other: a limit of the reader's stack.
  static let depthLimit = 200
  /// Nodes that aliases may add.
  static let aliasLimit = 10_000

  /// - Returns: The document, or nil with what is wrong with it.
  public static func read(_ text: String, file: String) -> (YAMLNode?, [Diagnostic]) {
    YAMLComposer.document(of: text, file: file)
  }

  /// A scalar without quotes, by the core schema (YAML 1.2.2, section 10.3.2).
  public static func plainScalar(_ text: String) -> Value {
    // Most are words, which their first letter and their length tell from all that has another type.
    if let first = text.utf8.first {
      switch UnicodeScalar(first) {
      case "n", "N", "t", "T", "f", "F": if text.utf8.count > 5 { return .string(text) }
      case "~", ".", "+", "-", "0"..."9": break
      default: return .string(text)
      }
    }
    switch text {
    case "", "~", "null", "Null", "NULL": return .null
    case "true", "True", "TRUE": return .bool(true)
    case "false", "False", "FALSE": return .bool(false)
    case ".nan", ".NaN", ".NAN": return .double(.nan)
    case ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF": return .double(.infinity)
    case "-.inf", "-.Inf", "-.INF": return .double(-.infinity)
    default: return number(text) ?? .string(text)
    }
  }

  private static func number(_ text: String) -> Value? {
    guard let first = text.utf8.first, isDigit(first) || "+-.".utf8.contains(first) else {
      return nil
    }
    let bytes = Array(text.utf8)
    for (prefix, radix) in [("0x", 16), ("0o", 8)] where text.hasPrefix(prefix) {
      // `Int` would take a sign after the prefix, which the core schema has not.
      guard bytes.count > 2, !"+-".utf8.contains(bytes[2]) else { return nil }
      return Int(text.dropFirst(2), radix: radix).map { .int($0) }
    }
    let digits = "+-".utf8.contains(first) ? bytes.dropFirst() : bytes[...]
    // The core schema would read `012` as twelve; whoever writes it means a code, not a number.
    if digits.count > 1, digits.first == UInt8(ascii: "0"), isDigit(digits[digits.startIndex + 1]) {
      return nil
    }
    if !digits.isEmpty, digits.allSatisfy(isDigit) {
      return Int(text).map { .int($0) } ?? Double(text).map { .double($0) }
    }
    let allowed = digits.allSatisfy { isDigit($0) || ".eE+-".utf8.contains($0) }
    guard allowed, digits.contains(where: isDigit) else { return nil }
    let spelled = text.hasSuffix(".") ? text + "0" : text.hasPrefix(".") ? "0" + text : text
    return Double(spelled.replacing("+.", with: "+0.").replacing("-.", with: "-0."))
      .map { .double($0) }
  }

  private static func isDigit(_ byte: UInt8) -> Bool {
    byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
  }
}
