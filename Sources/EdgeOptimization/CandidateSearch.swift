#if canImport(Glibc)
  import Glibc
#endif
import Statistics

/// Chooses which designs to measure next, so that good ones are found for every latency limit.
///
/// Accuracies are known, latencies are predicted: log latency of design x is N(μ, σ²). With F(L) the
/// best accuracy measured so far within a limit L, measuring x is expected to gain
///
///     G(x) = Σ over L of max(0, acc(x) − F(L)) · Φ((log L − μ)/σ),
///
/// the expected improvement (Mockus 1975) summed over limits, here quantiles of the predicted
/// latencies. A design that may well be too slow for a limit counts by its chance.
package struct CandidateSearch {
  /// The limits, ascending.
  package let limits: [Double]
  private let accuracy: [Double]
  /// F, one for each limit.
  private var best: [Double]

  /// - Parameters:
  ///   - predicted: Predicted latencies of all designs, NaN where there is none.
  ///   - accuracy: Their accuracies.
  package init(predicted: [Double], accuracy: [Double]) {
    let valid = predicted.indices.filter { !predicted[$0].isNaN && !accuracy[$0].isNaN }
    let latencies = valid.map { predicted[$0] }.sorted()
    limits = latencies.isEmpty ? [] : (1...49).map { quantile(latencies, Double($0) / 50) }
    self.accuracy = accuracy
    best = limits.map { _ in valid.map { accuracy[$0] }.min() ?? 0 }
  }

  /// Takes note of a design's latency.
  package mutating func observe(_ design: Int, latency: Double) {
    guard !accuracy[design].isNaN else { return }
    for (position, limit) in limits.enumerated() where latency <= limit {
      best[position] = max(best[position], accuracy[design])
    }
  }

  /// G of a design.
  package func gain(_ design: Int, predicted: Double, logDeviation: Double) -> Double {
    guard predicted > 0, !accuracy[design].isNaN else { return 0 }
    let centre = log(predicted)
    var total = 0.0
    for (position, limit) in limits.enumerated() where accuracy[design] > best[position] {
      let reach = (log(limit) - centre) / max(logDeviation, 1e-9)
      total += (accuracy[design] - best[position]) * NormalDistribution.probability(below: reach)
    }
    return total
  }

  /// The designs with the largest gain, each chosen as if the ones before it took what is predicted.
  ///
  /// - Parameters:
  ///   - count: How many at most; fewer where no more promise any gain.
  ///   - designs: The designs to choose from.
  ///   - predicted: Predicted latencies of all designs.
  ///   - logDeviations: The standard deviations of their logarithms.
  /// - Returns: The chosen designs, the most promising first; of equal ones the first of the list.
  package func chosen(
    _ count: Int, of designs: [Int], predicted: [Double], logDeviations: [Double]
  ) -> [Int] {
    var search = self
    var result: [Int] = []
    // Gains only fall while designs are observed, so an old gain is an upper bound of the new one.
    var bounds = designs.map {
      search.gain($0, predicted: predicted[$0], logDeviation: logDeviations[$0])
    }
    while result.count < count {
      var found: (gain: Double, position: Int)?
      for position in designs.indices where bounds[position] > found?.gain ?? 0 {
        let design = designs[position]
        let gain = search.gain(
          design, predicted: predicted[design], logDeviation: logDeviations[design])
        bounds[position] = gain
        if gain > found?.gain ?? 0 { found = (gain, position) }
      }
      guard let found else { break }
      let design = designs[found.position]
      bounds[found.position] = 0
      result.append(design)
      search.observe(design, latency: predicted[design])
    }
    return result
  }
}
