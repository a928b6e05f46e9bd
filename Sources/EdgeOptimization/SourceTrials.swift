import Statistics

/// What known devices say of a transfer before its target is measured.
///
/// Each source in turn plays the target (leave one device out): its latencies are predicted by a kernel made
/// of the other sources, from as many samples, checks and candidates as the target will give, and at each
/// of these stages the intervals are compared with what was left unmeasured. From that comes by how much
/// intervals must be widened, and what correlation to expect. No value of a target takes part.
public struct SourceTrials: Sendable {
  /// What the sources say of intervals from so many measurements.
  public struct Stage: Hashable, Sendable {
    /// The number of measurements.
    public let count: Int
    /// The factor by which intervals are widened for all targets alike.
    ///
    /// The 90 % quantile of |residual|/reach over all sources' designs: conformal prediction whose
    /// exchangeable units are devices. A target less like the sources than they are like each other is
    /// covered less.
    public let calibration: Double
    /// How many samples the process's own variance counts for beside a target's left-out residuals.
    ///
    /// Of few samples the residuals tell an easy device from a hard one only roughly. Of `priorCounts`
    /// the one whose intervals score best on the sources.
    public let priorCount: Double
  }

  /// One stage for each number of measurements that was tried, ascending; at least one.
  public let stages: [Stage]
  /// The mean rank correlation of the sources with their predictions from the samples; nil without a
  /// trial.
  public let correlation: Double?

  private static let priorCounts: [Double] = [1, 2, 5, 10, 20, 40]

  /// What follows the samples where a target is searched.
  public struct Search: Sendable {
    /// The accuracy of each design, NaN where unknown.
    public var accuracy: [Double]
    /// Designs drawn at random, measured with the samples.
    public var checkCount: Int
    /// Designs measured because they promise much.
    public var candidateCount: Int

    /// - Parameters:
    ///   - accuracy: The accuracy of each design.
    ///   - checkCount: How many designs are drawn at random.
    ///   - candidateCount: How many are measured because they promise much.
    public init(accuracy: [Double], checkCount: Int, candidateCount: Int) {
      self.accuracy = accuracy
      self.checkCount = checkCount
      self.candidateCount = candidateCount
    }
  }

  /// Nothing was tried.
  public init() {
    self.init(stages: [Stage(count: 1, calibration: 1, priorCount: 5)], correlation: nil)
  }

  private init(stages: [Stage], correlation: Double?) {
    self.stages = stages
    self.correlation = correlation
  }

  /// Tries each source; with fewer than two there is nothing to try.
  ///
  /// - Parameters:
  ///   - kernel: The kernel with all sources.
  ///   - sampleCount: The samples that a target will give.
  ///   - search: What will follow them; nothing by default.
  ///   - seed: Draws the designs that stand for the pool.
  /// - Throws: `EdgeError` for fewer than 3 samples.
  public init(
    of kernel: TransferKernel, sampleCount: Int, search: Search? = nil, seed: UInt64
  ) throws(EdgeError) {
    var played: [SourceTrial] = []
    for device in kernel.sourceTargets.indices where kernel.sourceTargets.count > 1 {
      let trial = try SourceTrial(
        kernel.leavingOut(device), known: kernel.sourceTargets[device], sampleCount: sampleCount,
        search: search, seed: seed)
      if let trial { played.append(trial) }
    }
    guard let first = played.first else {
      self.init()
      return
    }
    let stages = first.stages.indices.map { index in
      SourceTrials.stage(
        played.compactMap { index < $0.stages.count ? $0.stages[index] : nil })
    }
    self.init(
      stages: stages,
      correlation: played.reduce(0) { $0 + $1.correlation } / Double(played.count))
  }

  private static func stage(_ looks: [SourceTrial.Look]) -> Stage {
    let scored = priorCounts.map { prior in
      let factor = quantile(looks.flatMap { $0.ratios(priorCount: prior) }, 0.9)
      let score = looks.reduce(0) { $0 + $1.score(priorCount: prior, factor: factor) }
      return (score: score, factor: factor, prior: prior)
    }
    let best = scored.dropFirst().reduce(scored[0]) { $1.score < $0.score ? $1 : $0 }
    return Stage(
      count: looks.reduce(0) { $0 + $1.leftOutSquares.count } / looks.count,
      calibration: best.factor, priorCount: best.prior)
  }

  /// By how much a target's intervals are wider than its process says.
  ///
  /// Where no trial had so many samples, the next stage in proportion counts.
  /// - Parameter leftOutSquares: The squares of its samples' standardised left-out residuals.
  /// - Returns: The factor.
  public func widening(leftOutSquares: [Double]) -> Double {
    let count = Double(leftOutSquares.count)
    let ratio = { (stage: Stage) in max(count / Double(stage.count), Double(stage.count) / count) }
    let stage = stages.dropFirst().reduce(stages[0]) { ratio($1) < ratio($0) ? $1 : $0 }
    return stage.calibration
      * SourceTrials.widening(leftOutSquares: leftOutSquares, priorCount: stage.priorCount)
  }

  /// The root mean square of the residuals, as if `priorCount` more samples had the value 1.
  static func widening(leftOutSquares: [Double], priorCount: Double) -> Double {
    ((leftOutSquares.reduce(0, +) + priorCount) / (Double(leftOutSquares.count) + priorCount))
      .squareRoot()
  }
}
