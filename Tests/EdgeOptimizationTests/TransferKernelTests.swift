import EdgeOptimization
import Foundation
import LinearAlgebra
import Statistics
import StructuredValue
import Testing

struct KernelFeaturesTests {
  @Test func `a block with products is the kernel plus its share of the square`() {
    let rows = [[1.0, 5], [2, 1], [4, 2], [0, 7]]
    let linear = KernelFeatures(standardising: rows, reference: [0, 1, 2, 3])
    let squared = KernelFeatures(standardising: rows, reference: [0, 1, 2, 3], squareShare: 0.3)
    let all = [0, 1, 2, 3]
    for (left, right) in zip(linear.kernel(all, all), squared.kernel(all, all)) {
      #expect(abs(left + 0.3 * left * left - right) < 1e-12)
    }
    // So is the scalar product of the features that stand for the products.
    for (left, right) in zip(
      KernelFeatures.joined([squared]).kernel(all, all), squared.kernel(all, all))
    {
      #expect(abs(left - right) < 1e-12)
    }
    // The mean of K(x, x) over the reference is 1.
    #expect(abs(all.reduce(0) { $0 + linear.square($1) } / 4 - 1) < 1e-12)
  }

  @Test func `devices known on the same designs are smoothed as each alone`() {
    let features = KernelFeatures(
      rowCount: 6, width: 2, values: [1, 0, 2, 1, -1, 3, 0, 2, 1, 1, -2, 0.5])
    let rows = [0, 1, 3, 4, 5]
    let system = KernelSmoother.System(features, rows: rows)
    for targets in [[1.0, 3, 2, 2, -2], [0, 1, 0, 1, 1]] {
      let (shared, alone) = (
        system.smoother(targets), KernelSmoother(features, rows: rows, targets: targets)
      )
      #expect(shared.weights == alone.weights && shared.noise == alone.noise)
      // The normal equations' residual.
      let residuals = zip(features.times(shared.weights, rows: rows), targets).map {
        $1 - $0 - shared.intercept
      }
      #expect(abs(residuals.reduce(0, +) - shared.noise * shared.intercept) < 1e-12)
    }
  }

  @Test func `a smoother's leave-one-out error is that of as many refits`() {
    var generator = SplitMix64(seed: 4)
    let number = { Double(generator.next() >> 11) / Double(1 << 53) }
    let rows = (0..<10).map { _ in [number(), number(), number()] }
    let targets = rows.map { $0[0] - 2 * $0[1] + 0.1 * number() }
    let features = KernelFeatures(rowCount: 10, width: 3, values: rows.flatMap { $0 })
    let whole = KernelSmoother(features, rows: Array(0..<10), targets: targets, noises: [0.1])
    var total = 0.0
    for left in 0..<10 {
      let kept = (0..<10).filter { $0 != left }
      let part = KernelSmoother(
        features, rows: kept, targets: kept.map { targets[$0] }, noises: [0.1])
      let predicted = features.times(part.weights, rows: [left])[0] + part.intercept
      total += (predicted - targets[left]) * (predicted - targets[left])
    }
    #expect(abs(whole.error - total / 10) < 1e-12)
  }
}

struct TransferGaussianProcessTests {
  /// FPGA-like tables: sums over edges, in which sources and target differ.
  static func small() throws -> (kernel: TransferKernel, designs: [[Int]], target: [Double]) {
    var generator = SplitMix64(seed: 12)
    let designs = (0..<120).map { _ in (0..<6).map { _ in Int(generator.next() % 5) } }
    let device = { (cost: [Double]) in
      designs.map { design in 1 + design.reduce(0) { $0 + cost[$1] } }
    }
    let kernel = try TransferKernel(
      space: .nasbench201, designs: designs,
      sources: [device([0, 0.1, 1, 4, 0.5]), device([0, 0.2, 1.5, 3, 1])], pool: Array(0..<60))
    return (kernel, designs, device([0, 0.1, 1.2, 3.5, 0.9]))
  }

