#if canImport(Glibc)
  import Glibc
#endif
import LinearAlgebra
import Statistics

extension TransferGaussianProcess.Posterior {
  /// Designs that are predicted together, so that their covariances stay in the cache.
  private static let batchCount = 256

  /// Predicts designs, given as positions.
  public func predict(_ designs: [Int]) -> [TransferGaussianProcess.Prediction] {
    let quantile = reachInDeviations
    var result: [TransferGaussianProcess.Prediction] = []
    result.reserveCapacity(designs.count)
    for start in stride(from: 0, to: designs.count, by: Self.batchCount) {
      let batch = Array(designs[start..<min(start + Self.batchCount, designs.count)])
      let (means, seconds) = moments(batch)
      for (mean, second) in zip(means, seconds) {
        let deviation = calibration * max(second - mean * mean, 0).squareRoot()
        let reach = quantile * deviation
        result.append(
          TransferGaussianProcess.Prediction(
            value: exp(mean), lower: exp(mean - reach), upper: exp(mean + reach),
            logDeviation: deviation))
      }
    }
    return result
  }

  /// The first two moments of the designs' logarithms, over all members and hypotheses.
  private func moments(_ designs: [Int]) -> (means: [Double], seconds: [Double]) {
    let (count, width) = (samples.count, designs.count)
    // Samples by designs, so that loops run over designs.
    let source = kernel.source.kernel(samples, designs)
    let blocks = kernel.blocks.map { $0.kernel(samples, designs) }
    let sourceSquares = designs.map { kernel.source.square($0) }
    let blockSquares = kernel.blocks.map { block in designs.map { block.square($0) } }
    var means = [Double](repeating: 0, count: width)
    var seconds = means
    for member in members {
      var cross = source.map { 1 + member.weights.source * $0 }
      var explained = sourceSquares.map { 1 + member.weights.source * $0 }
      for (block, weight) in member.weights.blocks.enumerated() {
        add(weight, blocks[block], to: &cross)
        add(weight, blockSquares[block], to: &explained)
      }
      let solved = matrixProduct(
        member.samples.inverse, rows: count, inner: count, cross, columns: width)
      subtractProducts(cross, solved, from: &explained)
      let predicted = matrixProduct(
        member.hypotheses.flatMap(\.solution), rows: member.hypotheses.count, inner: count, cross,
        columns: width)
      for (row, hypothesis) in member.hypotheses.enumerated() {
        let scale = scales[hypothesis.scale]
        // An outlier says less, which leaves more variance.
        let gain = hypothesis.outlier.map { member.samples.gain($0) } ?? 0
        let lost = (hypothesis.outlier ?? 0) * width
        for index in 0..<width {
          let unexplained = explained[index] + gain * solved[lost + index] * solved[lost + index]
          let found = scale.logarithm(
            mean: predicted[row * width + index],
            variance: max(unexplained, 0) + member.weights.noise)
          means[index] += hypothesis.share * found.mean
          seconds[index] +=
            hypothesis.share * (found.deviation * found.deviation + found.mean * found.mean)
        }
      }
    }
    return (means, seconds)
  }

  /// The half width of a 90 % interval, in deviations of what is no outlier.
  ///
  /// So many measurements as there were outliers among the samples will be outliers too, and outside.
  package var reachInDeviations: Double {
    let share = outlierShares.reduce(0, +) / Double(samples.count)
    return NormalDistribution.quantile(exceededWith: (1 - min(0.9 / (1 - share), 0.99)) / 2)
  }

  /// What the samples say of the ranking: each predicted from the others, exactly and without refits.
  ///
  /// The left-out prediction is z − u/d with u = (K+σ²I)⁻¹z and d the inverse's diagonal.
  public var leaveOneOut: [Double] {
    var result = [Double](repeating: 0, count: samples.count)
    for member in members {
      for hypothesis in member.hypotheses {
        let diagonal = member.samples.diagonal(outlier: hypothesis.outlier)
        let scale = scales[hypothesis.scale]
        for index in samples.indices {
          let left =
            targets[hypothesis.scale][index] - hypothesis.solution[index] / diagonal[index]
          result[index] += hypothesis.share * scale.logarithm(mean: left, variance: 0).mean
        }
      }
    }
    return result.map { exp($0) }
  }
}

/// Adds a multiple of some values.
private func add(_ factor: Double, _ values: [Double], to sums: inout [Double]) {
  for index in sums.indices { sums[index] += factor * values[index] }
}

/// Subtracts the scalar product of each column of two matrices, row after row.
private func subtractProducts(_ left: [Double], _ right: [Double], from sums: inout [Double]) {
  let width = sums.count
  for start in stride(from: 0, to: left.count, by: max(width, 1)) {
    for index in 0..<width { sums[index] -= left[start + index] * right[start + index] }
  }
}
