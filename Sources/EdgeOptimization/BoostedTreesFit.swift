import Statistics
public import StructuredValue

/// Gradient boosting of regression trees for the squared error (`gbdt`).
///
/// Friedman 2002 (a random part of the rows for each tree) with splits between histogram bins and
/// leaf values and gains as in XGBoost (Chen and Guestrin 2016, equations 5 to 7). One thread adds
/// everything in a fixed order, so that the bytes depend on the seed alone.
public struct BoostedTreesFit: PredictorMethod {
  /// Whether the logarithm of the values is fitted.
  public var isLogarithmic: Bool
  public var treeCount = 400
  /// Splits between a tree's root and its leaves.
  public var depth = 4
  /// The share of each tree's answer that is added.
  public var rate = 0.05
  /// The share of the rows that each tree sees.
  public var rowShare = 0.8
  /// The share of the features that each tree may split by.
  public var featureShare = 1.0
  /// The penalty λ of squared leaf values.
  public var penalty = 1.0
  /// The least weight of the rows in a leaf.
  public var leastLeaf = 1.0
  /// At most so many bins for each feature; features with fewer values are split exactly.
  public var binCount = 256
  public var seed: UInt64 = 0

  /// - Parameter isLogarithmic: Fit the logarithm, as befits positive values such as latency.
  public init(isLogarithmic: Bool) { self.isLogarithmic = isLogarithmic }

  public func fit(
    _ features: FeatureMatrix, _ values: [Double], weights: [Double]? = nil
  ) throws(EdgeError) -> BoostedTrees {
    try checkFit(features, values, weights)
    guard (1...10).contains(depth), treeCount > 0, (2...256).contains(binCount) else {
      throw EdgeError(
        .badParameter,
        "\(treeCount) trees of depth \(depth) with \(binCount) bins; needed are at least 1 tree, a "
          + "depth of 1…10 and 2…256 bins")
    }
    guard rowShare > 0, rowShare <= 1, featureShare > 0, featureShare <= 1 else {
      throw EdgeError(
        .badParameter,
        "shares of \(rowShare) of the rows and \(featureShare) of the features; both are in (0, 1]")
    }
    let scale = try TargetScale(values, weights: weights, isLogarithmic: isLogarithmic)
    let binned = BinnedFeatures(features, binCount: binCount)
    let count = values.count
    let total = weights?.reduce(0, +) ?? 1
    let weights =
      weights?.map { $0 / total * Double(count) } ?? [Double](repeating: 1, count: count)
    var residuals = scale.standardised(values)
    var trees: [RegressionTree] = []
    let rowCount = max(1, Int((rowShare * Double(count)).rounded()))
    let splittable = Array(0..<features.columnCount)
    let columnCount = max(1, Int((featureShare * Double(splittable.count)).rounded()))
    var generator = SplitMix64(seed: seed)
    for _ in 0..<treeCount {
      let drawn = generator.next()
      let rows = rowCount < count ? sample(rowCount, of: Array(0..<count), seed: drawn) : nil
      let columns =
        columnCount < splittable.count
        ? sample(columnCount, of: splittable, seed: ~drawn).sorted() : splittable
      let tree = grow(binned, residuals, weights, rows, columns)
      binned.subtract(tree, rate: rate, from: &residuals)
      trees.append(tree)
    }
    return BoostedTrees(
      scale: scale, rate: rate, featureCount: features.columnCount, trees: trees)
  }

  /// Grows one tree level by level.
  private func grow(
    _ features: BinnedFeatures, _ residuals: [Double], _ weights: [Double], _ rows: [Int]?,
    _ columns: [Int]
  ) -> RegressionTree {
    var tree = RegressionTree(depth: depth)
    let gradients = zip(weights, residuals).map { SIMD2($0 * $1, $0) }
    let columns = columns.filter { !features.edges[$0].isEmpty }
    // The rows of each node of a level.
    var nodes = [(rows ?? Array(residuals.indices)).sorted().map { Int32($0) }]
    var histograms: [[SIMD2<Double>]] = []
    for _ in 0..<depth {
      histograms = nextHistograms(features, columns, nodes, gradients, parents: histograms)
      let first = nodes.count - 1
      for (place, rows) in nodes.enumerated() {
        let total = rows.reduce(SIMD2<Double>.zero) { $0 + gradients[Int($1)] }
        var best = Split(gain: 1e-12 + total[0] * total[0] / (total[1] + penalty))
        var start = 0
        for column in columns {
          let end = start + features.edges[column].count + 1
          improve(&best, column, histograms[place][start..<end], total)
          start = end
        }
        guard best.column >= 0 else { continue }
        tree.columns[first + place] = best.column
        tree.bins[first + place] = best.bin
        tree.thresholds[first + place] = features.edges[best.column][best.bin]
      }
      nodes = nodes.enumerated().flatMap { place, rows in
        features.split(rows, tree.columns[first + place], tree.bins[first + place])
      }
    }
    tree.leaves = nodes.map { rows in
      let sum = rows.reduce(SIMD2<Double>.zero) { $0 + gradients[Int($1)] }
      return sum[0] / (sum[1] + penalty)
    }
    return tree
  }

