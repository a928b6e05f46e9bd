/// What dual ascent knows at a subproblem beside its bound, for rules that look at it.
///
/// `dual` values are those of the planet relaxation's rows `z >= zhat` and `z <= s zhat + t` at the
/// subproblem's own `alpha` and `beta`; the primal values are those of the box's minimising vertex,
/// run through the relaxation (the lower line where the coefficient is positive, the upper one
/// where it is negative). All are layers of ReLUs.
public struct RelaxationState: Hashable, Sendable {
  /// The lower bound that goes with these values.
  public var lowerBound: Double
  /// `alpha G+` at each ReLU, at least 0.
  public var lowerDual: [[Double]]
  /// `G-` at each ReLU, at most 0; 0 for ReLUs that are decided.
  public var upperDual: [[Double]]
  /// What goes into each ReLU.
  public var zhat: [[Double]]
  /// What comes out of each ReLU.
  public var z: [[Double]]
  /// The minimising vertex of the box.
  public var input: [Double]

  public init(
    lowerBound: Double, lowerDual: [[Double]], upperDual: [[Double]], zhat: [[Double]],
    z: [[Double]], input: [Double]
  ) {
    self.lowerBound = lowerBound
    self.lowerDual = lowerDual
    self.upperDual = upperDual
    self.zhat = zhat
    self.z = z
    self.input = input
  }
}

/// The lower bounds of a split's two children; `+inf` where a child is empty.
public struct ChildBounds: Hashable, Sendable {
  /// Of the child `zhat <= 0`.
  public var off: Double
  /// Of the child `zhat >= 0`.
  public var on: Double

  public init(off: Double, on: Double) {
    self.off = off
    self.on = on
  }

  /// By how much the split closes the gap of a parent bounded by `parent < 0`, in [0, 1].
  ///
  /// `(min(off, 0) + min(on, 0) - 2 parent) / (-2 parent)`; 1 closes the parent.
  public func improvement(over parent: Double) -> Double {
    guard parent < 0 else { return 1 }
    return (min(off, 0) + min(on, 0) - 2 * parent) / (-2 * parent)
  }
}

/// What a rule may ask while it decides.
///
/// The search gives rules one of these, bound to one row of one clause on one box.
public protocol BranchingOracle: Sendable {
  var network: ReLUNetwork { get }
  var box: Box { get }
  /// The row whose lower bound is to rise.
  var row: OutputRow { get }
  /// Relaxation values of subproblems, at their own dual points; eight cost little more than one.
  func states(of subproblems: [Subproblem]) -> [RelaxationState]
  /// BaBSR's scores of subproblems' ReLUs.
  func babsrScores(of subproblems: [Subproblem]) -> [BaBSRScores]
  /// Bounds both children of a subproblem for each candidate, with the given steps of ascent.
  ///
  /// - Returns: One pair a candidate, in their order.
  func childBounds(
    of subproblem: Subproblem, candidates: [ReLUIndex], steps: Int
  ) -> [ChildBounds]
  /// Bounds both children of several subproblems, each split at one ReLU; eight children cost little
  /// more than one.
  ///
  /// With as many steps as the search takes, the children of what is chosen in the end are not bounded
  /// again.
  ///
  /// - Returns: One pair a split, in their order.
  func childBounds(of splits: [(Subproblem, ReLUIndex)], steps: Int) -> [ChildBounds]
}

extension BranchingOracle {
  public func childBounds(of splits: [(Subproblem, ReLUIndex)], steps: Int) -> [ChildBounds] {
    splits.flatMap { childBounds(of: $0, candidates: [$1], steps: steps) }
  }
}

/// Answers rules from a `Bounder`.
public struct BounderOracle: BranchingOracle {
  public let bounder: Bounder
  public let row: OutputRow
  /// Where children go that are bounded as the search does it.
  private let tried: TriedChildren?

  public init(_ bounder: Bounder, row: OutputRow) {
    self.init(bounder, row: row, tried: nil)
  }

  init(_ bounder: Bounder, row: OutputRow, tried: TriedChildren?) {
    self.bounder = bounder
    self.row = row
    self.tried = tried
  }

  public var network: ReLUNetwork { bounder.network }
  public var box: Box { bounder.box }

  public func states(of subproblems: [Subproblem]) -> [RelaxationState] {
    bounder.states(subproblems.map { ($0, row) })
  }

  public func babsrScores(of subproblems: [Subproblem]) -> [BaBSRScores] {
    bounder.babsrScores(subproblems.map { ($0, row) })
  }

  public func childBounds(
    of subproblem: Subproblem, candidates: [ReLUIndex], steps: Int
  ) -> [ChildBounds] {
    childBounds(of: candidates.map { (subproblem, $0) }, steps: steps)
  }

  public func childBounds(of splits: [(Subproblem, ReLUIndex)], steps: Int) -> [ChildBounds] {
    let tried = tried?.steps == steps ? tried : nil
    var pairs = splits.map { tried?.pair(of: $0, $1) }
    let missing = pairs.indices.filter { pairs[$0] == nil }
    let found = bounder.pairs(
      missing.map { splits[$0] }, row: row, steps: steps, target: tried?.target ?? 0)
    for (index, pair) in zip(missing, found) {
      pairs[index] = pair
      tried?.keep(pair, of: splits[index].0, splits[index].1)
    }
    return pairs.compactMap { pair in
      pair.map { ChildBounds(off: $0.bounds[0].lowerBound, on: $0.bounds[1].lowerBound) }
    }
  }
}

/// Chooses the ReLU to split.
///
/// # Design
///
/// The search pops up to a batch of subproblems, asks the rule once for all of them, bounds the
/// children, and goes on; a rule is a value that is asked in a fixed order, so it may keep state
/// (a random stream, counters, weights that it learns) without making a run depend on the number
/// of threads. It is never asked about a subproblem without an ambiguous ReLU: the search solves
/// those itself.
///
/// The pieces around it: `ReLUNetwork` is a chain of `AffineLayer`s; a `Property` consists of
/// `Problem`s, each a `Box` with `Clause`s of `OutputRow`s; a `Subproblem` is a part of the box with
/// its `Split`s, `LayerBounds` and the `DualPoint` that gave its bound. A rule reads bounds from the
/// subproblem and everything else from the `BranchingOracle`.
public protocol BranchingRule: Sendable {
  /// What reports call the rule.
  var name: String { get }
  /// One ambiguous ReLU for each subproblem.
  mutating func choose(
    for subproblems: [Subproblem], asking oracle: any BranchingOracle
  ) -> [ReLUIndex]
}
