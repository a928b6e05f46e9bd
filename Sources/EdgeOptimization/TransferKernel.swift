#if canImport(Glibc)
  import Glibc
#endif
import LinearAlgebra
import Statistics

/// What is known of designs before a target is measured: known devices and the designs' structure.
///
/// A prior covariance of log latencies, α·K_source + Σ βᵢ·Kᵢ + 1. K_source = (9/m)·Σ_d s_d(x)s_d(x′)
/// over m source devices, where s_d smooths device d's standardised log latencies, known on a pool
/// of designs, by kernel ridge regression, and is scaled by √max(0.05, 1 − leave-one-out error).
/// The other kernels are those of structural blocks: one-hot, effective edges and graph features of
/// NAS-Bench-201; one-hot, counts with totals, costs by stage, and size of FBNet; and for both the
/// parts that the sources' look-up tables attribute to operations and groups of positions.
public struct TransferKernel: Sendable {
  public let space: SearchSpace
  /// The number of designs.
  public let count: Int
  /// The mean squared leave-one-out error of each source's smoothing, 1 being its variance.
  public let sourceErrors: [Double]
  /// s_d for each design (rows) and device, scaled so that K_source is their scalar product.
  package let source: KernelFeatures
  package let blocks: [KernelFeatures]
  /// For each source the logarithms of its latencies, by design of the pool.
  package let sourceTargets: [[Int: Double]]
  private let reference: [Int]

  /// - `designs`: All designs that may be measured or predicted.
  /// - `sources`: For each known device the latency of each design; only the pool's are read, and
  ///   NaN is a design that the device can't run.
  /// - `pool`: The designs, as positions, whose latencies are known on the sources.
  /// - `reference`: The designs that standardise the structural features; the pool by default.
  /// - Throws: `EdgeError` for no source, fewer than 3 valid designs of one, or constant latencies.
  public init(
    space: SearchSpace, designs: [[Int]], sources: [[Double]], pool: [Int],
    reference: [Int]? = nil
  ) throws(EdgeError) {
    guard !sources.isEmpty else {
      throw EdgeError(.badParameter, "no source device; a transfer needs at least one")
    }
    let reference = reference ?? pool
    let structure = TransferKernel.structure(space, designs, reference)
    let smoothing = KernelFeatures.joined(structure.smoothing)
    let oneHot = space.oneHot(designs)
    let tables = KernelFeatures(
      rowCount: designs.count, width: oneHot.columnCount,
      values: designs.indices.flatMap { row in
        (0..<oneHot.columnCount).map { oneHot[row, $0] }
      })
    var parts = [[Double]](repeating: [], count: designs.count)
    let all = Array(designs.indices)
    var errors: [Double] = []
    var smoothed: [[Double]] = []
    var known: [[Int: Double]] = []
    // Mostly all sources are known on the same designs.
    var systems: (smoothing: KernelSmoother.System, tables: KernelSmoother.System)?
    for (number, latency) in sources.enumerated() {
      let rows = pool.filter { !latency[$0].isNaN }
      guard rows.count >= 3 else {
        throw EdgeError(
          .badTable, "source \(number): \(rows.count) valid designs in its pool, 3 are needed")
      }
      if let bad = rows.first(where: { latency[$0] <= 0 || !latency[$0].isFinite }) {
        throw EdgeError(
          .badTable, "source \(number), design \(bad): \(latency[bad]) has no logarithm")
      }
      guard let scale = LogScale(rows.map { latency[$0] }) else {
        throw EdgeError(.badTable, "source \(number): all \(rows.count) latencies are equal")
      }
      let targets = rows.map { scale.standardise(latency[$0]) }
      known.append(
        Dictionary(uniqueKeysWithValues: rows.map { ($0, log(latency[$0])) }))
      let same = systems?.smoothing.rows == rows ? systems : nil
      let shared =
        same ?? (
          KernelSmoother.System(smoothing, rows: rows),
          KernelSmoother.System(
            tables, rows: rows, noises: [0.1, 0.3, 1, 3, 10, 30, 100, 300])
        )
      systems = shared
      let smoother = shared.smoothing.smoother(targets)
      let share = max(0.05, 1 - smoother.error).squareRoot()
      errors.append(smoother.error)
      smoothed.append(
        smoothing.times(smoother.weights, rows: all).map { share * ($0 + smoother.intercept) })
      let table = shared.tables.smoother(targets)
      let trust = max(0.05, 1 - table.error).squareRoot()
      TransferKernel.add(&parts, space, designs, table.weights.map { trust * $0 })
    }
    let factor = 3 / Double(sources.count).squareRoot()
    self.space = space
    count = designs.count
    sourceErrors = errors
    source = KernelFeatures(
      rowCount: designs.count, width: sources.count,
      values: all.flatMap { row in smoothed.map { factor * $0[row] } })
    blocks = structure.blocks + [TransferKernel.normalised(parts, reference)]
    sourceTargets = known
    self.reference = reference
  }

