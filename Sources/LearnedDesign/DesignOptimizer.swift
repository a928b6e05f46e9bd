import EdgeOptimization
import Foundation
import NeuralNetworks
import Statistics
public import Tensors

/// A network that maps a device and a latency budget to a design, with no search.
///
/// As in Lu, Yang and Ren (arXiv 2009.00278) it is trained through frozen predictors and needs no
/// measured optimum. Where they follow the gradient of the predictors through a relaxed design, here
/// the network imitates the design of a pool that the predictors hold for the best within the budget:
/// for random devices and budgets it maximises that design's probability, decision by decision.
public struct DesignOptimizer: Sendable {
  public struct Options: Sendable {
    public var width = 128
    public var steps = 2400
    public var batch = 256
    public var rate = 2e-3
    /// The probability with which a design may exceed its budget, as far as the device's reference
    /// designs tell how predictable it is.
    public var risk = 0.05
    public var noise = 0.02
    /// Flattens the network's output where designs are drawn to be measured: the more various they
    /// are, the more there is to choose from.
    public var temperature = 1.5
    /// How much of the ensemble's spread is taken off an accuracy.
    public var caution = 0.5

    public init() {}
  }

  private let accuracy: AccuracyPredictor
  private let latency: LatencyPredictor
  private let policy: DesignPolicy
  private let options: Options

  /// Learns for devices whose budgets lie in given ranges; needs no measured optimum.
  ///
  /// - Parameters:
  ///   - accuracy: Stays as it is.
  ///   - latency: Stays as it is.
  ///   - devices: To learn on.
  ///   - budgets: For each device the least and the largest budget.
  ///   - pool: Designs among which the best by the predictors is imitated: all of a small space, many
  ///     drawn ones of a large one.
  ///   - options: Of the network and its training.
  ///   - random: Draws weights, devices, budgets and noise.
  ///   - progress: Is told how many steps of how many are done.
  /// - Throws: `EdgeError` for no devices or designs, or ranges that are none.
  public init(
    accuracy: AccuracyPredictor, latency: LatencyPredictor, devices: [DeviceProfile],
    budgets: [ClosedRange<Double>], pool: [[Int]], options: Options = Options(),
    random: RandomStream, progress: (Int, Int) throws -> Void = { _, _ in }
  ) throws {
    guard let first = devices.first, budgets.count == devices.count, !pool.isEmpty,
      budgets.allSatisfy({ $0.lowerBound > 0 })
    else {
      throw EdgeError(
        .badParameter,
        "the optimizer needs designs, and one or more devices, each with budgets above 0")
    }
    self.accuracy = accuracy
    self.latency = latency
    self.options = options
    let teacher = try Teacher(
      accuracy: accuracy, latency: latency, pool: pool, caution: options.caution)
    let phi = try Tensor(
      devices.flatMap(\.features), shape: [devices.count, first.features.count], dtype: .float32)
    let ranges = try Tensor(
      zip(devices, budgets).flatMap { device, budget in
        [device.normalized(budget.lowerBound), device.normalized(budget.upperBound)]
      }, shape: [devices.count, 2], dtype: .float32)
    var policy = try DesignPolicy(
      space: accuracy.encoding.space, context: first.features.count + 1, width: options.width,
      random: random.child("weights"))
    var optimizer = Adam(rate: options.rate)
    let schedule = Schedule.cosine(steps: options.steps, floor: 0.02)
    var draws = random.child("draws")
    for step in 0..<options.steps {
      let chosen = try draws.integers(below: devices.count, [options.batch])
      let exact = try phi.gathering(chosen)
      let noisy = try exact + options.noise * draws.normal(exact.shape)
      let range = try ranges.gathering(chosen)
      let budget =
        try range[.all, 0]
        + draws.uniform([options.batch]) * (range[.all, 1] - range[.all, 0])
      let best = try withoutGradients { try teacher.best(phi: noisy, budget: budget) }
      let context = try Tensor.concatenated([noisy, budget.unsqueezed(1)], along: 1)
      optimizer.rate = options.rate * schedule.factor(at: step)
      try policy.train(&optimizer, maximumNorm: 5) { policy in
        try policy.negativeLogLikelihood(of: best, context)
      }
      if step % 50 == 49 { try progress(step + 1, options.steps) }
    }
    self.policy = policy
  }

  /// The budget in normalised units, checked.
  private func normalized(_ budget: Double, on device: DeviceProfile) throws -> Double {
    guard budget > 0, budget.isFinite else {
      throw EdgeError(.badParameter, "a latency budget of \(budget); budgets are above 0")
    }
    return device.normalized(budget)
  }

  /// What a prediction may be so that the budget is exceeded no more often than the options say.
  private func safe(_ budget: Double, on device: DeviceProfile) throws -> Double {
    let correction = try latency.correction(on: device)
    return try normalized(budget, on: device) - correction.bias
      - NormalDistribution.quantile(exceededWith: options.risk) * correction.deviation
  }

