import Formats
import ONNX
import Statistics
import Testing

@testable import SmartDeal

/// What the method promises of any block, and of published networks.
struct MethodTests {
  private static func weights(_ count: Int, seed: UInt64) -> [Float] {
    var generator = SplitMix64(seed: seed)
    return (0..<count).map { _ in
      let sum = (0..<6).reduce(0.0) { sum, _ in
        sum + Double.random(in: -0.5..<0.5, using: &generator)
      }
      return Float(0.1 * sum)
    }
  }

  @Test(arguments: [false, true], [[20, 16, 3, 3], [5, 100], [3, 4, 5, 5]])
  func `exponents stay inside the window that is set`(normalise: Bool, shape: [Int]) throws {
    let weights = Self.weights(shape.reduce(1, *), seed: 19)
    let options = DecompositionOptions(
      threshold: 1e-3, normalise: normalise, exponents: .init(-5, -3))
    let found = try Decomposition(weights, shape: shape, name: "w", options: options)
    let exponents = Set(found.coefficients.filter { $0 != 0 }.map(CoefficientCode.exponent))
    // All of them are used: entries lie on both sides.
    #expect(exponents == [-5, -4, -3])
  }

  @Test(arguments: [2, 3, 4, 8])
  func `a block of powers of two is met exactly after one sweep`(n: Int) {
    let powers = [0, 0.5, -0.25, 0.125, -1, 2, 0.0625, -0.5]
    let rows = 12
    let solver = BlockSolver(rows: rows, n: n, options: DecompositionOptions())
    for row in 0..<rows {
      for column in 0..<n {
        solver.block[column * solver.stride + row] = powers[(row * 5 + column * 3 + row / 8) % 8]
      }
    }
    var residuals: [Double] = []
    solver.onSweep = { sweep in
      var residual = 0.0
      for row in 0..<rows {
        for column in 0..<n {
          let product = (0..<n).reduce(0.0) {
            $0 + sweep.rounded[row * n + $1] * sweep.basis[$1 * n + column]
          }
          let rest = solver.block[column * solver.stride + row] - product
          residual += rest * rest
        }
      }
      residuals.append(residual.squareRoot())
    }
    solver.solve()
    // Least squares through the Gram matrix: some units in the last place of numbers around one.
    #expect(residuals.first.map { $0 < 1e-13 } == true)
  }

  @Test func `at a fixed symbol size each further non-zero takes compression away`() throws {
    let layout = try BlockLayout(shape: [4, 30], name: "w")
    var codes = [Int8](repeating: 0, count: layout.coefficients)
    var last = StorageAccount(layout, codes).bits(symbolBits: 4, basisBits: 8)
    for place in codes.indices {
      codes[place] = place % 2 == 0 ? 60 : -61
      let bits = StorageAccount(layout, codes).bits(symbolBits: 4, basisBits: 8)
      #expect(bits == last + 4)
      last = bits
    }
  }

  /// Half of the rows of kernels, and of input channels of a pointwise layer, go in each group of filters.
  @Test func `pruned rows are zero in all filters, in the coefficients and in what is rebuilt`()
    throws
  {
    let pruning = StructuredPruning()
    let shape = [70, 5, 3, 3]
    let weights = Self.weights(70 * 45, seed: 23)
    let pruned = pruning.applied(to: weights, shape: shape, number: 0.5)
    let found = try Decomposition(
      pruned, shape: shape, name: "w", options: DecompositionOptions(threshold: 1e-3))
    let rebuilt = found.rebuilt()
    for group in [0..<32, 32..<64, 64..<70] {
      let zero = (0..<15).filter { row in
        group.allSatisfy { filter in
          (0..<3).allSatisfy { pruned[(filter * 15 + row) * 3 + $0] == 0 }
        }
      }
      // ⌈0.5 · 15⌉ rows.
      #expect(zero.count == 8)
      for filter in group {
        for row in zero {
          let places = (filter * 15 + row) * 3..<(filter * 15 + row + 1) * 3
          #expect(found.coefficients[places].allSatisfy { $0 == 0 })
          #expect(rebuilt[places].allSatisfy { $0 == 0 })
        }
      }
    }
    // A pointwise channel is one entry of a row of three, which others keep alive.
    let channels = Self.weights(40 * 12, seed: 29)
    let thinned = pruning.applied(to: channels, shape: [40, 12, 1, 1], number: 0.5)
    let gone = (0..<12).filter { channel in (0..<32).allSatisfy { thinned[$0 * 12 + channel] == 0 }
    }
    #expect(gone.count == 6)
    let pointwise = try Decomposition(
      thinned, shape: [40, 12, 1, 1], name: "w", options: DecompositionOptions(threshold: 1e-3))
    let account = StorageAccount(pointwise.layout, pointwise.coefficients)
    #expect(Double(account.zeroRows) < 0.5 * Double(account.rows))
  }

  @Test(
    .enabled(if: Mirror.isPresent, "\(Mirror.isAbsent)"),
    arguments: ["cifar_base_kw.onnx", "cifar_deep_kw.onnx", "resnet_2b.onnx"])
  func `non-zeros do not grow with the threshold on published networks`(file: String) throws {
    let tensors = try ONNXModel(path: Mirror.network(file)).graph.weightTensors()
    var last = Int.max
    for threshold in [1e-3, 2e-3, 4e-3, 1e-2, 2e-2, 4e-2, 8e-2] {
      let options = DecompositionOptions(threshold: threshold)
      let count = try tensors.reduce(0) { sum, tensor in
        try sum
          + Decomposition(tensor.weights, shape: tensor.shape, name: tensor.name, options: options)
          .nonZeros
      }
      #expect(count <= last)
      last = count
    }
  }
}