  private init(_ whole: TransferKernel, keeping kept: [Int]) {
    let devices = whole.sourceTargets.count
    // The parts of a source stand side by side, as many for each.
    let parts = whole.blocks[whole.blocks.count - 1]
    let width = parts.width / devices
    space = whole.space
    count = whole.count
    sourceErrors = kept.map { whole.sourceErrors[$0] }
    source = whole.source.keeping(
      columns: kept, scaledBy: (Double(devices) / Double(kept.count)).squareRoot())
    let columns = kept.flatMap { Array($0 * width..<($0 + 1) * width) }
    let square =
      whole.reference.reduce(0) { total, row in
        let values = parts.row(row)
        return total + columns.reduce(0) { $0 + pow(values[values.startIndex + $1], 2) }
      } / Double(whole.reference.count)
    blocks =
      whole.blocks.dropLast() + [
        parts.keeping(columns: columns, scaledBy: square > 0 ? 1 / square.squareRoot() : 0)
      ]
    sourceTargets = kept.map { whole.sourceTargets[$0] }
    reference = whole.reference
  }

  /// The kernel as if only some sources were known.
  package func keeping(_ devices: [Int]) -> TransferKernel {
    precondition(!devices.isEmpty, "a kernel needs a source")
    return TransferKernel(self, keeping: devices)
  }

  /// The rank correlation of each source with each other, on the designs that are known on both; 0 where
  /// there is none.
  package var sourceAgreement: [[Double]] {
    sourceTargets.map { left in
      let designs = left.keys.sorted()
      return sourceTargets.map { right in
        let both = designs.filter { right[$0] != nil }
        return Correlation.spearman(
          both.compactMap { left[$0] }, both.compactMap { right[$0] }
        ).value ?? 0
      }
    }
  }

  /// The blocks' kernels, and those that smooth the sources.
  private static func structure(
    _ space: SearchSpace, _ designs: [[Int]], _ reference: [Int]
  ) -> (blocks: [KernelFeatures], smoothing: [KernelFeatures]) {
    switch space {
    case .nasbench201:
      let features = designs.map { NASBench201.features($0) }
      let oneHot = KernelFeatures(
        standardising: features.map { Array($0[..<30]) }, reference: reference)
      let effective = KernelFeatures(
        standardising: features.map { Array($0[30..<60]) }, reference: reference)
      let graph = KernelFeatures(
        standardising: features.map { Array($0[60...]) }, reference: reference, squareShare: 0.3)
      return ([oneHot, effective, graph], [oneHot, effective, graph])
    case .fbnet:
      let oneHot = KernelFeatures(
        standardising: designs.map { indicators($0, operations: 9) }, reference: reference)
      let rows = designs.map { FBNetCosts.features($0) }
      let graph = KernelFeatures(
        standardising: rows.map { Array($0[..<15]) }, reference: reference, squareShare: 0.3)
      let stages = KernelFeatures(
        standardising: rows.map { Array($0[15...]) }, reference: reference)
      // Noisy devices rank by little else; a kernel of its own lets few samples say so.
      let size = KernelFeatures(
        standardising: rows.map { Array($0[9..<12]) }, reference: reference)
      return ([oneHot, graph, stages, size], [oneHot])
    }
  }

  /// Appends what a source's look-up table attributes to each operation and group of positions.
  private static func add(
    _ parts: inout [[Double]], _ space: SearchSpace, _ designs: [[Int]], _ weights: [Double]
  ) {
    let operations = space.operations.count
    let groups: [Int] =
      switch space {
      case .nasbench201: Array(0..<6)
      case .fbnet:
        FBNetCosts.stageSizes.enumerated().flatMap { [Int](repeating: $0, count: $1) }
      }
    let groupCount = (groups.last ?? 0) + 1
    for (row, design) in designs.enumerated() {
      var sums = [Double](repeating: 0, count: operations + groupCount)
      for (position, operation) in design.enumerated() {
        let value = weights[position * operations + operation]
        sums[operation] += value
        sums[operations + groups[position]] += value
      }
      parts[row] += sums
    }
  }

  /// Centred columns, scaled together so that K(x, x) is 1 in the mean.
  private static func normalised(_ rows: [[Double]], _ reference: [Int]) -> KernelFeatures {
    let width = rows.first?.count ?? 0
    let means = (0..<width).map { column in
      reference.reduce(0) { $0 + rows[$1][column] } / Double(reference.count)
    }
    let centred = rows.map { row in row.indices.map { row[$0] - means[$0] } }
    let square =
      reference.reduce(0) { $0 + dot(centred[$1], centred[$1]) } / Double(reference.count)
    let scale = square > 0 ? 1 / square.squareRoot() : 0
    return KernelFeatures(
      rowCount: rows.count, width: width, values: centred.flatMap { $0.map { scale * $0 } })
  }

  // MARK: - Covariances