  private func draw(
    _ count: Int, _ device: DeviceProfile, _ budget: Double, _ random: RandomStream?,
    temperature: Double = 1
  ) throws -> [[Int]] {
    let context = try Tensor(device.features + [budget], dtype: .float32).unsqueezed(0)
    return try policy.designs(
      context.expanded([count, -1]), random: random, temperature: temperature)
  }

  /// The most probable design, decision by decision.
  ///
  /// - Throws: `EdgeError` for a budget that is not above 0.
  public func design(for device: DeviceProfile, budget: Double) throws -> [Int] {
    try draw(1, device, safe(budget, on: device), nil)[0]
  }

  /// Designs drawn from the network's output, the best by the predictors first, those that are
  /// predicted to keep the budget before all others.
  ///
  /// - Parameters:
  ///   - device: Its profile.
  ///   - budget: In the unit of the profile.
  ///   - count: How many to draw; fewer distinct ones come back.
  ///   - random: Draws.
  /// - Returns: Distinct designs with what is predicted of them.
  /// - Throws: `EdgeError` for a budget that is not above 0.
  public func candidates(
    for device: DeviceProfile, budget: Double, drawing count: Int = 200, random: RandomStream
  ) throws -> [Candidate] {
    let limit = try safe(budget, on: device)
    var designs = Set(try draw(count, device, limit, random))
    designs.insert(try design(for: device, budget: budget))
    let ordered = designs.sorted { $0.lexicographicallyPrecedes($1) }
    let accuracies = try accuracy.predict(ordered)
    let latencies = try latency.predict(ordered, on: device)
    return ordered.indices.map {
      Candidate(design: ordered[$0], accuracy: accuracies[$0], latency: latencies[$0])
    }.sorted { left, right in
      switch (left.latency <= device.latency(limit), right.latency <= device.latency(limit)) {
      case (true, false): true
      case (false, true): false
      case (true, true): left.accuracy > right.accuracy
      case (false, false): left.latency < right.latency
      }
    }
  }

  /// Measures drawn designs one after the other, each time the one that promises most.
  ///
  /// That is the highest expected improvement of accuracy times the probability of keeping the budget
  /// (Gardner et al., Bayesian Optimization with Inequality Constraints, ICML 2014, section 3.2). Each
  /// measurement also tells how far the predictor is off on this device.
  ///
  /// - Parameters:
  ///   - device: Its profile.
  ///   - budget: In the unit of the profile.
  ///   - count: How many to measure.
  ///   - drawn: How many to draw from the network's output.
  ///   - random: Draws.
  ///   - measure: The latency and accuracy of a design, or nil where the device can't run it.
  /// - Returns: The most accurate design within the budget, else the fastest that was measured, with
  ///   its measured values; nil where none could be run.
  /// - Throws: `EdgeError` for a budget that is not above 0, and what `measure` throws.
  public func measured(
    for device: DeviceProfile, budget: Double, count: Int = 10, drawing drawn: Int = 200,
    random: RandomStream, measure: ([Int]) throws -> (latency: Double, accuracy: Double)?
  ) throws -> Candidate? {
    var correction = try latency.correction(on: device)
    let limit = try normalized(budget, on: device)
    // Cautious and bold draws: what the device allows is only found out on the way.
    var designs = Set([try design(for: device, budget: budget)])
    for (number, reach) in [-2.0, -1, 0, 1].enumerated() {
      designs.formUnion(
        try draw(
          max(drawn / 4, 1), device, limit - correction.bias + reach * correction.deviation,
          random.child(number), temperature: options.temperature))
    }
    var rest = designs.sorted { $0.lexicographicallyPrecedes($1) }
    var accuracies = try accuracy.distributions(rest)
    var latencies = try latency.normalized(rest, on: device)
    var best: Candidate?
    var least = accuracies.map(\.mean).min() ?? 0
    for _ in 0..<count where !rest.isEmpty {
      let gains = rest.indices.map { index in
        let (mean, deviation) = accuracies[index]
        return NormalDistribution.expectedImprovement(mean, max(deviation, 0.05), over: least)
          * correction.probability(latencies[index], within: limit)
      }
      let next = rest.indices.max { gains[$0] < gains[$1] } ?? 0
      let design = rest.remove(at: next)
      accuracies.remove(at: next)
      let predicted = latencies.remove(at: next)
      guard let (value, quality) = try measure(design) else { continue }
      correction.add(device.normalized(value) - predicted)
      let found = Candidate(design: design, accuracy: quality, latency: value)
      if value <= budget { least = max(least, accuracy.standardized(quality)) }
      best = best.map { DesignOptimizer.better($0, found, budget) } ?? found
    }
    return best
  }

  private static func better(_ left: Candidate, _ right: Candidate, _ budget: Double) -> Candidate {
    switch (left.latency <= budget, right.latency <= budget) {
    case (true, false): left
    case (false, true): right
    case (true, true): right.accuracy > left.accuracy ? right : left
    case (false, false): right.latency < left.latency ? right : left
    }
  }
}

/// A design with what is predicted of it, or with what was measured.
public struct Candidate: Hashable, Sendable {
  public let design: [Int]
  /// In percent.
  public let accuracy: Double
  /// In the unit of the device's profile.
  public let latency: Double
}
