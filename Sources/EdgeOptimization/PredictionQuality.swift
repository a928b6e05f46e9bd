public import Statistics

/// How far predictions are from measured values, in the values' unit where nothing else is said.
public struct PredictionQuality: Sendable {
  public var count: Int
  public var rootMeanSquare: Statistic
  public var meanAbsolute: Statistic
  public var largest: Statistic
  /// Percent, over the values of at least 10 % of the median.
  public var meanAbsolutePercentage: Statistic
  /// The values below 10 % of the median, which the percentage leaves out.
  public var leftOut: Int
  /// Shares of all values whose prediction is within 5 % and 10 %.
  public var within5: Statistic
  public var within10: Statistic
  public var pearson: Statistic
  public var spearman: Statistic
  public var kendallTauB: Statistic

  /// - `decimals`: Predictions are rounded so before they are ranked, since ties that
  ///   differ in their last bits would cost an exact predictor its rank correlation.
  public init(predicted: [Double], measured: [Double], decimals: Int = 6) {
    precondition(predicted.count == measured.count, "as many predictions as measured values")
    count = measured.count
    let errors = zip(predicted, measured).map { abs($0 - $1) }
    let rounded = predicted.map { PredictionQuality.round($0, decimals) }
    pearson = Correlation.pearson(predicted, measured)
    spearman = Correlation.spearman(rounded, measured)
    kendallTauB = Correlation.kendallTauB(rounded, measured)
    leftOut = 0
    guard count > 0 else {
      let none = Statistic(undefined: "no values")
      (rootMeanSquare, meanAbsolute, largest) = (none, none, none)
      (meanAbsolutePercentage, within5, within10) = (none, none, none)
      return
    }
    let total = Double(count)
    rootMeanSquare = Statistic((errors.reduce(0) { $0 + $1 * $1 } / total).squareRoot())
    meanAbsolute = Statistic(errors.reduce(0, +) / total)
    largest = Statistic(errors.max() ?? 0)
    let share = { (bound: Double) in
      Statistic(
        Double(zip(errors, measured).count { $0 <= bound * abs($1) }) / total)
    }
    within5 = share(0.05)
    within10 = share(0.1)
    let least = 0.1 * quantile(measured, 0.5)
    let kept = zip(errors, measured).filter { $1 >= least && $1 > 0 }
    leftOut = count - kept.count
    meanAbsolutePercentage =
      kept.isEmpty
      ? Statistic(undefined: "no positive value of at least 10 % of the median")
      : Statistic(100 * kept.reduce(0) { $0 + $1.0 / $1.1 } / Double(kept.count))
  }

  /// A value to so many decimals, ties to even.
  public static func round(_ value: Double, _ decimals: Int = 6) -> Double {
    var scale = 1.0
    for _ in 0..<decimals { scale *= 10 }
    return (value * scale).rounded(.toNearestOrEven) / scale
  }
}
