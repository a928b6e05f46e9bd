import EdgeOptimization
public import Tensors

/// Measures the accuracy of what the predictors would propose, and learns from it, in rounds.
///
/// Predictors that were fitted to random designs are worst where it matters, at the best designs: each
/// round measures the designs that are the best on some device and budget by accuracies drawn from what the
/// predictor holds possible (arXiv 2009.00278, the second stage; Thompson 1933 for the draws).
public struct ActiveRounds: Sendable {
  /// How often to measure at most, and how many designs each time.
  public var rounds = 3
  public var designsPerRound = 60
  /// Budgets tried on each device.
  public var budgets = 24
  /// Possible accuracies of all designs that are drawn each time.
  public var draws = 8
  /// Rounds end when the last one raised the best accuracy known within the budgets by less, in points and
  /// in the mean over devices and budgets: the regret falls no more.
  public var leastGain = 0.02

  public init() {}

  /// Fits an accuracy predictor to given designs and to those that the rounds measure.
  ///
  /// - Parameters:
  ///   - designs: Measured already.
  ///   - accuracies: Theirs, in percent.
  ///   - latency: Says what is fast enough.
  ///   - devices: To propose for.
  ///   - ranges: For each device the least and the largest budget.
  ///   - pool: Designs to choose from.
  ///   - options: Of the accuracy predictor.
  ///   - random: Draws as the predictor does.
  ///   - measure: Gives the accuracy of a design, or nil where it cannot be measured.
  /// - Returns: The predictor, and the designs that were measured for it.
  /// - Throws: What `measure` throws, or `EdgeError` as the predictor does.
  public func fit(
    _ designs: [[Int]], accuracies: [Double], latency: LatencyPredictor,
    devices: [DeviceProfile], ranges: [ClosedRange<Double>], pool: [[Int]],
    options: AccuracyPredictor.Options = .init(), random: RandomStream,
    measure: ([Int]) throws -> Double?
  ) throws -> (predictor: AccuracyPredictor, measured: [[Int]]) {
    var (known, values) = (designs, accuracies)
    var asked = Set(designs.map { latency.space.effective($0) })
    func fitted(_ round: Int, _ previous: AccuracyPredictor?) throws -> AccuracyPredictor {
      try AccuracyPredictor(
        known, accuracies: values, space: latency.space, options: options,
        startingFrom: previous, random: random.child(round))
    }
    var predictor = try fitted(0, nil)
    let phi = try Tensor(
      devices.flatMap { device in (0..<budgets).flatMap { _ in device.features } },
      shape: [devices.count * budgets, devices[0].features.count], dtype: .float32)
    let budget = try Tensor(
      zip(devices, ranges).flatMap { device, range in
        let (low, high) = (
          device.normalized(range.lowerBound), device.normalized(range.upperBound)
        )
        return (0..<budgets).map { low + (high - low) * (Double($0) + 0.5) / Double(budgets) }
      }, dtype: .float32)
    // The best accuracy known within each budget, by predicted latencies.
    func reached() throws -> Double {
      try withoutGradients {
        let pool = try latency.pool(known)
        let excess =
          try (pool.normalized(0..<known.count, pool.devices(phi)) - budget.unsqueezed(0)).relu()
        let values = try Tensor(values, dtype: .float32).unsqueezed(1)
        return try (values - excess * 1e4).max(along: 0).mean().double()
      }
    }
    var before = rounds > 0 ? try reached() : 0
    for round in 0..<rounds {
      let teacher = try Teacher(
        accuracy: predictor, latency: latency, pool: pool, draws: draws,
        random: random.child("draws").child(round))
      var wanted: [[Int]] = []
      // Two designs that are the same in effect tell as much as one.
      for place in try teacher.contested(phi: phi, budget: budget)
      where wanted.count < designsPerRound
        && asked.insert(latency.space.effective(pool[place])).inserted
      {
        wanted.append(pool[place])
      }
      guard !wanted.isEmpty else { break }
      for design in wanted {
        guard let value = try measure(design) else { continue }
        known.append(design)
        values.append(value)
      }
      predictor = try fitted(round + 1, predictor)
      let after = try reached()
      guard after - before >= leastGain else { break }
      before = after
    }
    return (predictor, Array(known[designs.count...]))
  }
}
