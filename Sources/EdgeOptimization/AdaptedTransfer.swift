public import Statistics

/// Transfers a search from known devices to a target: check, adapt, search, measure.
///
/// Lu et al. 2021 (arXiv 2111.01203): (1) measure some designs and compare the proxy's ranking;
/// (2) where it is good enough, use the proxy's Pareto-optimal designs; (3) else adapt a predictor;
/// (4) search with it; (5) measure the candidates and drop the dominated ones. The candidates are
/// the union of the adapted predictor's and, where the proxy passes, the proxy's own front.
public struct AdaptedTransfer: Sendable {
  /// How the target's latencies are predicted.
  public enum Method: String, CaseIterable, Sendable {
    /// The proxy's latencies as they are.
    case none
    /// The proxy's linear predictor with corrected weights, `AdaProxy`.
    case adaproxy
    /// `TransferGaussianProcess`, from all known devices.
    case gp
  }

  public var method: Method
  /// Designs drawn at random that judge the proxy and the adapted predictor.
  public var checkCount: Int
  /// Designs measured to choose the proxy and to adapt.
  public var sampleCount: Int
  /// Candidates measured at most.
  public var candidateCount: Int
  /// The rank correlation from which a proxy is good enough.
  public var threshold: Double
  /// Rounds in which candidates are measured; the predictor is adapted anew between them.
  public var roundCount = 6

  /// - Throws: `EdgeError` for a value out of its range.
  public init(
    method: Method = .gp, checkCount: Int = 10, sampleCount: Int = 10, candidateCount: Int = 30,
    threshold: Double = 0.9
  ) throws(EdgeError) {
    guard checkCount == 0 || checkCount >= 4 else {
      throw EdgeError(
        .badParameter,
        "\(checkCount) checks; an interval of a rank correlation needs at least 4, or 0 for none")
    }
    guard sampleCount >= 4 else {
      throw EdgeError(
        .badParameter, "\(sampleCount) samples; an interval of a rank correlation needs at least 4")
    }
    guard candidateCount >= 0 else {
      throw EdgeError(.badParameter, "\(candidateCount) candidates; 0 or more are possible")
    }
    guard threshold > 0, threshold <= 1 else {
      throw EdgeError(.badParameter, "the threshold \(threshold) is not in (0, 1]")
    }
    self.method = method
    self.checkCount = checkCount
    self.sampleCount = sampleCount
    self.candidateCount = candidateCount
    self.threshold = threshold
  }

  /// The designs that are measured before anything is known of the target.
  public struct Plan: Hashable, Sendable {
    /// Drawn at random.
    public var checks: [Int]
    /// Chosen to say most about all others, or drawn at random where no kernel can choose.
    public var samples: [Int]

    /// - Parameters:
    ///   - checks: The designs that judge.
    ///   - samples: The designs that choose the proxy and adapt.
    public init(checks: [Int], samples: [Int]) {
      self.checks = checks
      self.samples = samples
    }
  }

  /// What a transfer found.
  public struct Outcome: Sendable {
    /// The possible proxies' rank correlations on the samples, and the best of them.
    public var choice: ProxyChoice
    /// The chosen proxy as it is.
    public var check: ProxyCheck
    public var verdict: ProxyTransfer.Verdict
    /// The adapted predictor's rank correlation: on the checks, before they were used to fit, or
    /// without checks each sample predicted from the others.
    public var adapted: RankInterval?
    /// Predicted latencies of all designs, in the target's unit; the proxy's own without adapting.
    public var predicted: [Double]
    /// 90 % intervals of the predictions; empty unless the method is `gp`.
    public var intervals: [(lower: Double, upper: Double)]
    /// Whether the target ranks designs the other way round than the proxy; only AdaProxy tells.
    public var isReversed: Bool
    public var plan: Plan
    /// The designs measured because they may be optimal, in order.
    public var candidates: [Int]
    /// The designs that are worth measuring next, the most promising first.
    public var next: [Int]
    /// All measured designs that the target can run, with their latencies.
    public var measured: [Int: Double]
    /// The measured designs that no other dominates, by latency.
    public var front: [Int]
    /// What was spent.
    public var cost: TransferCost
  }

