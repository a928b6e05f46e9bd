import LearnedBranching
import Statistics
import Testing
import Verification

struct GraphBranchingTests {
  /// A random network of two hidden layers, a box around 0, and the bounds of its root.
  private func problem(seed: UInt64) throws -> (oracle: BounderOracle, root: Subproblem) {
    var generator = SplitMix64(seed: seed)
    func layer(_ inputs: Int, _ outputs: Int) -> AffineLayer {
      func number() -> Double { Double(generator.next() >> 11) * 0x1p-52 - 1 }
      return AffineLayer(
        weights: (0..<inputs * outputs).map { _ in number() },
        biases: (0..<outputs).map { _ in number() / 4 }, inputs: inputs)
    }
    let network = try ReLUNetwork(
      inputShape: [6], layers: [layer(6, 10), layer(10, 8), layer(8, 2)])
    let box = Box(around: [Double](repeating: 0, count: 6), radius: 0.6)
    let bounder = Bounder(network, box: box)
    let oracle = BounderOracle(bounder, row: OutputRow(0, beats: 1, of: 2))
    var root = bounder.root()
    root.lowerBound = oracle.states(of: [root])[0].lowerBound
    return (oracle, root)
  }

  private func gain(_ relu: ReLUIndex, _ root: Subproblem, _ oracle: BounderOracle) -> Double {
    oracle.childBounds(of: root, candidates: [relu], steps: 8)[0]
      .improvement(over: root.lowerBound)
  }

  private func options(threshold: Double, learns: Bool = false) -> GraphBranching.Options {
    var options = GraphBranching.Options()
    options.threshold = threshold
    options.steps = 8
    options.learns = learns
    return options
  }

  @Test(arguments: 1...6 as ClosedRange<UInt64>)
  func `the fail-safe takes the better of two choices`(seed: UInt64) throws {
    let (oracle, root) = try problem(seed: seed)
    try #require(root.lowerBound < 0 && !root.ambiguous.isEmpty)
    let network = BranchingNetwork(BranchingParameters(seed: seed))
    var alone = GraphBranching(
      network, otherwise: BaBSR(), options: options(threshold: 0))
    var checked = GraphBranching(
      network, otherwise: BaBSR(), options: options(threshold: 2))
    var babsr = BaBSR()
    let own = alone.choose(for: [root], asking: oracle)[0]
    let rival = babsr.choose(for: [root], asking: oracle)[0]
    let taken = checked.choose(for: [root], asking: oracle)[0]
    #expect(taken == (gain(rival, root, oracle) > gain(own, root, oracle) ? rival : own))
  }

