public import Statistics

/// Whether a proxy that was chosen from samples ranks designs like the target does.
///
/// The best of many proxies looks better on the samples that chose it than it is, and samples chosen
/// to differ as much as possible are easier to rank than designs at random. So a proxy is judged on
/// designs drawn at random that took no part in its choice. Where there are no such designs, it is
/// judged on those that chose it, and each of m proxies may err with 5 %/m only (Bonferroni), since
/// any of them could have been the one.
public struct ProxyCheck: Hashable, Sendable {
  /// The rank correlation with the chosen proxy, and its interval.
  public let correlation: Statistic
  public let interval: RankInterval?
  /// Among how many proxies the same designs chose; 1 where others did.
  public let comparisons: Int

  /// - Parameters:
  ///   - proxy: The chosen proxy's latency of each design that judges, NaN where invalid.
  ///   - target: The target's.
  ///   - comparisons: The number of proxies that these designs chose among; 1 where others chose.
  public init(proxy: [Double], target: [Double], comparisons: Int) {
    let (left, right) = RankAgreement.common(proxy, target)
    let correlation = Correlation.spearman(left, right)
    self.correlation = correlation
    self.comparisons = comparisons
    interval = correlation.value.flatMap {
      RankInterval(value: $0, count: left.count, comparisons: comparisons)
    }
  }

  /// What the lower bound says of a threshold.
  public func verdict(threshold: Double) -> ProxyTransfer.Verdict {
    ProxyTransfer.Verdict(interval, threshold: threshold)
  }
}
