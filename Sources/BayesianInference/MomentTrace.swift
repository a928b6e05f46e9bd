import Foundation
import Statistics

/// Mean and variance of a quantity.
struct MeanAndVariance { var mean: Double, variance: Double }

/// A normal variable behind a rectifier.
enum RectifiedNormal {
  /// Mean and variance of max(X, 0) for X ~ N(m, v).
  static func moments(_ m: Double, _ v: Double) -> MeanAndVariance {
    guard v > 0 else { return MeanAndVariance(mean: max(m, 0), variance: 0) }
    let deviation = v.squareRoot()
    let alpha = m / deviation
    let gamma = hazard(alpha)
    let below = NormalDistribution.probability(below: -alpha)
    let above = NormalDistribution.probability(below: alpha)
    let t = m + deviation * gamma
    let mean = above * t
    return MeanAndVariance(
      mean: mean, variance: mean * t * below + above * v * (1 - gamma * (gamma + alpha)))
  }

  /// φ(α)/Φ(α); its asymptotic series where Φ is too small.
  static func hazard(_ alpha: Double) -> Double {
    alpha < -30
      ? -alpha - 1 / alpha + 2 / (alpha * alpha * alpha)
      : NormalDistribution.density(alpha) / NormalDistribution.probability(below: alpha)
  }
}

/// Means and variances of independent normal weights on their way through a network of rectifiers, and
/// the way back of derivatives by them.
///
/// Hernández-Lobato and Adams, "Probabilistic Backpropagation" (ICML 2015), section 3: each layer's
/// input gets a 1 appended, and its pre-activation is divided by the root of that length.
struct MomentTrace {
  private let network: Network
  private let means: [Double]
  private let variances: [Double]
  /// The input of each layer, and the pre-activations.
  private var inputs: [[MeanAndVariance]] = []
  private var sums: [[MeanAndVariance]] = []
  /// Derivatives by the weights' means and variances after ``backward``.
  private(set) var meanSlopes: [Double]
  private(set) var varianceSlopes: [Double]

  init(_ network: Network, _ means: [Double], _ variances: [Double]) {
    self.network = network
    self.means = means
    self.variances = variances
    meanSlopes = [Double](repeating: 0, count: means.count)
    varianceSlopes = meanSlopes
  }

  mutating func forward(_ row: ArraySlice<Double>) -> MeanAndVariance {
    var below = row.map { MeanAndVariance(mean: $0, variance: 0) }
    (inputs, sums) = ([], [])
    for (index, layer) in network.layers.enumerated() {
      let scale = 1 / Double(layer.inputs + 1)
      var sum = (0..<layer.outputs).map {
        MeanAndVariance(mean: means[layer.biases + $0], variance: variances[layer.biases + $0])
      }
      for (input, moments) in below.enumerated() {
        let second = moments.variance + moments.mean * moments.mean
        for output in 0..<layer.outputs {
          let weight = layer.weights + input * layer.outputs + output
          sum[output].mean += means[weight] * moments.mean
          sum[output].variance +=
            variances[weight] * second + means[weight] * means[weight] * moments.variance
        }
      }
      for output in sum.indices {
        sum[output].mean *= scale.squareRoot()
        sum[output].variance *= scale
      }
      inputs.append(below)
      sums.append(sum)
      below =
        index + 1 < network.layers.count
        ? sum.map { RectifiedNormal.moments($0.mean, $0.variance) } : sum
    }
    return below[0]
  }

  /// From derivatives by the output's mean and variance.
  mutating func backward(mean: Double, variance: Double) {
    var slopes = [MeanAndVariance(mean: mean, variance: variance)]
    for (index, layer) in network.layers.enumerated().reversed() {
      let scale = 1 / Double(layer.inputs + 1)
      let root = scale.squareRoot()
      for output in 0..<layer.outputs {
        meanSlopes[layer.biases + output] = slopes[output].mean * root
        varianceSlopes[layer.biases + output] = slopes[output].variance * scale
      }
      var below = [MeanAndVariance](
        repeating: MeanAndVariance(mean: 0, variance: 0), count: layer.inputs)
      for (input, moments) in inputs[index].enumerated() {
        let second = moments.variance + moments.mean * moments.mean
        for output in 0..<layer.outputs {
          let weight = layer.weights + input * layer.outputs + output
          let (byMean, byVariance) = (slopes[output].mean * root, slopes[output].variance * scale)
          meanSlopes[weight] =
            moments.mean * byMean + 2 * means[weight] * moments.variance * byVariance
          varianceSlopes[weight] = second * byVariance
          below[input].mean +=
            means[weight] * byMean + 2 * variances[weight] * moments.mean * byVariance
          below[input].variance +=
            (variances[weight] + means[weight] * means[weight]) * byVariance
        }
      }
      guard index > 0 else { return }
      // Of a rectifier: E = mΦ + sφ and E[x²] = (m² + v)Φ + msφ give these derivatives.
      slopes = zip(below, sums[index - 1]).map { slope, sum in
        let deviation = max(sum.variance, 1e-300).squareRoot()
        let alpha = sum.mean / deviation
        let (p, d) = (
          NormalDistribution.probability(below: alpha), NormalDistribution.density(alpha)
        )
        let mean = sum.mean * p + deviation * d
        return MeanAndVariance(
          mean: slope.mean * p + slope.variance * 2 * mean * (1 - p),
          variance: slope.mean * d / (2 * deviation)
            + slope.variance * (p - mean * d / deviation))
      }
    }
  }
}
