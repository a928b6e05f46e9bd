import SmartDeal
import Tensors
import Testing

@testable import StructuredTraining

struct StructuredTensorTests {
  /// One of each kind: rows with padding, several slices, kernels, a block on its side.
  private static let shapes = [[5, 10], [3, 786], [4, 3, 3, 3], [6, 2, 4, 4], [8, 4]]

  private static func decomposition(
    _ shape: [Int], theta: Double = 0.02, seed: UInt64 = 1
  ) throws -> Decomposition {
    var random = RandomStream(seed: seed)
    let weights = (0..<shape.reduce(1, *)).map { _ in Float(0.1 * random.normal()) }
    return try Decomposition(
      weights, shape: shape, name: "w", options: DecompositionOptions(threshold: theta), threads: 1)
  }

  private static func tensor(
    _ shape: [Int], theta: Double = 0.02
  ) throws -> StructuredTensor {
    StructuredTensor(
      try decomposition(shape, theta: theta),
      rounding: PowerRounding(threshold: theta, largest: 32))
  }

  @Test(
    arguments: [
      // Below θ - 10⁻⁵ is zero; 1.5 · 2ᵉ is a tie, and goes up; the largest is 4.
      (0.01998, 0), (0.02, 0.015625), (0.0234, 0.015625), (0.0234375, 0.03125), (-0.75, -1),
      (0.7499, 0.5), (5.9, 4), (-100, -4), (0, 0), (3, 4),
    ] as [(Float, Float)])
  func `coefficients are rounded to the nearest power, ties up`(number: Float, wanted: Float) {
    #expect(PowerRounding(threshold: 0.02, largest: 4).rounded(number) == wanted)
  }

  @Test func `within a window nothing goes below its lower end but zero`() {
    let rounding = PowerRounding(exponents: -3...0)
    for (number, wanted) in [
      (0.0624, 0), (0.0626, 0.125), (0.19, 0.25), (3, 1), (-0.07, -0.125),
    ] as [(Float, Float)] {
      #expect(rounding.rounded(number) == wanted)
    }
  }

  @Test(arguments: shapes)
  func `weights are those of the file, up to the bases' bytes`(shape: [Int]) throws {
    let decomposition = try Self.decomposition(shape, theta: 0)
    let tensor = StructuredTensor(
      decomposition, rounding: PowerRounding(threshold: 0, largest: 32))
    #expect(tensor.codes() == decomposition.coefficients)
    for (found, wanted) in zip(tensor.weights(), decomposition.rebuilt()) {
      #expect(abs(found - wanted) < 1e-5)
    }
  }

