public import Statistics

/// The proxy that ranks the samples of a target most like the target does.
public struct ProxyChoice: Sendable {
  /// For each proxy, in the order given: the rank correlation on the samples, and its interval.
  public let correlations: [Statistic]
  public let intervals: [RankInterval?]
  /// The position of the best one; the first of equals.
  public let best: Int

  /// - `proxies`: For each proxy the latency of each sample, NaN where invalid.
  /// - `target`: The target's latency of each sample, NaN where invalid.
  /// - Throws: `EdgeError` for an empty list, or where no proxy has a defined correlation.
  public init(proxies: [[Double]], target: [Double]) throws(EdgeError) {
    guard !proxies.isEmpty else {
      throw EdgeError(.badParameter, "an empty list of proxies; at least one is needed")
    }
    var correlations: [Statistic] = []
    var intervals: [RankInterval?] = []
    for proxy in proxies {
      let (left, right) = RankAgreement.common(proxy, target)
      let correlation = Correlation.spearman(left, right)
      correlations.append(correlation)
      intervals.append(
        correlation.value.flatMap { RankInterval(value: $0, count: left.count) })
    }
    self.correlations = correlations
    self.intervals = intervals
    let values = correlations.map { $0.value ?? -2 }
    guard let highest = values.max(), highest > -2, let best = values.firstIndex(of: highest)
    else {
      throw EdgeError(
        .badTable,
        "no proxy has a rank correlation with the samples: \(correlations[0].reason ?? "")")
    }
    self.best = best
  }
}

extension ProxyTransfer.Verdict {
  /// Decides by the lower end of the interval, since a point estimate of few samples passes too often.
  public init(_ interval: RankInterval?, threshold: Double) {
    guard let interval else {
      self = .undefined
      return
    }
    if interval.lower >= threshold {
      self = .passes
    } else {
      self = interval.value >= threshold ? .uncertain : .fails
    }
  }
}
