import EdgeOptimization
import Statistics

/// How far a predictor is off on one device, from what has been measured there; in the normalised
/// units of a profile.
struct LatencyCorrection {
  private var residuals: [Double]
  private let usualDeviation: Double

  /// How many measurements the usual deviation counts for.
  private static let priorCount = 2.0

  /// Takes measured less predicted values of the device's reference designs.
  ///
  /// - Parameters:
  ///   - residuals: One for each measurement.
  ///   - usualDeviation: The residuals' root mean square on a usual device.
  init(residuals: [Double], usualDeviation: Double) {
    self.residuals = residuals
    self.usualDeviation = usualDeviation
  }

  /// Adds a measurement.
  mutating func add(_ residual: Double) { residuals.append(residual) }

  /// What to add to a prediction: the mean residual, drawn towards 0.
  var bias: Double {
    residuals.reduce(0, +) / (Double(residuals.count) + Self.priorCount)
  }

  /// The standard deviation of what remains.
  var deviation: Double {
    let bias = bias
    let sum = residuals.reduce(Self.priorCount * usualDeviation * usualDeviation) {
      $0 + ($1 - bias) * ($1 - bias)
    }
    return (sum / (Double(residuals.count) + Self.priorCount)).squareRoot()
  }

  /// The probability that a design of that predicted value keeps a budget.
  func probability(_ predicted: Double, within budget: Double) -> Double {
    NormalDistribution.probability(below: (budget - predicted - bias) / max(deviation, 1e-9))
  }
}
