/// Branch and bound over ReLUs for one clause: best first, a batch of parts at a time.
///
/// A part is closed only by a bound above the tolerance, never by an upper bound. Results do not
/// depend on the number of threads.
struct SplitSearch {
  /// A part that is proved, with the weights of the rows whose sum proves it.
  struct Leaf: Sendable {
    var node: Subproblem
    var weights: [Double]
  }

  /// What a round found.
  enum Round {
    case open
    case proved
    case candidate([Double])
    case stuck(Incompleteness)
  }

  let bounder: Bounder
  let clause: Clause
  let options: SearchOptions
  private(set) var queue = NodeQueue()
  private(set) var leaves: [Leaf] = []
  private(set) var branches = 0
  private(set) var rounds = 0
  private(set) var rule: any BranchingRule
  /// The smallest value of the clause seen at a point.
  private(set) var upperBound = Double.infinity
  private var pendingCandidate: [Double]?
  /// Parts that could be decided neither way.
  private(set) var undecidedParts: [Subproblem] = []

  init(_ bounder: Bounder, _ clause: Clause, rule: any BranchingRule, _ options: SearchOptions) {
    self.bounder = bounder
    self.clause = clause
    self.rule = rule
    self.options = options
    insert([bounder.root()], steps: options.bounds.rootSteps)
  }

  /// A search that was saved, without its parts.
  init(
    _ bounder: Bounder, _ clause: Clause, rule: any BranchingRule, _ options: SearchOptions,
    resumed branches: Int, _ rounds: Int
  ) {
    self.bounder = bounder
    self.clause = clause
    self.rule = rule
    self.options = options
    self.branches = branches
    self.rounds = rounds
  }

  mutating func requeue(_ node: Subproblem) { queue.insert(node) }
  mutating func restore(_ leaf: Leaf) { leaves.append(leaf) }

  var lowerBound: Double {
    undecidedParts.isEmpty ? queue.lowestBound : min(queue.lowestBound, 0)
  }
  var open: Int { queue.count + undecidedParts.count }

  /// Bytes that open parts take, at most: slopes, and bounds of all layers where none is shared.
  var memory: Int {
    queue.count * (bounder.network.reluCounts.reduce(0, +) * 20 + 512)
  }

  /// Splits up to a batch of parts.
  mutating func round() -> Round {
    if let candidate = pendingCandidate {
      pendingCandidate = nil
      return .candidate(candidate)
    }
    guard !queue.isEmpty else { return undecidedParts.isEmpty ? .proved : .stuck(.precision) }
    guard memory <= options.memoryLimit else { return .stuck(.memory) }
    var nodes: [Subproblem] = []
    var whole: [Subproblem] = []
    while nodes.count + whole.count < options.batch, let node = queue.removeLowest() {
      if node.bounds.allSatisfy({ layer in !layer.lower.indices.contains { layer.isAmbiguous($0) } }
      ) {
        whole.append(node)
      } else {
        nodes.append(node)
      }
    }
    if !whole.isEmpty { finish(whole) }
    rounds += 1
    if !nodes.isEmpty { split(nodes) }
    if let candidate = pendingCandidate {
      pendingCandidate = nil
      return .candidate(candidate)
    }
    return .open
  }

  private mutating func split(_ nodes: [Subproblem]) {
    // Rules look at one row: the one with the best bound, which the first part was bounded by.
    let row = clause.rows[clause.rows.count == 1 ? 0 : bestRow(nodes[0])]
    let steps = options.bounds.childSteps
    // A part's best row is not known to a rule where there are several.
    let tried =
      clause.rows.count == 1 ? TriedChildren(steps: steps, target: options.tolerance) : nil
    let oracle = BounderOracle(bounder, row: row, tried: tried)
    let choices = rule.choose(for: nodes, asking: oracle)
    precondition(choices.count == nodes.count, "one choice for each part")
    branches += 2 * nodes.count
    let known = zip(nodes, choices).map { tried?.pair(of: $0, $1) }
    let missing = nodes.indices.filter { known[$0] == nil }
    var fresh = bounded(
      bounder.children(missing.map { (nodes[$0], choices[$0]) }), steps: steps)[...]
    for pair in known {
      if let pair {
        settle(zip(pair.children, pair.bounds).map { ($0.0, seen($0.1), 0) })
      } else {
        settle(Array(fresh.prefix(2)))
        fresh = fresh.dropFirst(2)
      }
    }
  }

  private func bestRow(_ node: Subproblem) -> Int {
    let bounds = bounder.bound(
      clause.rows.map { (node, $0) }, steps: 0, target: options.tolerance)
    return bounds.indices.max { bounds[$0].lowerBound < bounds[$1].lowerBound } ?? 0
  }

  /// Bounds parts, closes those that are proved, and queues the others.
  private mutating func insert(_ nodes: [Subproblem], steps: Int) {
    settle(bounded(nodes, steps: steps))
  }

  /// Closes bounded parts that are proved, and queues the others.
  private mutating func settle(_ parts: [(node: Subproblem, bound: RowBound, row: Int)]) {
    for (node, bound, row) in parts {
      var node = node
      node.lowerBound = bound.lowerBound
      node.dual = bound.dual
      if bound.lowerBound > options.tolerance {
        close(node, clause.rows.indices.map { $0 == row ? 1 : 0 })
      } else {
        queue.insert(node)
      }
    }
  }

  /// Keeps what a certificate needs of a proved part; its bounds are found again from its splits.
  private mutating func close(_ node: Subproblem, _ weights: [Double]) {
    guard options.keepsCertificate else { return }
    var leaf = node
    leaf.bounds = []
    leaves.append(Leaf(node: leaf, weights: weights))
  }

  /// Each part with its best row's bound, which is at least the part's own.
  private mutating func bounded(
    _ nodes: [Subproblem], steps: Int
  ) -> [(node: Subproblem, bound: RowBound, row: Int)] {
    let rows = clause.rows
    let found = bounder.bound(
      nodes.flatMap { node in rows.map { (node, $0) } }, steps: steps, target: options.tolerance)
    return nodes.indices.map { index in
      let part = found[index * rows.count..<(index + 1) * rows.count]
      for bound in part { _ = seen(bound) }
      let best = part.indices.max { part[$0].lowerBound < part[$1].lowerBound } ?? part.startIndex
      return (nodes[index], part[best], best - part.startIndex)
    }
  }

  /// Takes note of the point that a bound came with, and gives the bound back.
  private mutating func seen(_ bound: RowBound) -> RowBound {
    // With several rows the replay decides whether all are violated.
    if let vertex = bound.vertex, vertex.value < upperBound {
      upperBound = vertex.value
      if vertex.value <= 0 { pendingCandidate = vertex.point }
    }
    return bound
  }

  /// Decides parts without ambiguous ReLUs, on which the rows are linear.
  private mutating func finish(_ nodes: [Subproblem]) {
    let leaf = ExactLeaf(bounder: bounder, clause: clause, tolerance: options.tolerance)
    let decisions = bounder.pool.map(nodes.count) { engine, index in
      leaf.decide(nodes[index], engine)
    }
    for (node, decision) in zip(nodes, decisions) {
      switch decision {
      case .closed(let bound, let weights):
        var node = node
        node.lowerBound = bound.lowerBound
        node.dual = bound.dual
        close(node, weights)
      case .candidate(let point):
        // A point that the replay refutes leaves the part undecided.
        undecidedParts.append(node)
        pendingCandidate = point
      case .undecided: undecidedParts.append(node)
      }
    }
  }
}
