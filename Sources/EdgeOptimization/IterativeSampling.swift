import Statistics

/// Measures in rounds: each adds designs that the predictor chooses and fits it anew.
///
/// The first round is random. Of each other one half are the best by prediction; the other half
/// are those whose values the model is least certain of or, where it knows no uncertainty, random
/// ones (BRP-NAS: Dudziak et al. 2020, section 4.2).
public struct IterativeSampling: Sendable {
  /// How often the model is fitted; BRP-NAS has 5.
  public var rounds = 5
  /// Which values are good.
  public var best: TopDesigns.Best
  /// Whether a value's uncertainty counts in proportion to the value, as befits models of logarithms.
  public var isRelative = false
  /// Of the random designs.
  public var seed: UInt64 = 0

  /// Five rounds.
  ///
  /// - Parameter best: Which values are good.
  public init(best: TopDesigns.Best) { self.best = best }

  /// Measures and fits.
  ///
  /// - Parameters:
  ///   - method: The predictor, fitted once a round to all that has been measured.
  ///   - pool: One row for each design that may be measured.
  ///   - budget: Measurements in all, at least 3 a round and at most the pool.
  ///   - measure: The value of a design of the pool, by its row; asked once for each.
  /// - Returns: The last round's model, and the rows measured in their order.
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
    var remaining = sample(pool.rowCount, of: Array(0..<pool.rowCount), seed: seed)
    var (measured, values): ([Int], [Double]) = ([], [])
    var model: Method.Model?
    for round in 1...rounds {
      let wanted = budget * round / rounds - measured.count
      let chosen = try choose(wanted, of: remaining, model, pool)
      let taken = Set(chosen)
      remaining.removeAll { taken.contains($0) }
      for row in chosen { values.append(try measure(row)) }
      measured += chosen
      model = try method.fit(pool.rows(measured), values)
    }
    guard let model else { throw EdgeError(.badParameter, "no round was run") }
    return (model, measured)
  }

  /// The next rows to measure; `remaining` is in random order, which breaks ties and fills up.
  private func choose(
    _ count: Int, of remaining: [Int], _ model: (some TrainedPredictor)?, _ pool: FeatureMatrix
  ) throws -> [Int] {
    guard let model else { return Array(remaining.prefix(count)) }
    let features = pool.rows(remaining)
    let known = try model.predictWithVariance(features)
    let predicted = try known?.means ?? model.predict(features)
    let sign = best == .lowest ? 1.0 : -1.0
    let chosen = sortedIndices(predicted.map { sign * $0 }).prefix(count / 2)
    let taken = Set(chosen)
    let uncertain = known.map { known in
      sortedIndices(
        zip(known.means, known.variances).map { isRelative ? -$1 / ($0 * $0) : -$1 })
    }
    let others = (uncertain ?? Array(remaining.indices)).filter { !taken.contains($0) }
    return (chosen + others.prefix(count - chosen.count)).map { remaining[$0] }
  }
}