  /// Chooses what to measure first.
  ///
  /// - Parameters:
  ///   - known: What is known before the target is measured.
  ///   - seed: Draws the checks, and the samples where no kernel chooses them.
  /// - Returns: The designs to measure.
  /// - Throws: `EdgeError` for more designs than there are.
  public func plan(_ known: TransferKnowledge, seed: UInt64) throws(EdgeError) -> Plan {
    let valid = known.pool.filter { known.accuracy[$0].isFinite }
    guard checkCount + sampleCount <= valid.count else {
      throw EdgeError(
        .badParameter,
        "\(checkCount) checks and \(sampleCount) samples of \(valid.count) valid designs")
    }
    let checks = sample(checkCount, of: valid, seed: seed)
    let taken = Set(checks)
    let rest = valid.filter { !taken.contains($0) && known.isConnected($0) }
    guard sampleCount <= rest.count else {
      throw EdgeError(.badParameter, "\(sampleCount) samples of \(rest.count) valid designs")
    }
    guard let process = known.process else {
      return Plan(checks: checks, samples: sample(sampleCount, of: rest, seed: seed &+ 1))
    }
    // A thousand designs stand for the whole space.
    let judged = sample(1000, of: Array(known.designs.indices), seed: seed)
    return Plan(
      checks: checks,
      samples: try process.kernel.chosen(
        sampleCount, among: rest, judgedBy: judged, weights: process.kernel.samplingWeights))
  }

  /// Runs the transfer; of the target it sees only what the oracle measures.
  ///
  /// - Parameters:
  ///   - known: What is known before the target is measured.
  ///   - oracle: The target.
  ///   - seed: Draws the designs that are drawn at random.
  /// - Returns: What was found.
  /// - Throws: `EdgeError` for too few designs, unusable samples, or when the budget ends.
  public func run(
    _ known: TransferKnowledge, oracle: inout MeasurementOracle, seed: UInt64
  ) throws(EdgeError) -> Outcome {
    let plan = try plan(known, seed: seed)
    guard checkCount + sampleCount <= oracle.budget - oracle.spent else {
      throw EdgeError(
        .overBudget,
        "\(checkCount) checks and \(sampleCount) samples are more than the "
          + "\(oracle.budget - oracle.spent) measurements left")
    }
    var measured: [Int: Double] = [:]
    for design in plan.checks + plan.samples {
      if let value = try oracle.measure(design) { measured[design] = value }
    }
    var outcome = try assess(known, plan: plan, measured: measured)
    try search(known, &outcome, oracle: &oracle)
    return outcome
  }

  /// Checks and adapts from measurements that were taken already, and measures nothing.
  ///
  /// - Parameters:
  ///   - known: What is known of the designs.
  ///   - plan: Which designs judge, and which choose and adapt. Without checks the samples do both.
  ///   - candidates: Designs that were measured because they may be optimal; they judge nothing.
  ///   - measured: The latencies of those that the target can run.
  /// - Returns: What was found; the designs worth measuring are in `next`.
  /// - Throws: `EdgeError` for unusable samples.
  public func assess(
    _ known: TransferKnowledge, plan: Plan, candidates: [Int] = [], measured: [Int: Double]
  ) throws(EdgeError) -> Outcome {
    let valid = plan.samples.filter { measured[$0] != nil }
    let values = valid.compactMap { measured[$0] }
    let checks = plan.checks.filter { measured[$0] != nil }
    let truth = checks.compactMap { measured[$0] }
    let choice = try ProxyChoice(
      proxies: known.proxies.map { proxy in valid.map { proxy[$0] } }, target: values)
    let proxy = known.proxies[choice.best]
    let judges = checks.isEmpty ? valid : checks
    let check = ProxyCheck(
      proxy: judges.map { proxy[$0] }, target: judges.compactMap { measured[$0] },
      comparisons: checks.isEmpty ? known.proxies.count : 1)
    let predictor = TransferPredictor(method: method, known: known, proxy: proxy)
    // Before the checks are used too, they judge.
    let all = Array(known.designs.indices)
    let first = try predictor.fit(valid, values, predicting: checks.isEmpty ? all : checks)
    let judged: ([Double], [Double])? =
      checks.isEmpty ? first.leftOut.map { ($0, values) } : (checks.map { first.values[$0] }, truth)
    let adapted =
      method == .none
      ? nil
      : judged.flatMap { predicted, truth in
        Correlation.spearman(predicted, truth).value.flatMap {
          RankInterval(value: $0, count: truth.count)
        }
      }
    let rest = checks + candidates.filter { measured[$0] != nil }
    let fit =
      rest.isEmpty
      ? first
      : try predictor.fit(
        valid + rest, values + rest.compactMap { measured[$0] }, predicting: all)
    var outcome = Outcome(
      choice: choice, check: check, verdict: check.verdict(threshold: threshold), adapted: adapted,
      predicted: fit.values, intervals: fit.intervals, isReversed: fit.isReversed, plan: plan,
      candidates: candidates, next: [], measured: measured, front: [],
      cost: TransferCost(
        checks: plan.checks.count, adaptations: plan.samples.count,
        remeasurements: candidates.count))
    outcome.next = next(known, outcome, fit, count: candidateCount)
    outcome.front = front(known, measured)
    return outcome
  }

