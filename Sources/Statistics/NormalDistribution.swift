import Foundation

/// The standard normal distribution.
package enum NormalDistribution {
  /// ½ log 2π.
  private static let logNormaliser = 0.5 * log(2 * Double.pi)

  package static func density(_ x: Double) -> Double { exp(-x * x / 2 - logNormaliser) }

  package static func probability(below x: Double) -> Double { 0.5 * erfc(-x / 2.0.squareRoot()) }

  /// log N(x; mean, deviation²).
  package static func logDensity(_ x: Double, _ mean: Double, _ deviation: Double) -> Double {
    let z = (x - mean) / deviation
    return -0.5 * z * z - log(deviation) - logNormaliser
  }

  /// The value below which the variable is with a probability between 0 and 1.
  ///
  /// Acklam's rational approximation (relative error 10⁻⁹), then two steps of Halley's method.
  package static func quantile(_ p: Double) -> Double {
    precondition(p > 0 && p < 1, "a probability of \(p)")
    let x: Double
    if p < 0.02425 || p > 1 - 0.02425 {
      let q = sqrt(-2 * log(min(p, 1 - p)))
      let tail =
        (((((-7.784894002430293e-03 * q - 3.223964580411365e-01) * q - 2.400758277161838) * q
          - 2.549732539343734) * q + 4.374664141464968) * q + 2.938163982698783)
        / ((((7.784695709041462e-03 * q + 3.224671290700398e-01) * q + 2.445134137142996) * q
          + 3.754408661907416) * q + 1)
      x = p < 0.5 ? tail : -tail
    } else {
      let q = p - 0.5
      let r = q * q
      x =
        (((((-3.969683028665376e+01 * r + 2.209460984245205e+02) * r - 2.759285104469687e+02) * r
          + 1.383577518672690e+02) * r - 3.066479806614716e+01) * r + 2.506628277459239) * q
        / (((((-5.447609879822406e+01 * r + 1.615858368580409e+02) * r - 1.556989798598866e+02)
          * r + 6.680131188771972e+01) * r - 1.328068155288572e+01) * r + 1)
    }
    var result = x
    for _ in 0..<2 {
      // In the upper tail the difference of probabilities is taken from above, where it's exact.
      let error =
        result > 0
        ? (1 - p) - 0.5 * erfc(result / 2.0.squareRoot())
        : 0.5 * erfc(-result / 2.0.squareRoot()) - p
      let step = error / density(result)
      result -= step / (1 + result * step / 2)
    }
    return result
  }

  /// So many quantiles at the middles of equal probabilities, scaled to a mean square of 1.
  package static func standardisedQuantiles(_ count: Int) -> [Double] {
    guard count > 1 else { return [0] }
    let raw = (0..<count).map { quantile((Double($0) + 0.5) / Double(count)) }
    let scale = (raw.reduce(0) { $0 + $1 * $1 } / Double(count)).squareRoot()
    return raw.map { $0 / scale }
  }

  /// The value that the variable exceeds with a probability between 0 and 1.
  package static func quantile(exceededWith tail: Double) -> Double { -quantile(tail) }

  /// The mean of max(0, X - best) for a normal X.
  ///
  /// Jones, Schonlau and Welch (Journal of Global Optimization 1998), equation 15.
  package static func expectedImprovement(
    _ mean: Double, _ deviation: Double, over best: Double
  ) -> Double {
    let z = (mean - best) / deviation
    return (mean - best) * probability(below: z) + deviation * density(z)
  }
}
