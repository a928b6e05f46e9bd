import Statistics
import Synchronization
public import Verification

/// Splits by BaBSR and, every now and then, by strong branching, which it records as an example.
///
/// As published, the candidates are the best by BaBSR's score, the best of each later layer, and
/// random ones until a share of every layer's ambiguous ReLUs is in; their children are bounded by
/// a few steps of ascent instead of LPs.
public struct StrongBranchingSampler: BranchingRule {
  public struct Options: Hashable, Sendable {
    /// Candidates by BaBSR's score, over all layers and in each layer but the first.
    public var best = 60
    public var bestOfLayer = 20
    /// The share of every layer's ambiguous ReLUs that are candidates.
    public var share = 0.1
    /// Steps of ascent for each child.
    public var steps = 20
    /// Records of a property, and the most decisions from one to the next.
    public var records = 30
    public var interval = 15

    public init() {}
  }

  /// Where records go: the search works on a copy of the rule.
  public final class Recorder: Sendable {
    private let stored = Mutex<[BranchingRecord]>([])

    public init() {}

    public var records: [BranchingRecord] { stored.withLock { $0 } }

    func append(_ record: BranchingRecord) { stored.withLock { $0.append(record) } }
  }

  public var name: String { "strong-sampler" }
  private let options: Options
  private let recorder: Recorder
  private var generator: SplitMix64
  private var babsr = BaBSR()
  /// Decisions until the next record; the root is always one.
  private var countdown = 0
  private var count = 0
  private var graph: BranchingGraph?

  public init(_ recorder: Recorder, seed: UInt64, options: Options = Options()) {
    self.recorder = recorder
    self.options = options
    generator = SplitMix64(seed: seed)
  }

  public mutating func choose(
    for subproblems: [Subproblem], asking oracle: any BranchingOracle
  ) -> [ReLUIndex] {
    let choices = babsr.choose(for: subproblems, asking: oracle)
    return zip(subproblems, choices).map { subproblem, choice in
      guard countdown == 0, count < options.records else {
        countdown -= countdown > 0 ? 1 : 0
        return choice
      }
      countdown = options.interval > 1 ? below(options.interval) : 0
      count += 1
      return record(subproblem, oracle) ?? choice
    }
  }

  /// Tries the candidates; nil where none improves the bound.
  private mutating func record(
    _ subproblem: Subproblem, _ oracle: any BranchingOracle
  ) -> ReLUIndex? {
    let candidates = candidates(subproblem, oracle.babsrScores(of: [subproblem])[0])
    let children = oracle.childBounds(
      of: subproblem, candidates: candidates, steps: options.steps)
    let graph = self.graph ?? BranchingGraph(oracle.network, row: oracle.row)
    self.graph = graph
    let record = BranchingRecord(
      features: SubproblemFeatures(
        subproblem, oracle.states(of: [subproblem])[0], box: oracle.box, graph: graph),
      parentBound: subproblem.lowerBound,
      candidates: zip(candidates, children).map {
        BranchingRecord.Candidate(relu: $0, children: $1)
      })
    recorder.append(record)
    let qualities = record.qualities
    var best: Int?
    for index in qualities.indices where qualities[index] > best.map({ qualities[$0] }) ?? 0 {
      best = index
    }
    return best.map { candidates[$0] }
  }

  private mutating func candidates(
    _ subproblem: Subproblem, _ scores: BaBSRScores
  ) -> [ReLUIndex] {
    func ranked(_ relus: [ReLUIndex]) -> [ReLUIndex] {
      relus.sorted {
        let (first, second) = (
          scores.scores[$0.layer][$0.neuron], scores.scores[$1.layer][$1.neuron]
        )
        return first == second ? $0 < $1 : first > second
      }
    }
    let all = subproblem.ambiguous
    var chosen = Set(ranked(all).prefix(options.best))
    for layer in subproblem.bounds.indices {
      let own = all.filter { $0.layer == layer }
      if layer > 0 { chosen.formUnion(ranked(own).prefix(options.bestOfLayer)) }
      var rest = own.filter { !chosen.contains($0) }
      var missing = Int((options.share * Double(own.count)).rounded(.up)) - (own.count - rest.count)
      while missing > 0, !rest.isEmpty {
        chosen.insert(rest.remove(at: below(rest.count)))
        missing -= 1
      }
    }
    return chosen.sorted()
  }

  private mutating func below(_ bound: Int) -> Int {
    Int(generator.next().multipliedFullWidth(by: UInt64(bound)).high)
  }
}
