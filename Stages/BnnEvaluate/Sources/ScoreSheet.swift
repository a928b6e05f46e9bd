import BayesianInference
import StageKit
import Statistics
import StructuredValue
import Tensors

/// The scores of an evaluation, and how it was made.
struct ScoreSheet {
  let title: String
  private let posterior: ApproximatePosterior
  private let parameters: BayesianEvaluation.Parameters
  private var scores = Scores()

  init(_ posterior: ApproximatePosterior, _ parameters: BayesianEvaluation.Parameters) {
    self.posterior = posterior
    self.parameters = parameters
    title = parameters.title.isEmpty ? posterior.method : parameters.title
    add("temperature", .value(posterior.temperature))
  }

  mutating func add(_ name: String, _ value: Statistic, error: Double? = nil) {
    scores.add(name, value, error: error)
  }

  mutating func add(_ metrics: RegressionMetrics) { scores.add(metrics) }

  /// - Returns: The rows from the most certain on.
  mutating func add(
    _ probabilities: ClassProbabilities, _ targets: [Double], _ smoothing: Double,
    _ random: RandomStream
  ) throws -> SelectivePrediction {
    // Class numbers beyond Int are no classes; the library names them.
    let labels = targets.map { Int(exactly: $0) ?? -1 }
    return try scores.add(
      ClassMixture(probabilities, smoothing: smoothing), labels, random: random
    ).selective
  }

  mutating func add(_ convergence: Convergence) {
    add("rhat", convergence.rHat)
    add("effective_draws", convergence.effectiveDraws)
  }

  func report(in context: StageContext) {
    for score in scores.all { context.metric(score.name, score.value.value) }
  }

  var json: Value {
    [
      "method": .string(title), "temperature": .double(posterior.temperature),
      "warnings": .list(posterior.warnings.map { .string($0) }),
      "draws": .int(
        min(parameters.draws, posterior.rule == .dropout ? parameters.draws : posterior.count)),
      "smoothing": .double(parameters.smoothing), "metrics": scores.json,
    ]
  }
}

/// The worst convergence over function values.
struct Convergence {
  var rHat: Statistic
  var effectiveDraws: Statistic

  init(_ draws: PredictiveDraws) throws {
    guard draws.chains > 1 else {
      (rHat, effectiveDraws) = (.undefined("one chain"), .undefined("one chain"))
      return
    }
    var (largest, least): (Double?, Double?)
    for row in 0..<draws.rows {
      for output in 0..<draws.outputs {
        let diagnostics = try ChainDiagnostics(draws.chainValues(at: row, output: output))
        guard let rHat = diagnostics.rHat.value, let size = diagnostics.bulkSize.value else {
          let reason = diagnostics.rHat.reason ?? "undefined"
          (self.rHat, effectiveDraws) = (.undefined(reason), .undefined(reason))
          return
        }
        largest = max(largest ?? rHat, rHat)
        least = min(least ?? size, size)
      }
    }
    rHat = largest.map { .value($0) } ?? .undefined("no rows")
    effectiveDraws = least.map { .value($0) } ?? .undefined("no rows")
  }
}