  /// The sums of gradients and weights in each bin, column after column, for each node of a level.
  ///
  /// Of two siblings the smaller one is summed up; the other is what it leaves of their parent.
  private func nextHistograms(
    _ features: BinnedFeatures, _ columns: [Int], _ nodes: [[Int32]],
    _ gradients: [SIMD2<Double>], parents: [[SIMD2<Double>]]
  ) -> [[SIMD2<Double>]] {
    guard nodes.count > 1 else { return [features.histogram(columns, nodes[0], gradients)] }
    return parents.enumerated().flatMap { place, parent in
      let (left, right) = (nodes[2 * place], nodes[2 * place + 1])
      let small = features.histogram(
        columns, left.count <= right.count ? left : right, gradients)
      var large = parent
      for bin in large.indices { large[bin] -= small[bin] }
      return left.count <= right.count ? [small, large] : [large, small]
    }
  }

  /// Takes the best cut of one feature in one node, if it is better; the first of equals stays.
  private func improve(
    _ best: inout Split, _ column: Int, _ histogram: ArraySlice<SIMD2<Double>>,
    _ total: SIMD2<Double>
  ) {
    var left = SIMD2<Double>.zero
    for (bin, sum) in histogram.dropLast().enumerated() {
      left += sum
      let right = total - left
      guard left[1] >= leastLeaf, right[1] >= leastLeaf else { continue }
      let gain =
        left[0] * left[0] / (left[1] + penalty) + right[0] * right[0] / (right[1] + penalty)
      // Sums in another order differ in their last digits; those of equal cuts must not decide.
      if gain > best.gain * (1 + 1e-10) { best = Split(gain: gain, column: column, bin: bin) }
    }
  }

  private struct Split {
    var gain: Double
    var column = -1
    var bin = 0
  }
}

/// A complete binary tree: node i has the children 2i+1 and 2i+2.
struct RegressionTree: Hashable, Sendable {
  let depth: Int
  /// The feature that each inner node looks at; −1 where all rows go left.
  var columns: [Int]
  /// Up to this bin, or threshold, rows go left.
  var bins: [Int]
  var thresholds: [Double]
  var leaves: [Double]

  init(depth: Int) {
    self.depth = depth
    let inner = (1 << depth) - 1
    columns = [Int](repeating: -1, count: inner)
    bins = [Int](repeating: 0, count: inner)
    thresholds = [Double](repeating: 0, count: inner)
    leaves = [Double](repeating: 0, count: 1 << depth)
  }
}

/// Features as bin numbers.
private struct BinnedFeatures {
  /// Upper ends of all bins but the last, for each feature.
  var edges: [[Double]] = []
  private var bins: [[UInt8]] = []
  /// For each row the columns of two bins in which it is in the upper one.
  private var ones: [[Int32]]

  init(_ features: FeatureMatrix, binCount: Int) {
    ones = [[Int32]](repeating: [], count: features.rowCount)
    for column in 0..<features.columnCount {
      let values = (0..<features.rowCount).map { features[$0, column] }
      let sorted = values.sorted()
      var distinct: [Double] = []
      for value in sorted where value != distinct.last { distinct.append(value) }
      let edges: [Double]
      if distinct.count <= binCount {
        edges = zip(distinct, distinct.dropFirst()).map { $0 + ($1 - $0) / 2 }
      } else {
        // Equal shares of the rows.
        var cuts: [Double] = []
        for bin in 1..<binCount {
          let cut = sorted[bin * sorted.count / binCount]
          if cut != cuts.last, cut < sorted[sorted.count - 1] { cuts.append(cut) }
        }
        edges = cuts
      }
      self.edges.append(edges)
      bins.append(values.map { UInt8(BinnedFeatures.bin($0, edges)) })
      if edges.count == 1 {
        for (row, value) in values.enumerated() where value > edges[0] {
          ones[row].append(Int32(column))
        }
      }
    }
  }

