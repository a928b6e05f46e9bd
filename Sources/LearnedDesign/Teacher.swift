import EdgeOptimization
import Tensors

/// What the optimizer imitates: the best of a pool by the predictors.
struct Teacher {
  /// Standardised accuracies by each network of the ensemble: [members, pool].
  private let qualities: Tensor
  /// Their mean less some of their spread, since the best of many predictions is often the most
  /// wrong one: [pool].
  private let quality: Tensor
  /// [pool, positions], int64.
  private let designs: Tensor
  private let pool: LatencyPredictor.Pool

  init(
    accuracy: AccuracyPredictor, latency: LatencyPredictor, pool: [[Int]], caution: Double
  ) throws {
    let corners = try accuracy.encoding.corners(pool)
    // In parts, since the features of a whole space are large.
    qualities = try withoutGradients {
      try .concatenated(corners.split(every: 2048).map { try accuracy.standardized($0) }, along: 1)
    }
    quality = try qualities.mean(along: 0) - qualities.standardDeviation(along: 0) * caution
    designs = try Tensor(pool.flatMap { $0 }, shape: [pool.count, pool[0].count])
    self.pool = try latency.pool(corners)
  }

  /// For each device φ [n, references] and normalised budget [n] the place in the pool of the design
  /// of highest predicted accuracy that is predicted to keep the budget, or of the fastest where none
  /// does: [n], int64.
  private func places(_ quality: Tensor, _ excess: Tensor) throws -> Tensor {
    // Beyond the budget only latency counts: no difference of accuracies outweighs it.
    try (quality.unsqueezed(1) - excess * 1e4).argmax(along: 0)
  }

  private func excess(_ phi: Tensor, _ budget: Tensor) throws -> Tensor {
    try (pool.normalized(phi) - budget.unsqueezed(0)).relu()
  }

  /// The best designs [n, positions] for devices and budgets.
  func best(phi: Tensor, budget: Tensor) throws -> Tensor {
    try designs.gathering(places(quality, excess(phi, budget)))
  }

  /// The places in the pool that any network of the ensemble takes for the best, the most often
  /// named first: what it would pay to measure.
  func contested(phi: Tensor, budget: Tensor) throws -> [Int] {
    let excess = try excess(phi, budget)
    let named = try qualities.unstacked().flatMap { try places($0, excess).integers() }
    let counts = Dictionary(named.map { ($0, 1) }, uniquingKeysWith: +)
    return counts.keys.sorted { (counts[$0] ?? 0, $1) > (counts[$1] ?? 0, $0) }
  }
}
