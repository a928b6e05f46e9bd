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
    // The place in its level of each row's node; −1 for rows left out.
    var places = [Int32](repeating: rows == nil ? 0 : -1, count: residuals.count)
    for row in rows ?? [] { places[row] = 0 }
    for level in 0..<depth {
      let width = 1 << level
      var totals = [SIMD2<Double>](repeating: .zero, count: width)
      for row in places.indices where places[row] >= 0 {
        totals[Int(places[row])] += SIMD2(weights[row] * residuals[row], weights[row])
      }
      var best = totals.map { total in
        Split(gain: 1e-12 + total[0] * total[0] / (total[1] + penalty))
      }
      var histogram: [SIMD2<Double>] = []
      for column in columns where features.edges[column].count > 0 {
        let bins = features.edges[column].count + 1
        histogram.removeAll(keepingCapacity: true)
        histogram.append(contentsOf: repeatElement(.zero, count: bins * width))
        features.accumulate(column, places, residuals, weights, bins, &histogram)
        for place in 0..<width {
          improve(
            &best[place], column, histogram[place * bins..<(place + 1) * bins], totals[place])
        }
      }
      for place in 0..<width where best[place].column >= 0 {
        let node = width - 1 + place
        let split = best[place]
        tree.columns[node] = split.column
        tree.bins[node] = split.bin
        tree.thresholds[node] = features.edges[split.column][split.bin]
      }
      features.descend(tree, from: width - 1, &places)
    }
    var sums = [SIMD2<Double>](repeating: .zero, count: 1 << depth)
    for row in places.indices where places[row] >= 0 {
      sums[Int(places[row])] += SIMD2(weights[row] * residuals[row], weights[row])
    }
    tree.leaves = sums.map { $0[0] / ($0[1] + penalty) }
    return tree
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
      if gain > best.gain { best = Split(gain: gain, column: column, bin: bin) }
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

  init(_ features: FeatureMatrix, binCount: Int) {
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

  /// Adds each row's weighted residual and weight to its node's bin.
  func accumulate(
    _ column: Int, _ places: [Int32], _ residuals: [Double], _ weights: [Double], _ width: Int,
    _ histogram: inout [SIMD2<Double>]
  ) {
    let bins = bins[column]
    histogram.withUnsafeMutableBufferPointer { histogram in
      for row in places.indices where places[row] >= 0 {
        histogram[Int(places[row]) * width + Int(bins[row])] +=
          SIMD2(weights[row] * residuals[row], weights[row])
      }
    }
  }

  /// Moves each row from its node to that node's child.
  func descend(_ tree: RegressionTree, from first: Int, _ places: inout [Int32]) {
    for row in places.indices where places[row] >= 0 {
      let node = first + Int(places[row])
      let column = tree.columns[node]
      let goesRight = column >= 0 && Int(bins[column][row]) > tree.bins[node]
      places[row] = places[row] * 2 + (goesRight ? 1 : 0)
    }
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