  @Test func `each next sample lowers the total posterior variance most`() throws {
    let (kernel, _, _) = try Self.small()
    let (candidates, judged) = (Array(0..<12), Array(60..<80))
    let chosen = try kernel.chosen(
      2, among: candidates, judgedBy: judged, weights: kernel.samplingWeights)
    let weights = kernel.samplingWeights
    // Brute force over pairs that begin with the first: condition on both at once.
    let variance = { (samples: [Int]) throws -> Double in
      let count = samples.count
      var matrix = kernel.covariance(samples, samples, weights)
      for index in 0..<count { matrix[index * count + index] += weights.noise }
      let factor = try #require(CholeskyFactorization(matrix, size: count))
      return judged.reduce(0) { total, design in
        let half = factor.forward(kernel.covariance([design], samples, weights))
        return total - half.reduce(0) { $0 + $1 * $1 }
      }
    }
    let first = try candidates.min { try variance([$0]) < variance([$1]) }
    #expect(chosen[0] == first)
    let second = try candidates.filter { $0 != chosen[0] }.min {
      try variance([chosen[0], $0]) < variance([chosen[0], $1])
    }
    #expect(chosen[1] == second)
  }

  @Test func `a prediction does not depend on what is predicted with it`() throws {
    let (kernel, _, target) = try Self.small()
    let samples = [0, 3, 7, 12, 20, 33, 41]
    let posterior = try TransferGaussianProcess(kernel: kernel, trials: SourceTrials()).fit(
      samples: samples, latencies: samples.map { target[$0] })
    // Enough for more than one batch, the last of them short.
    let designs = (0..<5).flatMap { _ in 0..<117 }
    let together = posterior.predict(designs)
    #expect(together.count == designs.count)
    for (design, prediction) in zip(designs, together) {
      #expect(prediction == together[design])
    }
    #expect(posterior.predict([5]) == [together[5]])
    #expect(posterior.predict([]).isEmpty)
  }

  @Test func `few samples predict a device whose latency is a sum, in its unit`() throws {
    let (kernel, _, target) = try Self.small()
    let samples = try kernel.chosen(
      10, among: Array(0..<60), judgedBy: Array(60..<120), weights: kernel.samplingWeights)
    for unit in [1.0, 1e-3] {
      let posterior = try TransferGaussianProcess(kernel: kernel, trials: SourceTrials()).fit(
        samples: samples, latencies: samples.map { unit * target[$0] })
      let test = Array(60..<120)
      let predicted = posterior.predict(test)
      let measured = test.map { unit * target[$0] }
      let spearman = Correlation.spearman(predicted.map(\.value), measured).value ?? 0
      #expect(spearman > 0.97)
      let covered = zip(predicted, measured).count { $0.lower <= $1 && $1 <= $0.upper }
      #expect(covered > 48)
      let error = zip(predicted, measured).reduce(0) { $0 + abs($1.0.value / $1.1 - 1) } / 60
      #expect(error < 0.1)
    }
  }

  @Test func `a measurement five times too slow is told apart, and hardly moves the ranking`()
    throws
  {
    let (kernel, _, target) = try Self.small()
    let samples = try kernel.chosen(
      12, among: Array(0..<60), judgedBy: Array(60..<120), weights: kernel.samplingWeights)
    let process = TransferGaussianProcess(kernel: kernel, trials: SourceTrials())
    for disturbed in [2, 7] {
      var latencies = samples.map { target[$0] }
      latencies[disturbed] *= 5
      let posterior = try process.fit(samples: samples, latencies: latencies)
      let shares = posterior.outlierShares
      #expect(shares[disturbed] > 0.9, "\(shares)")
      let test = Array(60..<120)
      let spearman = Correlation.spearman(
        posterior.predict(test).map(\.value), test.map { target[$0] }
      ).value
      #expect(spearman ?? 0 > 0.9)
    }
  }

  @Test func `a left-out prediction is that of a refit with the same weights`() throws {
    let (kernel, _, target) = try Self.small()
    let samples = [0, 3, 7, 12, 20, 33]
    var process = TransferGaussianProcess(kernel: kernel, trials: SourceTrials())
    (process.drawCount, process.memberCount) = (1, 1)
    let left = try process.fit(
      samples: samples, latencies: samples.map { target[$0] }
    ).leaveOneOut
    // The refit standardises by other samples, so only the order of magnitude can agree.
    for (position, design) in samples.enumerated() {
      let kept = samples.filter { $0 != design }
      let other = try process.fit(samples: kept, latencies: kept.map { target[$0] })
      #expect(abs(left[position] / other.predict([design])[0].value - 1) < 0.3)
    }
  }

