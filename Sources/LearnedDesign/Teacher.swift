import EdgeOptimization
import Tensors

/// What the optimizer imitates: the best of a pool by the predictors.
struct Teacher {
  /// Standardised accuracies by each network of the ensemble: [members, pool].
  private let qualities: Tensor
  /// [pool, positions], int64; like all here the best first, by the mean of the ensemble less some of
  /// its spread, since the best of many predictions is often the most wrong one.
  private let designs: Tensor
  private let pool: LatencyPredictor.Pool
  private let count: Int
  /// The place of each design in the list that was given.
  private let order: [Int]

  init(
    accuracy: AccuracyPredictor, latency: LatencyPredictor, pool: [[Int]], caution: Double
  ) throws {
    let corners = try accuracy.encoding.corners(pool)
    // In parts, since the features of a whole space are large.
    let qualities = try withoutGradients {
      try Tensor.concatenated(
        corners.split(every: 2048).map { try accuracy.standardized($0) }, along: 1)
    }
    let quality = try qualities.mean(along: 0) - qualities.standardDeviation(along: 0) * caution
    let values = try quality.doubles()
    order = values.indices.sorted { (-values[$0], $0) < (-values[$1], $1) }
    let places = try Tensor(order)
    self.qualities = try qualities.gathering(places, along: 1)
    designs = try Tensor(
      order.flatMap { pool[$0] }, shape: [pool.count, pool[0].count])
    self.pool = try latency.pool(corners.gathering(places))
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

  /// The places in the pool that any network of the ensemble takes for the best, the most often
  /// named first: what it would pay to measure.
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
