#if canImport(Glibc)
  import Glibc
#endif
import Statistics

/// A known device that plays the target of a transfer.
struct SourceTrial {
  /// What is seen of the intervals at one stage.
  struct Look {
    /// The squares of the samples' standardised left-out residuals.
    var leftOutSquares: [Double]
    /// For each judge the distance of its logarithm from its prediction, and the half width of its
    /// interval as the process says it.
    var distances: [(residual: Double, reach: Double)]

    /// Residuals as parts of the intervals' half widths.
    func ratios(priorCount: Double) -> [Double] {
      let factor = SourceTrials.widening(leftOutSquares: leftOutSquares, priorCount: priorCount)
      return distances.map { $0.residual / ($0.reach * factor) }
    }

    /// The mean interval score, in units of the mean residual, so that all sources count alike.
    ///
    /// The width, and 2/α times what a measurement lies outside; Gneiting and Raftery (2007), eq. 43.
    func score(priorCount: Double, factor: Double) -> Double {
      let own = SourceTrials.widening(leftOutSquares: leftOutSquares, priorCount: priorCount)
      var (total, residuals) = (0.0, 0.0)
      for (residual, reach) in distances {
        let half = reach * own * factor
        total += 2 * half + 2 / 0.1 * max(residual - half, 0)
        residuals += residual
      }
      return residuals > 0 ? total / residuals : 0
    }
  }

  /// The rank correlation of the judges with their predictions from the samples.
  let correlation: Double
  /// After the samples, after the checks, and after the candidates, as far as there are any.
  let stages: [Look]

  /// Designs of the pool that may be sampled, and as many that judge; the rest may be candidates.
  private static let halfCount = 300

  /// Plays a transfer; nil where the samples or the judges are all equal on this device.
  ///
  /// - Parameters:
  ///   - kernel: What is known without this device.
  ///   - known: The logarithms of its latencies, by design.
  ///   - sampleCount: How many samples are chosen.
  ///   - search: What follows them.
  ///   - seed: Draws the designs that stand for the pool.
  /// - Throws: `EdgeError` for fewer than 3 samples.
  init?(
    _ kernel: TransferKernel, known: [Int: Double], sampleCount: Int,
    search: SourceTrials.Search?, seed: UInt64
  ) throws(EdgeError) {
    let designs = sample(known.count, of: known.keys.sorted(), seed: seed)
    let half = min(SourceTrial.halfCount, designs.count / 2)
    let (pool, judges) = (Array(designs[..<half]), Array(designs[half..<2 * half]))
    let process = TransferGaussianProcess(kernel: kernel, trials: SourceTrials())
    var samples = try kernel.chosen(
      min(sampleCount, pool.count), among: pool, judgedBy: judges,
      weights: kernel.samplingWeights)
    func fit() throws(EdgeError) -> TransferGaussianProcess.Posterior? {
      let logs = samples.compactMap { known[$0] }
      guard logs.contains(where: { $0 != logs[0] }) else { return nil }
      return try process.fit(samples: samples, latencies: logs.map { exp($0) })
    }
    func look(_ posterior: TransferGaussianProcess.Posterior) -> (Look, Double?) {
      let predictions = posterior.predict(judges)
      let truth = judges.compactMap { known[$0] }
      let distances = zip(predictions, truth).map { prediction, truth in
        (
          residual: abs(truth - log(prediction.value)),
          reach: log(prediction.upper / prediction.value) / posterior.calibration
        )
      }
      return (
        Look(leftOutSquares: posterior.leftOutSquares, distances: distances),
        Correlation.spearman(predictions.map(\.value), truth).value
      )
    }
    guard let first = try fit() else { return nil }
    let (seen, correlation) = look(first)
    guard let correlation else { return nil }
    self.correlation = correlation
    var stages = [seen]
    var posterior = first
    if let search, search.checkCount > 0 {
      let taken = Set(samples)
      samples += pool.filter { !taken.contains($0) }.prefix(search.checkCount)
      if let next = try fit() {
        posterior = next
        stages.append(look(next).0)
      }
    }
    if let search, search.candidateCount > 0 {
      let taken = Set(samples + judges)
      let others = designs.filter { !taken.contains($0) }
      samples += SourceTrial.candidates(others, samples, known, posterior, search)
      if let last = try fit() { stages.append(look(last).0) }
    }
    self.stages = stages
  }

  /// What a search among some designs would measure, all at once.
  private static func candidates(
    _ designs: [Int], _ samples: [Int], _ known: [Int: Double],
    _ posterior: TransferGaussianProcess.Posterior, _ search: SourceTrials.Search
  ) -> [Int] {
    var values = [Double](repeating: .nan, count: search.accuracy.count)
    var deviations = [Double](repeating: 0, count: search.accuracy.count)
    for (design, prediction) in zip(designs, posterior.predict(designs)) {
      values[design] = prediction.value
      deviations[design] = prediction.logDeviation
    }
    var frontier = CandidateSearch(predicted: values, accuracy: search.accuracy)
    for design in samples {
      if let logarithm = known[design] { frontier.observe(design, latency: exp(logarithm)) }
    }
    return frontier.chosen(
      search.candidateCount, of: designs, predicted: values, logDeviations: deviations)
  }
}
