public import EdgeOptimization
import Tensors

/// Measures where the predictor expects the best: each round adds designs and trains anew.
///
/// The first round is random; of each other one half are the best by prediction, half random
/// (BRP-NAS: Dudziak et al. 2020, section 4.2).
public struct IterativeSampling: Sendable {
  public var rounds = 5
  /// Which values are good.
  public var best: TopDesigns.Best
  public var seed: UInt64 = 0

  public init(best: TopDesigns.Best) { self.best = best }

  /// Measures and trains.
  ///
  /// - `pool`: One row for each design that may be measured.
  /// - `budget`: Measurements in all, at least 3 a round and at most the pool.
  /// - `measure`: The value of a design of the pool; asked once for each.
  /// - Throws: `EdgeError` for a budget out of range; what `measure` and the method throw.
  public func fit<Method: PredictorMethod>(
    _ method: Method, pool: FeatureMatrix, budget: Int, measure: (Int) throws -> Double
  ) throws -> (model: Method.Model, measured: [Int]) {
    guard rounds > 0, budget >= 3 * rounds, budget <= pool.rowCount else {
      throw EdgeError(
        .badParameter,
        "a budget of \(budget) measurements in \(rounds) rounds; needed are at least \(3 * rounds) "
          + "and at most the pool's \(pool.rowCount)")
    }
    var random = RandomStream(seed: seed).child("pool")
    var remaining = random.permutation(pool.rowCount)
    var (measured, values): ([Int], [Double]) = ([], [])
    var model: Method.Model?
    for round in 1...rounds {
      let wanted = budget * round / rounds - measured.count
      var chosen: [Int] = []
      if let model {
        let predicted = try model.predict(pool.rows(remaining))
        let sign = best == .lowest ? 1.0 : -1.0
        let order = remaining.indices.sorted {
          predicted[$0] != predicted[$1] ? sign * predicted[$0] < sign * predicted[$1] : $0 < $1
        }
        chosen = order.prefix(wanted / 2).map { remaining[$0] }
      }
      // What remains is in random order.
      let taken = Set(chosen)
      chosen += remaining.filter { !taken.contains($0) }.prefix(wanted - chosen.count)
      let all = Set(chosen)
      remaining.removeAll { all.contains($0) }
      for row in chosen { values.append(try measure(row)) }
      measured += chosen
      model = try method.fit(pool.rows(measured), values)
    }
    guard let model else { throw EdgeError(.badParameter, "no round was run") }
    return (model, measured)
  }
}