  @Test func `known devices play each stage of a transfer, and the nearest one widens intervals`()
    throws
  {
    let (kernel, designs, _) = try Self.small()
    let accuracy = designs.map { design in design.reduce(50.0) { $0 + Double($1) } }
    let trials = try SourceTrials(
      of: kernel, sampleCount: 6,
      search: .init(accuracy: accuracy, checkCount: 4, candidateCount: 5), seed: 2)
    #expect(trials.stages.map(\.count) == [6, 10, 15])
    #expect(trials.stages.allSatisfy { $0.calibration(leftOutSquares: [1, 1]) > 0 })
    // Squares of 4 stand for residuals twice as large as the process says.
    for (count, stage) in [(3, 0), (6, 0), (7, 0), (8, 1), (12, 1), (13, 2), (60, 2)] {
      let (squares, prior) = (4 * Double(count), trials.stages[stage].priorCount)
      let share = (squares + prior) / (Double(count) + prior)
      let residuals = [Double](repeating: 4, count: count)
      let calibration = trials.stages[stage].calibration(leftOutSquares: residuals)
      let expected = calibration * share.squareRoot()
      let found = trials.widening(leftOutSquares: residuals)
      #expect(abs(found - expected) < 1e-12, "\(count)")
    }
    let samplesOnly = try SourceTrials(of: kernel, sampleCount: 6, seed: 2)
    #expect(samplesOnly.stages == [trials.stages[0]])
  }

  @Test func `a stage widens as the trials most like the target say, and else as the process does`()
  {
    // Residuals of 0.5: intervals twice too wide; of 1: three times too narrow.
    let ratios = { (factor: Double) in (1...1000).map { factor * Double($0) / 900 } }
    let stage = SourceTrials.Stage(
      count: 10, priorCount: 1,
      trials: Array(repeating: .init(residual: 0.5, ratios: ratios(0.5)), count: 50)
        + Array(repeating: .init(residual: 1, ratios: ratios(3)), count: 50))
    let calibration = { (residual: Double) in
      stage.calibration(leftOutSquares: [residual * residual, residual * residual])
    }
    #expect(abs(calibration(0.5) - 0.5) < 0.05)
    #expect(abs(calibration(1) - 3) < 0.05)
    // A device whose residuals are unlike all that were tried.
    #expect(abs(calibration(20) - 1) < 1e-6)
    #expect(abs(SourceTrials().widening(leftOutSquares: [1, 1, 1]) - 1) < 1e-8)
  }

  @Test func `a device with a near twin among the sources also plays without it`() throws {
    let (kernel, designs, target) = try Self.small()
    // Two sources of another kind, and a twin of the first.
    let other = designs.map { design in 1.0 + Double(design.count { $0 == 1 }) }
    let twin = designs.indices.map { 2 * target[$0] + 0.001 * Double($0 % 7) }
    let sources = [target, other, twin]
    let grown = try TransferKernel(
      space: .nasbench201, designs: designs, sources: sources, pool: Array(0..<60))
    let agreement = grown.sourceAgreement
    #expect(agreement[0][2] > 0.95 && agreement[0][1] < 0.95)
    let trials = try SourceTrials(of: grown, sampleCount: 6, seed: 2)
    // Both twins play with and without the other.
    #expect(trials.stages[0].trials.count == 5)
    let alone = try SourceTrials(of: kernel, sampleCount: 6, seed: 2)
    #expect(alone.stages[0].trials.count == 2)
  }

  @Test func `samples that say nothing are refused`() throws {
    let (kernel, designs, target) = try Self.small()
    let process = TransferGaussianProcess(kernel: kernel, trials: SourceTrials())
    let refused: [([Int], [Double], String)] = [
      ([0, 1], [1, 2], "2 samples; a transfer needs at least 3"),
      ([0, 1, 2], [1, -1, 2], "the sample of design 1 is -1.0"),
      ([0, 1, 2], [2, 2, 2], "all 3 samples have the latency 2.0"),
    ]
    for (samples, latencies, part) in refused {
      let error = #expect(throws: EdgeError.self) {
        try process.fit(samples: samples, latencies: latencies)
      }
      #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
    }
    let none = #expect(throws: EdgeError.self) {
      try TransferKernel(space: .nasbench201, designs: designs, sources: [], pool: [0, 1, 2])
    }
    #expect(none?.message == "no source device; a transfer needs at least one")
    #expect(throws: EdgeError.self) {
      try TransferKernel(
        space: .nasbench201, designs: designs, sources: [target.map { _ in 3 }],
        pool: Array(0..<60))
    }
    #expect(throws: EdgeError.self) {
      try kernel.chosen(
        13, among: Array(0..<12), judgedBy: [60], weights: kernel.samplingWeights)
    }
  }
}
