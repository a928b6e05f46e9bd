import Foundation

/// Passes means and variances of independent normal weights through a network of rectifiers.
///
/// Hernández-Lobato and Adams, "Probabilistic Backpropagation" (ICML 2015), section 3: each layer's
/// input gets a 1 appended, and its pre-activation is divided by the root of that length.
struct MomentPropagation {
  struct Moments { var mean: Double, variance: Double }

  private let network: Network
  private let means: [Double]
  private let variances: [Double]

  init(_ network: Network, means: [Double], variances: [Double]) {
    self.network = network
    self.means = means
    self.variances = variances
  }

  /// Mean and variance of max(X, 0) for X ~ N(m, v).
  static func rectified(_ m: Double, _ v: Double) -> Moments {
    guard v > 0 else { return Moments(mean: max(m, 0), variance: 0) }
    let deviation = v.squareRoot()
    let alpha = m / deviation
    let gamma = hazard(alpha)
    let below = NormalDistribution.probability(below: -alpha)
    let above = NormalDistribution.probability(below: alpha)
    let t = m + deviation * gamma
    let mean = above * t
    return Moments(
      mean: mean, variance: mean * t * below + above * v * (1 - gamma * (gamma + alpha)))
  }

  /// φ(α)/Φ(α); its asymptotic series where Φ is too small.
  static func hazard(_ alpha: Double) -> Double {
    alpha < -30
      ? -alpha - 1 / alpha + 2 / (alpha * alpha * alpha)
      : NormalDistribution.density(alpha) / NormalDistribution.probability(below: alpha)
  }

  /// The output's moments for each row of a network with one output.
  func outputs(_ rows: Rows) -> [Moments] {
    (0..<rows.count).map { row in
      var below = rows[row].map { Moments(mean: $0, variance: 0) }
      for (index, layer) in network.layers.enumerated() {
        let scale = 1 / Double(layer.inputs + 1)
        below = (0..<layer.outputs).map { output in
          var mean = means[layer.biases + output]
          var variance = variances[layer.biases + output]
          for (input, moments) in below.enumerated() {
            let weight = layer.weights + input * layer.outputs + output
            mean += means[weight] * moments.mean
            variance +=
              variances[weight] * (moments.variance + moments.mean * moments.mean)
              + means[weight] * means[weight] * moments.variance
          }
          mean *= scale.squareRoot()
          variance *= scale
          return index + 1 < network.layers.count
            ? MomentPropagation.rectified(mean, variance)
            : Moments(mean: mean, variance: variance)
        }
      }
      return below[0]
    }
  }
}
