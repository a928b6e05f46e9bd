import Foundation
import Tensors
import Testing

struct RandomnessTests {
  /// The known answers of the Random123 library for philox4x32-10.
  @Test func `the generator gives the published vectors`() {
    #expect(
      Philox.block(counter: .zero, key: .zero)
        == SIMD4(0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8))
    #expect(
      Philox.block(counter: SIMD4(repeating: .max), key: SIMD2(repeating: .max))
        == SIMD4(0x408F_276D, 0x41C8_3B0E, 0xA20B_C7C6, 0x6D54_51FD))
    #expect(
      Philox.block(
        counter: SIMD4(0x243F_6A88, 0x85A3_08D3, 0x1319_8A2E, 0x0370_7344),
        key: SIMD2(0xA409_3822, 0x299F_31D0))
        == SIMD4(0xD16C_FE09, 0x94FD_CCEB, 0x5001_E420, 0x2412_6EA1))
  }

  @Test func `the same seed and stream give the same numbers, and others do not`() throws {
    var first = RandomStream(seed: 5)
    var second = RandomStream(seed: 5)
    #expect(try first.normal([7]).isEqual(to: second.normal([7])))
    var other = RandomStream(seed: 6)
    #expect(try !first.normal([7]).isEqual(to: other.normal([7])))
    var child = RandomStream(seed: 5).child("weights")
    var same = RandomStream(seed: 5).child("weights")
    var sibling = RandomStream(seed: 5).child("noise")
    var numbered = RandomStream(seed: 5).child(1)
    let draw = try child.uniform([4])
    #expect(try draw.isEqual(to: same.uniform([4])))
    #expect(try !draw.isEqual(to: sibling.uniform([4])))
    #expect(try !draw.isEqual(to: numbered.uniform([4])))
  }

  @Test func `a child does not depend on what its parent drew, nor a draw on threads`() throws {
    var drawn = RandomStream(seed: 9)
    _ = try drawn.normal([1000])
    var late = drawn.child("a")
    var early = RandomStream(seed: 9).child("a")
    let before = try TensorRuntime.threads()
    defer { try? TensorRuntime.setThreads(before) }
    try TensorRuntime.setThreads(1)
    let one = try late.normal([100_000])
    try TensorRuntime.setThreads(2)
    let two = try early.normal([100_000])
    #expect(try one.isEqual(to: two))
  }

  @Test func `a stream goes on where it was`() throws {
    var stream = RandomStream(seed: 1)
    _ = try stream.uniform([10])
    var resumed = RandomStream(
      seed: stream.seed, stream: stream.stream, position: stream.position)
    #expect(try stream.normal([5]).isEqual(to: resumed.normal([5])))
  }

  @Test(arguments: [DType.float32, .float64])
  func `moments are those of the distributions`(dtype: DType) throws {
    var random = RandomStream(seed: 2)
    let count = 200_000
    let uniform = try random.uniform([count], dtype: dtype)
    // Five standard errors: 1/√12/√n of the mean, 1/√5 of the fourth cumulant for the variance.
    #expect(abs(try uniform.mean().double() - 0.5) < 5 * 0.29 / 447)
    #expect(abs(try uniform.to(.float64).variance().double() - 1 / 12) < 5 * 0.075 / 447)
    #expect(try uniform.min().double() >= 0 && uniform.max().double() < 1)
    let normal = try random.normal([count], dtype: dtype).to(.float64)
    #expect(abs(try normal.mean().double()) < 5 / 447)
    #expect(abs(try normal.variance().double() - 1) < 5 * 1.42 / 447)
    #expect(abs(try normal.pow(4).mean().double() - 3) < 5 * 9.8 / 447)
    #expect(abs(try (normal .< -1.0).to(.float64).mean().double() - 0.158_655) < 5 * 0.37 / 447)
    // Neighbours, which one block makes, do not depend on each other.
    let pairs = try normal.reshaped(-1, 2)
    #expect(abs(try (pairs[.all, 0] * pairs[.all, 1]).mean().double()) < 5 / 316)
    #expect(normal.dtype == .float64 && uniform.dtype == dtype)
  }

  @Test func `integers and truth values have their frequencies`() throws {
    var random = RandomStream(seed: 4)
    let integers = try random.integers(below: 5, [100_000])
    let counts = try integers.bincount(atLeast: 5).integers()
    #expect(counts.count == 5 && counts.allSatisfy { abs($0 - 20_000) < 5 * 127 })
    let truths = try random.bernoulli(0.3, [100_001]).to(.float64)
    #expect(abs(try truths.mean().double() - 0.3) < 5 * 0.46 / 316)
    #expect(try random.bernoulli(1, [1000]).all().boolean())
    #expect(try !random.bernoulli(0, [1000]).any().boolean())
    let orders = [random.permutation(100), random.permutation(100)]
    #expect(orders[0].sorted() == Array(0..<100) && orders[0] != orders[1])
    let mean = (0..<10_000).reduce(0.0) { sum, _ in sum + random.normal() } / 10_000
    #expect(abs(mean) < 0.05)
  }

  @Test func `LibTorch's own generators are seeded from a stream`() throws {
    let weights = try Tensor([0.1, 0.2, 0.3, 0.4])
    func draw(_ seed: UInt64) throws -> [Int] {
      var random = RandomStream(seed: seed)
      let generator = try random.generator()
      return try (0..<2).flatMap { _ in
        try Tensor.call(
          "aten::multinomial", weights, 20, true, keywords: ["generator": generator])[0]
          .tensors[0].integers()
      }
    }
    #expect(try draw(1) == draw(1))
    #expect(try draw(1) != draw(2))
    #expect(try draw(1)[..<20] != draw(1)[20...])
  }

  @Test func `what cannot be drawn is refused`() {
    var random = RandomStream(seed: 1)
    #expect(throws: TensorError.self) { try random.normal([2], dtype: .int64) }
    #expect(throws: TensorError.self) { try random.uniform([2], dtype: .bool) }
    #expect(throws: TensorError.self) { try random.integers(below: 0, [2]) }
    #expect(throws: TensorError.self) { try random.bernoulli(1.5, [2]) }
    #expect(throws: TensorError.self) { try random.normal([-2]) }
  }
}
