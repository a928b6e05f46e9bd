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

  public mutating func add(_ name: String, _ value: Statistic, error: Double? = nil) {
    all.append(Score(name: name, value: value, standardError: error))
  }

  public mutating func add(_ metrics: RegressionMetrics) {
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

  /// Scores of classes; errors are over rows, by the bootstrap where a score is no mean.
  ///
  /// - Parameters:
  ///   - mixture: The predictions.
  ///   - labels: Classes from 0.
  ///   - random: For the bootstrap.
  /// - Returns: The uncertainty of each row, and the rows from the most certain on.
  /// - Throws: ``InferenceError`` where the counts differ or a label is no class.
  public mutating func add(
    _ mixture: ClassMixture, _ labels: [Int], random: RandomStream
  ) throws -> (uncertainty: ClassUncertainty, selective: SelectivePrediction) {
    let metrics = try ClassificationMetrics(mixture, labels)
    let uncertainty = ClassUncertainty(mixture)
    let correct = zip(uncertainty.predictions, labels).map { $0 == $1 }
    let bootstrap = { (name: String, score: ([Int]) -> Double?) in
      RowBootstrap.standardError(rows: labels.count, random: random.child(name), score)
    }
    let rate = metrics.accuracy
    add(
      "accuracy", .value(rate), error: (rate * (1 - rate) / Double(labels.count)).squareRoot())
    add(
      "log_likelihood", .value(-metrics.negativeLogLikelihood), error: metrics.logLikelihoodError)
    add("log_likelihood_se", .value(metrics.logLikelihoodError))
    add("gibbs_log_likelihood", .value(-metrics.gibbsNegativeLogLikelihood))
    add("brier", .value(metrics.brier), error: metrics.brierError)
    let confidences = (0..<labels.count).map { mixture.mixture($0).max() ?? 0 }
    let reliability = { (rows: [Int]) in
      Reliability(rows.map { confidences[$0] }, rows.map { correct[$0] ? 1 : 0 }, bins: 15)
    }
    add(
      "calibration_error", .value(metrics.calibrationError),
      error: bootstrap("calibration") { reliability($0).expectedError })
    add(
      "maximum_calibration_error", .value(metrics.maximumCalibrationError),
      error: bootstrap("maximum") { reliability($0).maximumError })
    add("adaptive_calibration_error", .value(metrics.adaptiveCalibrationError))
    add("uncertainty_calibration_error", .value(metrics.uncertaintyCalibrationError))
    add(
      "error_auroc", wrong(uncertainty.entropy, correct).auroc,
      error: aurocError(uncertainty.entropy, correct))
    if uncertainty.members == 1 {
      add("error_auroc_model", .undefined("one member has no model uncertainty"))
    } else {
      add(
        "error_auroc_model", wrong(uncertainty.mutualInformation, correct).auroc,
        error: aurocError(uncertainty.mutualInformation, correct))
    }
    let selective = SelectivePrediction(correct, by: uncertainty.entropy)
    let resampled = { (rows: [Int]) in
      SelectivePrediction(rows.map { correct[$0] }, by: rows.map { uncertainty.entropy[$0] })
    }
    add(
      "aurc", .value(selective.areaUnderRisk),
      error: bootstrap("aurc") { resampled($0).areaUnderRisk })
    add(
      "excess_aurc", .value(selective.excessArea),
      error: bootstrap("excess") { resampled($0).excessArea })
    do {
      let divergence = try UncertaintyDivergence(
        group(uncertainty.entropy, correct, false), group(uncertainty.entropy, correct, true))
      add("divergence_js", .value(divergence.jensenShannonShare))
      add("entropy_gap", .value(divergence.meanGap))
    } catch let error as InferenceError {
      add("divergence_js", .undefined(error.message))
      add("entropy_gap", .undefined(error.message))
    }
    add("mean_entropy", .value(Moments(uncertainty.entropy).mean))
    return (uncertainty, selective)
  }

  private func group(_ scores: [Double], _ correct: [Bool], _ isCorrect: Bool) -> [Double] {
    zip(scores, correct).filter { $0.1 == isCorrect }.map(\.0)
  }

  /// How well a score finds the wrong rows.
  private func wrong(_ scores: [Double], _ correct: [Bool]) -> Detection {
    Detection(
      positives: group(scores, correct, false), negatives: group(scores, correct, true))
  }

  private func aurocError(_ scores: [Double], _ correct: [Bool]) -> Double? {
    DetectionError.auroc(
      positives: group(scores, correct, false), negatives: group(scores, correct, true))
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
