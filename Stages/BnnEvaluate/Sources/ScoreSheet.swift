import BayesianInference
import StageKit
import Statistics
import StructuredValue

/// Every number of an evaluation, with its standard error or the reason why there is none.
struct ScoreSheet {
  private struct Score {
    var name: String
    var value: Statistic
    var standardError: Double?
  }

  let title: String
  private let posterior: ApproximatePosterior
  private let parameters: BayesianEvaluation.Parameters
  private var scores: [Score] = []

  init(_ posterior: ApproximatePosterior, _ parameters: BayesianEvaluation.Parameters) {
    self.posterior = posterior
    self.parameters = parameters
    title = parameters.title.isEmpty ? posterior.method : parameters.title
    add("temperature", .value(posterior.temperature))
  }

  mutating func add(_ name: String, _ value: Statistic, error: Double? = nil) {
    scores.append(Score(name: name, value: value, standardError: error))
  }

  mutating func add(_ metrics: RegressionMetrics) {
    add("rmse", .value(metrics.rmse), error: metrics.rmseError)
    add(
      "log_likelihood", .value(metrics.mixtureLogLikelihood), error: metrics.logLikelihoodError)
    add("log_likelihood_se", .value(metrics.logLikelihoodError))
    add("moment_log_likelihood", .value(metrics.momentLogLikelihood))
    add("gibbs_log_likelihood", .value(metrics.gibbsLogLikelihood))
    add("coverage95", .value(metrics.coverage95))
    add("width95", .value(metrics.width95))
    add("calibration_error", .value(metrics.calibrationError))
    add("crps", .value(metrics.crps))
  }

  /// - Returns: The rows from the most certain on.
  mutating func add(
    _ probabilities: ClassProbabilities, _ targets: [Double], _ smoothing: Double
  ) throws -> SelectivePrediction {
    // Class numbers beyond Int are no classes; the check below names them.
    let labels = targets.map { Int(exactly: $0) ?? -1 }
    let metrics = try ClassificationMetrics(probabilities, labels, smoothing: smoothing)
    add("accuracy", .value(metrics.accuracy))
    add(
      "log_likelihood", .value(-metrics.negativeLogLikelihood), error: metrics.logLikelihoodError)
    add("log_likelihood_se", .value(metrics.logLikelihoodError))
    add("gibbs_log_likelihood", .value(-metrics.gibbsNegativeLogLikelihood))
    add("brier", .value(metrics.brier))
    add("calibration_error", .value(metrics.calibrationError))
    add("maximum_calibration_error", .value(metrics.maximumCalibrationError))
    add("adaptive_calibration_error", .value(metrics.adaptiveCalibrationError))
    add("uncertainty_calibration_error", .value(metrics.uncertaintyCalibrationError))
    let uncertainty = try ClassUncertainty(probabilities, smoothing: smoothing)
    let correct = zip(uncertainty.predictions, labels).map { $0 == $1 }
    let group = { (scores: [Double], isCorrect: Bool) in
      zip(scores, correct).filter { $0.1 == isCorrect }.map(\.0)
    }
    let wrong = group(uncertainty.entropy, false)
    let right = group(uncertainty.entropy, true)
    add("error_auroc", Detection(positives: wrong, negatives: right).auroc)
    add(
      "error_auroc_model",
      probabilities.members == 1
        ? .undefined("one member has no model uncertainty")
        : Detection(
          positives: group(uncertainty.mutualInformation, false),
          negatives: group(uncertainty.mutualInformation, true)
        ).auroc)
    let selective = SelectivePrediction(correct, by: uncertainty.entropy)
    add("aurc", .value(selective.areaUnderRisk))
    add("excess_aurc", .value(selective.excessArea))
    do {
      let divergence = try UncertaintyDivergence(wrong, right)
      add("divergence_js", .value(divergence.jensenShannonShare))
      add("entropy_gap", .value(divergence.meanGap))
    } catch let error as InferenceError {
      add("divergence_js", .undefined(error.message))
      add("entropy_gap", .undefined(error.message))
    }
    add(
      "mean_entropy",
      .value(uncertainty.entropy.reduce(0, +) / Double(uncertainty.entropy.count)))
    return selective
  }

  mutating func add(_ convergence: Convergence) {
    add("rhat", convergence.rHat)
    add("effective_draws", convergence.effectiveDraws)
  }

  func report(in context: StageContext) {
    for score in scores { context.metric(score.name, score.value.value) }
  }

  var json: Value {
    var metrics: [String: Value] = [:]
    for score in scores {
      var entry: [String: Value] = ["value": score.value.value.map { .double($0) } ?? .null]
      entry["reason"] = score.value.reason.map { .string($0) }
      entry["standard_error"] = score.standardError.map { .double($0) }
      metrics[score.name] = .map(entry)
    }
    return [
      "method": .string(title), "temperature": .double(posterior.temperature),
      "warnings": .list(posterior.warnings.map { .string($0) }),
      "draws": .int(
        min(parameters.draws, posterior.rule == .dropout ? parameters.draws : posterior.count)),
      "smoothing": .double(parameters.smoothing), "metrics": .map(metrics),
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
