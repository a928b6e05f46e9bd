import EdgeOptimization
import LearnedDesign
import Tensors
import Testing

struct LearnedDesignTests {
  @Test func `at the corners relaxed features are those of the effective cell`() throws {
    let encoding = RelaxedEncoding(.nasbench201)
    var random = RandomStream(seed: 1)
    let designs = try (0..<200).map { _ in try random.integers(below: 5, [6]).integers() }
    let features = try encoding.features(encoding.corners(designs))
    let effective = try encoding.corners(designs.map { NASBench201.effective($0) })
    #expect(try features[.all, ..<30].isEqual(to: encoding.corners(designs).flattened(from: 1)))
    #expect(try features[.all, 30..<60].isEqual(to: effective.flattened(from: 1)))
  }

  @Test func `a gradient passes through relaxed features`() throws {
    let encoding = RelaxedEncoding(.nasbench201)
    var random = RandomStream(seed: 2)
    let probabilities = try random.uniform([2, 6, 5], dtype: .float64).softmax(along: 2)
    let single = try probabilities.to(.float32)
    let weights = try random.normal([encoding.features(single).extent(1)])
    let (_, gradient) = try valueAndGradient(at: single) {
      try encoding.features($0).matmul(weights).sum()
    }
    #expect(try gradient.isFinite().all().boolean() && gradient.abs().max().double() > 0.1)
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
    #expect(throws: EdgeError.self) {
      try RelaxedEncoding(.nasbench201).corners([[9, 0, 0, 0, 0, 0]])
    }
  }
}
