import Synchronization

/// Answers rules as the published search does: every bound is the planet relaxation's optimum, and what
/// a rule learns of a part are the linear program's duals and primal values.
///
/// Children that a rule has tried are kept until their parent is split, so that the search need not
/// bound them again.
final class PlanetOracle: BranchingOracle {
  private struct Child: Sendable {
    var part: Subproblem
    /// Nil for an empty part, and where the solver stopped.
    var bound: PlanetProgram.Bound?
  }

  private struct Memory {
    /// The program's solution at each open part, by its splits.
    var solutions: [[Split]: PlanetProgram.Bound] = [:]
    var children: [[Split]: [ReLUIndex: [Child]]] = [:]
  }

  private let bounder: Bounder
  private let planet: PlanetProgram
  let row: OutputRow
  private let memory = Mutex(Memory())

  init(_ bounder: Bounder, _ planet: PlanetProgram, row: OutputRow) {
    self.bounder = bounder
    self.planet = planet
    self.row = row
  }

  var network: ReLUNetwork { bounder.network }
  var box: Box { bounder.box }

  /// The bound of the whole box; nil where the solver stopped.
  func root() -> (part: Subproblem, bound: PlanetProgram.Bound)? {
    var root = bounder.root()
    guard let bound = planet.bound(row, box: box, root) else { return nil }
    root.lowerBound = bound.lowerBound
    memory.withLock { $0.solutions[root.splits] = bound }
    return (root, bound)
  }

  /// Both children of a split, bounded, with the program's minimising input where there is one.
  ///
  /// An empty one has the bound `+inf`. Nil where the solver stopped.
  func split(_ parent: Subproblem, _ relu: ReLUIndex) -> [(part: Subproblem, input: [Double]?)]? {
    let children = children(parent, relu)
    memory.withLock {
      $0.solutions[parent.splits] = nil
      $0.children[parent.splits] = nil
      for child in children {
        if let bound = child.bound { $0.solutions[child.part.splits] = bound }
      }
    }
    guard children.allSatisfy({ $0.bound != nil || $0.part.lowerBound == .infinity }) else {
      return nil
    }
    return children.map { ($0.part, $0.bound?.input) }
  }

  private func children(_ parent: Subproblem, _ relu: ReLUIndex) -> [Child] {
    let (known, basis) = memory.withLock {
      ($0.children[parent.splits]?[relu], $0.solutions[parent.splits]?.basis)
    }
    if let known { return known }
    let made = bounder.children([(parent, relu)]).map { part in
      var child = Child(part: part, bound: nil)
      guard part.lowerBound != .infinity else { return child }
      let bound = planet.bound(row, box: box, part, from: basis)
      child.part.lowerBound = bound?.lowerBound ?? parent.lowerBound
      child.bound = bound?.lowerBound == .infinity ? nil : bound
      return child
    }
    memory.withLock { $0.children[parent.splits, default: [:]][relu] = made }
    return made
  }

  func states(of subproblems: [Subproblem]) -> [RelaxationState] {
    subproblems.map { part in
      if let known = memory.withLock({ $0.solutions[part.splits] }) { return known.state }
      return bounder.states([(part, row)])[0]
    }
  }

  func babsrScores(of subproblems: [Subproblem]) -> [BaBSRScores] {
    bounder.babsrScores(subproblems.map { ($0, row) })
  }

  /// Bounds by linear programs, whatever the steps.
  func childBounds(
    of subproblem: Subproblem, candidates: [ReLUIndex], steps: Int
  ) -> [ChildBounds] {
    candidates.map { relu in
      let bounds = children(subproblem, relu).map(\.part.lowerBound)
      return ChildBounds(off: bounds[0], on: bounds[1])
    }
  }
}
