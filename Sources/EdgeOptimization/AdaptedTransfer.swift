/// Transfers a search from known devices to a target: check, adapt, search, measure.
///
/// Lu et al. 2021 (arXiv 2111.01203): (1) measure some designs and compare the proxy's ranking;
/// (2) where it is good enough, use the proxy's Pareto-optimal designs; (3) else adapt a predictor;
/// (4) search with it; (5) measure the candidates and drop the dominated ones. The candidates are
/// the union of the adapted front's and, where the proxy passes, the proxy's own.
public struct AdaptedTransfer: Sendable {
  /// How the target's latencies are predicted.
  public enum Adapter: String, CaseIterable, Sendable {
    /// The proxy's latencies as they are.
    case none
    /// The proxy's linear predictor with corrected weights, `AdaProxy`.
    case adaproxy
    /// `TransferGaussianProcess`, from all known devices.
    case gp
  }

  public var adapter: Adapter
  /// Designs measured to check and to adapt.
  public var sampleCount: Int
  /// Candidates measured at most.
  public var candidateCount: Int
  /// The rank correlation from which a proxy is good enough.
  public var threshold: Double
  /// Rounds in which candidates are measured; the predictor is adapted anew between them.
  public var roundCount = 4

  /// - Throws: `EdgeError` for a value out of its range.
  public init(
    adapter: Adapter = .gp, sampleCount: Int = 10, candidateCount: Int = 40,
    threshold: Double = 0.9
  ) throws(EdgeError) {
    guard sampleCount >= 4 else {
      throw EdgeError(
        .badParameter, "\(sampleCount) samples; an interval of a rank correlation needs at least 4")
    }
    guard candidateCount >= 1 else {
      throw EdgeError(.badParameter, "\(candidateCount) candidates; at least 1 is needed")
    }
    guard threshold > 0, threshold <= 1 else {
      throw EdgeError(.badParameter, "the threshold \(threshold) is not in (0, 1]")
    }
    self.adapter = adapter
    self.sampleCount = sampleCount
    self.candidateCount = candidateCount
    self.threshold = threshold
  }

  /// What is known before the target is measured.
  public struct Knowledge: Sendable {
    public let space: SearchSpace
    public let designs: [[Int]]
    /// For each possible proxy its latencies, NaN where invalid or unknown.
    public let proxies: [[Double]]
    /// The accuracy of each design.
    public let accuracy: [Double]
    /// The designs whose latencies on the proxies may be used to fit.
    public let pool: [Int]
    /// The prior of the Gaussian process; nil where it isn't needed.
    public let kernel: TransferKernel?

    /// - Throws: `EdgeError` as `TransferKernel.init`, or for an empty list of proxies.
    public init(
      space: SearchSpace, designs: [[Int]], proxies: [[Double]], accuracy: [Double], pool: [Int],
      adapter: Adapter
    ) throws(EdgeError) {
      guard !proxies.isEmpty else {
        throw EdgeError(.badParameter, "an empty list of proxies; at least one is needed")
      }
      precondition(accuracy.count == designs.count, "as many accuracies as designs")
      self.space = space
      self.designs = designs
      self.proxies = proxies
      self.accuracy = accuracy
      self.pool = pool
      if adapter == .gp {
        kernel = try TransferKernel(
          space: space, designs: designs, sources: proxies, pool: pool)
      } else {
        kernel = nil
      }
    }
  }

  /// What a transfer found.
  public struct Outcome: Sendable {
    /// The possible proxies' rank correlations on the samples, and the best of them.
    public var choice: ProxyChoice
    /// The verdict on the chosen proxy as it is.
    public var verdict: ProxyTransfer.Verdict
    /// The adapted predictor's rank correlation, each sample predicted from the others.
    public var adapted: RankInterval?
    /// Predicted latencies of all designs, in the target's unit; the proxy's own without adapter.
    public var predicted: [Double]
    /// 90 % intervals of the predictions; empty unless the adapter is `gp`.
    public var intervals: [(lower: Double, upper: Double)]
    /// The designs measured to check and adapt.
    public var samples: [Int]
    /// The designs measured because they may be optimal.
    public var candidates: [Int]
    /// All measured designs that the target can run, with their latencies.
    public var measured: [Int: Double]
    /// The measured designs that no other dominates, by latency.
    public var front: [Int]
    /// What was spent.
    public var cost: TransferCost
  }