  /// Weights of the kernels and the variance of a measurement's noise, in units of the variance of
  /// the samples.
  public struct Weights: Hashable, Sendable {
    /// α.
    public var source: Double
    /// β, one for each structural block.
    public var blocks: [Double]
    /// σ².
    public var noise: Double

    public init(source: Double, blocks: [Double], noise: Double) {
      self.source = source
      self.blocks = blocks
      self.noise = noise
    }
  }

  /// The prior covariance of rows with columns, row after row.
  package func covariance(_ rows: [Int], _ columns: [Int], _ weights: Weights) -> [Double] {
    var result = source.kernel(rows, columns).map { weights.source * $0 + 1 }
    for (weight, block) in zip(weights.blocks, blocks) {
      let part = block.kernel(rows, columns)
      for index in result.indices { result[index] += weight * part[index] }
    }
    return result
  }

  // MARK: - Samples

  /// The weights by which samples are chosen: all parts alike, and as much noise as signal.
  ///
  /// Of noises of 0.1 and 1, the latter ranks left-out sources better (mean over four sets of sources
  /// of NAS-Bench-201 and FBNet .932 to .929): a new device may be noisier than those known, and
  /// then samples that lie far apart are safer than samples that are all different.
  public var samplingWeights: Weights {
    Weights(source: 0.1, blocks: blocks.map { _ in 0.1 }, noise: 1)
  }

  /// Chooses designs to measure on a target of which nothing is known yet (A-optimal).
  ///
  /// Each next design x lowers the total posterior variance of the judged designs t most:
  /// Σ_t C(t,x)²/(C(x,x)+σ²), with C the covariance after the designs before it.
  /// - `count`: How many designs.
  /// - `candidates`: Those that may be measured.
  /// - `judged`: Those whose prediction counts; no measured value of theirs is needed.
  /// - Throws: `EdgeError` for more designs than candidates.
  public func chosen(
    _ count: Int, among candidates: [Int], judgedBy judged: [Int], weights: Weights
  ) throws(EdgeError) -> [Int] {
    guard count >= 1, count <= candidates.count else {
      throw EdgeError(
        .badParameter, "\(count) samples of \(candidates.count) candidates; 1 or more are needed")
    }
    var cross = covariance(candidates, judged, weights)
    var own = candidates.map { variance($0, weights) }
    // A column of C for each chosen design, from those before it: a Cholesky factor of C by pivots.
    var columns: [[Double]] = []
    let (rows, width) = (candidates.count, judged.count)
    var chosen: [Int] = []
    for _ in 0..<count {
      var best = (gain: -1.0, position: 0)
      cross.withUnsafeBufferPointer { cross in
        for position in 0..<rows where !chosen.contains(position) {
          let gain =
            product(cross, position * width, position * width, width)
            / (own[position] + weights.noise)
          if gain > best.gain { best = (gain, position) }
        }
      }
      let pivot = best.position
      chosen.append(pivot)
      let scale = 1 / (own[pivot] + weights.noise).squareRoot()
      var column = covariance([candidates[pivot]], candidates, weights)
      for other in columns {
        for position in 0..<rows { column[position] -= other[pivot] * other[position] }
      }
      for position in 0..<rows {
        column[position] *= scale
        own[position] -= column[position] * column[position]
      }
      columns.append(column)
      TransferKernel.subtract(column, pivot, scale, from: &cross, width: width)
    }
    return chosen.map { candidates[$0] }
  }

  /// The prior variance of a design.
  private func variance(_ design: Int, _ weights: Weights) -> Double {
    zip(weights.blocks, blocks).reduce(weights.source * source.square(design) + 1) {
      $0 + $1.0 * $1.1.square(design)
    }
  }

  /// Subtracts the outer product of a column with the pivot's row, times a factor.
  private static func subtract(
    _ column: [Double], _ pivot: Int, _ scale: Double, from matrix: inout [Double], width: Int
  ) {
    let row = matrix[pivot * width..<(pivot + 1) * width].map { scale * $0 }
    matrix.withUnsafeMutableBufferPointer { matrix in
      for position in column.indices {
        let (factor, start) = (column[position], position * width)
        for index in 0..<width { matrix[start + index] -= factor * row[index] }
      }
    }
  }
}

/// Logarithms standardised to mean 0 and deviation 1, cut at ±3.
struct LogScale: Sendable {
  let mean: Double
  let deviation: Double

  /// - Returns: nil where the values are all equal.
  init?(_ values: [Double]) { self.init(logarithms: values.map { log($0) }) }

  /// - Returns: nil where the values are all equal.
  init?(logarithms logs: [Double]) {
    let average = logs.reduce(0, +) / Double(logs.count)
    let variance = logs.reduce(0) { $0 + ($1 - average) * ($1 - average) } / Double(logs.count)
    guard variance > 1e-24 else { return nil }
    mean = average
    deviation = variance.squareRoot()
  }

  func standardise(_ value: Double) -> Double { standardise(logarithm: log(value)) }

  func standardise(logarithm: Double) -> Double {
    max(-3, min(3, (logarithm - mean) / deviation))
  }
}
