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
    /// The share of budgets that known devices may exceed when they play the target, which sets the price
    /// of the risk (``RiskPrice``).
    ///
    /// A goal of 5 % on new devices takes 4 % here: with a third of the known devices left out instead of one,
    /// 4.6 % became 5.6 %, since a device's like often is among those left.
    public var risk = 0.04
    /// Noise on the devices' features, so that close ones are treated alike.
    public var noise = 0.05
    /// Flattens the network's output where designs are drawn to be measured: the more various they
    /// are, the more there is to choose from.
    public var temperature = 1.5
    /// How many of the likeliest designs are judged by the predictors, for each of the budgets that the network
    /// is asked for.
    public var beam = 16
    /// How far below the budget the network is asked, in standard deviations.
    public var margins = [0, 0.5, 1, 1.5, 2, 3]

    public init() {}
  }

  private let accuracy: AccuracyPredictor
  private let latency: LatencyPredictor
  private let policy: DesignPolicy
  private let options: Options
  /// What an exceeded budget costs.
  public let price: RiskPrice

  /// Learns for devices whose budgets lie in given ranges; needs no measured optimum.
  ///
  /// - Parameters:
  ///   - accuracy: Stays as it is.
  ///   - latency: Stays as it is.
  ///   - devices: To learn on.
  ///   - budgets: For each device the least and the largest budget.
  ///   - known: The designs whose latencies the predictor learnt from, in their order.
  ///   - pool: Designs among which the best by the predictors is imitated: all of a small space, many
  ///     drawn ones of a large one.
  ///   - options: Of the network and its training.
  ///   - random: Draws weights, devices, budgets and noise.
  ///   - progress: Is told how many steps of how many are done.
  /// - Throws: `EdgeError` for no devices or designs, or ranges that are none.
  public init(
    accuracy: AccuracyPredictor, latency: LatencyPredictor, devices: [DeviceProfile],
    budgets: [ClosedRange<Double>], known: [[Int]], pool: [[Int]], options: Options = Options(),
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
    price = RiskPrice(
      trials: latency.trials, accuracies: try accuracy.predict(known), risk: options.risk)
    let teacher = try Teacher(
      accuracy: accuracy, latency: latency, pool: pool, random: random.child("teacher"))
    let phi = try Tensor(
      devices.flatMap(\.features), shape: [devices.count, first.features.count], dtype: .float32)
    let ranges = try Tensor(
      zip(devices, budgets).flatMap { device, budget in
        [device.normalized(budget.lowerBound), device.normalized(budget.upperBound)]
      }, shape: [devices.count, 2], dtype: .float32)
    var policy = try DesignPolicy(
      positions: accuracy.space.positionCount, operations: accuracy.space.operations.count,
      context: first.features.count + 1, width: options.width,
      random: random.child("weights"))
    var optimizer = Adam(rate: options.rate)
    let schedule = Schedule.cosine(steps: options.steps, floor: 0.02)
    var draws = random.child("draws")
    for step in 0..<options.steps {
      // A device between two known ones, more often than not close to one.
      let (first, second) = (
        try draws.integers(below: devices.count, [options.batch]),
        try draws.integers(below: devices.count, [options.batch])
      )
      let mixture = try (draws.uniform([options.batch, 1]) * 1.5 - 0.5).clamp(min: 0)
      func mixed(_ values: Tensor) throws -> Tensor {
        let start = try values.gathering(first)
        return try start + mixture * (values.gathering(second) - start)
      }
      let exact = try mixed(phi)
      let noisy = try exact + options.noise * draws.normal(exact.shape)
      let range = try mixed(ranges)
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

  private func draw(
    _ count: Int, _ device: DeviceProfile, _ budget: Double, _ random: RandomStream,
    temperature: Double = 1
  ) throws -> [[Int]] {
    let context = try Tensor(device.features + [budget], dtype: .float32).unsqueezed(0)
    return try policy.designs(
      context.expanded([count, -1]), random: random, temperature: temperature)
  }

  /// The network's likeliest designs for a budget and for some below it.
  private func proposals(_ device: DeviceProfile, _ budgets: [Double]) throws -> Set<[Int]> {
    let context = try Tensor(
      budgets.flatMap { device.features + [$0] },
      shape: [budgets.count, device.features.count + 1], dtype: .float32)
    return Set(try policy.likeliest(context, width: options.beam).flatMap { $0 })
  }

  /// The budget and those below it by so many standard deviations of a design about there.
  private func asked(_ budget: Double, _ device: DeviceProfile) throws -> [Double] {
    let posterior = try latency.posterior(on: device)
    let nearest = try policy.likeliest(
      Tensor(device.features + [budget], dtype: .float32).unsqueezed(0), width: 1)[0]
    let deviation = try posterior.predict(latency.embedding(nearest))[0].deviation
    return options.margins.map { budget - $0 * deviation }
  }

  /// Distinct designs, the best by the predictors and the price of exceeding first.
  private func ranked(
    _ designs: Set<[Int]>, _ device: DeviceProfile, _ budget: Double
  ) throws -> [Candidate] {
    let ordered = designs.sorted { $0.lexicographicallyPrecedes($1) }
    let accuracies = try accuracy.predict(ordered)
    let latencies = try latency.posterior(on: device).predict(latency.embedding(ordered))
    let (own, limit) = (
      try normalized(budget, on: device), RiskPrice.limit(budget, on: device)
    )
    let worths = ordered.indices.map {
      price.worth(accuracies[$0], latencies[$0], within: own, exceededAbove: limit)
    }
    return ordered.indices.sorted { (-worths[$0], $0) < (-worths[$1], $1) }.map {
      Candidate(
        design: ordered[$0], accuracy: accuracies[$0],
        latency: device.latency(latencies[$0].mean))
    }
  }

  /// The network's design: the best, by the frozen predictors, of its likeliest ones.
  ///
  /// - Throws: `EdgeError` for a budget that is not above 0.
  public func design(for device: DeviceProfile, budget: Double) throws -> [Int] {
    let budgets = try asked(normalized(budget, on: device), device)
    return try ranked(proposals(device, budgets), device, budget)[0].design
  }

  /// Designs drawn from the network's output besides its likeliest, the best by the predictors first, those
  /// that are predicted to keep the budget before all others.
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
    let budgets = try asked(normalized(budget, on: device), device)
    var designs = try proposals(device, budgets)
    for (number, budget) in budgets.enumerated() {
      designs.formUnion(
        try draw(max(count / budgets.count, 1), device, budget, random.child(number)))
    }
    return try ranked(designs, device, budget)
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
    var posterior = try latency.posterior(on: device)
    let limit = try normalized(budget, on: device)
    // Cautious and bold draws: what the device allows is only found out on the way.
    let near = try design(for: device, budget: budget)
    let deviation = try posterior.predict(latency.embedding([near]))[0].deviation
    var designs: Set = [near]
    for (number, reach) in [-2.0, -1, 0, 1].enumerated() {
      designs.formUnion(
        try draw(
          max(drawn / 4, 1), device, limit + reach * deviation, random.child(number),
          temperature: options.temperature))
    }
    let all = designs.sorted { $0.lexicographicallyPrecedes($1) }
    let accuracies = try accuracy.distributions(all)
    let embedding = try latency.embedding(all)
    let (means, width) = (try embedding.mean.doubles(), try embedding.psi.extent(1))
    let rows = try embedding.psi.doubles()
    func row(_ index: Int) -> [Double] { Array(rows[index * width..<(index + 1) * width]) }
    var open = Array(all.indices)
    var best: Candidate?
    var least = accuracies.map(\.mean).min() ?? 0
    for _ in 0..<count where !open.isEmpty {
      let gains = open.map { index in
        let (mean, spread) = accuracies[index]
        let predicted = posterior.predict(row(index), mean: means[index])
        return NormalDistribution.expectedImprovement(mean, max(spread, 0.05), over: least)
          * (1 - predicted.probability(above: limit))
      }
      let index = open.remove(at: gains.indices.max { gains[$0] < gains[$1] } ?? 0)
      guard let (value, quality) = try measure(all[index]) else { continue }
      posterior.add(row(index), mean: means[index], value: device.normalized(value))
      let found = Candidate(design: all[index], accuracy: quality, latency: value)
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
