import LinearAlgebra
public import Statistics

/// How far devices agree on the order of designs: Spearman's correlation for each pair.
public struct RankAgreement: Hashable, Sendable {
  public let devices: [String]
  /// Symmetric, 1 on the diagonal; a pair's reason where it is undefined.
  public let matrix: [[Statistic]]
  /// The number of designs valid on both devices of a pair.
  public let counts: [[Int]]

  /// Computes all pairs, devices spread over workers; the result doesn't depend on their number.
  ///
  /// Each device is ranked once; pairs with invalid designs are ranked over their common rows.
  public init(_ tables: DeviceTables, workers: Int) async {
    let values = tables.values
    let devices = values.count
    let ranked = await spread(over: workers, devices) { device -> [Double]? in
      let column = values[device]
      guard !column.contains(where: \.isNaN), column.count > 1 else { return nil }
      guard !column.allSatisfy({ $0 == column[0] }) else { return nil }
      return Correlation.centredUnitRanks(column)
    }
    let rows = await spread(over: workers, devices) { first in
      (0..<devices).map { second -> (Statistic, Int) in
        if second < first { return (Statistic(0), 0) }
        if first != second, let left = ranked[first], let right = ranked[second] {
          return (Statistic(product(left, right)), left.count)
        }
        if first == second {
          let count = ranked[first]?.count ?? values[first].count { !$0.isNaN }
          return (Statistic(1), count)
        }
        let count = zip(values[first], values[second]).count { !$0.isNaN && !$1.isNaN }
        let (left, right) = RankAgreement.common(values[first], values[second])
        return (Correlation.spearman(left, right), count)
      }
    }
    self.devices = tables.devices
    matrix = (0..<devices).map { row in
      (0..<devices).map { rows[min(row, $0)][max(row, $0)].0 }
    }
    counts = (0..<devices).map { row in
      (0..<devices).map { rows[min(row, $0)][max(row, $0)].1 }
    }
  }

  /// The values of the rows that are valid on both sides.
  public static func common(_ left: [Double], _ right: [Double]) -> ([Double], [Double]) {
    let rows = left.indices.filter { !left[$0].isNaN && !right[$0].isNaN }
    return (rows.map { left[$0] }, rows.map { right[$0] })
  }

  /// The 90 % interval of a pair's correlation, over its common designs.
  public func interval(_ first: Int, _ second: Int) -> RankInterval? {
    matrix[first][second].value.flatMap {
      RankInterval(value: $0, count: counts[first][second])
    }
  }

  /// The defined correlations of different devices, row by row above the diagonal.
  public var pairs: [(first: Int, second: Int, value: Double)] {
    devices.indices.flatMap { first in
      (first + 1..<max(devices.count, first + 1)).compactMap { second in
        matrix[first][second].value.map { (first, second, $0) }
      }
    }
  }

  /// Groups of devices of which every two agree at least so well (complete linkage).
  ///
  /// The two groups whose worst pair is best are joined first; ties go to the earlier devices.
  public func clusters(above threshold: Double) -> [[Int]] {
    var groups = devices.indices.map { [$0] }
    while true {
      var best: (value: Double, first: Int, second: Int)?
      for first in groups.indices {
        for second in groups.indices where second > first {
          let worst =
            groups[first].flatMap { left in
              groups[second].map { matrix[left][$0].value ?? -1 }
            }.min() ?? -1
          if worst >= threshold, worst > best?.value ?? -2 { best = (worst, first, second) }
        }
      }
      guard let best else { return groups }
      groups[best.first] = (groups[best.first] + groups[best.second]).sorted()
      groups.remove(at: best.second)
    }
  }

  /// Devices that together serve all: each in turn the one that covers most devices not yet
  /// covered, ties to the higher mean correlation, then to the earlier device.
  public func suggestedProxies(above threshold: Double) -> [(proxy: Int, covers: [Int])] {
    var uncovered = Set(devices.indices)
    var result: [(Int, [Int])] = []
    let means = matrix.map { row in row.reduce(0) { $0 + ($1.value ?? 0) } }
    while !uncovered.isEmpty {
      var best: (proxy: Int, covers: [Int])?
      for proxy in devices.indices {
        let covers = uncovered.sorted().filter {
          $0 == proxy || matrix[proxy][$0].value ?? -1 >= threshold
        }
        guard let current = best else {
          best = (proxy, covers)
          continue
        }
        let isBetter =
          covers.count != current.covers.count
          ? covers.count > current.covers.count : means[proxy] > means[current.proxy]
        if isBetter { best = (proxy, covers) }
      }
      guard let best, !best.covers.isEmpty else { break }
      result.append(best)
      uncovered.subtract(best.covers)
    }
    return result
  }
}

/// Computes `count` results with at most `workers` at a time, in the order of their positions.
func spread<Result: Sendable>(
  over workers: Int, _ count: Int, _ body: @escaping @Sendable (Int) -> Result
) async -> [Result] {
  await withTaskGroup(of: (Int, Result).self) { group in
    var results = [Result?](repeating: nil, count: count)
    var next = 0
    while next < min(max(workers, 1), count) {
      let position = next
      group.addTask { (position, body(position)) }
      next += 1
    }
    for await (position, result) in group {
      results[position] = result
      if next < count {
        let position = next
        group.addTask { (position, body(position)) }
        next += 1
      }
    }
    return results.compactMap { $0 }
  }
}
