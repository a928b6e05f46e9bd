import Foundation

/// A decimal number as a file spells it, to compare with the float64 that stands for it.
struct DecimalNumber {
  private let isNegative: Bool
  /// Significant digits without zeros at either end; empty for 0.
  private let digits: [UInt8]
  /// The number is 0.d₁d₂… times ten to this.
  private let exponent: Int

  /// Takes `-?digits[.digits][e[+-]digits]`.
  init(_ text: String) {
    var (mantissa, rest) = (text[...], 0)
    if let mark = text.firstIndex(where: { $0 == "e" || $0 == "E" }) {
      mantissa = text[..<mark]
      rest = Int(text[text.index(after: mark)...]) ?? 0
    }
    isNegative = mantissa.first == "-"
    var digits: [UInt8] = []
    var (point, hasPoint) = (0, false)
    for character in mantissa.utf8 {
      switch character {
      case UInt8(ascii: "."): hasPoint = true
      case 0x30...0x39:
        digits.append(character - 0x30)
        if !hasPoint { point += 1 }
      default: break
      }
    }
    let leading = digits.prefix { $0 == 0 }.count
    while digits.last == 0 { digits.removeLast() }
    self.digits = Array(digits.dropFirst(leading))
    exponent = rest + point - leading
  }

  /// -1, 0 or 1: whether this number is below, equal to or above a finite float64, exactly.
  func compared(with number: Double) -> Int {
    // Forty digits tell all but equal numbers apart; every float64 has at most 767.
    let near = compared(to: DecimalNumber(String(format: "%.39e", number)))
    return near != 0 ? near : compared(to: DecimalNumber(String(format: "%.780e", number)))
  }

  private func compared(to other: DecimalNumber) -> Int {
    switch (digits.isEmpty, other.digits.isEmpty) {
    case (true, true): return 0
    case (true, false): return other.isNegative ? 1 : -1
    case (false, true): return isNegative ? -1 : 1
    default: break
    }
    guard isNegative == other.isNegative else { return isNegative ? -1 : 1 }
    let above = isNegative ? -1 : 1
    guard exponent == other.exponent else { return exponent > other.exponent ? above : -above }
    if digits == other.digits { return 0 }
    return other.digits.lexicographicallyPrecedes(digits) ? above : -above
  }

  /// The largest float64 that is not above a decimal number, from the one nearest to it.
  static func down(_ text: String, nearest: Double) -> Double {
    DecimalNumber(text).compared(with: nearest) < 0 ? nearest.nextDown : nearest
  }

  /// The smallest float64 that is not below it.
  static func up(_ text: String, nearest: Double) -> Double {
    DecimalNumber(text).compared(with: nearest) > 0 ? nearest.nextUp : nearest
  }
}
