import Foundation

/// How far apart the uncertainties of two groups of rows are.
///
/// Groups are the wrong and the right rows of a test set, or a foreign set and a test set.
public struct UncertaintyDivergence: Hashable, Sendable {
  /// KL(first ‖ second) and KL(second ‖ first) of histograms, in nats.
  public let forward: Double
  public let backward: Double
  /// The Jensen–Shannon divergence in nats, and as a share of its largest value log 2.
  public let jensenShannon: Double
  public var jensenShannonShare: Double { jensenShannon / Foundation.log(2) }
  public let wasserstein1: Double
  public let kolmogorovSmirnov: Double
  /// The first group's mean less the second's.
  public let meanGap: Double

  /// - Parameters:
  ///   - first: Uncertainties of one group.
  ///   - second: Of the other.
  ///   - bins: Equal ones between the pooled minimum and maximum; each count gets ½ added.
  /// - Throws: ``InferenceError`` for an empty group, no bins, or uncertainties that are all equal.
  public init(_ first: [Double], _ second: [Double], bins: Int = 20) throws {
    guard !first.isEmpty, !second.isEmpty else {
      throw InferenceError(
        .badData, "groups of \(first.count) and \(second.count) rows; both need one")
    }
    guard bins > 0 else { throw InferenceError(.badOption, "\(bins) bins; 1 or more are needed") }
    let pooled = first + second
    let (low, high) = (pooled.min() ?? 0, pooled.max() ?? 0)
    guard high > low else {
      throw InferenceError(.badData, "the uncertainty is \(low) in every row")
    }
    let histogram = { (values: [Double]) -> [Double] in
      var counts = [Double](repeating: 0.5, count: bins)
      for value in values {
        counts[min(Int((value - low) / (high - low) * Double(bins)), bins - 1)] += 1
      }
      let sum = counts.reduce(0, +)
      return counts.map { $0 / sum }
    }
    let (a, b) = (histogram(first), histogram(second))
    let divergence = { (p: [Double], q: [Double]) in
      zip(p, q).reduce(0) { $0 + $1.0 * Foundation.log($1.0 / $1.1) }
    }
    let middle = zip(a, b).map { ($0 + $1) / 2 }
    forward = divergence(a, b)
    backward = divergence(b, a)
    jensenShannon = (divergence(a, middle) + divergence(b, middle)) / 2
    wasserstein1 = Wasserstein.distance(first, second, power: 1)
    meanGap =
      first.reduce(0, +) / Double(first.count) - second.reduce(0, +) / Double(second.count)
    kolmogorovSmirnov = UncertaintyDivergence.largestGap(first.sorted(), second.sorted())
  }

  private static func largestGap(_ first: [Double], _ second: [Double]) -> Double {
    var (i, j, largest) = (0, 0, 0.0)
    while i < first.count || j < second.count {
      let next = min(
        i < first.count ? first[i] : .infinity, j < second.count ? second[j] : .infinity)
      while i < first.count && first[i] <= next { i += 1 }
      while j < second.count && second[j] <= next { j += 1 }
      largest = max(
        largest, abs(Double(i) / Double(first.count) - Double(j) / Double(second.count)))
    }
    return largest
  }
}

/// Decisions that cost what the truth makes of them.
public struct Decisions: Hashable, Sendable {
  /// The action of each row: the one of the least expected cost, the lowest of several.
  public let actions: [Int]
  /// The cost of all rows together.
  public let totalCost: Double

  /// - Parameters:
  ///   - mixtures: A probability a class, row by row.
  ///   - labels: The true classes.
  ///   - cost: Of each true class (first) and action.
  /// - Throws: ``InferenceError`` where the matrix doesn't fit the classes.
  public init(_ mixtures: [[Double]], _ labels: [Int], cost: [[Double]]) throws {
    let classes = mixtures.first?.count ?? 0
    let count = cost.first?.count ?? 0
    guard cost.count == classes, count > 0, cost.allSatisfy({ $0.count == count }) else {
      throw InferenceError(
        .badOption, "a cost matrix of \(cost.count) × \(count) for \(classes) classes")
    }
    actions = mixtures.map { mixture in
      let expected = (0..<count).map { action in
        -zip(mixture, cost).reduce(0) { $0 + $1.0 * $1.1[action] }
      }
      return ClassProbabilities.largest(expected)
    }
    totalCost = zip(actions, labels).reduce(0) { $0 + cost[$1.1][$1.0] }
  }
}
