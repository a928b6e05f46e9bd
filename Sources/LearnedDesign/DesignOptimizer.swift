import EdgeOptimization
import Foundation
import NeuralNetworks
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
    public var steps = 1200
    public var batch = 256
    public var rate = 2e-3
    /// Budgets are drawn as if they were smaller by this share, since predictions err.
    public var margin = 0.01
    public var noise = 0.02
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
    let margin = Foundation.log(1 - options.margin) / DeviceProfile.scale
    for step in 0..<options.steps {
      let chosen = try draws.integers(below: devices.count, [options.batch])
      let exact = try phi.gathering(chosen)
      let noisy = try exact + options.noise * draws.normal(exact.shape)
      let range = try ranges.gathering(chosen)
      let budget =
        try range[.all, 0]
        + draws.uniform([options.batch]) * (range[.all, 1] - range[.all, 0])
      let best = try withoutGradients { try teacher.best(phi: noisy, budget: budget + margin) }
      let context = try Tensor.concatenated([noisy, budget.unsqueezed(1)], along: 1)
      optimizer.rate = options.rate * schedule.factor(at: step)
      try policy.train(&optimizer, maximumNorm: 5) { policy in
        try policy.negativeLogLikelihood(of: best, context)
      }
      if step % 50 == 49 { try progress(step + 1, options.steps) }
    }
    self.policy = policy
  }

  private func context(_ device: DeviceProfile, _ budget: Double) throws -> Tensor {
    guard budget > 0, budget.isFinite else {
      throw EdgeError(.badParameter, "a latency budget of \(budget); budgets are above 0")
    }
    return try Tensor(device.features + [device.normalized(budget)], dtype: .float32).unsqueezed(0)
  }

  /// The most probable design, decision by decision.
  ///
  /// - Throws: `EdgeError` for a budget that is not above 0.
  public func design(for device: DeviceProfile, budget: Double) throws -> [Int] {
    try policy.designs(context(device, budget), random: nil)[0]
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
    let context = try context(device, budget)
    var designs = Set(
      try policy.designs(context.expanded([count, -1]), random: random))
    designs.insert(try design(for: device, budget: budget))
    let ordered = designs.sorted { $0.lexicographicallyPrecedes($1) }
    let accuracies = try accuracy.predict(ordered)
    let latencies = try latency.predict(ordered, on: device)
    let limit = budget * (1 - options.margin)
    return ordered.indices.map {
      Candidate(design: ordered[$0], accuracy: accuracies[$0], latency: latencies[$0])
    }.sorted { left, right in
      switch (left.latency <= limit, right.latency <= limit) {
      case (true, false): true
      case (false, true): false
      case (true, true): left.accuracy > right.accuracy
      case (false, false): left.latency < right.latency
      }
    }
  }
}

/// A design with what is predicted of it.
public struct Candidate: Hashable, Sendable {
  public let design: [Int]
  /// In percent.
  public let accuracy: Double
  /// In the unit of the device's profile.
  public let latency: Double
}