  @Test func `powers below the threshold are dropped at the start, and for good`() throws {
    // Numbers from 0.02 to 0.0234 become 2⁻⁶ in a decomposition, which is less than θ.
    let decomposition = try Self.decomposition([3, 786])
    let small = decomposition.coefficients.indices.filter {
      let value = CoefficientCode.value(decomposition.coefficients[$0])
      return value != 0 && value.magnitude < 0.02
    }
    #expect(small.count > 10)
    var tensor = try Self.tensor([3, 786])
    let step = DescentStep(rate: 0.05, momentum: 0.9, weightDecay: 0)
    for _ in 0..<3 {
      let gradient = [Float](repeating: 1, count: 3 * 786)
      #expect(tensor.descend(gradient, step, .straightThrough) == 0)
    }
    for place in small { #expect(tensor.mask[place] == 0 && tensor.coefficients[place] == 0) }
    let kept = decomposition.coefficients.count { CoefficientCode.value($0).magnitude >= 0.02 }
    #expect(tensor.mask.reduce(0) { $0 + Int($1) } == kept)
  }

  /// Reverse-mode derivatives of the same product by the tensor library.
  @Test(arguments: shapes)
  func `gradients are those of the product of blocks`(shape: [Int]) throws {
    let decomposition = try Self.decomposition(shape)
    let layout = decomposition.layout
    let (m, n) = (layout.rowsPerBlock, layout.n)
    let coefficients = decomposition.coefficients.map { Float(CoefficientCode.value($0)) }
    let bases = decomposition.bases.map { Float($0) }
    var random = RandomStream(seed: 2)
    let gradient = (0..<layout.weights).map { _ in Float(random.normal()) }
    let blocks = BlockProduct.blocks(gradient, layout)
    #expect(BlockProduct.tensor(blocks, layout) == gradient)
    let c = try Tensor(coefficients, shape: [layout.blocks, m, n]).asLeaf()
    let b = try Tensor(bases, shape: [layout.blocks, n, n]).asLeaf()
    let product = try c.bmm(b)
    let wanted = try gradients(
      of: [product], wrt: [c, b],
      cotangents: [Tensor(blocks, shape: [layout.blocks, m, n])])
    // Sums of up to 131 products of numbers around one.
    for (found, wanted) in try zip(
      BlockProduct.forward(coefficients, bases, layout), product.detached().floats())
    {
      #expect(abs(found - wanted) < 1e-5)
    }
    for (found, wanted) in try zip(
      BlockProduct.coefficientGradient(blocks, bases, layout), wanted[0].floats())
    {
      #expect(abs(found - wanted) < 1e-4 * max(1, abs(wanted)))
    }
    for (found, wanted) in try zip(
      BlockProduct.basisGradient(coefficients, blocks, layout), wanted[1].floats())
    {
      #expect(abs(found - wanted) < 1e-4 * max(1, abs(wanted)))
    }
  }

  private static let treatments: [CoefficientTreatment] = [
    .straightThrough, .frozen, .roundEachStep, .bucketSwitch(bar: 1, minimumChange: 0),
    .bucketSwitch(bar: 3, minimumChange: 1e-3),
  ]

  /// Invariant 10 of the method, under steps large enough to move everything.
  @Test(arguments: treatments)
  func `nothing outside of the mask comes back, and stored values are powers of two or zero`(
    treatment: CoefficientTreatment
  ) throws {
    var tensor = try Self.tensor([3, 786])
    let before = tensor.rounded()
    let step = DescentStep(rate: 0.05, momentum: 0.9, weightDecay: 5e-4)
    var random = RandomStream(seed: 3)
    var moved = 0
    for _ in 0..<40 {
      let gradient = (0..<3 * 786).map { _ in Float(random.normal()) }
      moved += tensor.descend(gradient, step, treatment)
    }
    let after = tensor.rounded()
    for index in after.indices {
      if tensor.mask[index] == 0 { #expect(after[index] == 0 && tensor.coefficients[index] == 0) }
      #expect(after[index] == 0 || after[index].significand == 1)
      #expect(after[index] == 0 || (0.015...32).contains(after[index].magnitude))
    }
    switch treatment {
    case .frozen: #expect(after == before && moved == 0)
    case .bucketSwitch:
      #expect(moved > 0)
      // What is kept is a power of two from the least above θ to the largest, or zero.
      for number in tensor.coefficients where number != 0 {
        #expect(number.significand == 1 && (0.03125...32).contains(number.magnitude))
      }
    case .straightThrough: #expect(after != before && moved == 0)
    case .roundEachStep: #expect(tensor.coefficients == tensor.rounded() && moved == 0)
    }
  }

  @Test func `buckets move by one power, downhill, when the counter reaches the bar`() throws {
    var tensor = try Self.tensor([1, 12], theta: 0.004)
    let start = tensor.coefficients
    let step = DescentStep(rate: 1e-3, momentum: 0, weightDecay: 0)
    // The derivative with respect to C is D Bᵀ: a thousand for every entry.
    let layout = tensor.layout
    for number in 1...2 {
      let basis = try Tensor(tensor.bases, shape: [1, 3, 3]).to(.float64)
      let wanted = try Tensor.full([1, layout.rowsPerBlock, 3], 1000.0, dtype: .float64)
      let gradient = try wanted.bmm(basis.transposed(1, 2).inverted()).reshaped(-1).floats()
      let moved = tensor.descend(gradient, step, .bucketSwitch(bar: 2, minimumChange: 0.9))
      #expect((moved > 0) == (number == 2))
    }
    for (old, new) in zip(start, tensor.coefficients) {
      // Downhill is down: positive ones halve, negative ones double.
      let wanted = old > 0 ? (old / 2 < 0.0078125 ? 0 : old / 2) : old == 0 ? 0 : 2 * old
      #expect(new == wanted)
    }
  }

  @Test func `a counter starts anew each epoch, and short steps don't count`() throws {
    var tensor = try Self.tensor([1, 12], theta: 0.004)
    let step = DescentStep(rate: 0.1, momentum: 0, weightDecay: 0)
    let gradient = [Float](repeating: 1, count: 12)
    #expect(tensor.descend(gradient, step, .bucketSwitch(bar: 2, minimumChange: 0)) == 0)
    tensor.startEpoch()
    #expect(tensor.descend(gradient, step, .bucketSwitch(bar: 2, minimumChange: 0)) == 0)
    #expect(tensor.descend(gradient, step, .bucketSwitch(bar: 2, minimumChange: 10)) == 0)
    #expect(tensor.descend(gradient, step, .bucketSwitch(bar: 2, minimumChange: 0)) > 0)
  }

  @Test func `a running average is the mean of the states it was taken of`() throws {
    var tensor = try Self.tensor([3, 786])
    let step = DescentStep(rate: 0.01, momentum: 0.9, weightDecay: 0)
    var random = RandomStream(seed: 4)
    var states: [StructuredTensor] = []
    for _ in 0..<4 {
      let gradient = (0..<3 * 786).map { _ in Float(random.normal()) }
      _ = tensor.descend(gradient, step, .straightThrough)
      states.append(tensor)
    }
    var mean = states[0]
    for (count, state) in states.enumerated() { mean.approach(state, share: 1 / Float(count + 1)) }
    for place in tensor.coefficients.indices {
      let wanted = states.reduce(0) { $0 + $1.coefficients[place] } / 4
      #expect(abs(mean.coefficients[place] - wanted) < 1e-6)
    }
    for place in tensor.bases.indices {
      let wanted = states.reduce(0) { $0 + $1.bases[place] } / 4
      #expect(abs(mean.bases[place] - wanted) < 1e-5 * max(1, abs(wanted)))
    }
  }
}
