import Foundation

/// How targets vary around a network's outputs.
public enum Likelihood: Hashable, Sendable {
  /// y ~ N(f, σ²), one output.
  case gaussian(Noise)
  /// y ~ N(f₀, softplus(f₁) + 10⁻⁶): two outputs, the mean and the raw variance.
  case heteroscedastic
  /// y ∈ {0, 1} with the logit f, one output.
  case bernoulli
  /// y ∈ 0 ..< classes, an output a class.
  case categorical(classes: Int)

  /// What is known of the noise's deviation σ.
  public enum Noise: Hashable, Sendable {
    case known(deviation: Double)
    /// The precision 1/σ² has a gamma prior.
    case learned(shape: Double, rate: Double)
  }

  /// The outputs that the network needs.
  public var outputs: Int {
    switch self {
    case .gaussian, .bernoulli: 1
    case .heteroscedastic: 2
    case .categorical(let classes): classes
    }
  }

  /// Whether targets are numbers rather than classes.
  public var isRegression: Bool {
    switch self {
    case .gaussian, .heteroscedastic: true
    case .bernoulli, .categorical: false
    }
  }

  /// The classes, or nil for numbers.
  public var classes: Int? {
    switch self {
    case .gaussian, .heteroscedastic: nil
    case .bernoulli: 2
    case .categorical(let classes): classes
    }
  }

  /// The gamma prior of a learned noise precision, or nil.
  public var noisePrior: (shape: Double, rate: Double)? {
    if case .gaussian(.learned(let shape, let rate)) = self { (shape, rate) } else { nil }
  }

  /// - Throws: ``InferenceError`` for a parameter out of range, or a label that is no class.
  func check(_ targets: [Double]) throws {
    switch self {
    case .gaussian(.known(let deviation)):
      guard deviation > 0, deviation.isFinite else {
        throw InferenceError(.badOption, "a noise deviation of \(deviation); above 0 is possible")
      }
    case .gaussian(.learned(let shape, let rate)):
      guard shape > 0, rate > 0, shape.isFinite, rate.isFinite else {
        throw InferenceError(
          .badOption, "a gamma prior of shape \(shape) and rate \(rate); both must be above 0")
      }
    case .heteroscedastic: break
    case .bernoulli, .categorical:
      guard let classes, classes >= 2 else {
        throw InferenceError(.badOption, "\(classes ?? 0) classes; at least 2 are needed")
      }
      if let row = targets.firstIndex(where: {
        !($0 >= 0 && $0 < Double(classes) && $0 == $0.rounded())
      }) {
        throw InferenceError(
          .badData, "row \(row): the label \(targets[row]) is none of 0 to \(classes - 1)")
      }
    }
  }
}

/// The logistic function, without overflow.
@inline(__always)
func logistic(_ x: Double) -> Double {
  if x >= 0 { return 1 / (1 + exp(-x)) }
  let e = exp(x)
  return e / (1 + e)
}

/// log(1 + eˣ), without overflow.
@inline(__always)
func softplus(_ x: Double) -> Double { max(x, 0) + log1p(exp(-abs(x))) }

extension Likelihood {
  /// What heteroscedastic variances are kept above.
  static let leastVariance = 1e-6

  /// Sums −log p(y | f) over a block of rows and derives it by the outputs.
  ///
  /// - Parameters:
  ///   - outputs: outputs × stride, feature-major.
  ///   - targets: A value a row.
  ///   - count: The rows that count; derivatives of the others become 0.
  ///   - stride: The rows of the block.
  ///   - precision: 1/σ² of a Gaussian likelihood.
  ///   - derivatives: outputs × stride.
  /// - Returns: The sum, and of a Gaussian likelihood the sum of squared errors.
  func loss(
    _ outputs: UnsafePointer<Double>, _ targets: UnsafePointer<Double>, count: Int, stride: Int,
    precision: Double, derivatives: UnsafeMutablePointer<Double>
  ) -> (loss: Double, squares: Double) {
    var (loss, squares) = (0.0, 0.0)
    switch self {
    case .gaussian:
      for row in 0..<count {
        let error = outputs[row] - targets[row]
        squares += error * error
        derivatives[row] = precision * error
      }
      loss =
        0.5 * precision * squares + 0.5 * Double(count) * (log(2 * Double.pi) - log(precision))
    case .heteroscedastic:
      for row in 0..<count {
        let error = outputs[row] - targets[row]
        let raw = outputs[stride + row]
        let variance = softplus(raw) + Likelihood.leastVariance
        squares += error * error
        loss += 0.5 * (log(2 * Double.pi * variance) + error * error / variance)
        derivatives[row] = error / variance
        derivatives[stride + row] =
          0.5 * (1 / variance - error * error / (variance * variance)) * logistic(raw)
      }
    case .bernoulli:
      for row in 0..<count {
        let logit = outputs[row]
        loss += softplus(logit) - targets[row] * logit
        derivatives[row] = logistic(logit) - targets[row]
      }
    case .categorical(let classes):
      for row in 0..<count {
        var largest = outputs[row]
        for c in 1..<classes { largest = max(largest, outputs[c * stride + row]) }
        var sum = 0.0
        for c in 0..<classes {
          let e = exp(outputs[c * stride + row] - largest)
          derivatives[c * stride + row] = e
          sum += e
        }
        for c in 0..<classes { derivatives[c * stride + row] /= sum }
        let label = Int(targets[row])
        loss += log(sum) + largest - outputs[label * stride + row]
        derivatives[label * stride + row] -= 1
      }
    }
    for output in 0..<self.outputs {
      for row in count..<max(stride, count) { derivatives[output * stride + row] = 0 }
    }
    return (loss, squares)
  }
}

extension Likelihood {
  /// −log p(y | f) of one row of a block: see ``loss``.
  ///
  /// - `addedVariance`: To that of a heteroscedastic row.
  func rowLoss(
    _ outputs: UnsafePointer<Double>, row: Int, stride: Int, target: Double, precision: Double,
    addedVariance: Double = 0
  ) -> Double {
    switch self {
    case .gaussian:
      let error = outputs[row] - target
      return 0.5 * (precision * error * error + log(2 * Double.pi) - log(precision))
    case .heteroscedastic:
      let error = outputs[row] - target
      let variance =
        softplus(outputs[stride + row]) + Likelihood.leastVariance + addedVariance
      return 0.5 * (log(2 * Double.pi * variance) + error * error / variance)
    case .bernoulli: return softplus(outputs[row]) - target * outputs[row]
    case .categorical(let classes):
      let logits = (0..<classes).map { outputs[$0 * stride + row] }
      return logSumExp(logits) - logits[Int(target)]
    }
  }
}
