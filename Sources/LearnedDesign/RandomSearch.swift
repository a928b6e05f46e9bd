import EdgeOptimization
import Statistics
public import Tensors

/// Random search: the best of some random designs that are measured on the device.
///
/// The baseline of a learned optimizer that also measures. Where none of the designs keeps the budget, the
/// fastest is taken, which exceeds it.
public enum RandomSearch {
  /// What it loses and exceeds on one device, in the mean over budgets and draws.
  ///
  /// - Parameters:
  ///   - count: Designs that are measured for each budget.
  ///   - rows: The device's budgets and optima.
  ///   - latencies: The device's whole table; designs not above 0 can't be run, and are not drawn.
  ///   - accuracies: Of the same designs, in percent.
  ///   - draws: Searches for each budget.
  ///   - random: Draws.
  /// - Returns: Points of accuracy lost, and the share of budgets exceeded by more than 2 %; nil without
  ///   a row or a design that can be run.
  /// - Throws: `EdgeError` where the table does not fit the accuracies.
  public static func summary(
    measuring count: Int, rows: [DesignTrial.Row], latencies: [Double], accuracies: [Double],
    draws: Int = 50, random: RandomStream
  ) throws -> (gap: Double, exceeded: Double)? {
    guard latencies.count == accuracies.count else {
      throw EdgeError(
        .badTable, "\(latencies.count) latencies and \(accuracies.count) accuracies of designs")
    }
    let valid = latencies.indices.filter { latencies[$0] > 0 && latencies[$0].isFinite }
    guard count > 0, draws > 0, !rows.isEmpty, !valid.isEmpty else { return nil }
    var random = random
    var (lost, exceeded) = (0.0, 0)
    for row in rows {
      for _ in 0..<draws {
        let drawn = sample(min(count, valid.count), of: valid, seed: random.next())
        let found = best(of: drawn, within: row.budget, latencies, accuracies)
        lost += row.optimum - accuracies[found]
        if latencies[found] > 1.02 * row.budget { exceeded += 1 }
      }
    }
    let total = Double(rows.count * draws)
    return (lost / total, Double(exceeded) / total)
  }

  /// The most accurate of some measured designs that keep a budget, and else the fastest.
  static func best(
    of designs: [Int], within budget: Double, _ latencies: [Double], _ accuracies: [Double]
  ) -> Int {
    designs.filter { latencies[$0] <= budget }.max { accuracies[$0] < accuracies[$1] }
      ?? designs.min { latencies[$0] < latencies[$1] } ?? 0
  }
}
