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
  /// The factor by which intervals are widened.
  ///
  /// The 90 % quantile of |residual|/deviation over all sources' designs, divided by that of the
  /// normal distribution. At least 0.9, since sources that are nearly one table (a GPU with two batch
  /// sizes) make each other's trials too easy. A target less like the sources than they are like
  /// each other is covered less.
  public let calibration: Double
  /// The mean rank correlation of the sources with their predictions; nil without a trial.
  public let correlation: Double?

  /// Designs of the pool that may be sampled, and as many that judge.
  private static let halfCount = 300

  /// Nothing was tried.
  public init() { self.init(calibration: 1, correlation: nil) }

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
    var correlations: [Double] = []
    var residuals: [Double] = []
    for device in kernel.sourceTargets.indices where kernel.sourceTargets.count > 1 {
      let known = kernel.sourceTargets[device]
      let designs = sample(2 * SourceTrials.halfCount, of: known.keys.sorted(), seed: seed)
      let (pool, judges) = (
        Array(designs[..<(designs.count / 2)]), Array(designs[(designs.count / 2)...])
      )
      let trial = try SourceTrials.trial(
        kernel.leavingOut(device), known, pool, judges, count: min(sampleCount, pool.count))
      residuals += trial?.residuals ?? []
      if let value = trial?.correlation { correlations.append(value) }
    }
    guard !correlations.isEmpty else {
      self.init()
      return
    }
    self.init(
      calibration: max(
        0.9, quantile(residuals, 0.9) / NormalDistribution.quantile(exceededWith: 0.05)),
      correlation: correlations.reduce(0, +) / Double(correlations.count))
  }

  private init(calibration: Double, correlation: Double?) {
    self.calibration = calibration
    self.correlation = correlation
  }

  /// - Returns: nil where the samples or the judges are all equal on this source.
  private static func trial(
    _ kernel: TransferKernel, _ known: [Int: Double], _ pool: [Int], _ judges: [Int], count: Int
  ) throws(EdgeError) -> (correlation: Double, residuals: [Double])? {
    let samples = try kernel.chosen(
      count, among: pool, judgedBy: judges, weights: kernel.samplingWeights)
    let logs = samples.compactMap { known[$0] }
    guard logs.contains(where: { $0 != logs[0] }) else { return nil }
    let predictions = try TransferGaussianProcess(kernel: kernel, trials: SourceTrials())
      .fit(samples: samples, latencies: logs.map { exp($0) }).predict(judges)
    let truth = judges.compactMap { known[$0] }
    guard let correlation = Correlation.spearman(predictions.map(\.value), truth).value else {
      return nil
    }
    return (
      correlation,
      zip(predictions, truth).map { abs($1 - log($0.value)) / $0.logDeviation }
    )
  }
}
