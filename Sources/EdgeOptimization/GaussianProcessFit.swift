#if canImport(Glibc)
  import Glibc
#endif
import LinearAlgebra
public import StructuredValue

/// Gaussian process regression with a kernel that is a sum over blocks of features (`gp`).
///
/// z ~ GP(0, 1 + Σ_b β_b·(k_b + s·k_b²)), noise σ², with z the standardised target and k_b the linear
/// kernel of block b's standardised features over their number. The β_b and σ² come from a grid: the
/// best by the evidence on some rows share the prediction by their evidence (Rasmussen and Williams
/// 2006, equations 2.23 to 2.30).
public struct GaussianProcessFit: PredictorMethod {
  /// Columns that share one scale β.
  public struct Block: Hashable, Sendable {
    public var columns: Range<Int>
    /// How much of the squared kernel, which knows products of features, is added.
    public var squaredShare: Double

    public init(_ columns: Range<Int>, squaredShare: Double = 0) {
      self.columns = columns
      self.squaredShare = squaredShare
    }
  }

  /// Whether the logarithm of the values is fitted.
  public var isLogarithmic: Bool
  /// nil for one block of all features with their products.
  public var blocks: [Block]?
  /// The grid of each β.
  public var scales = [0.01, 0.1, 1, 10]
  /// The grid of σ².
  public var noises = [1e-4, 1e-3, 0.003, 0.01, 0.03, 0.1, 0.3]
  /// Grid points that share the prediction.
  public var memberCount = 10
  /// At most so many rows, evenly spread, choose among the grid.
  public var evidenceRows = 250

  /// - `isLogarithmic`: Fit the logarithm, as befits positive values such as latency.
  public init(isLogarithmic: Bool, blocks: [Block]? = nil) {
    self.isLogarithmic = isLogarithmic
    self.blocks = blocks
  }

  public func fit(
    _ features: FeatureMatrix, _ values: [Double], weights: [Double]? = nil
  ) throws(EdgeError) -> GaussianProcess {
    try checkFit(features, values, weights)
    let blocks = blocks ?? [Block(0..<features.columnCount, squaredShare: 0.3)]
    for block in blocks
    where block.columns.isEmpty || block.columns.upperBound > features.columnCount {
      throw EdgeError(
        .badParameter,
        "a block of the columns \(block.columns) among \(features.columnCount) features")
    }
    let target = try TargetScale(values, weights: weights, isLogarithmic: isLogarithmic)
    let kernel = BlockKernel(
      scale: FeatureScale(features, weights: weights), blocks: blocks,
      counts: nil)
    let rows = kernel.prepared(features)
    let standardised = target.standardised(values)
    // Rows that count twice have half the noise.
    let average = (weights?.reduce(0, +) ?? 1) / Double(values.count)
    let noiseShares =
      weights?.map { average / $0 } ?? [Double](repeating: 1, count: values.count)
    let step = max(1, values.count / max(evidenceRows, 3))
    let some = Array(stride(from: 0, to: values.count, by: step).prefix(evidenceRows))
    let members = best(
      kernel, rows.map { block in some.map { block[$0] } }, some.map { standardised[$0] },
      some.map { noiseShares[$0] })
    let kernels = kernel.matrices(rows)
    var fitted: [GaussianProcess.Member] = []
    for (hyper, share) in members {
      let matrix = hyper.covariance(kernels, noiseShares)
      guard let factor = CholeskyFactorization(matrix, size: values.count) else { continue }
      fitted.append(
        GaussianProcess.Member(
          hyper: hyper, share: share, factor: factor,
          coefficients: factor.solve(standardised)))
    }
    guard !fitted.isEmpty else {
      throw EdgeError(
        .badTable, "no kernel of the grid is positive definite on \(values.count) training rows")
    }
    let total = fitted.reduce(0) { $0 + $1.share }
    for index in fitted.indices { fitted[index].share /= total }
    return GaussianProcess(target: target, kernel: kernel, rows: rows, members: fitted)
  }