  /// Runs the transfer; of the target it sees only what the oracle measures.
  ///
  /// - `seed`: Draws the samples where no kernel chooses them.
  /// - Throws: `EdgeError` for too few designs, unusable samples, or when the budget ends.
  public func run(
    _ known: Knowledge, oracle: inout MeasurementOracle, seed: UInt64
  ) throws(EdgeError) -> Outcome {
    let samples = try samples(known, seed: seed)
    guard sampleCount <= oracle.budget - oracle.spent else {
      throw EdgeError(
        .overBudget,
        "\(sampleCount) samples are more than the \(oracle.budget - oracle.spent) measurements left"
      )
    }
    var measured: [Int: Double] = [:]
    for design in samples {
      if let value = try oracle.measure(design) { measured[design] = value }
    }
    let valid = samples.filter { measured[$0] != nil }
    let values = valid.compactMap { measured[$0] }
    let choice = try ProxyChoice(
      proxies: known.proxies.map { proxy in valid.map { proxy[$0] } }, target: values)
    let verdict = ProxyTransfer.Verdict(choice.intervals[choice.best], threshold: threshold)
    let proxy = known.proxies[choice.best]
    let first = try predict(known, proxy, valid, values)
    let adapted = first.leftOut.flatMap { left in
      Correlation.spearman(left, values).value.flatMap {
        RankInterval(value: $0, count: values.count)
      }
    }
    // The proxy's own front comes first where it passes, thinned to half of what may be measured.
    var prediction = first
    var seen = Set(samples)
    var candidates: [Int] = []
    let allowed = min(candidateCount, oracle.budget - oracle.spent)
    let rounds = adapter == .none ? 1 : min(roundCount, allowed)
    for round in 0..<rounds {
      let quota = (allowed - candidates.count) / (rounds - round)
      var expected = prediction.values
      for (design, value) in measured { expected[design] = value }
      for design in seen where measured[design] == nil { expected[design] = .nan }
      let isFirst = round == 0 && verdict == .passes && adapter != .none
      let next = AdaptedTransfer.candidates(
        known.accuracy, isFirst ? [expected, proxy] : [expected], count: quota, without: seen)
      for design in next {
        seen.insert(design)
        candidates.append(design)
        if let value = try oracle.measure(design) { measured[design] = value }
      }
      guard round + 1 < rounds else { break }
      let runnable = (samples + candidates).filter { measured[$0] != nil }
      prediction = try predict(known, proxy, runnable, runnable.compactMap { measured[$0] })
    }
    var latency = [Double](repeating: .nan, count: known.designs.count)
    for (design, value) in measured { latency[design] = value }
    return Outcome(
      choice: choice, verdict: verdict, adapted: adapted, predicted: prediction.values,
      intervals: prediction.intervals, samples: samples, candidates: candidates, measured: measured,
      front: Pareto.front(
        of: measured.keys.sorted(), latency: latency, accuracy: known.accuracy),
      cost: TransferCost(
        checks: adapter == .none ? samples.count : 0,
        adaptations: adapter == .none ? 0 : samples.count, remeasurements: candidates.count))
  }

  private func samples(_ known: Knowledge, seed: UInt64) throws(EdgeError) -> [Int] {
    let valid = known.pool.filter { design in
      known.accuracy[design].isFinite && known.isConnected(design)
    }
    guard sampleCount <= valid.count else {
      throw EdgeError(.badParameter, "\(sampleCount) samples of \(valid.count) valid designs")
    }
    guard let kernel = known.kernel else { return sample(sampleCount, of: valid, seed: seed) }
    // A thousand designs stand for the whole space.
    let judged = sample(1000, of: Array(known.designs.indices), seed: seed)
    return try kernel.chosen(sampleCount, among: valid, judgedBy: judged)
  }

  private typealias Prediction = (
    values: [Double], intervals: [(lower: Double, upper: Double)], leftOut: [Double]?
  )

  private func predict(
    _ known: Knowledge, _ proxy: [Double], _ samples: [Int], _ values: [Double]
  ) throws(EdgeError) -> Prediction {
    let all = Array(known.designs.indices)
    switch adapter {
    case .none: return (proxy, [], nil)
    case .adaproxy:
      let features = known.space.oneHot(known.designs)
      let fitted = known.pool.filter { !proxy[$0].isNaN }
      let weights = try AdaProxy.proxyWeights(
        features: features.rows(fitted), values: fitted.map { proxy[$0] })
      let adaptation = try AdaProxy().adapt(
        proxy: weights, features: features.rows(samples), values: values)
      var left: [Double] = []
      for (position, design) in samples.enumerated() {
        let kept = samples.indices.filter { $0 != position }
        let other = try AdaProxy().adapt(
          proxy: weights, features: features.rows(kept.map { samples[$0] }),
          values: kept.map { values[$0] })
        left.append(other.predictor.predict(features.rows([design]))[0])
      }
      return (adaptation.predictor.predict(features), [], left)
    case .gp:
      guard let kernel = known.kernel else {
        throw EdgeError(.badParameter, "the knowledge was built for another adapter than gp")
      }
      let posterior = try TransferGaussianProcess(kernel: kernel).fit(
        samples: samples, latencies: values)
      let predictions = posterior.predict(all)
      return (
        predictions.map(\.value), predictions.map { ($0.lower, $0.upper) }, posterior.leaveOneOut
      )
    }
  }

  /// The first layers by any of the latencies, thinned out to what may be measured.
  private static func candidates(
    _ accuracy: [Double], _ latencies: [[Double]], count: Int, without seen: Set<Int>
  ) -> [Int] {
    let all = Array(accuracy.indices)
    let layers = latencies.map { Pareto.layers(10, of: all, latency: $0, accuracy: accuracy) }
    var result: [Int] = []
    var seen = seen
    for layer in 0..<10 where result.count < count {
      let designs = layers.flatMap { $0.count > layer ? $0[layer] : [] }
        .filter { seen.insert($0).inserted }
        .sorted {
          latencies[0][$0] != latencies[0][$1] ? latencies[0][$0] < latencies[0][$1] : $0 < $1
        }
      result += thinned(designs, to: count - result.count)
    }
    return result
  }

  /// Evenly spread members of a list, ends included.
  private static func thinned(_ designs: [Int], to count: Int) -> [Int] {
    guard designs.count > count else { return designs }
    guard count > 1 else { return Array(designs.suffix(count)) }
    return (0..<count).map { designs[$0 * (designs.count - 1) / (count - 1)] }
  }
}

extension AdaptedTransfer.Knowledge {
  /// Whether data flows through a design; disconnected cells say nothing of the others' latency.
  fileprivate func isConnected(_ design: Int) -> Bool {
    space == .nasbench201 ? NASBench201.isConnected(designs[design]) : true
  }
}
