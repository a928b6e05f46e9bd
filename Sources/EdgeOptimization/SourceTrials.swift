#if canImport(Glibc)
  import Glibc
#endif
import Statistics

/// What known devices say of a transfer before its target is measured.
///
/// Each source in turn plays the target (leave one device out): its latencies are predicted from a few
/// samples by a kernel made of the other sources. From that comes by how much intervals must be
/// widened, and what correlation to expect. No value of a target takes part.
public struct SourceTrials: Sendable {
  /// The factor by which intervals are widened for all targets alike.
  ///
  /// The 90 % quantile of |residual|/reach over all sources' designs. At least 0.9, since sources that are
  /// nearly one table (a GPU with two batch sizes) make each other's trials too easy. A target less like
  /// the sources than they are like each other is covered less.
  public let calibration: Double
  /// How many samples the process's own variance counts for beside a target's left-out residuals.
  ///
  /// Of few samples the residuals tell an easy device from a hard one only roughly. Of `priorCounts` the
  /// one whose intervals score best on the sources.
  public let priorCount: Double
  /// The mean rank correlation of the sources with their predictions; nil without a trial.
  public let correlation: Double?

  private static let priorCounts: [Double] = [1, 2, 5, 10, 20]
  /// Designs of the pool that may be sampled, and as many that judge.
  private static let halfCount = 300

  /// Nothing was tried.
  public init() { self.init(calibration: 1, priorCount: 5, correlation: nil) }

  private init(calibration: Double, priorCount: Double, correlation: Double?) {
    self.calibration = calibration
    self.priorCount = priorCount
    self.correlation = correlation
  }

  /// Tries each source; with fewer than two there is nothing to try.
  ///
  /// - Parameters:
  ///   - kernel: The kernel with all sources.
  ///   - sampleCount: The samples that a target will give.
  ///   - seed: Draws the designs that stand for the pool.
  /// - Throws: `EdgeError` for fewer than 3 samples.
  public init(
    of kernel: TransferKernel, sampleCount: Int, seed: UInt64
  ) throws(EdgeError) {
    var trials: [Trial] = []
    for device in kernel.sourceTargets.indices where kernel.sourceTargets.count > 1 {
      let known = kernel.sourceTargets[device]
      let designs = sample(2 * SourceTrials.halfCount, of: known.keys.sorted(), seed: seed)
      let (pool, judges) = (
        Array(designs[..<(designs.count / 2)]), Array(designs[(designs.count / 2)...])
      )
      let trial = try SourceTrials.trial(
        kernel.leavingOut(device), known, pool, judges, count: min(sampleCount, pool.count))
      if let trial { trials.append(trial) }
    }
    guard !trials.isEmpty else {
      self.init()
      return
    }
    let scored = SourceTrials.priorCounts.map { prior in
      let factor = max(
        0.9, quantile(trials.flatMap { $0.ratios(priorCount: prior) }, 0.9))
      let score = trials.reduce(0) { $0 + $1.score(priorCount: prior, factor: factor) }
      return (score: score, factor: factor, prior: prior)
    }
    let best = scored.dropFirst().reduce(scored[0]) { $1.score < $0.score ? $1 : $0 }
    self.init(
      calibration: best.factor, priorCount: best.prior,
      correlation: trials.reduce(0) { $0 + $1.correlation } / Double(trials.count))
  }

  /// By how much a target's intervals are wider than its process says.
  ///
  /// - Parameters:
  ///   - leftOutSquares: The sum of the squares of its samples' standardised left-out residuals.
  ///   - count: The number of samples.
  /// - Returns: The factor.
  public func widening(leftOutSquares: Double, count: Int) -> Double {
    calibration
      * SourceTrials.widening(leftOutSquares: leftOutSquares, count: count, priorCount: priorCount)
  }

  /// The root mean square of the residuals, as if `priorCount` more samples had the value 1.
  private static func widening(
    leftOutSquares: Double, count: Int, priorCount: Double
  ) -> Double {
    ((leftOutSquares + priorCount) / (Double(count) + priorCount)).squareRoot()
  }

  /// One source as the target.
  private struct Trial {
    var correlation: Double
    var sampleCount: Int
    var leftOutSquares: Double
    /// For each judge the distance of its logarithm from its prediction, and the half width of its
    /// interval as the process says it.
    var distances: [(residual: Double, reach: Double)]

    /// Residuals as parts of the intervals' half widths.
    func ratios(priorCount: Double) -> [Double] {
      let factor = SourceTrials.widening(
        leftOutSquares: leftOutSquares, count: sampleCount, priorCount: priorCount)
      return distances.map { $0.residual / ($0.reach * factor) }
    }

    /// The mean interval score, in units of the mean residual, so that all sources count alike.
    ///
    /// The width, and 2/α times what a measurement lies outside; Gneiting and Raftery (2007), eq. 43.
    func score(priorCount: Double, factor: Double) -> Double {
      let own = SourceTrials.widening(
        leftOutSquares: leftOutSquares, count: sampleCount, priorCount: priorCount)
      var (total, residuals) = (0.0, 0.0)
      for (residual, reach) in distances {
        let half = reach * own * factor
        total += 2 * half + 2 / 0.1 * max(residual - half, 0)
        residuals += residual
      }
      return residuals > 0 ? total / residuals : 0
    }
  }

  /// - Returns: nil where the samples or the judges are all equal on this source.
  private static func trial(
    _ kernel: TransferKernel, _ known: [Int: Double], _ pool: [Int], _ judges: [Int], count: Int
  ) throws(EdgeError) -> Trial? {
    let samples = try kernel.chosen(
      count, among: pool, judgedBy: judges, weights: kernel.samplingWeights)
    let logs = samples.compactMap { known[$0] }
    guard logs.contains(where: { $0 != logs[0] }) else { return nil }
    let posterior = try TransferGaussianProcess(kernel: kernel, trials: SourceTrials())
      .fit(samples: samples, latencies: logs.map { exp($0) })
    let predictions = posterior.predict(judges)
    let truth = judges.compactMap { known[$0] }
    guard let correlation = Correlation.spearman(predictions.map(\.value), truth).value else {
      return nil
    }
    let distances = zip(predictions, truth).map { prediction, truth in
      (
        residual: abs(truth - log(prediction.value)),
        reach: log(prediction.upper / prediction.value) / posterior.calibration
      )
    }
    return Trial(
      correlation: correlation, sampleCount: samples.count,
      leftOutSquares: posterior.leftOutSquares, distances: distances)
  }
}