  /// The grid points of most evidence with their shares; those below 1/1000 are left out.
  private func best(
    _ kernel: BlockKernel, _ rows: [[[Double]]], _ target: [Double], _ noiseShares: [Double]
  ) -> [(KernelScales, Double)] {
    let kernels = kernel.matrices(rows)
    let evidence = { (hyper: KernelScales) -> Double in
      let matrix = hyper.covariance(kernels, noiseShares)
      guard let factor = CholeskyFactorization(matrix, size: target.count) else {
        return -.infinity
      }
      return -0.5 * dot(target, factor.solve(target)) - factor.halfLogDeterminant
    }
    var choices: [[Double]] = [[]]
    for _ in kernel.blocks { choices = choices.flatMap { head in scales.map { head + [$0] } } }
    let grid = choices.flatMap { choice in
      noises.map { KernelScales(blocks: choice, noise: $0) }
    }
    // The noise decides how wide intervals are, so the best then choose theirs more finely, unless
    // it is given.
    let steps = noises.count > 1 ? Array(-3...3) : []
    let refined = GaussianProcessFit.ranked(grid.map { ($0, evidence($0)) }).prefix(memberCount)
      .map { coarse in
        let finer = steps.map { step in
          var hyper = coarse.0
          hyper.noise *= pow(3, Double(step) / 6)
          return (hyper, evidence(hyper))
        }
        return finer.reduce(coarse) { $1.1 > $0.1 ? $1 : $0 }
      }
    let highest = refined.map(\.1).max() ?? 0
    return GaussianProcessFit.ranked(refined).map { ($0.0, exp($0.1 - highest)) }
      .filter { $0.1 >= 1e-3 }
  }

  /// Most evidence first; of equal evidence the earlier stays first.
  private static func ranked(_ points: [(KernelScales, Double)]) -> [(KernelScales, Double)] {
    points.indices.filter { points[$0].1 > -.infinity }
      .sorted {
        points[$0].1 != points[$1].1 ? points[$0].1 > points[$1].1 : $0 < $1
      }
      .map { points[$0] }
  }
}

/// A point of the grid of hyper-parameters.
struct KernelScales: Hashable, Sendable {
  var blocks: [Double]
  var noise: Double

  func value(_ linear: Double, _ block: Int, _ squaredShare: Double) -> Double {
    blocks[block] * (linear + squaredShare * linear * linear)
  }

  /// The kernel matrix, row after row, with noise on its diagonal.
  ///
  /// - `kernels`: For each block its kernel of scale 1.
  func covariance(_ kernels: [[Double]], _ noiseShares: [Double]) -> [Double] {
    let size = noiseShares.count
    var result = [Double](repeating: 1, count: size * size)
    for (scale, kernel) in zip(blocks, kernels) {
      for place in result.indices { result[place] += scale * kernel[place] }
    }
    for row in 0..<size { result[row * (size + 1)] += noise * noiseShares[row] }
    return result
  }
}

/// Linear kernels of blocks of standardised features.
struct BlockKernel: Hashable, Sendable {
  let scale: FeatureScale
  let blocks: [GaussianProcessFit.Block]
  /// The features of each block that are not constant, at least 1.
  let counts: [Double]

  init(scale: FeatureScale, blocks: [GaussianProcessFit.Block], counts: [Double]?) {
    self.scale = scale
    self.blocks = blocks
    self.counts =
      counts
      ?? blocks.map { block in Double(max(1, block.columns.count { scale.deviations[$0] > 0 })) }
  }

  /// For each block the rows' features, over the root of their number.
  func prepared(_ features: FeatureMatrix) -> [[[Double]]] {
    let standardised = scale.standardised(features)
    return zip(blocks, counts).map { block, count in
      let factor = 1 / count.squareRoot()
      return (0..<features.rowCount).map { row in
        block.columns.map { standardised[row, $0] * factor }
      }
    }
  }

  /// For each block the products of the rows of two sets.
  func grams(_ left: [[[Double]]], _ right: [[[Double]]]) -> [[[Double]]] {
    zip(left, right).map { left, right in
      left.map { row in right.map { dot(row, $0) } }
    }
  }

  /// For each block its kernel of scale 1 between all rows, row after row.
  func matrices(_ rows: [[[Double]]]) -> [[Double]] {
    zip(blocks, rows).map { block, rows in
      var result = [Double](repeating: 0, count: rows.count * rows.count)
      for (row, left) in rows.enumerated() {
        for column in 0...row {
          let linear = dot(left, rows[column])
          let value = linear + block.squaredShare * linear * linear
          result[row * rows.count + column] = value
          result[column * rows.count + row] = value
        }
      }
      return result
    }
  }
}

/// A fitted Gaussian process, or several that share the prediction.
public struct GaussianProcess: TrainedPredictor, Hashable {
  struct Member: Hashable, Sendable {
    var hyper: KernelScales
    var share: Double
    var factor: CholeskyFactorization
    /// A⁻¹·z.
    var coefficients: [Double]
  }

  let target: TargetScale
  let kernel: BlockKernel
  let rows: [[[Double]]]
  let members: [Member]

