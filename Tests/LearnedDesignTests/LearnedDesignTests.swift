import EdgeOptimization
import Foundation
import Statistics
import Tensors
import Testing

@testable import LearnedDesign

struct LearnedDesignTests {
  /// 300 cells, and devices whose latency is a sum over a cell's operations with weights of their own.
  private static let designs: [[Int]] = (0..<300).map { index in
    // A stride that is prime to 5^6 visits different cells.
    var rest = index * 7919 % 15_625
    return (0..<6).map { _ in
      defer { rest /= 5 }
      return rest % 5
    }
  }
  private static let references = [3, 17, 40, 71, 99, 120, 161, 230]

  private static func latency(_ design: [Int], device: Int) -> Double {
    let weights = [1, 2, 5 + Double(device), 14 - Double(device), 3]
    return exp(
      0.1 * Double(device)
        + 0.02 * NASBench201.effective(design).reduce(0) { $0 + weights[$1] })
  }

  private static func profile(_ device: Int) throws -> DeviceProfile {
    try DeviceProfile(
      referenceLatencies: references.map { latency(designs[$0], device: device) })
  }

  private static func predictor(seed: UInt64 = 1) throws -> LatencyPredictor {
    var options = LatencyPredictor.Options()
    options.draws = 15
    return try LatencyPredictor(
      designs, latencies: (0..<4).map { device in designs.map { latency($0, device: device) } },
      profiles: (0..<4).map { try profile($0) }, references: references.map { designs[$0] },
      space: .nasbench201, options: options, random: RandomStream(seed: seed))
  }

