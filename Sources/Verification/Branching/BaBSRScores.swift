internal import CBoundKernels

/// How much each ReLU's relaxation costs, by one backward pass with the upper lines' slopes.
///
/// Lu and Kumar 2020 and Bunel et al. 2020, "BaBSR": with `rho` the row's coefficients carried down,
/// `score = |max(b rho (s - 1), b rho s) + min(rho, 0) t|` and `intercept = min(rho, 0) t`.
public struct BaBSRScores: Hashable, Sendable {
  /// At least 0, and 0 for ReLUs that are not ambiguous; a layer each.
  public var scores: [[Double]]
  /// At most 0, and 0 for ReLUs that are not ambiguous; a layer each.
  public var intercepts: [[Double]]
  /// As `scores`, with the smaller of the two terms: what FSB ranks by.
  public var pessimistic: [[Double]]
}

extension Bounder {
  /// The scores of each subproblem's ReLUs for a row.
  public func babsrScores(_ jobs: [(subproblem: Subproblem, row: OutputRow)]) -> [BaBSRScores] {
    let lanes = BoundEngine.lanes
    let groups = stride(from: 0, to: jobs.count, by: lanes).map {
      Array(jobs[$0..<min($0 + lanes, jobs.count)])
    }
    return pool.map(groups.count) { engine, index in engine.babsrScores(groups[index]) }
      .flatMap { $0 }
  }
}

extension BoundEngine {
  fileprivate func babsrScores(
    _ jobs: [(subproblem: Subproblem, row: OutputRow)]
  ) -> [BaBSRScores] {
    let lanes = BoundEngine.lanes
    let last = levels.count - 1
    levels[last].a.update(repeating: 0, count: levels[last].count * lanes)
    for (lane, job) in jobs.enumerated() {
      for (index, coefficient) in job.row.coefficients.enumerated() {
        levels[last].a[index * lanes + lane] = coefficient
      }
    }
    let zeros = levels.dropLast().map { [Double](repeating: 0, count: $0.count) }
    var result = jobs.map { _ in
      BaBSRScores(scores: zeros, intercepts: zeros, pessimistic: zeros)
    }
    for j in stride(from: last, to: 0, by: -1) {
      transposed(j, from: levels[j].a, to: levels[j - 1].g)
      let level = levels[j - 1]
      let biases = network.layers[j - 1].biases
      for lane in jobs.indices {
        let bounds = jobs[lane].subproblem.bounds[j - 1]
        for i in 0..<level.count {
          let place = i * lanes + lane
          let rho = level.g[place]
          let line = UpperLine(bounds.lower[i], bounds.upper[i])
          level.a[place] = rho * line.slope
          guard line.intercept > 0 else { continue }
          let intercept = min(rho, 0) * line.intercept
          let (off, on) = (biases[i] * rho * (line.slope - 1), biases[i] * rho * line.slope)
          result[lane].intercepts[j - 1][i] = intercept
          result[lane].scores[j - 1][i] = abs(max(off, on) + intercept)
          result[lane].pessimistic[j - 1][i] = abs(min(off, on) + intercept)
        }
      }
    }
    return result
  }
}