  /// The σ² of the member with the largest share, of a target with variance 1.
  public var noise: Double { members.first?.hyper.noise ?? 0 }
  /// The β of each block, of the member with the largest share.
  public var scales: [Double] { members.first?.hyper.blocks ?? [] }

  public func predict(_ features: FeatureMatrix) -> [Double] {
    standardised(features).map { target.restored($0) }
  }

  private func standardised(_ features: FeatureMatrix) -> [Double] {
    let prepared = kernel.prepared(features)
    // One row of kernel values at a time.
    return (0..<features.rowCount).map { row in
      let grams = kernel.grams(prepared.map { [$0[row]] }, rows)
      return members.reduce(0) { sum, member in
        sum + member.share * dot(covariances(member, grams, 0), member.coefficients)
      }
    }
  }

  private func covariances(_ member: Member, _ grams: [[[Double]]], _ row: Int) -> [Double] {
    var result = [Double](repeating: 1, count: member.coefficients.count)
    for (block, gram) in grams.enumerated() {
      let share = kernel.blocks[block].squaredShare
      for column in result.indices {
        result[column] += member.hyper.value(gram[row][column], block, share)
      }
    }
    return result
  }

  /// The mixture's mean and the variance of a measurement, noise included.
  ///
  /// Of a logarithm they are those of the log-normal distribution with the same moments.
  public func predictWithVariance(
    _ features: FeatureMatrix
  ) -> (means: [Double], variances: [Double])? {
    let prepared = kernel.prepared(features)
    var (means, variances): ([Double], [Double]) = ([], [])
    for row in 0..<features.rowCount {
      let own = prepared.map { [$0[row]] }
      let grams = kernel.grams(own, rows)
      let selves = kernel.grams(own, own)
      var (mean, square) = (0.0, 0.0)
      for member in members {
        let covariances = covariances(member, grams, 0)
        let centre = dot(covariances, member.coefficients)
        let half = member.factor.forward(covariances)
        var prior = 1 + member.hyper.noise
        for (block, own) in selves.enumerated() {
          prior += member.hyper.value(own[0][0], block, kernel.blocks[block].squaredShare)
        }
        let variance = max(prior - dot(half, half), member.hyper.noise)
        mean += member.share * centre
        square += member.share * (variance + centre * centre)
      }
      let moments = target.restored(mean: mean, variance: max(square - mean * mean, 0))
      means.append(moments.mean)
      variances.append(moments.variance)
    }
    return (means, variances)
  }

  public func gradient(at features: FeatureMatrix) -> FeatureMatrix? {
    var result = FeatureMatrix(rowCount: features.rowCount, columnCount: features.columnCount)
    let values = predict(features)
    let prepared = kernel.prepared(features)
    for row in 0..<features.rowCount {
      let slope = target.slope(at: values[row])
      for (index, block) in kernel.blocks.enumerated() {
        // dk/dx_j = (1 + 2·s·k)·x′_j, with both rows over the root of the block's size.
        var factors = [Double](repeating: 0, count: rows[index].count)
        for (other, known) in rows[index].enumerated() {
          let linear = dot(prepared[index][row], known)
          for member in members {
            factors[other] +=
              member.share * member.coefficients[other] * member.hyper.blocks[index]
              * (1 + 2 * block.squaredShare * linear)
          }
        }
        let root = kernel.counts[index].squareRoot()
        for (place, column) in block.columns.enumerated()
        where kernel.scale.deviations[column] > 0 {
          var sum = 0.0
          for (other, known) in rows[index].enumerated() { sum += factors[other] * known[place] }
          result[row, column] += slope * sum / (root * kernel.scale.deviations[column])
        }
      }
    }
    return result
  }

  public var record: Value {
    [
      "mean": .double(target.mean), "deviation": .double(target.deviation),
      "logarithmic": .bool(target.isLogarithmic),
      "feature-means": .list(kernel.scale.means.map { .double($0) }),
      "feature-deviations": .list(kernel.scale.deviations.map { .double($0) }),
      "blocks": .list(
        kernel.blocks.map {
          [
            "from": .int($0.columns.lowerBound), "to": .int($0.columns.upperBound),
            "squared": .double($0.squaredShare),
          ]
        }),
      "rows": .list(rows.map { .list($0.map { .list($0.map { .double($0) }) }) }),
      "members": .list(
        members.map {
          [
            "share": .double($0.share), "noise": .double($0.hyper.noise),
            "scales": .list($0.hyper.blocks.map { .double($0) }),
            "coefficients": .list($0.coefficients.map { .double($0) }),
          ]
        }),
    ]
  }
}
