public import Statistics

/// Pareto-optimal trade-offs of accuracy (higher is better) and latency (lower is better).
public enum Pareto {
  /// The designs that no other dominates, by ascending latency.
  ///
  /// A design dominates another that is no faster and no more accurate, and worse in one of the
  /// two. Of equal designs the lowest position stays.
  ///
  /// - `designs`: Positions in both lists; designs with a NaN are left out.
  public static func front(
    of designs: [Int], latency: [Double], accuracy: [Double]
  ) -> [Int] {
    walk(ordered(designs, latency, accuracy), accuracy).front
  }

  /// The first fronts: each is the front of what the ones before it leave.
  public static func layers(
    _ count: Int, of designs: [Int], latency: [Double], accuracy: [Double]
  ) -> [[Int]] {
    var rest = ordered(designs, latency, accuracy)
    var layers: [[Int]] = []
    while layers.count < count && !rest.isEmpty {
      let (front, left) = walk(rest, accuracy)
      layers.append(front)
      rest = left
    }
    return layers
  }

  private static func ordered(
    _ designs: [Int], _ latency: [Double], _ accuracy: [Double]
  ) -> [Int] {
    designs.filter { !latency[$0].isNaN && !accuracy[$0].isNaN }.sorted {
      if latency[$0] != latency[$1] { return latency[$0] < latency[$1] }
      if accuracy[$0] != accuracy[$1] { return accuracy[$0] > accuracy[$1] }
      return $0 < $1
    }
  }

  private static func walk(
    _ ordered: [Int], _ accuracy: [Double]
  ) -> (front: [Int], rest: [Int]) {
    var best = -Double.infinity
    var front: [Int] = []
    var rest: [Int] = []
    for design in ordered {
      if accuracy[design] > best {
        best = accuracy[design]
        front.append(design)
      } else {
        rest.append(design)
      }
    }
    return (front, rest)
  }
}

/// How good a set of candidate designs is on a target whose whole table is known.
public struct TransferQuality: Hashable, Sendable {
  /// The quantiles of the target's latencies that serve as budgets: 0.1 … 0.9.
  public static let quantiles = (1...9).map { Double($0) / 10 }

  /// For each budget, the best accuracy of all designs minus that of the candidates, in the unit of
  /// the accuracy; nil where no candidate keeps the budget.
  public let gaps: [Double?]
  /// The area under the candidates' front as a share of that under the true front.
  public let hypervolumeRatio: Statistic

  /// - `referenceAccuracy`: Areas count above this accuracy, and up to the table's largest
  ///   latency.
  public init(
    candidates: [Int], latency: [Double], accuracy: [Double], referenceAccuracy: Double = 50
  ) {
    let designs = latency.indices.filter { !latency[$0].isNaN && !accuracy[$0].isNaN }
    let latencies = designs.map { latency[$0] }
    let best = { (set: [Int], budget: Double) in
      set.filter { latency[$0] <= budget }.map { accuracy[$0] }.max()
    }
    gaps = TransferQuality.quantiles.map { share in
      let budget = quantile(latencies, share)
      guard let all = best(designs, budget), let found = best(candidates, budget) else {
        return nil
      }
      return all - found
    }
    let limit = latencies.max() ?? 0
    let area = { (set: [Int]) in
      let front = Pareto.front(of: set, latency: latency, accuracy: accuracy)
      var total = 0.0
      for (position, design) in front.enumerated() {
        let next = position + 1 < front.count ? latency[front[position + 1]] : limit
        total += (next - latency[design]) * max(0, accuracy[design] - referenceAccuracy)
      }
      return total
    }
    let whole = area(designs)
    hypervolumeRatio =
      whole > 0
      ? Statistic(area(candidates) / whole)
      : Statistic(undefined: "no design is more accurate than \(referenceAccuracy)")
  }

  /// The mean over the budgets; nil where one of them can't be kept.
  public var meanGap: Double? {
    let defined = gaps.compactMap { $0 }
    return defined.count == gaps.count ? defined.reduce(0, +) / Double(gaps.count) : nil
  }

  /// The largest over the budgets; nil where one of them can't be kept.
  public var largestGap: Double? {
    let defined = gaps.compactMap { $0 }
    return defined.count == gaps.count ? defined.max() : nil
  }
}
