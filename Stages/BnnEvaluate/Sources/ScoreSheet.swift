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

  mutating func add(_ convergence: Convergence) {
    add("rhat", convergence.rHat)
    add("effective_draws", convergence.effectiveDraws)
    add("effective_tail_draws", convergence.effectiveTailDraws)
    add("monte_carlo_error", convergence.monteCarloError)
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
  var effectiveTailDraws: Statistic
  /// The largest Monte Carlo error of a mean of f, in deviations of f.
  var monteCarloError: Statistic

  init(_ draws: PredictiveDraws) throws {
    (rHat, effectiveDraws) = (.undefined("one chain"), .undefined("one chain"))
    (effectiveTailDraws, monteCarloError) = (rHat, rHat)
    guard draws.chains > 1 else { return }
    var all: [ChainDiagnostics] = []
    var errors: [Double] = []
    for row in 0..<draws.rows {
      for output in 0..<draws.outputs {
        let chains = draws.chainValues(at: row, output: output)
        let diagnostics = try ChainDiagnostics(chains)
        all.append(diagnostics)
        if let error = diagnostics.meanError.value {
          errors.append(error / Moments(chains.flatMap { $0 }).deviation)
        }
      }
    }
    func worst(
      _ better: (Double, Double) -> Double, _ part: (ChainDiagnostics) -> Statistic
    ) -> Statistic {
      if let reason = all.compactMap({ part($0).reason }).first { return .undefined(reason) }
      let values = all.compactMap { part($0).value }
      guard let first = values.first else { return .undefined("no rows") }
      return .value(values.reduce(first, better))
    }
    rHat = worst(max) { $0.rHat }
    effectiveDraws = worst(min) { $0.bulkSize }
    effectiveTailDraws = worst(min) { $0.tailSize }
    monteCarloError =
      rHat.value == nil
      ? .undefined(rHat.reason ?? "undefined")
      : errors.max().map { .value($0) } ?? .undefined("no rows")
  }
}
