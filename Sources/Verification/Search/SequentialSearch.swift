/// Branch and bound exactly as published with BaBSR and the branching GNN: one part at a time, KW
/// bounds of layers, the planet relaxation's linear program as bound.
///
/// For counting branches beside the published ones; the default search is faster by far and closes no
/// part on a solver's word that it is empty, which this one does.
public struct SequentialSearch: Sendable {
  /// What the search found.
  public struct Result: Hashable, Sendable {
    /// Nil where the branches were used up, or the solver failed.
    public var holds: Bool?
    /// Children bounded.
    public var branches: Int
    public var lowerBound: Double
    public var upperBound: Double
    /// The bound of the whole box.
    public var rootBound: Double
  }

  private let bounder: Bounder
  private let planet: PlanetProgram
  private let row: OutputRow
  /// The published search's own tolerance.
  private static let epsilon = 1e-4

  public init(_ network: ReLUNetwork, box: Box, row: OutputRow, workers: Int = 1) {
    bounder = Bounder(network, box: box, options: .fixed(.parallel), workers: workers)
    planet = PlanetProgram(network)
    self.row = row
  }

  /// Whether the linear-programming solver that it needs is installed.
  public static var isAvailable: Bool { LinearProgram.isAvailable }

  /// Searches until an end or a number of branches.
  ///
  /// After each split `report` is told the branches and both global bounds, and may end the search.
  ///
  /// - Returns: The bounds with the branches they took.
  public func run(
    rule: any BranchingRule = BaBSR(), branches limit: Int = .max,
    report: (_ branches: Int, _ lower: Double, _ upper: Double) -> Bool = { _, _, _ in true }
  ) -> Result {
    var rule = rule
    let oracle = PlanetOracle(bounder, planet, row: row)
    guard let (root, first) = oracle.root() else {
      return Result(
        holds: nil, branches: 0, lowerBound: -.infinity, upperBound: .infinity,
        rootBound: -.infinity)
    }
    var upper = value(first.input)
    var branches = 0
    func result(_ holds: Bool?, _ lower: Double) -> Result {
      Result(
        holds: holds, branches: branches, lowerBound: lower, upperBound: upper,
        rootBound: first.lowerBound)
    }
    if root.lowerBound >= 0 { return result(true, root.lowerBound) }
    if upper < 0 { return result(false, root.lowerBound) }
    var queue = NodeQueue()
    queue.insert(root)
    while branches < limit {
      guard let node = queue.removeLowest() else {
        let lower = upper - SequentialSearch.epsilon
        return result(lower >= 0 ? true : nil, lower)
      }
      if node.lowerBound >= upper - SequentialSearch.epsilon { continue }
      guard !node.ambiguous.isEmpty else { return result(nil, node.lowerBound) }
      let relu = rule.choose(for: [node], asking: oracle)[0]
      guard let children = oracle.split(node, relu) else { return result(nil, node.lowerBound) }
      for (child, input) in children {
        branches += 1
        if let input { upper = min(upper, value(input)) }
        if child.lowerBound < upper { queue.insert(child) }
      }
      let lower = queue.isEmpty ? upper - SequentialSearch.epsilon : queue.lowestBound
      let goesOn = report(branches, lower, upper)
      if upper < 0 { return result(false, lower) }
      if lower >= 0 { return result(true, lower) }
      if !goesOn || upper - lower <= SequentialSearch.epsilon { return result(nil, lower) }
    }
    return result(nil, queue.lowestBound)
  }

  private func value(_ input: [Double]) -> Double {
    row.value(bounder.network.evaluate(bounder.box.clamp(input)))
  }
}
