import Formats
import Testing

@testable import SmartDeal

/// What is refused names the tensor or option, its value and its limit.
struct OptionLimitTests {
  private func message(
    _ weights: [Float] = [Float](repeating: 1, count: 12), _ shape: [Int] = [2, 6],
    _ change: (inout DecompositionOptions) -> Void = { _ in }
  ) -> String {
    var options = DecompositionOptions()
    change(&options)
    do throws(SmartDealError) {
      _ = try Decomposition(weights, shape: shape, name: "fc1", options: options)
      return "no error"
    } catch {
      return error.message
    }
  }

  @Test(arguments: [Float.infinity, -.infinity, .nan, .signalingNaN])
  func `a weight that is not finite is named with its place`(number: Float) {
    for place in [0, 5, 11] {
      var weights = [Float](repeating: 1, count: 12)
      weights[place] = number
      #expect(
        message(weights)
          == "tensor 'fc1' holds \(number) at position \(place); weights must be finite")
    }
  }

  @Test func `limits of options that are no numbers are the same as for numbers out of range`() {
    #expect(message { $0.threshold = .infinity } == "threshold is inf; it must be a number from 0")
    #expect(message { $0.threshold = -1e-9 } == "threshold is -1e-09; it must be a number from 0")
    #expect(message { $0.tolerance = .nan } == "tolerance is nan; it must be a number from 0")
    #expect(message { $0.rcond = .nan } == "rcond is nan; it must be from 0 to below 1")
    #expect(message { $0.iterations = -3 } == "iterations is -3; it must be at least 1")
    for number in [-2, 3, 0x1p63, 0x1p-65, .infinity, 5e-324] {
      #expect(
        message { $0.maxCoefficient = number }
          == "maxCoefficient is \(number); it must be a power of two from 2^-64 to 2^62")
    }
    #expect(
      message { $0.thresholdDecay = 1 } == "thresholdDecay is 1.0; it must be between 0 and 1")
    #expect(
      message { $0.exponents = .init(2, -2) }
        == "exponents is 2...-2; it must be a lower and an upper end, in this order, both in -64...63"
    )
    #expect(
      message {
        $0.rounding = .joint(lambda: 1)
        $0.vectorWise = true
      }.hasPrefix("rounding is joint"))
  }

  @Test func `tensors of another rank, or with an extent of zero, are refused by their shape`() {
    for shape in [[12], [2, 2, 3], [1, 2, 2, 3, 1]] {
      #expect(
        message([Float](repeating: 1, count: 12), shape)
          == "tensor 'fc1' has rank \(shape.count); weights have rank 2 (fully connected) or 4 "
          + "(convolution)")
    }
    for shape in [[0, 6], [2, 0], [2, 3, 0, 3], [2, 3, 3, 0]] {
      #expect(
        message([], shape)
          == "tensor 'fc1' has the shape \(shape); each extent must be at least 1")
    }
  }

  @Test func `kernels above 8 x 8 pass through as the numbers they are`() throws {
    let weights = (0..<162).map { Float($0) / 162 }
    let tensor = WeightTensor(
      name: "stem", shape: [2, 1, 9, 9], weights: weights, isTransposed: false, node: "Conv",
      type: .float32)
    let found = try NetworkCompression().compress(tensor, index: 0)
    #expect(found.layer.rebuilt() == weights && found.exact == nil)
    #expect(found.record.kind == .raw && found.record.storedBits == 32 * 162)
  }

  @Test func `a pruning list is as long as there are tensors, and holds shares`() {
    func error(_ list: [Double], _ criterion: StructuredPruning.Criterion) -> String {
      do throws(SmartDealError) {
        try StructuredPruning(criterion: criterion).check(list, tensors: ["a", "b"])
        return "no error"
      } catch {
        return error.message
      }
    }
    for list in [[], [0.5], [0.5, 0.5, 0.5]] {
      #expect(
        error(list, .population)
          == "the pruning list has \(list.count) numbers, the network 2 weight tensors: a, b")
    }
    for criterion in [StructuredPruning.Criterion.population, .energy] {
      for number in [-0.1, 1.1, .nan, .infinity] {
        #expect(
          error([0, number], criterion)
            == "the pruning list has \(number) for tensor 'b'; it must be a share from 0 to 1")
      }
    }
    #expect(error([0, 23], .value) == "no error")
    #expect(error([0, .nan], .value).hasSuffix("it must be a number from 0"))
    #expect(error([0, 1], .population) == "no error")
  }
}
