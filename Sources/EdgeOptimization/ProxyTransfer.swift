public import Statistics

/// Searching on a proxy device, and measuring only the proxy's best designs on the target.
///
/// Lu, Yang, Ren 2021 (arXiv 2111.01203): where two devices rank designs alike, the Pareto-optimal
/// designs of one contain those of the other.
public struct ProxyTransfer: Sendable {
  /// What the check on a few samples says of the proxy.
  public enum Verdict: String, Sendable {
    /// The lower 90 % bound reaches the threshold.
    case passes
    /// The estimate reaches the threshold, its lower bound does not.
    case uncertain
    /// The estimate is below the threshold.
    case fails
    /// The samples give no correlation.
    case undefined
  }

  /// Fronts of the proxy that are measured on the target.
  public var layers: Int
  /// Designs that check the rank correlation.
  public var sampleCount: Int
  /// The rank correlation from which a proxy is good enough.
  public var threshold: Double

  /// - Throws: `EdgeError` for a value out of its range.
  public init(
    layers: Int = 3, sampleCount: Int = 50, threshold: Double = 0.9
  ) throws(EdgeError) {
    guard layers >= 1 else {
      throw EdgeError(.badParameter, "\(layers) layers; at least 1 is needed")
    }
    guard sampleCount >= 4 else {
      throw EdgeError(
        .badParameter,
        "\(sampleCount) samples; an interval of a rank correlation needs at least 4")
    }
    guard threshold > 0, threshold <= 1 else {
      throw EdgeError(.badParameter, "the threshold \(threshold) is not in (0, 1]")
    }
    self.layers = layers
    self.sampleCount = sampleCount
    self.threshold = threshold
  }

  /// What a transfer found.
  public struct Outcome: Sendable {
    /// The rank correlation on the samples.
    public var check: Statistic
    public var interval: RankInterval?
    public var verdict: Verdict
    /// The designs measured as candidates, layer by layer of the proxy.
    public var candidates: [Int]
    /// The candidates that none of the measured designs dominates on the target, by latency.
    public var front: [Int]
    /// The measured latency of each candidate that the target can run.
    public var measured: [Int: Double]
  }

  /// Runs the transfer; of the target it sees only what the oracle measures.
  ///
  /// - `proxy`: The proxy's latencies, NaN where invalid.
  /// - `accuracy`: The accuracy of the same designs.
  /// - `oracle`: The target.
  /// - `seed`: Draws the samples.
  /// - Throws: `EdgeError` for too few valid designs, or when the budget ends.
  public func run(
    proxy: [Double], accuracy: [Double], oracle: inout MeasurementOracle, seed: UInt64
  ) throws(EdgeError) -> Outcome {
    precondition(proxy.count == accuracy.count, "as many latencies as accuracies")
    let valid = proxy.indices.filter { !proxy[$0].isNaN && !accuracy[$0].isNaN }
    guard sampleCount <= valid.count else {
      throw EdgeError(
        .badParameter, "\(sampleCount) samples of \(valid.count) valid designs")
    }
    let candidates = Pareto.layers(layers, of: valid, latency: proxy, accuracy: accuracy)
      .flatMap { $0 }
    let samples = sample(sampleCount, of: valid, seed: seed)
    let need = Set(candidates).union(samples).count
    guard need <= oracle.budget - oracle.spent else {
      throw EdgeError(
        .overBudget,
        "\(sampleCount) samples and the \(candidates.count) designs of \(layers) layers need "
          + "\(need) measurements; \(oracle.spent) of \(oracle.budget) allowed are spent")
    }
    var pairs: [(Double, Double)] = []
    for design in samples {
      if let value = try oracle.measure(design) { pairs.append((proxy[design], value)) }
    }
    let check = Correlation.spearman(pairs.map(\.0), pairs.map(\.1))
    let interval = check.value.flatMap { RankInterval(value: $0, count: pairs.count) }
    var measured: [Int: Double] = [:]
    var latency = [Double](repeating: .nan, count: proxy.count)
    for design in candidates {
      guard let value = try oracle.measure(design) else { continue }
      measured[design] = value
      latency[design] = value
    }
    return Outcome(
      check: check, interval: interval, verdict: Verdict(interval, threshold: threshold),
      candidates: candidates,
      front: Pareto.front(of: candidates, latency: latency, accuracy: accuracy), measured: measured)
  }
}
