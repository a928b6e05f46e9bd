/// What a method needed for a group of properties, on average.
public struct RunSummary: Hashable, Sendable {
  public var set: String
  public var group: String
  public var method: String
  /// Properties that the method ran on.
  public var rows: Int
  public var solved: Int
  /// Counterexamples among the solved.
  public var violated: Int
  /// Mean seconds over all rows; an unsolved one counts its limit.
  public var seconds: Double
  /// Mean branches over the solved rows that have them; nil where there is none.
  public var branches: Double?
  /// Unsolved rows in per cent.
  public var unsolvedPercent: Double { 100 * Double(rows - solved) / Double(rows) }

  /// Summaries of each group and method, in the order in which they first occur.
  public static func table(_ runs: [SolverRun]) -> [RunSummary] {
    let keys = runs.map { [$0.set, $0.group, $0.method] }
    let parts = Dictionary(grouping: zip(keys, runs), by: \.0).mapValues { $0.map(\.1) }
    return distinct(keys).compactMap { key in parts[key].flatMap { RunSummary($0) } }
  }

  /// The mean over runs of one method; nil of none.
  public init?(_ runs: [SolverRun]) {
    guard let first = runs.first else { return nil }
    (set, group, method) = (first.set, first.group, first.method)
    rows = runs.count
    solved = runs.count(where: \.verdict.isSolved)
    violated = runs.count { $0.verdict == .sat }
    seconds =
      runs.reduce(0) { $0 + ($1.verdict.isSolved ? $1.seconds : $1.limit) } / Double(rows)
    branches = mean(runs.filter(\.verdict.isSolved).compactMap(\.branches))
  }
}

/// Mean branches of several methods over the properties that all of them solved: the only fair
/// comparison of branch counts, since a method that gives up early on hard properties needs few.
public struct CommonBranches: Hashable, Sendable {
  /// Properties solved by all methods, in order of their first occurrence.
  public var properties: [String]
  /// Mean branches by method.
  public var mean: [String: Double]
  /// Mean seconds by method.
  public var seconds: [String: Double]

  /// - Parameters:
  ///   - runs: All of one set; of a property that a method ran on twice, the last counts.
  ///   - methods: At least one.
  public init(_ runs: [SolverRun], methods: [String]) {
    var byMethod: [String: [String: SolverRun]] = [:]
    for run in runs where run.verdict.isSolved && run.branches != nil {
      byMethod[run.method, default: [:]][run.property] = run
    }
    properties = distinct(runs.map(\.property)).filter { property in
      methods.allSatisfy { byMethod[$0]?[property] != nil }
    }
    (mean, seconds) = ([:], [:])
    guard !properties.isEmpty else { return }
    for method in methods {
      let solved = properties.compactMap { byMethod[method]?[$0] }
      let count = Double(solved.count)
      mean[method] = solved.reduce(0) { $0 + Double($1.branches ?? 0) } / count
      seconds[method] = solved.reduce(0) { $0 + $1.seconds } / count
    }
  }
}

/// The share of a group's properties that a method solves within a budget: a step line.
public struct CactusCurve: Hashable, Sendable {
  /// What the budget is counted in.
  public enum Budget: String, Sendable { case seconds, branches }

  public var method: String
  /// Budgets at which the share rises, ascending, and the share from there on.
  public var points: [(budget: Double, share: Double)] {
    zip(budgets, shares).map { ($0, $1) }
  }
  private var budgets: [Double] = []
  private var shares: [Double] = []

  /// Draws the runs of one method; timeouts are never reached.
  public init(_ runs: [SolverRun], method: String, budget: Budget) {
    self.method = method
    let own = runs.filter { $0.method == method }
    let spent = own.filter(\.verdict.isSolved).compactMap { run in
      budget == .seconds ? run.seconds : run.branches.map { Double($0) }
    }.sorted()
    for (index, value) in spent.enumerated() {
      if budgets.last == value {
        shares[shares.count - 1] = Double(index + 1) / Double(own.count)
      } else {
        budgets.append(value)
        shares.append(Double(index + 1) / Double(own.count))
      }
    }
  }
}

private func mean(_ counts: [Int]) -> Double? {
  counts.isEmpty ? nil : Double(counts.reduce(0, +)) / Double(counts.count)
}

/// The elements without repetitions, in the order of their first occurrence.
private func distinct<Element: Hashable>(_ elements: [Element]) -> [Element] {
  var seen: Set<Element> = []
  return elements.filter { seen.insert($0).inserted }
}
