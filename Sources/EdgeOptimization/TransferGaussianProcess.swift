#if canImport(Glibc)
  import Glibc
#endif
import LinearAlgebra
import Statistics

/// Predicts a target device's latencies from few samples, with intervals.
///
/// A Gaussian process on latency, standardised by the samples and cut at ±3, with the prior covariance of
/// a `TransferKernel`. What is not known is averaged, each by its evidence: the weights of the kernel's
/// parts, drawn log-uniformly; the scale on which the parts add up, of three powers (`PowerScale`); and
/// which sample, if any, is an outlier (`ContaminatedSamples`).
public struct TransferGaussianProcess: Sendable {
  /// What is known of the designs beforehand.
  public let kernel: TransferKernel
  /// What leaving out known devices says of the intervals.
  public let trials: SourceTrials
  /// How many weights are drawn, and how many of them are averaged.
  public var drawCount = 500
  public var memberCount = 20
  /// The scales' powers, 0 being the logarithm.
  public var powers = [0, 0.5, 1]

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
    let kernel: TransferKernel
    let samples: [Int]
    let scales: [PowerScale]
    /// The standardised samples on each scale.
    let targets: [[Double]]
    let members: [Member]
    /// Each sample's squared standardised left-out residual; 1 in the mean where the process is right.
    public let leftOutSquares: [Double]
    /// By how much the intervals are wider than the process says.
    public let calibration: Double
    /// The kernels' weights with the most evidence.
    public var weights: TransferKernel.Weights { members[0].weights }
    /// The probability of each sample to be the outlier.
    public var outlierShares: [Double] {
      var shares = [Double](repeating: 0, count: samples.count)
      for hypothesis in members.flatMap(\.hypotheses) {
        if let outlier = hypothesis.outlier { shares[outlier] += hypothesis.share }
      }
      return shares
    }
  }

  /// A scale and an outlier, given the weights.
  struct Hypothesis: Sendable {
    var scale: Int
    var outlier: Int?
    /// Its share in the average; its evidence until all are known.
    var share: Double
    /// (K + σ²I)⁻¹z.
    var solution: [Double] = []
  }

  struct Member: Sendable {
    var weights: TransferKernel.Weights
    var samples: ContaminatedSamples
    var hypotheses: [Hypothesis]
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
    let logarithms = latencies.map { log($0) }
    let scales = powers.compactMap { PowerScale(logarithms: logarithms, power: $0) }
    guard !scales.isEmpty else {
      throw EdgeError(
        .badTable, "all \(samples.count) samples have the latency \(latencies[0]); take others")
    }
    let targets = scales.map { scale in logarithms.map { scale.standardise(logarithm: $0) } }
    let members = members(samples, scales, targets)
    let squares = TransferGaussianProcess.leftOutSquares(members, count: samples.count)
    return Posterior(
      kernel: kernel, samples: samples, scales: scales, targets: targets, members: members,
      leftOutSquares: squares,
      calibration: trials.widening(leftOutSquares: squares))
  }

  /// The weights with most evidence, over their scales and outliers, and the hypotheses that matter.
  private func members(
    _ samples: [Int], _ scales: [PowerScale], _ targets: [[Double]]
  ) -> [Member] {
    let source = kernel.source.kernel(samples, samples)
    let blocks = kernel.blocks.map { $0.kernel(samples, samples) }
    var found: [Member] = []
    for weights in drawnWeights {
      var matrix = source.map { weights.source * $0 + 1 }
      for (weight, block) in zip(weights.blocks, blocks) {
        for index in matrix.indices { matrix[index] += weight * block[index] }
      }
      for index in samples.indices { matrix[index * samples.count + index] += weights.noise }
      guard let factor = CholeskyFactorization(matrix, size: samples.count) else { continue }
      let explained = ContaminatedSamples(factor)
      var hypotheses: [Hypothesis] = []
      for (index, scale) in scales.enumerated() {
        let (plain, outliers) = explained.evidence(
          targets[index], explained.solution(targets[index]))
        hypotheses.append(Hypothesis(scale: index, share: plain + scale.logJacobian))
        for (sample, evidence) in outliers.enumerated() {
          hypotheses.append(
            Hypothesis(scale: index, outlier: sample, share: evidence + scale.logJacobian))
        }
      }
      found.append(Member(weights: weights, samples: explained, hypotheses: hypotheses))
    }
    let most = found.flatMap(\.hypotheses).reduce(-.infinity) { max($0, $1.share) }
    let totals = found.map { $0.hypotheses.reduce(0) { $0 + exp($1.share - most) } }
    // A stable order, so that equal evidence keeps that of the draws.
    let order = found.indices.sorted {
      totals[$0] != totals[$1] ? totals[$0] > totals[$1] : $0 < $1
    }
    var kept = order.prefix(max(memberCount, 1)).map { found[$0] }
    for index in kept.indices {
      // A hundredth of the best one's share changes nothing that matters, and costs as much.
      kept[index].hypotheses.removeAll { $0.share <= most - 4.6 }
    }
    kept.removeAll { $0.hypotheses.isEmpty }
    let total = kept.flatMap(\.hypotheses).reduce(0) { $0 + exp($1.share - most) }
    for index in kept.indices {
      let explained = kept[index].samples
      for position in kept[index].hypotheses.indices {
        let item = kept[index].hypotheses[position]
        kept[index].hypotheses[position].share = exp(item.share - most) / total
        kept[index].hypotheses[position].solution = explained.solution(
          explained.solution(targets[item.scale]), outlier: item.outlier)
      }
    }
    return kept
  }

  /// u²/d of each sample, with u = (K+σ²I)⁻¹z and d the inverse's diagonal: each is left out in turn.
  private static func leftOutSquares(_ members: [Member], count: Int) -> [Double] {
    var squares = [Double](repeating: 0, count: count)
    for member in members {
      for hypothesis in member.hypotheses {
        let diagonal = member.samples.diagonal(outlier: hypothesis.outlier)
        for index in squares.indices {
          let value = hypothesis.solution[index]
          squares[index] += hypothesis.share * value * value / diagonal[index]
        }
      }
    }
    return squares
  }

  /// α and β in 0.003…0.3, σ² in 0.03…1, in units of the samples' variance; always the same draws.
  ///
  /// Chosen where sources that are left out play the target, 20 samples each (FBNet's tasks FD and F1,
  /// NAS-Bench-201): rank correlations of 0.902, 0.908 and 0.953, where α and β up to 3 with σ² from 0.001
  /// on gave 0.900, 0.905 and 0.947. A σ² from 0.1 on gives 0.903, 0.910 and 0.954, but costs devices whose
  /// latency is exactly a sum.
  private var drawnWeights: [TransferKernel.Weights] {
    var generator = SplitMix64(seed: 0x7472_616e_7366_6572)
    func draw(_ least: Double, _ most: Double) -> Double {
      let share = Double(generator.next() >> 11) / Double(1 << 53)
      return exp(log(least) + share * (log(most) - log(least)))
    }
    return (0..<max(drawCount, 1)).map { _ in
      let source = draw(0.003, 0.3)
      let blocks = kernel.blocks.map { _ in draw(0.003, 0.3) }
      return TransferKernel.Weights(source: source, blocks: blocks, noise: draw(0.03, 1))
    }
  }
}
