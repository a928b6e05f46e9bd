internal import CClp

/// Minimises a linear form of bounded variables under linear rows, through Clp.
///
/// A solver stops at a tolerance, so its optimum is not a bound: callers take the duals and evaluate
/// the Lagrangian themselves.
package struct LinearProgram: Sendable {
  /// A row `lower <= sum of coefficients times variables <= upper`.
  package struct Row: Sendable {
    package var entries: [(column: Int, value: Double)]
    package var lower: Double
    package var upper: Double

    package init(entries: [(column: Int, value: Double)], lower: Double, upper: Double) {
      self.entries = entries
      self.lower = lower
      self.upper = upper
    }
  }

  package struct Solution: Sendable {
    package var x: [Double]
    /// A row's multiplier: at least 0 where its lower side holds, at most 0 where its upper does.
    package var duals: [Double]
    package var optimum: Double
    /// A status of Clp's for each column, then each row.
    package var basis: [UInt8]
  }

  package enum Method: Int32, Sendable {
    case dualSimplex = 0
    case primalSimplex = 1
    case barrier = 2
  }

  package var lower: [Double] = []
  package var upper: [Double] = []
  package var objective: [Double] = []
  package var rows: [Row] = []

  package init() {}

  /// Whether a solver is installed.
  package static var isAvailable: Bool { clp_is_available() != 0 }

  /// Adds a variable and gives its column.
  package mutating func variable(_ lower: Double, _ upper: Double, cost: Double = 0) -> Int {
    self.lower.append(lower)
    self.upper.append(upper)
    objective.append(cost)
    return objective.count - 1
  }

  /// How a solver ended.
  package enum Outcome: Sendable {
    case optimal(Solution)
    case infeasible
    /// Without an answer, or there is no solver.
    case stopped
  }

  /// The optimum, or nil where there is none or no solver.
  package func minimised(by method: Method = .dualSimplex) -> Solution? {
    if case .optimal(let solution) = solve(by: method) { solution } else { nil }
  }

  /// The Lagrangian at multipliers of the rows: a lower bound for any, where all variables are
  /// bounded.
  package func lagrangian(_ duals: [Double]) -> Double {
    var bound = 0.0
    var reduced = objective
    for (row, dual) in zip(rows, duals) {
      let side = dual > 0 ? row.lower : row.upper
      // A multiplier of a side that is not there is put to 0.
      guard dual != 0, side.isFinite else { continue }
      bound += dual * side
      for entry in row.entries { reduced[entry.column] -= dual * entry.value }
    }
    for column in reduced.indices {
      bound += min(reduced[column] * lower[column], reduced[column] * upper[column])
    }
    return bound
  }

  /// Solves the program, from a basis where one is given.
  package func solve(by method: Method, from start: [UInt8]? = nil) -> Outcome {
    var counts = [Int32](repeating: 0, count: objective.count + 1)
    for row in rows {
      for entry in row.entries { counts[entry.column + 1] += 1 }
    }
    for column in objective.indices { counts[column + 1] += counts[column] }
    let starts = counts
    var indices = [Int32](repeating: 0, count: Int(starts[objective.count]))
    var values = [Double](repeating: 0, count: indices.count)
    for (index, row) in rows.enumerated() {
      for entry in row.entries {
        let place = Int(counts[entry.column])
        indices[place] = Int32(index)
        values[place] = entry.value
        counts[entry.column] += 1
      }
    }
    var x = [Double](repeating: 0, count: objective.count)
    var duals = [Double](repeating: 0, count: rows.count)
    var optimum = 0.0
    var basis = start ?? [UInt8](repeating: 0, count: objective.count + rows.count)
    precondition(basis.count == objective.count + rows.count, "a status for each column and row")
    let status = clp_solve(
      Int32(objective.count), Int32(rows.count), starts, indices, values, lower, upper, objective,
      rows.map(\.lower), rows.map(\.upper), method.rawValue, start == nil ? 0 : 1, &basis,
      &x, &duals, &optimum)
    switch status {
    case 0: return .optimal(Solution(x: x, duals: duals, optimum: optimum, basis: basis))
    case 1: return .infeasible
    default: return .stopped
    }
  }
}
