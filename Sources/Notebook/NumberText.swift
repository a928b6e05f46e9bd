import Foundation
package import StructuredValue

/// Numbers as people read them.
package enum NumberText {
  /// Four significant digits; integers in full.
  package static func short(_ value: Value) -> String {
    switch value {
    case .int(let number): grouped(number)
    case .double(let number): short(number)
    case .null: "–"
    default: value.double.map(short) ?? value.text
    }
  }

  package static func short(_ number: Double) -> String {
    if number.isNaN { return "NaN" }
    if number.isInfinite { return number < 0 ? "−∞" : "∞" }
    if number == 0 { return "0" }
    let magnitude = Int(log10(abs(number)).rounded(.down))
    if magnitude < -4 || magnitude >= 7 {
      return minus(String(format: "%.3e", number)).replacing("e+0", with: "e")
        .replacing("e-0", with: "e−").replacing("e+", with: "e").replacing("e-", with: "e−")
    }
    var text = String(format: "%.\(max(0, 3 - magnitude))f", number)
    if text.contains(".") {
      while text.hasSuffix("0") { text.removeLast() }
      if text.hasSuffix(".") { text.removeLast() }
    }
    return minus(text)
  }

  /// An integer with thin spaces from five digits on.
  package static func grouped(_ number: Int) -> String {
    let digits = String(number.magnitude)
    guard digits.count > 4 else { return minus(String(number)) }
    var text = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index) % 3 == 0 { text += "\u{202F}" }
      text.append(digit)
    }
    return (number < 0 ? "−" : "") + text
  }

  package static func fixed(_ number: Double, decimals: Int) -> String {
    number.isFinite ? minus(String(format: "%.\(decimals)f", number)) : short(number)
  }

  /// Decimals that suit a whole column; nil where its magnitudes are too far apart for one choice.
  package static func decimals(of column: [Double]) -> Int? {
    let sizes = column.filter { $0.isFinite && $0 != 0 }.map { abs($0) }
    guard let largest = sizes.max(), let smallest = sizes.min() else { return 0 }
    if sizes.allSatisfy({ $0 == $0.rounded() && $0 < 1e7 }) { return 0 }
    guard largest < 1e7, largest / smallest < 1e5, largest > 1e-3 else { return nil }
    return min(5, max(1, 3 - Int(log10(largest).rounded(.down))))
  }

  package static func bytes(_ count: Int) -> String {
    if count < 1024 { return "\(count) B" }
    var size = Double(count)
    var unit = 0
    while size >= 1024, unit < 5 {
      size /= 1024
      unit += 1
    }
    let text = size < 10 ? String(format: "%.1f", size) : String(format: "%.0f", size)
    return "\(text) \(["B", "KiB", "MiB", "GiB", "TiB", "PiB"][unit])"
  }

  package static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds >= 0, seconds < 1e12 else { return "–" }
    if seconds < 0.9995 { return "\(Int((seconds * 1000).rounded())) ms" }
    if seconds < 59.95 { return String(format: "%.1f s", seconds) }
    let whole = Int(seconds.rounded())
    if whole < 3600 { return "\(whole / 60) min \(whole % 60) s" }
    return "\(whole / 3600) h \(whole % 3600 / 60) min"
  }

  private static func minus(_ text: String) -> String {
    text.hasPrefix("-") ? "−" + text.dropFirst() : text
  }
}
