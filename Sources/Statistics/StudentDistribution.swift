import Foundation

/// Student's t distribution.
package enum StudentDistribution {
  /// The probability of a value above x ≥ 0.
  ///
  /// - Parameters:
  ///   - x: At least 0.
  ///   - degrees: Of freedom, above 0; they need not be whole.
  /// - Returns: At most ½.
  package static func probability(above x: Double, degrees: Double) -> Double {
    precondition(x >= 0 && degrees > 0, "t = \(x) with \(degrees) degrees of freedom")
    // ½ I_{ν/(ν + x²)}(ν/2, ½).
    return 0.5 * incompleteBeta(degrees / (degrees + x * x), degrees / 2, 0.5)
  }

  /// The normal value that is as improbable as a t value.
  package static func normalEquivalent(_ t: Double, degrees: Double) -> Double {
    let tail = max(probability(above: abs(t), degrees: degrees), 1e-300)
    let z = tail < 0.5 ? -NormalDistribution.quantile(tail) : 0
    return t < 0 ? -z : z
  }

  /// The regularised incomplete beta function, by its continued fraction (DLMF 8.17.22).
  static func incompleteBeta(_ x: Double, _ a: Double, _ b: Double) -> Double {
    guard x > 0 else { return 0 }
    guard x < 1 else { return 1 }
    // The fraction converges quickly below the mean.
    guard x <= (a + 1) / (a + b + 2) else { return 1 - incompleteBeta(1 - x, b, a) }
    let front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x)) / a
    // Lentz's method for 1 + d₁/(1 + d₂/(1 + …)).
    var (c, d, value) = (1.0, 0.0, 1.0)
    for step in 1...500 {
      let m = Double(step / 2)
      let numerator =
        step % 2 == 0
        ? m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        : -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
      d = 1 / (1 + numerator * d)
      c = 1 + numerator / c
      value *= c * d
      if abs(c * d - 1) < 1e-15 { break }
    }
    return front / value
  }
}