  @Test func `a profile keeps speed and kind apart`() throws {
    let slow = try DeviceProfile(referenceLatencies: [2, 4, 8])
    let fast = try DeviceProfile(referenceLatencies: [1, 2, 4])
    for (left, right) in zip(slow.features, fast.features) { #expect(abs(left - right) < 1e-12) }
    #expect(slow.offset > fast.offset)
    #expect(throws: EdgeError.self) { try DeviceProfile(referenceLatencies: [1]) }
    #expect(throws: EdgeError.self) { try DeviceProfile(referenceLatencies: [1, -1]) }
    #expect(throws: EdgeError.self) { try DeviceProfile(referenceLatencies: [1, .nan]) }
  }

  @Test func `what cannot be learnt from is refused`() throws {
    let random = RandomStream(seed: 1)
    #expect(throws: EdgeError.self) {
      try AccuracyPredictor([], accuracies: [], space: .nasbench201, random: random)
    }
    #expect(throws: EdgeError.self) {
      try AccuracyPredictor(
        [[0, 0, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1]], accuracies: [5, 5], space: .nasbench201,
        random: random)
    }
    #expect(throws: EdgeError.self) {
      try LatencyPredictor(
        [], latencies: [], profiles: [], references: [], space: .nasbench201, random: random)
    }
    let predictor = try Self.predictor()
    #expect(throws: EdgeError.self) { try predictor.embedding([[9, 0, 0, 0, 0, 0]]) }
  }

  @Test func `products of features are the sum of the blocks' kernels`() throws {
    let features = DesignFeatures(.nasbench201, reference: Self.designs)
    let (width, ranges) = (features.width, features.ranges)
    let rows = try features.rows([Self.designs[5], Self.designs[8]])
    let products = ranges.map { range in
      range.reduce(0) { $0 + rows[$1] * rows[width + $1] }
    }
    for (index, kind) in [FeatureBlock.oneHot, .effective, .graph].enumerated() {
      let block = try #require(SearchSpace.nasbench201.block(kind, Self.designs))
      var (sum, count) = (0.0, 0.0)
      for column in 0..<block.columnCount {
        let values = (0..<block.rowCount).map { block[$0, column] }
        let mean = values.reduce(0, +) / Double(values.count)
        let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
        guard variance > 1e-12 else { continue }
        count += 1
        sum += (values[5] - mean) * (values[8] - mean) / variance
      }
      let linear = sum / count
      let wanted = kind == .graph ? linear + 0.3 * linear * linear : linear
      #expect(abs(products[index] - wanted) < 1e-9)
    }
  }

  @Test func `a device between the known ones is predicted from its references alone`() throws {
    let predictor = try Self.predictor()
    let device = try DeviceProfile(
      referenceLatencies: Self.references.map { 3 * Self.latency(Self.designs[$0], device: 2) })
    let live = Self.designs.filter { NASBench201.isConnected($0) }
    let predicted = try predictor.predict(live, on: device)
    for (value, design) in zip(predicted, live) {
      #expect(abs(value / (3 * Self.latency(design, device: 2)) - 1) < 0.1)
    }
    // What many devices are predicted by at once is the same.
    let pool = try predictor.pool(live)
    let phi = try Tensor(device.features, dtype: .float32).unsqueezed(0)
    let many = try pool.normalized(0..<live.count, pool.devices(phi)).flattened(from: 0).doubles()
    for (value, normalized) in zip(predicted, many) {
      #expect(abs(device.latency(normalized) / value - 1) < 1e-4)
    }
  }

  @Test func `a posterior is that of the joint normal distribution`() throws {
    let predictor = try Self.predictor()
    let device = try Self.profile(1)
    var posterior = try predictor.posterior(on: device)
    let one = try predictor.embedding([Self.designs[200]])
    let before = try posterior.predict(one)[0]
    let (row, mean) = (try one.psi.doubles(), try one.mean.doubles()[0])
    // A value that was predicted changes no mean, and a measured design is less uncertain.
    posterior.add(row, mean: mean, value: before.mean)
    let after = posterior.predict(row, mean: mean)
    #expect(abs(after.mean - before.mean) < 1e-9 && after.deviation < before.deviation)
    // One far off draws the prediction towards it, and says that the device is hard to predict.
    let scale = posterior.scale
    posterior.add(row, mean: mean, value: before.mean + 3)
    #expect(posterior.predict(row, mean: mean).mean > before.mean + 0.1)
    #expect(posterior.scale > scale)
    #expect(abs(after.probability(above: after.mean + after.deviation) - 0.158_655_253_9) < 1e-9)
  }

  @Test func `an accuracy that was measured is known, one like no other is not`() throws {
    let known = Array(Self.designs.prefix(150))
    func quality(_ design: [Int]) -> Double {
      60 + NASBench201.effective(design).reduce(0) { $0 + [0, 1, 2, 4, 0.5][$1] }
    }
    let predictor = try AccuracyPredictor(
      known, accuracies: known.map(quality), space: .nasbench201, random: RandomStream(seed: 3))
    let rest = Array(Self.designs.dropFirst(150))
    let predicted = try predictor.predict(rest)
    #expect(
      try #require(Correlation.spearman(predicted, rest.map(quality)).value) > 0.95)
    let (near, far) = (
      try predictor.distributions(known).map(\.deviation).reduce(0, +) / 150,
      try predictor.distributions(rest).map(\.deviation).reduce(0, +) / 150
    )
    #expect(near < far)
    #expect(abs(predictor.accuracy(predictor.standardized(71)) - 71) < 1e-9)
    // Equal in effect is predicted, and drawn, as one design: no path leads over the last edge here.
    let twins = [[3, 0, 0, 3, 0, 0], [3, 0, 0, 3, 0, 1]]
    let distributions = try predictor.distributions(twins)
    #expect(distributions[0].mean == distributions[1].mean)
    let draws = try predictor.draws(
      4, of: twins, from: distributions, random: RandomStream(seed: 1))
    #expect(try draws[.all, 0].isEqual(to: draws[.all, 1]))
  }

  @Test func `rounds end when what they measure is no better than what was known`() throws {
    let latency = try Self.predictor()
    let known = Array(Self.designs.prefix(80))
    func quality(_ design: [Int]) -> Double {
      60 + NASBench201.effective(design).reduce(0) { $0 + [0, 1, 2, 4, 0.5][$1] }
    }
    var rounds = ActiveRounds()
    rounds.rounds = 4
    rounds.designsPerRound = 5
    func measured(_ measure: ([Int]) -> Double) throws -> [[Int]] {
      try rounds.fit(
        known, accuracies: known.map(quality), latency: latency,
        devices: try (0..<4).map { try Self.profile($0) },
        ranges: [ClosedRange<Double>](repeating: 1.2...3, count: 4), pool: Self.designs,
        random: RandomStream(seed: 2), measure: measure
      ).measured
    }
    // Worse than all that is known: one round shows it.
    #expect(try measured { _ in 40 }.count == 5)
    // Better each time: the rounds go on, and measure no design twice.
    var bonus = 10.0
    let all = try measured { _ in
      bonus += 1
      return 80 + bonus
    }
    #expect(all.count > 5 && Set(all).count == all.count)
  }

  @Test func `risk is spent where it brings most, and not at all where it costs more`() throws {
    let price = RiskPrice(points: 10)
    let safe = DevicePosterior.Prediction(mean: -3, deviation: 1)
    let tight = DevicePosterior.Prediction(mean: 0, deviation: 1)
    func worth(_ accuracy: Double, _ latency: DevicePosterior.Prediction) -> Double {
      price.worth(accuracy, latency, within: 0, exceededAbove: 0)
    }
    // Half of the risk costs five points.
    #expect(abs(worth(75, tight) - 70) < 1e-9)
    #expect(worth(75, tight) < worth(71, safe) && worth(77, tight) > worth(71, safe))
    // Predicted to exceed is worse than anything that keeps the budget, and the fastest the best of those.
    let over = DevicePosterior.Prediction(mean: 0.1, deviation: 0.01)
    let further = DevicePosterior.Prediction(mean: 0.2, deviation: 0.01)
    #expect(worth(99, over) < worth(10, tight) && worth(99, further) < worth(10, over))
    // Devices that never miss need no price; one that misses by much needs a high one.
    func trials(_ shift: Double) -> DeviceTrials {
      let measured = (0..<40).map { Double($0) / 10 }
      return DeviceTrials(
        devices: [
          .init(
            places: Array(0..<40), measured: measured,
            predicted: measured.enumerated().map {
              .init(mean: $1 - ($0 % 3 == 0 ? shift : 0), deviation: max(shift, 0.01))
            })
        ], scale: 1)
    }
    let accuracies = (0..<40).map { 50 + Double($0) / 4 }
    #expect(RiskPrice(trials: trials(0), accuracies: accuracies, risk: 0.05).points == 0.5)
    let careful = RiskPrice(trials: trials(0.5), accuracies: accuracies, risk: 0.05)
    #expect(careful.points > 0.5 && careful.exceeded <= 0.05)
  }

  @Test func `a beam holds the likeliest designs, and one of width 1 the likeliest decisions`()
    throws
  {
    let policy = try DesignPolicy(
      positions: 6, operations: 5, context: 3, width: 16, random: RandomStream(seed: 5))
    let context = try Tensor([0.3, -1, 2, 1, 0, 0.5], shape: [2, 3], dtype: .float32)
    // With room for all, nothing is left out, and the best of all comes first.
    let all = try policy.likeliest(context, width: 15_625)
    let few = try policy.likeliest(context, width: 8)
    for row in 0..<2 {
      #expect(all[row].count == 15_625 && Set(all[row]).count == 15_625)
      #expect(few[row].count == 8)
      var copy = policy
      let losses = try [all[row][0], all[row][100], few[row][0]].map { design in
        try copy.negativeLogLikelihood(
          of: Tensor(design, shape: [1, 6]), context[row].unsqueezed(0)
        ).double()
      }
      #expect(losses[0] <= losses[1] && losses[0] <= losses[2] + 1e-6)
    }
  }

  @Test func `expected improvements are those of the normal distribution`() {
    #expect(abs(NormalDistribution.quantile(exceededWith: 0.05) - 1.644_853_626_951_472_6) < 1e-12)
    #expect(abs(NormalDistribution.quantile(exceededWith: 0.975) + 1.959_963_984_540_054) < 1e-12)
    // ∫ max(0, x − 0.7) N(x; 0.4, 0.5²) dx by the trapezoidal rule.
    let step = 1e-4
    let integral = stride(from: 0.7, through: 6, by: step).reduce(0.0) { sum, x in
      sum + step * (x - 0.7) * NormalDistribution.density((x - 0.4) / 0.5) / 0.5
    }
    #expect(abs(NormalDistribution.expectedImprovement(0.4, 0.5, over: 0.7) - integral) < 1e-7)
  }
}
