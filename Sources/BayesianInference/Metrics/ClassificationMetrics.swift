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
  /// Standard errors over rows of the negative log-likelihoods and of the Brier score.
  public var logLikelihoodError: Double
  public var gibbsLogLikelihoodError: Double
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
    let memberLogs = labels.enumerated().map { -mixture.meanLog($0.offset, $0.element) }
    gibbsNegativeLogLikelihood = memberLogs.reduce(0, +) / rows
    gibbsLogLikelihoodError = RegressionMetrics.standardError(memberLogs)
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
    adaptiveCalibrationError = AdaptiveCalibration(mixtures, labels, groups: groups).error()
    let scale = Foundation.log(Double(mixture.classes))
    uncertaintyCalibrationError =
      Reliability(
        mixtures.map { ClassProbabilities.entropy($0) / scale }, correct.map { $0 ? 0 : 1 },
        bins: bins
      ).expectedError
  }
}

/// The calibration of each class's probability over groups of rows that are equally large.
struct AdaptiveCalibration {
  private let probabilities: [[Double]]
  private let labels: [Int]
  private let groups: Int
  /// For each class the rows by its probability, equal ones in their order.
  private let orders: [[Int]]

  /// - Parameters:
  ///   - probabilities: Of the classes, a list a row.
  ///   - labels: Classes from 0.
  ///   - groups: Whose sizes differ by at most one, the larger ones first.
  init(_ probabilities: [[Double]], _ labels: [Int], groups: Int) {
    self.probabilities = probabilities
    self.labels = labels
    self.groups = min(groups, labels.count)
    orders = (0..<(probabilities.first?.count ?? 0)).map { c in
      labels.indices.sorted { (probabilities[$0][c], $0) < (probabilities[$1][c], $1) }
    }
  }

  /// The mean over classes and groups of |mean probability − frequency|.
  ///
  /// - `counts`: How often each row counts, as many in all as there are rows; nil is once each.
  func error(counts: [Int]? = nil) -> Double {
    var sum = 0.0
    for (c, order) in orders.enumerated() {
      var (group, size, mean, frequency) = (0, 0, 0.0, 0.0)
      for row in order {
        for _ in 0..<(counts?[row] ?? 1) {
          mean += probabilities[row][c]
          if labels[row] == c { frequency += 1 }
          size += 1
          let full = labels.count / groups + (group < labels.count % groups ? 1 : 0)
          if size == full {
            sum += abs(mean - frequency) / Double(size)
            (group, size, mean, frequency) = (group + 1, 0, 0, 0)
          }
        }
      }
    }
    return sum / Double(orders.count * groups)
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
