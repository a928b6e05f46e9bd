import Foundation

/// A rank correlation with its two-sided 90 % interval.
///
/// Fisher's z with the standard error √(1.06/(n−3)) of Spearman's coefficient (Fieller, Hartley and
/// Pearson 1957).
public struct RankInterval: Hashable, Sendable {
  public var value: Double
  public var lower: Double
  public var upper: Double
  public var count: Int

  /// nil for fewer than 4 samples, where the standard error is undefined.
  ///
  /// - Parameters:
  ///   - value: The correlation.
  ///   - count: The number of samples.
  ///   - comparisons: Among how many correlations on the same samples this one was chosen. Each end
  ///     then leaves out 5 % divided by that number (Bonferroni).
  public init?(value: Double, count: Int, comparisons: Int = 1) {
    guard count > 3, value.isFinite else { return nil }
    let quantile = NormalDistribution.quantile(exceededWith: 0.05 / Double(comparisons))
    let reach = quantile * (1.06 / Double(count - 3)).squareRoot()
    // At ±1 the transformation is infinite, but n samples can't tell 1 from half an exchange of
    // neighbours, 1 − 6/(n³ − n).
    let samples = Double(count)
    let most = 1 - 6 / (samples * (samples * samples - 1))
    let z = atanh(max(-most, min(most, value)))
    self.value = value
    self.count = count
    lower = min(tanh(z - reach), value)
    upper = max(tanh(z + reach), value)
  }
}
