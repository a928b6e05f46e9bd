import Foundation

/// How well class probabilities fit labels.
public struct ClassificationMetrics: Hashable, Sendable {
  public var accuracy: Double
  /// −mean log m_y; infinite where a label has the probability 0.
  public var negativeLogLikelihood: Double
  /// The same of single members, mean over them.
  public var gibbsNegativeLogLikelihood: Double
  /// Mean Σ (m_c − 1[y = c])², from 0 to 2.
  public var brier: Double
  /// Expected and maximum calibration error.
  public var calibrationError: Double
  public var maximumCalibrationError: Double
  /// The calibration error over classes and equally large groups of rows.
  public var adaptiveCalibrationError: Double
  /// The same bins over H / log C against the error rate.
  public var uncertaintyCalibrationError: Double
  /// The standard error over rows of the negative log-likelihood.
  public var logLikelihoodError: Double
  /// The standard error over rows of the Brier score.
  public var brierError: Double

  /// - Parameters:
  ///   - probabilities: Of the members.
  ///   - labels: Classes from 0.
  ///   - smoothing: The share that is spread over all classes before logarithms.
  ///   - bins: Of the calibration errors, on (lower, upper].
  ///   - groups: Of the adaptive calibration error.
  /// - Throws: ``InferenceError`` where the counts differ or a label is no class.
  public init(
    _ probabilities: ClassProbabilities, _ labels: [Int], smoothing: Double = 0, bins: Int = 15,
    groups: Int = 15
  ) throws {
    try self.init(
      ClassMixture(probabilities, smoothing: smoothing), labels, bins: bins, groups: groups)
  }

  /// - Parameters:
  ///   - mixture: The predictions, smoothed before logarithms as it says.
  ///   - labels: Classes from 0.
  ///   - bins: Of the calibration errors, on (lower, upper].
  ///   - groups: Of the adaptive calibration error.
  /// - Throws: ``InferenceError`` where the counts differ or a label is no class.
  public init(_ mixture: ClassMixture, _ labels: [Int], bins: Int = 15, groups: Int = 15) throws {
    guard bins > 0, groups > 0 else {
      throw InferenceError(.badOption, "\(min(bins, groups)) bins; at least 1 is needed")
    }
    try mixture.check(labels)
    let uncertainty = ClassUncertainty(mixture)
    let rows = Double(labels.count)
    let correct = zip(uncertainty.predictions, labels).map { $0 == $1 }
    accuracy = Double(correct.count { $0 }) / rows
    let logs = zip(uncertainty.mixtures, labels).map { -Foundation.log($0[$1]) }
    negativeLogLikelihood = logs.reduce(0, +) / rows
    logLikelihoodError = RegressionMetrics.standardError(logs)
    gibbsNegativeLogLikelihood =
      -labels.enumerated().reduce(0) { $0 + mixture.meanLog($1.offset, $1.element) } / rows
    let mixtures = (0..<labels.count).map { mixture.mixture($0) }
    let distances = zip(mixtures, labels).map { mixture, label in
      mixture.enumerated().reduce(0.0) {
        let gap = $1.element - ($1.offset == label ? 1 : 0)
        return $0 + gap * gap
      }
    }
    brier = distances.reduce(0, +) / rows
    brierError = RegressionMetrics.standardError(distances)
    let confidence = Reliability(
      mixtures.map { $0.max() ?? 0 }, correct.map { $0 ? 1 : 0 }, bins: bins)
    calibrationError = confidence.expectedError
    maximumCalibrationError = confidence.maximumError
    adaptiveCalibrationError = ClassificationMetrics.adaptive(mixtures, labels, groups: groups)
    let scale = Foundation.log(Double(mixture.classes))
    uncertaintyCalibrationError =
      Reliability(
        mixtures.map { ClassProbabilities.entropy($0) / scale }, correct.map { $0 ? 0 : 1 },
        bins: bins
      ).expectedError
  }

  /// For each class rows by probability, cut into groups whose sizes differ by at most one, the
  /// larger ones first; the mean over classes and groups of |mean probability − frequency|.
  private static func adaptive(
    _ mixtures: [[Double]], _ labels: [Int], groups: Int
  ) -> Double {
    let classes = mixtures[0].count
    let groups = min(groups, labels.count)
    var sum = 0.0
    for c in 0..<classes {
      let order = labels.indices.sorted {
        (mixtures[$0][c], $0) < (mixtures[$1][c], $1)
      }
      var start = 0
      for group in 0..<groups {
        let size = labels.count / groups + (group < labels.count % groups ? 1 : 0)
        let part = order[start..<start + size]
        let mean = part.reduce(0) { $0 + mixtures[$1][c] } / Double(size)
        let frequency = Double(part.count { labels[$0] == c }) / Double(size)
        sum += abs(mean - frequency)
        start += size
      }
    }
    return sum / Double(classes * groups)
  }
}

/// Predicted against observed frequencies, in bins of equal width on (lower, upper].
public struct Reliability: Hashable, Sendable {
  public struct Bin: Hashable, Sendable {
    public var index: Int
    public var count: Int
    public var predicted: Double
    public var observed: Double
  }

  /// The bins that hold rows.
  public let bins: [Bin]
  private let rows: Int

  /// - Parameters:
  ///   - predicted: From 0 to 1.
  ///   - observed: 0 or 1.
  ///   - count: Of bins.
  public init(_ predicted: [Double], _ observed: [Double], bins count: Int) {
    var bins = (0..<count).map { Bin(index: $0, count: 0, predicted: 0, observed: 0) }
    for (p, y) in zip(predicted, observed) {
      let index = min(max(Int((p * Double(count)).rounded(.up)) - 1, 0), count - 1)
      bins[index].count += 1
      bins[index].predicted += p
      bins[index].observed += y
    }
    rows = predicted.count
    self.bins = bins.filter { $0.count > 0 }.map { bin in
      var bin = bin
      bin.predicted /= Double(bin.count)
      bin.observed /= Double(bin.count)
      return bin
    }
  }

  public var expectedError: Double {
    bins.reduce(0) { $0 + Double($1.count) / Double(rows) * abs($1.predicted - $1.observed) }
  }

  public var maximumError: Double { bins.map { abs($0.predicted - $0.observed) }.max() ?? 0 }
}
