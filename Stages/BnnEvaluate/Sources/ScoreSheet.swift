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
  /// Reasons not to trust the posterior, its own and those that the evaluation found.
  private(set) var warnings: [String]

  init(_ posterior: ApproximatePosterior, _ parameters: BayesianEvaluation.Parameters) {
    self.posterior = posterior
    self.parameters = parameters
    warnings = posterior.warnings
    title = parameters.title.isEmpty ? posterior.method : parameters.title
    add("temperature", .value(posterior.temperature))
  }

  mutating func add(_ name: String, _ value: Statistic, error: Double? = nil) {
    scores.add(name, value, error: error)
  }

  mutating func add(_ metrics: RegressionMetrics, _ random: RandomStream) {
    scores.add(metrics, random: random)
  }

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

  mutating func add(_ convergence: FunctionConvergence) {
    add("rhat", convergence.rHat)
    add("effective_draws", convergence.effectiveDraws)
    add("effective_tail_draws", convergence.effectiveTailDraws)
    add("monte_carlo_error", convergence.monteCarloError)
    if let warning = FunctionConvergence.warning(convergence.rHat, on: "the grid") {
      warnings.append(warning)
    }
  }

  func report(in context: StageContext) {
    for score in scores.all { context.metric(score.name, score.value.value) }
  }

  var json: Value {
    [
      "method": .string(title), "temperature": .double(posterior.temperature),
      "warnings": .list(warnings.map { .string($0) }),
      "draws": .int(
        min(parameters.draws, posterior.rule == .dropout ? parameters.draws : posterior.count)),
      "smoothing": .double(parameters.smoothing), "metrics": scores.json,
    ]
  }
}