  /// The number of edges below a value.
  private static func bin(_ value: Double, _ edges: [Double]) -> Int {
    var (low, high) = (0, edges.count)
    while low < high {
      let middle = (low + high) / 2
      if edges[middle] < value { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// Sums of the rows' weighted residuals and weights in each bin, column after column.
  func histogram(
    _ columns: [Int], _ rows: [Int32], _ gradients: [SIMD2<Double>]
  ) -> [SIMD2<Double>] {
    var starts = [Int](repeating: -1, count: bins.count)
    var size = 0
    for column in columns {
      starts[column] = size
      size += edges[column].count + 1
    }
    var histogram = [SIMD2<Double>](repeating: .zero, count: size)
    let selected = rows.map { gradients[Int($0)] }
    histogram.withUnsafeMutableBufferPointer { histogram in
      for column in columns where edges[column].count > 1 {
        let start = starts[column]
        bins[column].withUnsafeBufferPointer { bins in
          for place in rows.indices {
            histogram[start + Int(bins[Int(rows[place])])] += selected[place]
          }
        }
      }
      // Indicators are mostly 0: only the ones are summed up, row by row, and the zeros are the rest.
      for place in rows.indices {
        for column in ones[Int(rows[place])] where starts[Int(column)] >= 0 {
          histogram[starts[Int(column)] + 1] += selected[place]
        }
      }
      let total = selected.reduce(.zero, +)
      for column in columns where edges[column].count == 1 {
        histogram[starts[column]] = total - histogram[starts[column] + 1]
      }
    }
    return histogram
  }

  /// The rows on either side of a cut; all are left of none.
  func split(_ rows: [Int32], _ column: Int, _ bin: Int) -> [[Int32]] {
    guard column >= 0 else { return [rows, []] }
    let bins = bins[column]
    var sides: [[Int32]] = [[], []]
    for row in rows { sides[Int(bins[Int(row)]) > bin ? 1 : 0].append(row) }
    return sides
  }

  /// Takes what a tree says off the residuals.
  func subtract(_ tree: RegressionTree, rate: Double, from residuals: inout [Double]) {
    for row in residuals.indices {
      var place = 0
      for level in 0..<tree.depth {
        let node = (1 << level) - 1 + place
        let column = tree.columns[node]
        place = place * 2 + (column >= 0 && Int(bins[column][row]) > tree.bins[node] ? 1 : 0)
      }
      residuals[row] -= rate * tree.leaves[place]
    }
  }
}

/// A fitted sum of regression trees.
public struct BoostedTrees: TrainedPredictor, Hashable {
  let scale: TargetScale
  let rate: Double
  public let featureCount: Int
  let trees: [RegressionTree]

  public var treeCount: Int { trees.count }

  public func predict(_ features: FeatureMatrix) -> [Double] {
    precondition(
      features.columnCount == featureCount,
      "\(features.columnCount) features for a model of \(featureCount)")
    return (0..<features.rowCount).map { row in
      var sum = 0.0
      for tree in trees {
        var place = 0
        for level in 0..<tree.depth {
          let node = (1 << level) - 1 + place
          let column = tree.columns[node]
          place =
            place * 2 + (column >= 0 && features[row, column] > tree.thresholds[node] ? 1 : 0)
        }
        sum += rate * tree.leaves[place]
      }
      return scale.restored(sum)
    }
  }

  public var record: Value {
    [
      "mean": .double(scale.mean), "deviation": .double(scale.deviation),
      "logarithmic": .bool(scale.isLogarithmic), "rate": .double(rate),
      "trees": .list(
        trees.map { tree in
          [
            "features": .list(tree.columns.map { .int($0) }),
            "thresholds": .list(tree.thresholds.map { .double($0) }),
            "leaves": .list(tree.leaves.map { .double($0) }),
          ]
        }),
    ]
  }
}
