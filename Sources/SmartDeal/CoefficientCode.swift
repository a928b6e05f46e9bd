/// How a coefficient ±2ᵉ is kept in one byte: 0, or the sign times e + 65.
public enum CoefficientCode {
  /// The code of 0 or of a signed power of two from 2⁻⁶⁴ to 2⁶².
  @inlinable @inline(__always)
  public static func encode(_ coefficient: Double) -> Int8 {
    guard coefficient != 0 else { return 0 }
    let code = Int8(truncatingIfNeeded: Int(coefficient.exponent) + 65)
    return coefficient < 0 ? -code : code
  }

  /// The exponent of a code that is not zero.
  @inlinable @inline(__always)
  public static func exponent(_ code: Int8) -> Int { abs(Int(code)) - 65 }

  /// The coefficient that a code stands for.
  @inlinable @inline(__always)
  public static func value(_ code: Int8) -> Double {
    guard code != 0 else { return 0 }
    let magnitude = Double(sign: .plus, exponent: exponent(code), significand: 1)
    return code < 0 ? -magnitude : magnitude
  }

  /// The values of all codes, at code + 128.
  static let values: [Double] = (-128...127).map { value(Int8($0)) }
}
