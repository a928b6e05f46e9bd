#if canImport(Glibc)
  import Glibc
#endif
import LinearAlgebra
import Statistics

/// Predicts a target device's latencies from few samples, with intervals.
///
/// A Gaussian process on the logarithm of latency, standardised by the samples and cut at ±3, with
/// the prior covariance of a `TransferKernel`. Of many weights of its parts, drawn log-uniformly, the
/// ones with most evidence are averaged, each by exp(evidence).
public struct TransferGaussianProcess: Sendable {
  /// What is known of the designs beforehand.
  public let kernel: TransferKernel
  /// What leaving out known devices says of the intervals.
  public let trials: SourceTrials
  /// How many weights are drawn, and how many of them are averaged.
  public var drawCount = 500
  public var memberCount = 20
  /// How many samples the process's own variance counts for when the intervals are calibrated.
  public var calibrationCount = 5.0

  /// - Parameters:
  ///   - kernel: What is known of the designs beforehand.
  ///   - trials: What leaving out its sources says.
  public init(kernel: TransferKernel, trials: SourceTrials) {
    self.kernel = kernel
    self.trials = trials
  }

  /// A prediction with its two-sided 90 % interval, in the unit of the samples.
  public struct Prediction: Hashable, Sendable {
    /// The median.
    public var value: Double
    public var lower: Double
    public var upper: Double
    /// The standard deviation of the logarithm, noise included.
    public var logDeviation: Double
  }

  /// The process given the samples.
  public struct Posterior: Sendable {
    fileprivate let kernel: TransferKernel
    fileprivate let samples: [Int]
    fileprivate let scale: LogScale
    fileprivate let targets: [Double]
    fileprivate let members: [Member]
    /// By how much the intervals are wider than the process says, from the left-out residuals.
    public let calibration: Double
    /// The kernels' weights with the most evidence.
    public var weights: TransferKernel.Weights { members[0].weights }
  }

  fileprivate struct Member: Sendable {
    var weights: TransferKernel.Weights
    /// Its share in the average.
    var share: Double
    var factor: CholeskyFactorization
    /// (K + σ²I)⁻¹z.
    var solution: [Double]
  }

  /// Fits the samples.
  ///
  /// - `samples`: The measured designs, as positions.
  /// - `latencies`: Their measured latencies, in any unit.
  /// - Throws: `EdgeError` for fewer than 3 samples, a latency without logarithm, or equal ones.
  public func fit(
    samples: [Int], latencies: [Double]
  ) throws(EdgeError) -> Posterior {
    precondition(samples.count == latencies.count, "as many latencies as samples")
    guard samples.count >= 3 else {
      throw EdgeError(.badParameter, "\(samples.count) samples; a transfer needs at least 3")
    }
    if let bad = latencies.firstIndex(where: { !($0 > 0) || !$0.isFinite }) {
      throw EdgeError(
        .badTable,
        "the sample of design \(samples[bad]) is \(latencies[bad]), not a positive finite latency")
    }
    guard let scale = LogScale(latencies) else {
      throw EdgeError(
        .badTable, "all \(samples.count) samples have the latency \(latencies[0]); take others")
    }
    let targets = latencies.map { scale.standardise($0) }
    let source = kernel.source.kernel(samples, samples)
    let blocks = kernel.blocks.map { $0.kernel(samples, samples) }
    var found: [(evidence: Double, member: Member)] = []
    for weights in drawnWeights {
      var matrix = source.map { weights.source * $0 + 1 }
      for (weight, block) in zip(weights.blocks, blocks) {
        for index in matrix.indices { matrix[index] += weight * block[index] }
      }
      for index in samples.indices { matrix[index * samples.count + index] += weights.noise }
      guard let factor = CholeskyFactorization(matrix, size: samples.count) else { continue }
      let solution = factor.solve(targets)
      let evidence = -0.5 * dot(targets, solution) - factor.halfLogDeterminant
      found.append(
        (evidence, Member(weights: weights, share: 0, factor: factor, solution: solution)))
    }
    // A stable order, so that equal evidence keeps that of the draws.
    let order = found.indices.sorted {
      found[$0].evidence != found[$1].evidence
        ? found[$0].evidence > found[$1].evidence : $0 < $1
    }
    let most = order.first.map { found[$0].evidence } ?? 0
    // A hundredth of the best one's share changes nothing that matters, and costs as much.
    let kept = order.prefix(max(memberCount, 1)).map { found[$0] }
      .filter { $0.evidence > most - 4.6 }
    let total = kept.reduce(0) { $0 + exp($1.evidence - most) }
    let members = kept.map { item in
      var member = item.member
      member.share = exp(item.evidence - most) / total
      return member
    }
    return Posterior(
      kernel: kernel, samples: samples, scale: scale, targets: targets, members: members,
      calibration: trials.calibration
        * TransferGaussianProcess.calibration(members, priorCount: calibrationCount))
  }

