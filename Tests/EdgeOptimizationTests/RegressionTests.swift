import EdgeOptimization
import Statistics
import StructuredValue
import Testing

/// Random rows with values that hang on some of their features.
private struct Sample {
  var features: FeatureMatrix
  var values: [Double]

  init(rows: Int, columns: Int, seed: UInt64, noise: Double = 0.3) {
    var generator = SplitMix64(seed: seed)
    let number = { Double(generator.next() >> 11) / Double(1 << 53) * 2 - 1 }
    let drawn = (0..<rows).map { _ in (0..<columns).map { _ in number() } }
    features = FeatureMatrix(rows: drawn)
    values = drawn.map { 3 + 2 * $0[0] - $0[1] * $0[1] + noise * number() }
  }
}

struct LassoTests {
  @Test func `orthogonal features are shrunk by the penalty`() throws {
    // Columns of ±1 that are orthogonal and of mean 0; covariances with the target 3, 1 and −0.5.
    let features = FeatureMatrix(
      rows: [[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
    let values = features.times([3, 1, -0.5])
    let weights = LassoFit.weights(features, values, penalty: 0.75, gap: 1e-12)
    for (found, expected) in zip(weights, [2.25, 0.25, 0]) {
      #expect(abs(found - expected) < 1e-12)
    }
  }

  @Test func `each weight meets the conditions of the minimum`() {
    let sample = Sample(rows: 40, columns: 8, seed: 5)
    let penalty = 0.05
    let weights = LassoFit.weights(sample.features, sample.values, penalty: penalty, gap: 1e-14)
    let count = Double(sample.values.count)
    let means = (0..<8).map { column in
      (0..<40).reduce(0) { $0 + sample.features[$1, column] } / count
    }
    let mean = sample.values.reduce(0, +) / count
    let residuals = (0..<40).map { row in
      sample.values[row] - mean
        - (0..<8).reduce(0) { $0 + weights[$1] * (sample.features[row, $1] - means[$1]) }
    }
    for column in 0..<8 {
      let slope =
        (0..<40).reduce(0) { $0 + (sample.features[$1, column] - means[column]) * residuals[$1] }
        / count
      // A gap of 1e-14 leaves slopes off by its root.
      if weights[column] == 0 {
        #expect(abs(slope) <= penalty + 1e-6)
      } else {
        #expect(abs(slope - (weights[column] < 0 ? -penalty : penalty)) < 1e-6)
      }
    }
    #expect(weights.contains(0) && weights[0] > 1)
  }

  @Test func `features that say nothing are left out`() throws {
    let model = try LassoFit(isLogarithmic: false).fit(
      Sample(rows: 100, columns: 20, seed: 2).features,
      Sample(rows: 100, columns: 20, seed: 2).values)
    #expect(model.rank < 20)
    #expect(abs(model.weights[0] - 2) < 0.15)
  }
}

struct BoostedTreesTests {
  @Test func `one tree without penalty is the mean of each leaf`() throws {
    var fit = BoostedTreesFit(isLogarithmic: false)
    (fit.treeCount, fit.depth, fit.rate, fit.rowShare, fit.penalty) = (1, 1, 1, 1, 0)
    let features = FeatureMatrix(rows: [[0, 5], [1, 5], [2, 5], [3, 5]])
    // The best cut is between 1 and 2: errors of 0.5 + 2 instead of 0 + 18.67 or 14 + 0.
    let model = try fit.fit(features, [1, 2, 8, 10])
    for (found, expected) in zip(model.predict(features), [1.5, 1.5, 9, 9]) {
      #expect(abs(found - expected) < 1e-12)
    }
    #expect(abs(model.predict(FeatureMatrix(rows: [[1.4, 0]]))[0] - 1.5) < 1e-12)
  }

  @Test func `a row that counts twice is a row that stands there twice`() throws {
    let sample = Sample(rows: 30, columns: 3, seed: 9)
    var fit = BoostedTreesFit(isLogarithmic: false)
    (fit.treeCount, fit.rowShare, fit.penalty, fit.leastLeaf) = (20, 1, 0, 1e-6)
    let doubled = (0..<30).map { $0 < 10 ? 2.0 : 1 }
    let rows = Array(0..<30) + Array(0..<10)
    let weighted = try fit.fit(sample.features, sample.values, weights: doubled)
    let repeated = try fit.fit(sample.features.rows(rows), rows.map { sample.values[$0] })
    let pairs = zip(weighted.predict(sample.features), repeated.predict(sample.features))
    for (found, expected) in pairs { #expect(abs(found - expected) < 1e-9) }
  }

  @Test func `a seed gives the same trees, another seed others`() throws {
    let sample = Sample(rows: 50, columns: 4, seed: 1)
    var fit = BoostedTreesFit(isLogarithmic: false)
    fit.treeCount = 10
    let first = try fit.fit(sample.features, sample.values)
    #expect(try fit.fit(sample.features, sample.values) == first)
    fit.seed = 1
    #expect(try fit.fit(sample.features, sample.values) != first)
  }

  @Test func `settings out of range are refused`() {
    let sample = Sample(rows: 10, columns: 2, seed: 1)
    var fit = BoostedTreesFit(isLogarithmic: false)
    fit.rowShare = 0
    let error = #expect(throws: EdgeError.self) { try fit.fit(sample.features, sample.values) }
    #expect(
      error?.message == "shares of 0.0 of the rows and 1.0 of the features; both are in (0, 1]")
  }
}

struct GaussianProcessTests {
  /// With one scale and one noise the process is kernel ridge regression, solved here by elimination.
  @Test func `mean and variance are those of the normal equations`() throws {
    let sample = Sample(rows: 12, columns: 2, seed: 4)
    var fit = GaussianProcessFit(isLogarithmic: false)
    (fit.scales, fit.noises) = ([0.7], [0.2])
    let model = try fit.fit(sample.features, sample.values)
    let found = try #require(model.predictWithVariance(sample.features))
    let rows = standardised((0..<12).map { sample.features.row($0) })
    let target = standardised(sample.values.map { [$0] }).map { $0[0] }
    let kernel = { (left: [Double], right: [Double]) -> Double in
      let linear = zip(left, right).reduce(0) { $0 + $1.0 * $1.1 } / 2
      return 1 + 0.7 * (linear + 0.3 * linear * linear)
    }
    let matrix = rows.enumerated().map { first, left in
      rows.enumerated().map { kernel(left, $1) + (first == $0 ? 0.2 : 0) }
    }
    let mean = sample.values.reduce(0, +) / 12
    let deviation =
      (sample.values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 12).squareRoot()
    for (index, row) in rows.enumerated() {
      let covariances = rows.map { kernel(row, $0) }
      let solved = eliminated(matrix, covariances)
      let centre = zip(solved, target).reduce(0) { $0 + $1.0 * $1.1 }
      let variance =
        kernel(row, row) + 0.2 - zip(solved, covariances).reduce(0) { $0 + $1.0 * $1.1 }
      #expect(abs(found.means[index] - (mean + deviation * centre)) < 1e-10)
      #expect(abs(found.variances[index] - deviation * deviation * variance) < 1e-10)
    }
    let predicted = model.predict(sample.features)
    #expect(zip(predicted, found.means).allSatisfy { abs($0 - $1) < 1e-12 })
  }

  @Test(arguments: [false, true])
  func `derivatives are those of finite differences`(isLogarithmic: Bool) throws {
    let sample = Sample(rows: 30, columns: 3, seed: 8)
    let model = try GaussianProcessFit(
      isLogarithmic: isLogarithmic, blocks: [.init(0..<1), .init(1..<3, squaredShare: 0.3)]
    ).fit(sample.features, sample.values.map { $0 + 2 })
    let gradient = try #require(model.gradient(at: sample.features.rows([7])))
    let step = 1e-5
    for column in 0..<3 {
      var (up, down) = (sample.features.rows([7]), sample.features.rows([7]))
      up[0, column] += step
      down[0, column] -= step
      let slope = (model.predict(up)[0] - model.predict(down)[0]) / (2 * step)
      // Differences of numbers near 5 over 2e-5.
      #expect(abs(slope - gradient[0, column]) < 1e-8)
    }
  }

  @Test func `nine of ten measurements lie in the 90 % interval`() throws {
    let known = Sample(rows: 200, columns: 3, seed: 10, noise: 0)
    let others = Sample(rows: 1000, columns: 3, seed: 11, noise: 0)
    var generator = SplitMix64(seed: 12)
    // Twelve uniform numbers minus 6 are nearly normal, with variance 1.
    let noisy = { (value: Double) -> Double in
      value + 0.3
        * ((0..<12).reduce(-6.0) { sum, _ in sum + Double(generator.next() >> 11) * 0x1p-53 })
    }
    let model = try GaussianProcessFit(isLogarithmic: false)
      .fit(known.features, known.values.map(noisy))
    let found = try #require(model.predictWithVariance(others.features))
    let inside = zip(others.values.map(noisy), zip(found.means, found.variances)).count {
      abs($0 - $1.0) <= 1.6448536269514722 * $1.1.squareRoot()
    }
    // Binomial: three standard errors of 1000 are 2.8 %, and the noise is known to some 5 %.
    #expect((850...950).contains(inside), "\(inside), noise \(model.noise)")
  }

  @Test func `the variance grows away from the designs known`() throws {
    let sample = Sample(rows: 20, columns: 1 + 1, seed: 3)
    let model = try GaussianProcessFit(isLogarithmic: false).fit(sample.features, sample.values)
    let variances = try #require(
      model.predictWithVariance(FeatureMatrix(rows: [[0, 0], [20, 20]]))?.variances)
    #expect(variances[1] > 10 * variances[0])
  }

  private func standardised(_ rows: [[Double]]) -> [[Double]] {
    let count = Double(rows.count)
    var result = rows
    for column in rows[0].indices {
      let mean = rows.reduce(0) { $0 + $1[column] } / count
      let deviation =
        (rows.reduce(0) { $0 + ($1[column] - mean) * ($1[column] - mean) } / count).squareRoot()
      for row in rows.indices { result[row][column] = (rows[row][column] - mean) / deviation }
    }
    return result
  }

  /// Gauss–Jordan elimination.
  private func eliminated(_ matrix: [[Double]], _ right: [Double]) -> [Double] {
    var rows = zip(matrix, right).map { $0 + [$1] }
    for pivot in rows.indices {
      let head = rows[pivot].map { $0 / rows[pivot][pivot] }
      rows[pivot] = head
      for other in rows.indices where other != pivot {
        let factor = rows[other][pivot]
        rows[other] = zip(rows[other], head).map { $0 - factor * $1 }
      }
    }
    return rows.map { $0[right.count] }
  }
}

struct WeightTests {
  @Test func `rows that count twice are rows that stand there twice`() throws {
    let sample = Sample(rows: 30, columns: 3, seed: 6)
    let doubled = (0..<30).map { $0 < 10 ? 2.0 : 1 }
    let rows = Array(0..<30) + Array(0..<10)
    let (features, values) = (sample.features.rows(rows), rows.map { sample.values[$0] })
    let table = try LookupTableFit().fit(sample.features, sample.values, weights: doubled)
    let expected = try LookupTableFit().fit(features, values)
    #expect(zip(table.weights, expected.weights).allSatisfy { abs($0 - $1) < 1e-12 })
    var ridge = RidgeFit(isLogarithmic: false)
    // Sums over rows, so that 40 rows of weight 1 feel the penalty as 30 of 4/3 do.
    ridge.penalties = [3]
    let weighted = try ridge.fit(sample.features, sample.values, weights: doubled)
    ridge.penalties = [4]
    let repeated = try ridge.fit(features, values)
    #expect(zip(weighted.weights, repeated.weights).allSatisfy { abs($0 - $1) < 1e-12 })
    #expect(abs(weighted.intercept - repeated.intercept) < 1e-12)
  }

  @Test func `a weight that is not positive is refused`() {
    let sample = Sample(rows: 3, columns: 1 + 1, seed: 6)
    let error = #expect(throws: EdgeError.self) {
      try LookupTableFit().fit(sample.features, sample.values, weights: [1, 0, 1])
    }
    #expect(
      error?.message == "training row 1 has the weight 0.0; weights are positive and finite")
  }
}

