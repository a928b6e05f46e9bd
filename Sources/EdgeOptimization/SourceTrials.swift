import Statistics

/// What known devices say of a transfer before its target is measured.
///
/// Each source in turn plays the target (leave one device out): its latencies are predicted by a kernel made
/// of the other sources, from as many samples, checks and candidates as the target will give, and at each
/// of these stages the intervals are compared with what was left unmeasured. From that comes by how much
/// intervals must be widened, and what correlation to expect. No value of a target takes part.
///
/// Sources that are nearly one device make each other's trials easier than a transfer to a new one. So a
/// source that has such neighbours plays twice: with all others, and with those that differ from it.
public struct SourceTrials: Sendable {
  /// One stage for each number of measurements that was tried, ascending; at least one.
  public let stages: [Stage]
  /// The mean rank correlation of the sources with their predictions from the samples, all others known;
  /// nil without a trial.
  public let correlation: Double?

  /// The rank correlation above which two sources are nearly one device.
  ///
  /// Of 0.9 and 0.95 (and none), the latter covers sources that are left out, alone or with their
  /// neighbours, nearest to 90 % (FBNet's three tasks, NAS-Bench-201). Playing without neighbours only covers
  /// them nearer still, but NAS-Bench-201's targets, many of which have twins among its sources, too often.
  static let neighbourAgreement = 0.95

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
    self.init(stages: [Stage(count: 1, priorCount: 5, trials: [])], correlation: nil)
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
    let sources = kernel.sourceTargets.indices
    let agreement = sources.count > 1 ? kernel.sourceAgreement : []
    var (played, correlations) = ([SourceTrial](), [Double]())
    for device in sources where sources.count > 1 {
      let others = sources.filter { $0 != device }
      let different = others.filter { agreement[device][$0] <= SourceTrials.neighbourAgreement }
      let hasNeighbours = different.count < others.count && !different.isEmpty
      for known in hasNeighbours ? [others, different] : [others] {
        let trial = try SourceTrial(
          kernel.keeping(known), known: kernel.sourceTargets[device], sampleCount: sampleCount,
          search: search, seed: seed)
        guard let trial else { continue }
        played.append(trial)
        if known.count == others.count { correlations.append(trial.correlation) }
      }
    }
    guard let first = played.first else {
      self.init()
      return
    }
    let stages = first.stages.indices.map { index in
      Stage(played.compactMap { index < $0.stages.count ? $0.stages[index] : nil })
    }
    self.init(
      stages: stages,
      correlation: correlations.isEmpty
        ? nil : correlations.reduce(0, +) / Double(correlations.count))
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
    return stage.calibration(leftOutSquares: leftOutSquares)
      * SourceTrials.widening(leftOutSquares: leftOutSquares, priorCount: stage.priorCount)
  }

  /// The root mean square of the residuals, as if `priorCount` more samples had the value 1.
  static func widening(leftOutSquares: [Double], priorCount: Double) -> Double {
    ((leftOutSquares.reduce(0, +) + priorCount) / (Double(leftOutSquares.count) + priorCount))
      .squareRoot()
  }
}
