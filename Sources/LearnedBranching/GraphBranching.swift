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
    /// Steps of ascent for the bounds of children that are tried; with as many as the search takes,
    /// which is the default, it need not bound the children of the choice again.
    public var steps = BoundOptions().childSteps
    /// Generations of descendants that may be split by the scores of one pass, as long as they do not
    /// need the fail-safe; 0 scores every part anew, as published.
    public var generations = 0
    /// Whether ReLUs of the first layer are scored even if some other is ambiguous, as published.
    ///
    /// They are half of a pass and more, and rarely chosen; BaBSR never takes one by its score.
    public var scoresFirstLayer = true
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
    /// Passes of the network; fewer where parts are split by an ancestor's scores.
    public var passes = 0
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
        $0.passes += counts.passes
        $0.asked += counts.asked
        $0.lost += counts.lost
        $0.updates += counts.updates
      }
    }
  }

  /// The best-scored ReLUs of an ancestor, `age` generations ago.
  private struct Ranking {
    var relus: [ReLUIndex]
    var age: Int
  }

  /// How many ReLUs of a ranking descendants inherit, and how many parts may be waiting with one.
  private static let rankingLength = 32
  private static let inheritedLimit = 1 << 16

  public let name: String
  private var scorer: BranchingScorer
  private let ledger: Ledger?
  private var counts = Counts()
  private var other: any BranchingRule
  private var options: Options
  private var failures: [ReLUIndex: Int] = [:]
  private var losses: [ReLUIndex: Int] = [:]
  private var adam: Adam
  /// What parts yet to be asked about inherit, by their splits.
  private var inherited: [[Split]: Ranking] = [:]
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
    // Learning looks at every part's own features.
    if options.learns { self.options.generations = 0 }
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
    var choices: [ReLUIndex] = []
    // Weights that have been learnt are used at once: what is left is decided anew.
    while choices.count < subproblems.count {
      choices += decide(Array(subproblems[choices.count...]), graph, oracle)
    }
    counts.decisions = choices.count
    return choices
  }

  /// A part while it is decided about.
  private struct Trial {
    let subproblem: Subproblem
    var features: SubproblemFeatures?
    /// The best-scored ReLUs, the best first.
    var ranking: [ReLUIndex] = []
    /// Generations since the ranking was made.
    var age = 0
    var choice: ReLUIndex
    /// How much the choice improves the bound; not known without the fail-safe.
    var gain: Double?

    init(_ subproblem: Subproblem) {
      self.subproblem = subproblem
      guard let first = subproblem.firstAmbiguous else {
        preconditionFailure("a rule is never asked where no ReLU is ambiguous")
      }
      choice = first
    }

    /// Takes the first of the ranking that is still ambiguous; false where none is.
    mutating func takeFirst() -> Bool {
      let bounds = subproblem.bounds
      guard let first = ranking.first(where: { bounds[$0.layer].isAmbiguous($0.neuron) }) else {
        return false
      }
      if first != choice { gain = nil }
      choice = first
      return true
    }
  }

  /// Decides about all parts, or with learning up to the first after which the weights differ.
  private mutating func decide(
    _ subproblems: [Subproblem], _ graph: BranchingGraph, _ oracle: any BranchingOracle
  ) -> [ReLUIndex] {
    var trials = subproblems.map { Trial($0) }
    var isKnown = trials.map { _ in false }
    for index in trials.indices {
      guard let ranking = inherited.removeValue(forKey: subproblems[index].splits) else { continue }
      (trials[index].ranking, trials[index].age) = (ranking.relus, ranking.age)
      isKnown[index] = trials[index].takeFirst()
    }
    score(&trials, trials.indices.filter { !isKnown[$0] }, graph, oracle)
    guard options.hasFailSafe else { return finished(trials) }
    measure(&trials, oracle)
    // An ancestor's scores are good as long as what they choose is.
    score(
      &trials, trials.indices.filter { trials[$0].age > 0 && isPoor(trials[$0]) }, graph, oracle)
    measure(&trials, oracle)
    guard options.learns else {
      challenge(&trials, trials.indices.filter { isPoor(trials[$0]) }, graph, oracle)
      return finished(trials)
    }
    for index in trials.indices where isPoor(trials[index]) {
      let before = counts.updates
      challenge(&trials, [index], graph, oracle)
      if counts.updates > before { return finished(Array(trials[...index])) }
    }
    return finished(trials)
  }

  private func isPoor(_ trial: Trial) -> Bool { (trial.gain ?? 0) < options.threshold }

  /// Ranks parts by a pass of the network.
  private mutating func score(
    _ trials: inout [Trial], _ indices: [Int], _ graph: BranchingGraph,
    _ oracle: any BranchingOracle
  ) {
    let (box, scorer) = (oracle.box, scorer)
    let states = oracle.states(of: indices.map { trials[$0].subproblem })
    let features = zip(indices, states).map {
      SubproblemFeatures(trials[$0].subproblem, $1, box: box, graph: graph)
    }
    let first = options.scoresFirstLayer
    let scores = concurrently(features, workers: options.workers) {
      scorer.scores($0, on: graph, firstLayer: first)
    }
    let kept = options.generations > 0 ? GraphBranching.rankingLength : 1
    for (place, index) in indices.enumerated() {
      trials[index].features = features[place]
      trials[index].ranking = scores[place].ranking(kept)
      trials[index].age = 0
      _ = trials[index].takeFirst()
    }
    counts.passes += indices.count
  }

  /// How much each part's choice improves its bound, where that is not known, all tried together.
  private func measure(_ trials: inout [Trial], _ oracle: any BranchingOracle) {
    let tried = trials.indices.filter { trials[$0].gain == nil }
    let bounds = oracle.childBounds(
      of: tried.map { (trials[$0].subproblem, trials[$0].choice) }, steps: options.steps)
    for (index, bound) in zip(tried, bounds) {
      trials[index].gain = bound.improvement(over: trials[index].subproblem.lowerBound)
    }
  }

  /// Tries the other rule's choices, and takes those that are better.
  private mutating func challenge(
    _ trials: inout [Trial], _ indices: [Int], _ graph: BranchingGraph,
    _ oracle: any BranchingOracle
  ) {
    guard !indices.isEmpty else { return }
    counts.asked += indices.count
    let rivals = other.choose(for: indices.map { trials[$0].subproblem }, asking: oracle)
    let tried = zip(indices, rivals).filter { index, rival in
      rival != trials[index].choice
        && (options.learns || failures[rival, default: 0] < options.failureLimit)
    }
    let bounds = oracle.childBounds(
      of: tried.map { (trials[$0].subproblem, $1) }, steps: options.steps)
    for ((index, rival), bound) in zip(tried, bounds) {
      let (own, gain) = (trials[index].choice, trials[index].gain ?? 0)
      let rivalGain = bound.improvement(over: trials[index].subproblem.lowerBound)
      if rivalGain < gain, rivalGain < 0.05 { failures[rival, default: 0] += 1 }
      guard rivalGain > gain else { continue }
      counts.lost += 1
      trials[index].choice = rival
      // Scores that lost are no guide for the children.
      trials[index].ranking = []
      guard options.learns, let features = trials[index].features else { continue }
      losses[own, default: 0] += 1
      if losses[own, default: 0] >= 2 { learn(features, graph, from: own, to: rival) }
    }
  }

  /// The choices, whose children inherit what is left of the ranking.
  private mutating func finished(_ trials: [Trial]) -> [ReLUIndex] {
    // Parts that are closed never ask for theirs; what is thrown away is scored anew.
    if inherited.count > GraphBranching.inheritedLimit { inherited = [:] }
    for trial in trials where trial.age < options.generations && trial.ranking.count > 1 {
      let ranking = Ranking(relus: trial.ranking, age: trial.age + 1)
      for isOn in [false, true] {
        inherited[trial.subproblem.splits + [Split(trial.choice, isOn: isOn)]] = ranking
      }
    }
    return trials.map(\.choice)
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