/// The prototype's figures on rows 900 to 1899 of NAS-Bench-201, trained on the 900 before them.
@Suite(.enabled(if: Mirror.isPresent, "\(Mirror.isAbsent)"))
struct RealRegressionTests {
  /// SRCC within the prototype's own tolerance of 0.005.
  @Test(arguments: [
    ("titan_rtx_256", 0.9993), ("fpga", 0.9992), ("raspi4", 0.972), ("1080ti_1", 0.988),
    ("silver_4114", 0.969), ("cifar100", 0.960), ("cifar10", 0.955),
  ])
  func `boosted trees reach the prototype`(table: String, spearman: Double) throws {
    // The rows that each tree sees are drawn: one seed says less than several.
    let qualities = try (0..<5).map { seed in
      var method = BoostedTreesFit(isLogarithmic: false)
      method.seed = UInt64(seed)
      return try tested(method, table, blocks)
    }
    let correlation = qualities.reduce(0) { $0 + ($1.spearman.value ?? 0) } / 5
    let error = qualities.reduce(0) { $0 + ($1.rootMeanSquare.value ?? 9) } / 5
    #expect(correlation > spearman - 0.0005)
    if table == "cifar100" { #expect(error < 1.71 + 0.06) }
    // The prototype's is one seed's; ours vary by 0.018 from seed to seed, so that their mean is known
    // to 0.008. The best of the five is 1.460.
    if table == "cifar10" { #expect(error < 1.46 + 0.03) }
  }

  /// The lasso on the features of `ridge`, whose prototype's figures it has to reach.
  @Test(arguments: [
    ("titan_rtx_256", 0.9997), ("fpga", 0.9995), ("raspi4", 0.963), ("1080ti_1", 0.991),
    ("silver_4114", 0.973), ("cifar100", 0.876), ("cifar10", 0.846),
  ])
  func `the lasso reaches ridge's prototype`(table: String, spearman: Double) throws {
    let quality = try tested(LassoFit(isLogarithmic: false), table, blocks)
    #expect((quality.spearman.value ?? 0) > spearman - 0.0005)
  }

  private let blocks: [FeatureBlock] = [.oneHot, .effective, .graph]

  private func tested(
    _ method: some PredictorMethod, _ table: String, _ blocks: [FeatureBlock]
  ) throws -> PredictionQuality {
    let features = SearchSpace.nasbench201
      .blocks(blocks, Array(try Mirror.nasBench201()[..<1900])).features
    let values =
      table.hasPrefix("cifar")
      ? try Mirror.values("\(Mirror.accuracy)/\(table).pkl")
      : try Mirror.helpTable("nasbench201", table)
    let model = try method.fit(features.rows(Array(0..<900)), Array(values[..<900]))
    return PredictionQuality(
      predicted: try model.predict(features.rows(Array(900..<1900))),
      measured: Array(values[900..<1900]))
  }
}
