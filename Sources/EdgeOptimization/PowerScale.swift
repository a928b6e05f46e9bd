#if canImport(Glibc)
  import Glibc
#endif

/// Latencies on a power scale, standardised to mean 0 and deviation 1, cut at ±3.
///
/// y = ((t/g)^p − 1)/p, and log(t/g) for p = 0, with g the samples' geometric mean: p = 0 suits devices
/// whose parts multiply, p = 1 those whose parts add up. Source: Box and Cox (1964), eq. 1.
package struct PowerScale: Hashable, Sendable {
  package let power: Double
  /// The sum over the samples of log dz/d(log t), by which densities of z on scales of different
  /// powers are densities of the same quantity.
  package let logJacobian: Double
  private let centre: Double
  private let mean: Double
  private let deviation: Double

  /// - Parameters:
  ///   - logarithms: Those of the samples' latencies.
  ///   - power: p. Values that are all equal have no scale.
  package init?(logarithms: [Double], power: Double) {
    let count = Double(logarithms.count)
    centre = logarithms.reduce(0, +) / count
    self.power = power
    let values = logarithms.map { [centre] in PowerScale.value($0 - centre, power) }
    let average = values.reduce(0, +) / count
    let variance = values.reduce(0) { $0 + ($1 - average) * ($1 - average) } / count
    guard variance > 1e-24 else { return nil }
    mean = average
    deviation = variance.squareRoot()
    // Σ log(t/g) is 0, so that only the scaling is left.
    logJacobian = -count * log(deviation)
  }

  private static func value(_ logarithm: Double, _ power: Double) -> Double {
    power == 0 ? logarithm : expm1(power * logarithm) / power
  }

  package func standardise(logarithm: Double) -> Double {
    max(-3, min(3, (PowerScale.value(logarithm - centre, power) - mean) / deviation))
  }

  /// The logarithm of a latency whose standardised value is normal, and its deviation to first order.
  ///
  /// Less than a twentieth of g counts as a twentieth, since sums may predict less than nothing.
  package func logarithm(
    mean value: Double, variance: Double
  ) -> (mean: Double, deviation: Double) {
    let standing = mean + deviation * value
    guard power != 0 else {
      return (centre + standing, deviation * variance.squareRoot())
    }
    let base = max(1 + power * standing, 0.05)
    return (centre + log(base) / power, deviation * variance.squareRoot() / base)
  }
}