  @Test func `the network's choice is the ambiguous ReLU with the highest score`() throws {
    let (oracle, root) = try problem(seed: 2)
    let network = BranchingNetwork(BranchingParameters(seed: 8))
    var options = GraphBranching.Options()
    options.hasFailSafe = false
    var rule = GraphBranching(network, otherwise: BaBSR(), options: options)
    let graph = BranchingGraph(oracle.network, row: oracle.row)
    let features = SubproblemFeatures(
      root, oracle.states(of: [root])[0], box: oracle.box, graph: graph)
    let scores = network.scores(features, on: graph)
    let top = try #require(scores.values.max())
    #expect(scores.relus == root.ambiguous)
    let expected = scores.relus[try #require(scores.values.firstIndex(of: top))]
    #expect(rule.choose(for: [root, root], asking: oracle) == [expected, expected])
  }

  @Test(arguments: 1...6 as ClosedRange<UInt64>)
  func `children are split by their parent's next choice, and grandchildren by a pass of their own`(
    seed: UInt64
  ) throws {
    let (oracle, root) = try problem(seed: seed)
    try #require(root.ambiguous.count > 2)
    var options = GraphBranching.Options()
    options.hasFailSafe = false
    options.generations = 1
    let ledger = GraphBranching.Ledger()
    let network = BranchingNetwork(BranchingParameters(seed: seed))
    var rule = GraphBranching(network, otherwise: BaBSR(), options: options, ledger: ledger)
    func features(_ part: Subproblem) -> SubproblemFeatures {
      SubproblemFeatures(
        part, oracle.states(of: [part])[0], box: oracle.box,
        graph: BranchingGraph(oracle.network, row: oracle.row))
    }
    let graph = BranchingGraph(oracle.network, row: oracle.row)
    let ranking = network.scores(features(root), on: graph).ranking(32)
    #expect(rule.choose(for: [root], asking: oracle) == [ranking[0]])
    let children = oracle.bounder.boundedChildren(of: root, ranking[0], row: oracle.row, steps: 2)
    for child in children where child.lowerBound != .infinity && !child.ambiguous.isEmpty {
      let next = ranking.first { child.ambiguous.contains($0) }
      #expect(rule.choose(for: [child], asking: oracle).first == next)
      #expect(ledger.counts.passes == 1)
      guard let next else { continue }
      let last = oracle.bounder.boundedChildren(of: child, next, row: oracle.row, steps: 2)
        .first { $0.lowerBound != .infinity && !$0.ambiguous.isEmpty }
      guard let last else { continue }
      let own = network.scores(features(last), on: graph).best
      #expect(rule.choose(for: [last], asking: oracle).first == own)
      #expect(ledger.counts.passes == 2)
      return
    }
  }

  @Test func `learning raises the score of the choice that wins`() throws {
    // Among random networks one whose choice BaBSR beats.
    for seed in 1...40 as ClosedRange<UInt64> {
      let (oracle, root) = try problem(seed: seed)
      guard root.lowerBound < 0, root.ambiguous.count > 1 else { continue }
      let ledger = GraphBranching.Ledger()
      var rule = GraphBranching(
        BranchingNetwork(BranchingParameters(seed: seed)), otherwise: BaBSR(),
        options: options(threshold: 2, learns: true), ledger: ledger)
      let before = rule.network.parameters
      _ = rule.choose(for: [root], asking: oracle)
      guard ledger.counts.lost == 1 else { continue }
      #expect(ledger.counts.updates == 0 && rule.network.parameters == before)
      // From a ReLU's second loss on.
      _ = rule.choose(for: [root], asking: oracle)
      #expect(ledger.counts.updates == 1 && rule.network.parameters != before)
      let graph = BranchingGraph(oracle.network, row: oracle.row)
      let features = SubproblemFeatures(
        root, oracle.states(of: [root])[0], box: oracle.box, graph: graph)
      var babsr = BaBSR()
      let winner = babsr.choose(for: [root], asking: oracle)[0]
      func margin(_ parameters: BranchingParameters) throws -> Float {
        let scores = BranchingNetwork(parameters).scores(features, on: graph)
        let loser = try #require(BranchingNetwork(before).scores(features, on: graph).best)
        func score(_ relu: ReLUIndex) -> Float {
          scores.relus.firstIndex(of: relu).map { scores.values[$0] } ?? 0
        }
        return score(winner) - score(loser)
      }
      #expect(try margin(rule.network.parameters) > margin(before))
      return
    }
    Issue.record("no network's choice was beaten")
  }

  @Test func `better classes are asked to score higher by one`() throws {
    let value = try #require(
      RankLoss.hinge(scores: [2, 0.5, 0, 9], classes: [9, 5, 5, nil]))
    // Pairs (0, 1) and (0, 2): both apart by more than 1.
    #expect(value.loss == 0 && value.slopes == [0, 0, 0, 0])
    let other = try #require(RankLoss.hinge(scores: [0, 0.5, 3], classes: [9, 5, 0]))
    // Gaps 1.5, 4 and 3.5, all in the wrong order.
    #expect(abs(other.loss - 3) < 1e-6)
    #expect(abs(other.slopes[0] + 2 / 3.0) < 1e-6 && abs(other.slopes[2] - 2 / 3.0) < 1e-6)
    #expect(RankLoss.hinge(scores: [1, 2], classes: [4, 4]) == nil)
  }

  @Test func `qualities are improvements over the best, and an empty child counts half`() {
    func candidate(_ off: Double, _ on: Double) -> BranchingRecord.Candidate {
      BranchingRecord.Candidate(
        relu: ReLUIndex(layer: 0, neuron: 0), children: ChildBounds(off: off, on: on))
    }
    let features = SubproblemFeatures(
      inputLower: [], inputUpper: [], input: [], layers: [], outputLower: -1, outputUpper: 1,
      output: -1)
    let record = BranchingRecord(
      features: features, parentBound: -1,
      candidates: [candidate(.infinity, -1), candidate(-0.5, -1), candidate(-1, -1)])
    #expect(record.qualities == [1, 0.5, 0] && record.classes == [9, 4, nil])
    #expect(record.isUseful)
  }
}
