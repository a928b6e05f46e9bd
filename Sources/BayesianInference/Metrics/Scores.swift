public import Statistics
public import StructuredValue
public import Tensors

/// Every number of an evaluation, with its standard error or the reason why there is none.
public struct Scores: Sendable {
  public struct Score: Hashable, Sendable {
    public var name: String
    public var value: Statistic
    public var standardError: Double?
  }

  public private(set) var all: [Score] = []

  public init() {}

  /// - `error`: The standard error; one that isn't finite, as of a single row, is left out.
  public mutating func add(_ name: String, _ value: Statistic, error: Double? = nil) {
    let error = value.value == nil || error?.isFinite == false ? nil : error
    all.append(Score(name: name, value: value, standardError: error))
  }

  /// Scores of numbers; errors are over rows, by the bootstrap where a score is no mean.
  public mutating func add(_ metrics: RegressionMetrics, random: RandomStream) {
    let errors = metrics.errors
    add("rmse", .value(metrics.rmse), error: errors.rmse)
    add(
      "log_likelihood", .value(metrics.mixtureLogLikelihood), error: errors.mixtureLogLikelihood)
    add("log_likelihood_se", .value(errors.mixtureLogLikelihood))
    add(
      "moment_log_likelihood", .value(metrics.momentLogLikelihood),
      error: errors.momentLogLikelihood)
    add(
      "gibbs_log_likelihood", .value(metrics.gibbsLogLikelihood), error: errors.gibbsLogLikelihood)
    add("coverage95", .value(metrics.coverage95), error: errors.coverage95)
    add("width95", .value(metrics.width95), error: errors.width95)
    let probabilities = metrics.targetProbabilities
    add(
      "calibration_error", .value(metrics.calibrationError),
      error: RowBootstrap.standardError(
        rows: probabilities.count, random: random.child("calibration")
      ) { rows in RegressionMetrics.calibrationError(rows.map { probabilities[$0] }) })
    add("crps", .value(metrics.crps), error: errors.crps)
  }

  /// Each score by its name: value or null, reason, standard error.
  public var json: Value {
    var metrics: [String: Value] = [:]
    for score in all {
      var entry: [String: Value] = ["value": score.value.value.map { .double($0) } ?? .null]
      entry["reason"] = score.value.reason.map { .string($0) }
      entry["standard_error"] = score.standardError.map { .double($0) }
      metrics[score.name] = .map(entry)
    }
    return .map(metrics)
  }
}
