#if canImport(Glibc)
  import Glibc
#endif

/// Numbers as text files write them, read from bytes without making a string first.
enum NumberText {
  /// A decimal integer without leading zeros, which would be a code rather than a number.
  static func int(_ text: UnsafeRawBufferPointer) -> Int? {
    var digits = text[...]
    let isNegative = digits.first == UInt8(ascii: "-")
    if isNegative { digits = digits.dropFirst() }
    guard let first = digits.first, digits.count <= 19 else { return nil }
    // `-0` is a double: as an integer it would lose its sign.
    if first == UInt8(ascii: "0") && (digits.count > 1 || isNegative) { return nil }
    var number = 0
    for byte in digits {
      let digit = byte &- UInt8(ascii: "0")
      guard digit < 10 else { return nil }
      let (product, overflow) = number.multipliedReportingOverflow(by: 10)
      let (sum, carry) = product.subtractingReportingOverflow(Int(digit))
      guard !overflow && !carry else { return nil }
      number = sum
    }
    // Counted downwards, as the smallest Int has no positive counterpart.
    if isNegative { return number }
    return number == Int.min ? nil : -number
  }

  /// A decimal number, correctly rounded; also `nan`, `inf` and `infinity` in any case.
  static func double(_ text: UnsafeRawBufferPointer) -> Double? {
    var rest = text[...]
    guard let first = rest.first, text.count <= 400 else { return nil }
    let isNegative = first == UInt8(ascii: "-")
    if isNegative || first == UInt8(ascii: "+") { rest = rest.dropFirst() }
    guard let start = rest.first else { return nil }
    if start > UInt8(ascii: "9") { return special(rest, isNegative) }
    var mantissa: UInt64 = 0
    var digitCount = 0
    var scale = 0
    var index = rest.startIndex
    var sawDigit = false
    var point: Int?
    while index < rest.endIndex {
      let byte = rest[index]
      let digit = byte &- UInt8(ascii: "0")
      if digit < 10 {
        sawDigit = true
        if mantissa > 0 || digit > 0 { digitCount += 1 }
        if digitCount <= 19 { mantissa = mantissa &* 10 &+ UInt64(digit) }
        if point != nil { scale -= 1 }
      } else if byte == UInt8(ascii: "."), point == nil {
        point = index
      } else {
        break
      }
      index += 1
    }
    // Leading zeros mark a code, such as an architecture's digits, unless a point follows.
    let whole = rest[..<(point ?? index)]
    guard sawDigit, whole.count < 2 || whole.first != UInt8(ascii: "0") else { return nil }
    if index < rest.endIndex {
      guard rest[index] | 0x20 == UInt8(ascii: "e"),
        let exponent = exponent(rest[(index + 1)...])
      else { return nil }
      scale += exponent
    }
    // Clinger's fast path: both the digits and the power of ten are exact doubles, so that one
    // rounding is all there is.
    if digitCount <= 15 && abs(scale) <= 22 {
      let digits = Double(mantissa)
      let magnitude = scale < 0 ? digits / powers[-scale] : digits * powers[scale]
      return isNegative ? -magnitude : magnitude
    }
    return slow(text)
  }

  private static func exponent(_ text: Slice<UnsafeRawBufferPointer>) -> Int? {
    var digits = text
    let isNegative = digits.first == UInt8(ascii: "-")
    if isNegative || digits.first == UInt8(ascii: "+") { digits = digits.dropFirst() }
    guard !digits.isEmpty && digits.count <= 9 else { return nil }
    var number = 0
    for byte in digits {
      let digit = byte &- UInt8(ascii: "0")
      guard digit < 10 else { return nil }
      number = number * 10 + Int(digit)
    }
    return isNegative ? -number : number
  }

  private static func special(
    _ text: Slice<UnsafeRawBufferPointer>, _ isNegative: Bool
  ) -> Double? {
    guard text.count <= 8 else { return nil }
    switch String(decoding: text.map { $0 | 0x20 }, as: UTF8.self) {
    case "nan": return .nan
    case "inf", "infinity": return isNegative ? -.infinity : .infinity
    default: return nil
    }
  }

  private static func slow(_ text: UnsafeRawBufferPointer) -> Double? {
    withUnsafeTemporaryAllocation(byteCount: text.count + 1, alignment: 1) { copy in
      copy.copyMemory(from: text)
      copy[text.count] = 0
      let start = copy.baseAddress?.assumingMemoryBound(to: CChar.self)
      // A literal beyond the largest double must not silently become infinity.
      return start.map { strtod($0, nil) }.flatMap { $0.isFinite ? $0 : nil }
    }
  }

  private static let powers: [Double] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
  ]
}