  // MARK: - Search

  /// Measures the most promising designs in rounds, between which the predictor learns.
  private func search(
    _ known: TransferKnowledge, _ outcome: inout Outcome, oracle: inout MeasurementOracle
  ) throws(EdgeError) {
    let plan = outcome.plan
    let proxy = known.proxies[outcome.choice.best]
    let predictor = TransferPredictor(method: method, known: known, proxy: proxy)
    let allowed = min(candidateCount, oracle.budget - oracle.spent)
    let rounds = method == .none ? min(1, allowed) : min(roundCount, allowed)
    guard rounds > 0 else { return }
    let all = Array(known.designs.indices)
    for round in 0..<rounds {
      let quota = (allowed - outcome.candidates.count) / (rounds - round)
      for design in outcome.next.prefix(quota) {
        outcome.candidates.append(design)
        if let value = try oracle.measure(design) { outcome.measured[design] = value }
      }
      let tried = plan.samples + plan.checks + outcome.candidates
      let runnable = tried.filter { outcome.measured[$0] != nil }
      let isLast = round + 1 == rounds
      let fit = try predictor.fit(
        runnable, runnable.compactMap { outcome.measured[$0] }, predicting: all)
      outcome.next = next(known, outcome, fit, count: isLast ? candidateCount : allowed)
      guard isLast else { continue }
      outcome.predicted = fit.values
      outcome.intervals = fit.intervals
      outcome.isReversed = fit.isReversed
    }
    outcome.cost.remeasurements = outcome.candidates.count
    outcome.front = front(known, outcome.measured)
  }

  /// The designs to measure next; in the first round every other one is of the proxy's own front,
  /// if the proxy passes.
  private func next(
    _ known: TransferKnowledge, _ outcome: Outcome, _ fit: TransferPredictor.Fit, count: Int
  ) -> [Int] {
    let tried = Set(outcome.plan.checks + outcome.plan.samples + outcome.candidates)
    let own = AdaptedTransfer.fronts(
      known.accuracy, known.proxies[outcome.choice.best], count: max(count, 1), without: tried)
    guard method != .none else { return Array(own.prefix(count)) }
    let promising = search(known, outcome).chosen(
      count, of: fit.designs.filter { !tried.contains($0) && !fit.values[$0].isNaN },
      predicted: fit.values, logDeviations: fit.logDeviations)
    guard outcome.verdict == .passes, outcome.candidates.isEmpty else { return promising }
    var (result, seen) = ([Int](), Set<Int>())
    for position in 0..<max(promising.count, own.count) {
      for list in [promising, own] where position < list.count {
        if seen.insert(list[position]).inserted { result.append(list[position]) }
      }
    }
    return Array(result.prefix(count))
  }

  /// What is known of the target's front; limits are quantiles of all designs' first predictions.
  private func search(
    _ known: TransferKnowledge, _ outcome: Outcome
  ) -> CandidateSearch {
    var search = CandidateSearch(predicted: outcome.predicted, accuracy: known.accuracy)
    for (design, value) in outcome.measured.sorted(by: { $0.key < $1.key }) {
      search.observe(design, latency: value)
    }
    return search
  }

  private func front(_ known: TransferKnowledge, _ measured: [Int: Double]) -> [Int] {
    var latency = [Double](repeating: .nan, count: known.designs.count)
    for (design, value) in measured { latency[design] = value }
    return Pareto.front(
      of: measured.keys.sorted(), latency: latency, accuracy: known.accuracy)
  }

  /// The first layers by a latency, each thinned out to what may still be measured.
  private static func fronts(
    _ accuracy: [Double], _ latency: [Double], count: Int, without seen: Set<Int>
  ) -> [Int] {
    let all = Array(accuracy.indices)
    var result: [Int] = []
    for layer in Pareto.layers(10, of: all, latency: latency, accuracy: accuracy)
    where result.count < count {
      result += thinned(layer.filter { !seen.contains($0) }, to: count - result.count)
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
