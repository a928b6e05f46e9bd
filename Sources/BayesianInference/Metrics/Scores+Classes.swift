import Statistics
public import Tensors

extension Scores {
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
    let rate = metrics.accuracy
    add(
      "accuracy", .value(rate), error: (rate * (1 - rate) / Double(labels.count)).squareRoot())
    add(
      "log_likelihood", .value(-metrics.negativeLogLikelihood), error: metrics.logLikelihoodError)
    add("log_likelihood_se", .value(metrics.logLikelihoodError))
    add(
      "gibbs_log_likelihood", .value(-metrics.gibbsNegativeLogLikelihood),
      error: metrics.gibbsLogLikelihoodError)
    add("brier", .value(metrics.brier), error: metrics.brierError)
    addCalibration(metrics, mixture, labels, correct, random)
    addDetection(uncertainty, correct, random)
    let selective = SelectivePrediction(correct, by: uncertainty.entropy)
    addRejection(selective, uncertainty, correct, random)
    addDivergence(uncertainty, correct, random)
    add(
      "mean_entropy", .value(Moments(uncertainty.entropy).mean),
      error: RegressionMetrics.standardError(uncertainty.entropy))
    return (uncertainty, selective)
  }

  private mutating func addCalibration(
    _ metrics: ClassificationMetrics, _ mixture: ClassMixture, _ labels: [Int], _ correct: [Bool],
    _ random: RandomStream
  ) {
    let probabilities = labels.indices.map { mixture.mixture($0) }
    let confidences = probabilities.map { $0.max() ?? 0 }
    let reliability = { (rows: [Int]) in
      Reliability(rows.map { confidences[$0] }, rows.map { correct[$0] ? 1 : 0 }, bins: 15)
    }
    let resampled = { (name: String, score: ([Int]) -> Double?) in
      RowBootstrap.standardError(rows: labels.count, random: random.child(name), score)
    }
    add(
      "calibration_error", .value(metrics.calibrationError),
      error: resampled("calibration") { reliability($0).expectedError })
    add(
      "maximum_calibration_error", .value(metrics.maximumCalibrationError),
      error: resampled("maximum") { reliability($0).maximumError })
    let adaptive = AdaptiveCalibration(probabilities, labels, groups: 15)
    add(
      "adaptive_calibration_error", .value(metrics.adaptiveCalibrationError),
      error: resampled("adaptive") { rows in
        var counts = [Int](repeating: 0, count: labels.count)
        for row in rows { counts[row] += 1 }
        return adaptive.error(counts: counts)
      })
    let scale = logarithm(Double(mixture.classes))
    let entropies = probabilities.map { ClassProbabilities.entropy($0) / scale }
    add(
      "uncertainty_calibration_error", .value(metrics.uncertaintyCalibrationError),
      error: resampled("uncertainty") { rows in
        Reliability(rows.map { entropies[$0] }, rows.map { correct[$0] ? 0 : 1 }, bins: 15)
          .expectedError
      })
  }

  /// How well each uncertainty finds the wrong rows.
  private mutating func addDetection(
    _ uncertainty: ClassUncertainty, _ correct: [Bool], _ random: RandomStream
  ) {
    let total = Self.wrong(uncertainty.entropy, correct)
    add("error_auroc", total.auroc, error: Self.aurocError(uncertainty.entropy, correct))
    let resampled = { (name: String, score: (Detection) -> Double?) in
      RowBootstrap.standardError(rows: correct.count, random: random.child(name)) { rows in
        score(Self.wrong(rows.map { uncertainty.entropy[$0] }, rows.map { correct[$0] }))
      }
    }
    add(
      "error_average_precision", total.averagePrecision,
      error: resampled("precision") { $0.averagePrecision.value })
    add(
      "error_false_positives95", total.falsePositiveRate95,
      error: resampled("false") { $0.falsePositiveRate95.value })
    let doubt = uncertainty.confidence.map { -$0 }
    add(
      "error_auroc_confidence", Self.wrong(doubt, correct).auroc,
      error: Self.aurocError(doubt, correct))
    guard uncertainty.members > 1 else {
      add("error_auroc_model", .undefined("one member has no model uncertainty"))
      return
    }
    add(
      "error_auroc_model", Self.wrong(uncertainty.mutualInformation, correct).auroc,
      error: Self.aurocError(uncertainty.mutualInformation, correct))
  }

  private mutating func addRejection(
    _ selective: SelectivePrediction, _ uncertainty: ClassUncertainty, _ correct: [Bool],
    _ random: RandomStream
  ) {
    let resampled = { (name: String, score: (SelectivePrediction) -> Double) in
      RowBootstrap.standardError(rows: correct.count, random: random.child(name)) { rows in
        score(
          SelectivePrediction(
            rows.map { correct[$0] }, by: rows.map { uncertainty.entropy[$0] }))
      }
    }
    add("aurc", .value(selective.areaUnderRisk), error: resampled("aurc") { $0.areaUnderRisk })
    add("excess_aurc", .value(selective.excessArea), error: resampled("excess") { $0.excessArea })
    // Means of so many independent rows.
    for (name, coverage) in [("accuracy_at_50", 0.5), ("accuracy_at_80", 0.8)] {
      guard let accuracy = try? selective.accuracy(coverage: coverage) else { continue }
      let kept = (coverage * Double(correct.count)).rounded(.up)
      add(name, .value(accuracy), error: (accuracy * (1 - accuracy) / kept).squareRoot())
    }
  }

  /// How far apart the entropies of wrong and right rows are.
  private mutating func addDivergence(
    _ uncertainty: ClassUncertainty, _ correct: [Bool], _ random: RandomStream
  ) {
    let entropies = { (isCorrect: Bool) in Self.group(uncertainty.entropy, correct, isCorrect) }
    do {
      let (wrong, right) = (entropies(false), entropies(true))
      let divergence = try UncertaintyDivergence(wrong, right)
      add(
        "divergence_js", .value(divergence.jensenShannonShare),
        error: RowBootstrap.standardError(rows: correct.count, random: random.child("divergence")) {
          rows in
          let (entropy, correct) = (rows.map { uncertainty.entropy[$0] }, rows.map { correct[$0] })
          return try? UncertaintyDivergence(
            Self.group(entropy, correct, false), Self.group(entropy, correct, true)
          ).jensenShannonShare
        })
      let errors = [wrong, right].map { RegressionMetrics.standardError($0) }
      add(
        "entropy_gap", .value(divergence.meanGap),
        error: (errors[0] * errors[0] + errors[1] * errors[1]).squareRoot())
    } catch {
      let reason = (error as? InferenceError)?.message ?? "\(error)"
      add("divergence_js", .undefined(reason))
      add("entropy_gap", .undefined(reason))
    }
  }

  private static func group(_ scores: [Double], _ correct: [Bool], _ isCorrect: Bool) -> [Double] {
    zip(scores, correct).filter { $0.1 == isCorrect }.map(\.0)
  }

  private static func wrong(_ scores: [Double], _ correct: [Bool]) -> Detection {
    Detection(
      positives: Self.group(scores, correct, false), negatives: Self.group(scores, correct, true))
  }

  private static func aurocError(_ scores: [Double], _ correct: [Bool]) -> Double? {
    DetectionError.auroc(
      positives: Self.group(scores, correct, false), negatives: Self.group(scores, correct, true))
  }
}
