import Synchronization
public import Verification

/// Branching by the graph network, with a fail-safe and, where wanted, learning on the way (Lu and
/// Kumar 2020, sections 5.1 and 5.2).
///
/// The network's choice is tried; where its children improve the bound by less than a threshold, the
/// choice of another rule is tried too, and the better one is taken.
public struct GraphBranching: BranchingRule {
  public struct Options: Hashable, Sendable {
    /// Whether the network's choice is checked at all.
    public var hasFailSafe = true
    /// The improvement below which the other rule is asked; 0.2 in the published program.
    public var threshold = 0.2
    /// How often the other rule's choice of one ReLU may fail before it is no longer tried.
    public var failureLimit = 10
    /// Steps of ascent for the bounds of children that are tried.
    public var steps = 10
    /// Whether the network learns from choices that the other rule wins.
    public var learns = false
    /// Adam's rate and weight decay for that.
    public var rate: Float = 1e-4
    public var decay: Float = 1e-4
    /// Processors that score a batch.
    public var workers = 1

    public init() {}
  }

  /// What happened so far.
  public struct Counts: Hashable, Sendable {
    public var decisions = 0
    /// Decisions in which the other rule was asked, and those that it won.
    public var asked = 0
    public var lost = 0
    /// Steps of learning.
    public var updates = 0
  }

  /// Adds up what happened in all searches that work on copies of a rule.
  public final class Ledger: Sendable {
    private let stored = Mutex(Counts())

    public init() {}

    public var counts: Counts { stored.withLock { $0 } }

    func add(_ counts: Counts) {
      stored.withLock {
        $0.decisions += counts.decisions
        $0.asked += counts.asked
        $0.lost += counts.lost
        $0.updates += counts.updates
      }
    }
  }

  public let name: String
  private var scorer: BranchingScorer
  private let ledger: Ledger?
  private var counts = Counts()
  private var other: any BranchingRule
  private let options: Options
  private var failures: [ReLUIndex: Int] = [:]
  private var losses: [ReLUIndex: Int] = [:]
  private var adam: Adam
  private var graph: (network: ReLUNetwork, row: OutputRow, graph: BranchingGraph)?

  /// - Parameters:
  ///   - network: A copy of it learns, for this rule alone.
  ///   - other: The rule to fall back on: BaBSR in the paper.
  ///   - name: What reports call the rule.
  ///   - options: How it decides.
  ///   - ledger: Told what happened.
  public init(
    _ network: BranchingNetwork, otherwise other: any BranchingRule, name: String = "gnn",
    options: Options = Options(), ledger: Ledger? = nil
  ) {
    self.ledger = ledger
    scorer = BranchingScorer(network)
    self.other = other
    self.name = name
    self.options = options
    adam = Adam(
      rate: options.rate, decay: options.decay, count: network.parameters.values.count)
  }

  /// The network as it is by now.
  public var network: BranchingNetwork { scorer.network }

  public mutating func choose(
    for subproblems: [Subproblem], asking oracle: any BranchingOracle
  ) -> [ReLUIndex] {
    counts = Counts()
    defer { ledger?.add(counts) }
    let graph = graph(for: oracle)
    let box = oracle.box
    let features = zip(subproblems, oracle.states(of: subproblems)).map {
      SubproblemFeatures($0, $1, box: box, graph: graph)
    }
    let scorer = scorer
    var scores = concurrently(features, workers: options.workers) {
      scorer.scores($0, on: graph)
    }
    let gains = gains(of: scores, subproblems, oracle)
    return subproblems.indices.map { index in
      counts.decisions += 1
      let first = scores[index].best
      // Weights that have been learnt since are used at once.
      if counts.updates > 0 {
        scores[index] = self.scorer.scores(features[index], on: graph)
      }
      guard let own = scores[index].best else { return subproblems[index].ambiguous[0] }
      guard options.hasFailSafe else { return own }
      let gain =
        own == first ? gains[index] : improvement(of: own, subproblems[index], oracle)
      return checked(own, gain, subproblems[index], features[index], graph, oracle)
    }
  }

  /// How much each subproblem's top-scored ReLU improves its bound, all tried together.
  private func gains(
    of scores: [BranchingNetwork.Scores], _ subproblems: [Subproblem],
    _ oracle: any BranchingOracle
  ) -> [Double] {
    var gains = [Double](repeating: 0, count: subproblems.count)
    guard options.hasFailSafe else { return gains }
    let tried = subproblems.indices.filter { scores[$0].best != nil }
    let bounds = oracle.childBounds(
      of: tried.compactMap { index in scores[index].best.map { (subproblems[index], $0) } },
      steps: options.steps)
    for (index, bound) in zip(tried, bounds) {
      gains[index] = bound.improvement(over: subproblems[index].lowerBound)
    }
    return gains
  }

  private mutating func checked(
    _ own: ReLUIndex, _ gain: Double, _ subproblem: Subproblem, _ features: SubproblemFeatures,
    _ graph: BranchingGraph, _ oracle: any BranchingOracle
  ) -> ReLUIndex {
    guard gain < options.threshold else { return own }
    counts.asked += 1
    let rival = other.choose(for: [subproblem], asking: oracle)[0]
    guard rival != own else { return own }
    let hasFailed = failures[rival, default: 0] >= options.failureLimit
    guard options.learns || !hasFailed else { return own }
    let rivalGain = improvement(of: rival, subproblem, oracle)
    if rivalGain < gain, rivalGain < 0.05 { failures[rival, default: 0] += 1 }
    guard rivalGain > gain else { return own }
    counts.lost += 1
    if options.learns {
      losses[own, default: 0] += 1
      if losses[own, default: 0] >= 2 { learn(features, graph, from: own, to: rival) }
    }
    return rival
  }

  private func improvement(
    of relu: ReLUIndex, _ subproblem: Subproblem, _ oracle: any BranchingOracle
  ) -> Double {
    oracle.childBounds(of: subproblem, candidates: [relu], steps: options.steps)[0]
      .improvement(over: subproblem.lowerBound)
  }

  /// One step that lowers the loser's score and raises the winner's.
  ///
  /// The published loss is their difference plus a constant, on which its gradient does not depend.
  private mutating func learn(
    _ features: SubproblemFeatures, _ graph: BranchingGraph, from loser: ReLUIndex,
    to winner: ReLUIndex
  ) {
    var network = network
    var gradient = [Float](repeating: 0, count: network.parameters.values.count)
    network.addGradient(to: &gradient, at: features, on: graph) { scores in
      scores.relus.map { $0 == loser ? 1 : $0 == winner ? -1 : 0 }
    }
    adam.step(&network.parameters.values, gradient: gradient)
    scorer = BranchingScorer(network)
    counts.updates += 1
  }

  private mutating func graph(for oracle: any BranchingOracle) -> BranchingGraph {
    let (network, row) = (oracle.network, oracle.row)
    if let graph, graph.row == row, graph.network == network { return graph.graph }
    let made = BranchingGraph(network, row: row)
    graph = (network, row, made)
    return made
  }
}