  /// The root mean square of the standardised left-out residuals u/√d, as if `priorCount` more
  /// samples had the value 1; few samples tell an easy device from a hard one only roughly.
  private static func calibration(_ members: [Member], priorCount: Double) -> Double {
    var total = 0.0
    for member in members {
      for index in member.solution.indices {
        var unit = [Double](repeating: 0, count: member.solution.count)
        unit[index] = 1
        let half = member.factor.forward(unit)
        total += member.share * member.solution[index] * member.solution[index] / dot(half, half)
      }
    }
    let count = Double(members.first?.solution.count ?? 0)
    return ((total + priorCount) / (count + priorCount)).squareRoot()
  }

  /// α and β in 0.003…3, σ² in 0.001…1, in units of the samples' variance; always the same draws.
  private var drawnWeights: [TransferKernel.Weights] {
    var generator = SplitMix64(seed: 0x7472_616e_7366_6572)
    func draw(_ least: Double, _ most: Double) -> Double {
      let share = Double(generator.next() >> 11) / Double(1 << 53)
      return exp(log(least) + share * (log(most) - log(least)))
    }
    return (0..<max(drawCount, 1)).map { _ in
      let source = draw(0.003, 3)
      let blocks = kernel.blocks.map { _ in draw(0.003, 3) }
      return TransferKernel.Weights(source: source, blocks: blocks, noise: draw(0.001, 1))
    }
  }
}

extension TransferGaussianProcess.Posterior {
  /// Predicts designs, given as positions.
  public func predict(_ designs: [Int]) -> [TransferGaussianProcess.Prediction] {
    let count = samples.count
    let source = kernel.source.kernel(designs, samples)
    let blocks = kernel.blocks.map { $0.kernel(designs, samples) }
    let squares = kernel.blocks.map { block in designs.map { block.square($0) } }
    var result: [TransferGaussianProcess.Prediction] = []
    // 5 % are left out on either side.
    let quantile = NormalDistribution.quantile(exceededWith: 0.05)
    for (position, design) in designs.enumerated() {
      let own = kernel.source.square(design)
      var (mean, second) = (0.0, 0.0)
      for member in members {
        var cross = [Double](repeating: 1, count: count)
        var prior = member.weights.source * own + 1
        for index in 0..<count {
          cross[index] += member.weights.source * source[position * count + index]
        }
        for (block, weight) in member.weights.blocks.enumerated() {
          prior += weight * squares[block][position]
          for index in 0..<count {
            cross[index] += weight * blocks[block][position * count + index]
          }
        }
        let half = member.factor.forward(cross)
        let predicted = dot(cross, member.solution)
        let variance = max(prior - dot(half, half), 0) + member.weights.noise
        mean += member.share * predicted
        second += member.share * (variance + predicted * predicted)
      }
      let deviation =
        calibration * max(second - mean * mean, 0).squareRoot() * scale.deviation
      let centre = mean * scale.deviation + scale.mean
      let reach = quantile * deviation
      result.append(
        TransferGaussianProcess.Prediction(
          value: exp(centre), lower: exp(centre - reach), upper: exp(centre + reach),
          logDeviation: deviation))
    }
    return result
  }

  /// What the samples say of the ranking: each predicted from the others, exactly and without refits.
  ///
  /// The left-out prediction is z − u/d with u = (K+σ²I)⁻¹z and d the inverse's diagonal.
  public var leaveOneOut: [Double] {
    let count = samples.count
    var result = [Double](repeating: 0, count: count)
    for member in members {
      for index in 0..<count {
        var unit = [Double](repeating: 0, count: count)
        unit[index] = 1
        let half = member.factor.forward(unit)
        result[index] +=
          member.share * (targets[index] - member.solution[index] / dot(half, half))
      }
    }
    return result.map { exp($0 * scale.deviation + scale.mean) }
  }
}
