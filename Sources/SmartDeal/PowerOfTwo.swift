/// Rounding to signed powers of two.
public enum PowerOfTwo {
  /// The nearest signed power of two by absolute distance, ties to the smaller; zero stays zero.
  ///
  /// - Parameters:
  ///   - number: A finite number of normal magnitude, or zero.
  ///   - lowest: The least magnitude of the result, a power of two.
  ///   - highest: The greatest magnitude of the result, a power of two.
  /// - Returns: The power of two, with the number's sign.
  @inlinable @inline(__always)
  public static func nearest(_ number: Double, lowest: Double, highest: Double) -> Double {
    // 1.5 is the middle between two powers: everything above carries into the exponent.
    let bits = (number.magnitude.bitPattern &+ 0x0007_FFFF_FFFF_FFFF) & 0x7FF0_0000_0000_0000
    let magnitude = min(max(Double(bitPattern: bits), lowest), highest)
    let signed = Double(
      bitPattern: magnitude.bitPattern | (number.bitPattern & 0x8000_0000_0000_0000))
    return number == 0 ? 0 : signed
  }
}

/// How a coefficient ±2ᵉ is kept in one byte: 0, or the sign times e + 65.
public enum CoefficientCode {
  @inline(__always)
  static func encode(_ coefficient: Double) -> Int8 {
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
