import Foundation

/// Numbers as a comparison shows them to people.
enum NumberFormat {
  /// Four significant digits.
  static func short(_ number: Double) -> String { String(format: "%.4g", number) }

  /// Four significant digits with the sign always there.
  static func signed(_ number: Double) -> String { String(format: "%+.4g", number) }

  /// The number in full, without `.0`.
  static func full(_ number: Double) -> String {
    let text = number.description
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }

  /// Old, new, the change and its share of the old value.
  static func change(_ old: Double, _ new: Double) -> String {
    var text = "\(full(old)) → \(full(new))"
    guard (new - old).isFinite else { return text }
    text += ", Δ \(signed(new - old))"
    if old != 0 { text += " (\(signed(100 * (new - old) / abs(old))) %)" }
    return text
  }

  /// At most sixty characters of a text, on one line.
  static func clip(_ text: String) -> String {
    let line = text.replacing("\n", with: "⏎")
    return line.count > 60 ? line.prefix(59) + "…" : line
  }
}
