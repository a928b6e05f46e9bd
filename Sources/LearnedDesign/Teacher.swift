import EdgeOptimization
import Tensors

/// What the optimizer imitates: the best of a pool by the predictors.
struct Teacher {
  /// Possible standardised accuracies: [draws, pool].
  private let qualities: Tensor
  /// [pool, positions], int64; like all here the best first by the predicted mean.
  private let designs: Tensor
  private let pool: LatencyPredictor.Pool
  private let count: Int
  /// The place of each design in the list that was given.
  private let order: [Int]

  /// - Parameters:
  ///   - accuracy: Says which design is better.
  ///   - latency: Says which is fast enough.
  ///   - pool: Designs to choose among.
  ///   - draws: How many possible accuracies of all are drawn for ``contested(phi:budget:)``.
  ///   - random: Draws them.
  /// - Throws: `EdgeError` for a design that is not of the space.
  init(
    accuracy: AccuracyPredictor, latency: LatencyPredictor, pool: [[Int]], draws: Int = 1,
    random: RandomStream
  ) throws {
    let distributions = try accuracy.distributions(pool)
    let values = distributions.map(\.mean)
    let order = values.indices.sorted { (-values[$0], $0) < (-values[$1], $1) }
    self.order = order
    qualities = try withoutGradients {
      try accuracy.draws(draws, of: pool, from: distributions, random: random)
        .gathering(Tensor(order), along: 1)
    }
    designs = try Tensor(
      order.flatMap { pool[$0] }, shape: [pool.count, pool[0].count])
    self.pool = try latency.pool(order.map { pool[$0] })
    count = pool.count
  }

  /// The best designs [n, positions] for devices φ [n, references] and normalised budgets [n]: of those
  /// that are predicted to keep the budget the first, or the fastest where none does.
  func best(phi: Tensor, budget: Tensor) throws -> Tensor {
    let devices = try pool.devices(phi)
    var found = [Int](repeating: 0, count: budget.count)
    var open = Array(found.indices)
    // Most are found among the first; only the tightest budgets need the whole pool.
    for start in stride(from: 0, to: count, by: 1024) where !open.isEmpty {
      let columns = try Tensor(open)
      let latencies = try pool.normalized(
        start..<min(start + 1024, count), devices.gathering(columns, along: 1))
      let keeps = try latencies .<= budget.gathering(columns).unsqueezed(0)
      let (first, any) = (
        try keeps.to(.float32).argmax(along: 0).integers(), try keeps.any(along: 0).booleans()
      )
      for (place, column) in open.enumerated() where any[place] {
        found[column] = start + first[place]
      }
      open = zip(open, any).filter { !$0.1 }.map(\.0)
    }
    if !open.isEmpty {
      let latencies = try pool.normalized(0..<count, devices.gathering(Tensor(open), along: 1))
      for (column, place) in zip(open, try latencies.argmin(along: 0).integers()) {
        found[column] = place
      }
    }
    return try designs.gathering(Tensor(found))
  }

  /// The places in the pool that are the best by any of the drawn accuracies, the most often named
  /// first: what it would pay to measure.
  func contested(phi: Tensor, budget: Tensor) throws -> [Int] {
    let excess = try (pool.normalized(0..<count, pool.devices(phi)) - budget.unsqueezed(0)).relu()
    // Beyond the budget only latency counts: no difference of accuracies outweighs it.
    let named = try qualities.unstacked().flatMap { quality in
      try (quality.unsqueezed(1) - excess * 1e4).argmax(along: 0).integers().map { order[$0] }
    }
    let counts = Dictionary(named.map { ($0, 1) }, uniquingKeysWith: +)
    return counts.keys.sorted { (counts[$0] ?? 0, $1) > (counts[$1] ?? 0, $0) }
  }
}
