#if canImport(Glibc)
  import Glibc
#endif

/// The standard normal distribution.
package enum NormalDistribution {
  package static func density(_ x: Double) -> Double {
    exp(-x * x / 2) / (2 * Double.pi).squareRoot()
  }

  package static func probability(below x: Double) -> Double { 0.5 * erfc(-x / 2.0.squareRoot()) }

  /// The value that the variable exceeds with a probability between 0 and 1, by bisection.
  package static func quantile(exceededWith tail: Double) -> Double {
    precondition(tail > 0 && tail < 1, "a probability of \(tail)")
    var (low, high) = (-40.0, 40.0)
    for _ in 0..<100 {
      let middle = (low + high) / 2
      if probability(below: -middle) > tail { low = middle } else { high = middle }
    }
    return (low + high) / 2
  }

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
