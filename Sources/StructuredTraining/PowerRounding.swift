/// Rounding to signed powers of two: the nearest, ties to the larger, small magnitudes to zero.
struct PowerRounding: Hashable, Sendable {
  /// Magnitudes below it become zero.
  let cut: Float
  /// A power of two that no magnitude exceeds.
  let largest: Float
  /// The smallest power of two that a coefficient is moved to by itself.
  let smallestKept: Float
  /// What numbers between the cut and the lowest power become at least.
  private let lowest: Float

  /// The rounding of a threshold θ: what lies below θ - 10⁻⁵ is zero, as in the public code.
  ///
  /// - Parameters:
  ///   - threshold: θ.
  ///   - largest: A power of two.
  init(threshold: Double, largest: Double) {
    cut = Float(max(threshold - 1e-5, 0))
    self.largest = Float(largest)
    // The smallest power of two that is not below θ.
    let exponent = threshold > 0 ? Int(threshold.exponent) : -64
    let power = Double(sign: .plus, exponent: exponent, significand: 1)
    smallestKept = Float(power < threshold ? 2 * power : power)
    lowest = 0
  }

  /// The rounding to exponents of a range: what is nearer to zero than to its lower end is zero.
  init(exponents: ClosedRange<Int>) {
    smallestKept = Float(sign: .plus, exponent: exponents.lowerBound, significand: 1)
    lowest = smallestKept
    cut = smallestKept / 2
    largest = Float(sign: .plus, exponent: exponents.upperBound, significand: 1)
  }

  /// The rounded number.
  @inline(__always)
  func rounded(_ number: Float) -> Float {
    let magnitude = number.magnitude
    // Adding half a unit of the exponent carries where the fraction is 1.5 or more.
    let bits = (magnitude.bitPattern &+ 0x0040_0000) & 0x7F80_0000
    let power = max(min(Float(bitPattern: bits), largest), lowest)
    return magnitude < cut ? 0 : number < 0 ? -power : power
  }

  /// Rounds all numbers, and sets those outside of the mask to zero.
  @inline(never)
  func round(_ numbers: inout [Float], mask: [Float]) {
    precondition(numbers.count == mask.count, "\(mask.count) flags for \(numbers.count) numbers")
    numbers.withUnsafeMutableBufferPointer { numbers in
      mask.withUnsafeBufferPointer { mask in
        for index in 0..<numbers.count { numbers[index] = rounded(numbers[index]) * mask[index] }
      }
    }
  }
}
