import Formats
import Foundation
import Statistics
import Testing

@testable import SmartDeal

/// What holds for any weights.
@Suite struct InvariantTests {
  private static func weights(_ count: Int, seed: UInt64) -> [Float] {
    var generator = SplitMix64(seed: seed)
    return (0..<count).map { _ in
      // Roughly normal, with the spread of a trained layer.
      let sum = (0..<6).reduce(0.0) { sum, _ in
        sum + Double.random(in: -0.5..<0.5, using: &generator)
      }
      return Float(0.1 * sum)
    }
  }

  static let shapes = [
    [20, 16, 3, 3], [4, 7, 2, 2], [3, 5, 4, 4], [2, 3, 7, 7], [2, 2, 8, 8], [12, 1, 3, 3],
    [6, 50, 1, 1], [5, 2048], [3, 786], [4, 5], [3, 1], [2, 6], [2, 9, 5, 5],
  ]

  @Test(arguments: shapes)
  func coefficientsArePowersOfTwoAndBasesAreLeastSquares(shape: [Int]) throws {
    let weights = InvariantTests.weights(shape.reduce(1, *), seed: 3)
    for rounding in [DecompositionOptions.Rounding.nearest, .joint(lambda: 1e-4)] {
      let options = DecompositionOptions(threshold: 1e-2, rounding: rounding)
      let found = try Decomposition(weights, shape: shape, name: "w", options: options)
      let layout = found.layout
      #expect(layout.blocks * layout.rowsPerBlock * layout.n == found.coefficients.count)
      for code in found.coefficients where code != 0 {
        #expect(CoefficientCode.value(code).magnitude <= 32)
      }
      // The gradient of the squared error with respect to B vanishes: Cᵀ (A − C B) = 0.
      let norm = weights.reduce(0.0) { $0 + Double($1) * Double($1) }
      let output = try BlockReader(layout, weights)
      for block in 0..<layout.blocks {
        let a = output.block(block)
        let (m, n) = (layout.rowsPerBlock, layout.n)
        var rest = a
        for row in 0..<m {
          for column in 0..<n {
            for k in 0..<n {
              rest[row][column] -=
                CoefficientCode.value(found.coefficients[(block * m + row) * n + k])
                * found.bases[(block * n + k) * n + column]
            }
          }
        }
        var square = 0.0
        var whole = 0.0
        for k in 0..<n {
          for column in 0..<n {
            let gradient = (0..<m).reduce(0.0) { sum, row in
              sum + CoefficientCode.value(found.coefficients[(block * m + row) * n + k])
                * rest[row][column]
            }
            #expect(gradient.magnitude <= 1e-9 * max(norm, 1))
          }
        }
        for row in 0..<m {
          for column in 0..<n {
            square += rest[row][column] * rest[row][column]
            whole += a[row][column] * a[row][column]
          }
        }
        #expect(square <= whole * (1 + 1e-12))
      }
    }
  }

  @Test(arguments: shapes)
  func givesTheSameAtAnyNumberOfThreads(shape: [Int]) throws {
    let weights = InvariantTests.weights(shape.reduce(1, *), seed: 5)
    let options = DecompositionOptions(threshold: 1e-2)
    let one = try Decomposition(weights, shape: shape, name: "w", options: options, threads: 1)
    let many = try Decomposition(weights, shape: shape, name: "w", options: options, threads: 7)
    #expect(one.coefficients == many.coefficients && one.bases == many.bases)
    #expect(one.sweeps == many.sweeps)
  }

  @Test func followsScaleAndOrder() throws {
    let weights = InvariantTests.weights(8 * 27, seed: 7)
    let shape = [8, 3, 3, 3]
    let plain = try Decomposition(
      weights, shape: shape, name: "w", options: DecompositionOptions(threshold: 2e-2))
    let scaled = try Decomposition(
      weights.map { $0 / 8 }, shape: shape, name: "w",
      options: DecompositionOptions(threshold: 2e-2 / 8))
    for (first, second) in zip(plain.coefficients, scaled.coefficients) {
      #expect(CoefficientCode.value(first) == 8 * CoefficientCode.value(second))
    }
    for (first, second) in zip(plain.bases, scaled.bases) {
      #expect((first - second).magnitude <= 1e-12)
    }
    let reversed = try Decomposition(
      (0..<8).reversed().flatMap { weights[$0 * 27..<($0 + 1) * 27] }, shape: shape, name: "w",
      options: DecompositionOptions(threshold: 2e-2))
    for filter in 0..<8 {
      #expect(
        plain.coefficients[filter * 27..<(filter + 1) * 27]
          == reversed.coefficients[(7 - filter) * 27..<(8 - filter) * 27])
    }
  }

  @Test func leavesPowersOfTwoAsTheyAre() throws {
    let values: [Float] = [0, 0.5, -0.25, 0.125, -1, 2, 0, 0.0625, -0.5]
    let weights = (0..<54).map { values[($0 * 5 + $0 / 9) % 9] }
    let found = try Decomposition(
      weights, shape: [2, 3, 3, 3], name: "w", options: DecompositionOptions())
    for (rebuilt, weight) in zip(found.rebuilt(), weights) {
      #expect((rebuilt - weight).magnitude < 1e-6)
    }
    #expect(found.sweeps == 2)
  }

  @Test func dropsWholeRowsThatAreSmall() throws {
    let options = DecompositionOptions(threshold: 2e-2, vectorWise: true)
    let weights = InvariantTests.weights(60, seed: 11)
    let solver = BlockSolver(rows: 20, n: 3, options: options)
    for row in 0..<20 {
      for column in 0..<3 {
        solver.block[column * solver.stride + row] = Double(weights[row * 3 + column])
      }
    }
    var kept: [Bool] = []
    solver.onSweep = { sweep in
      kept = (0..<20).map { row in
        let sum = (0..<3).reduce(0.0) { $0 + sweep.coefficients[row * 3 + $1].magnitude }
        // What stays had 5 θ before its small entries went, each less than θ.
        #expect(sum == 0 || sum >= 3 * options.threshold)
        return sum > 0
      }
    }
    solver.solve()
    for row in 0..<20 {
      #expect(kept[row] == (0..<3).contains { solver.coefficient(row, $0) != 0 })
    }
    #expect(kept.contains(true) && kept.contains(false))
  }

  @Test func jointRoundingNeverGrowsItsObjective() throws {
    for lambda in [0, 1e-5, 1e-3, 1] {
      let options = DecompositionOptions(rounding: .joint(lambda: lambda))
      let problem = try #require(JointRounding.Problem(options, largest: 0.3))
      for n in [2, 3, 4] {
        let solver = JointSolver(rows: 24, n: n, problem: problem, rcond: 1e-10)
        for (index, weight) in InvariantTests.weights(24 * n, seed: 13).enumerated() {
          solver.columns[index] = Double(weight)
        }
        solver.solve()
        #expect(!solver.objective.isEmpty)
        for (before, after) in zip(solver.objective, solver.objective.dropFirst()) {
          #expect(after <= before * (1 + 1e-12))
        }
      }
    }
  }

  @Test func readsAndWritesTheSameWeights() throws {
    for shape in InvariantTests.shapes {
      let weights = InvariantTests.weights(shape.reduce(1, *), seed: 17)
      let found = try Decomposition(
        weights, shape: shape, name: "w", options: DecompositionOptions(threshold: 3e-2))
      let account = StorageAccount(found.layout, found.coefficients)
      for encoding in Encoding.allCases {
        let layer = StoredLayer(name: "w", found, encodings: [encoding])
        let bytes = try SDLFile.bytes([layer])
        #expect(try SDLFile.bytes([layer]) == bytes)
        let file = try SDLFile(.init(bytes, name: "w.sdl"))
        #expect(try file.weights(of: file.layers[0]) == layer.rebuilt())
        #expect(file.layers[0].coefficientBits == account.bits(of: encoding))
        let bits = file.layers[0].coefficientBits
        #expect(
          bytes.count == 16 + 2 + 1 + 2 + 4 * shape.count + 21 + account.storedBasisBits / 8
            + (bits + 7) / 8 + 4)
      }
      let best = account.best(among: Encoding.published)
      for encoding in Encoding.published {
        #expect(account.bits(of: best) <= account.bits(of: encoding))
      }
    }
  }

  @Test func refusesWhatHasNoMeaning() {
    func message(
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
    #expect(message() == "no error")
    #expect(message { $0.threshold = .nan } == "threshold is nan; it must be a number from 0")
    #expect(message { $0.iterations = 0 }.hasPrefix("iterations is 0"))
    #expect(message { $0.tolerance = -1 }.hasPrefix("tolerance is -1.0"))
    #expect(message { $0.rcond = -1 }.hasPrefix("rcond is -1.0"))
    #expect(message { $0.maxCoefficient = 3 }.hasPrefix("maxCoefficient is 3.0"))
    #expect(message { $0.maxCoefficient = .nan }.hasPrefix("maxCoefficient is nan"))
    #expect(message { $0.maxCoefficient = 0 }.hasPrefix("maxCoefficient is 0.0"))
    #expect(message { $0.exponents = .init(1, 0) }.hasPrefix("exponents is 1...0"))
    #expect(message { $0.exponents = .init(-65, 0) }.hasPrefix("exponents is -65...0"))
    #expect(message { $0.exponents = .init(0, 64) }.hasPrefix("exponents is 0...64"))
    #expect(message { $0.rounding = .joint(lambda: .infinity) }.hasPrefix("lambda is inf"))
    var weights = [Float](repeating: 1, count: 12)
    weights[7] = .nan
    #expect(
      message(weights) == "tensor 'fc1' holds nan at position 7; weights must be finite")
    #expect(message([1, 2], [2, 6]).hasPrefix("tensor 'fc1' has 2 weights"))
    #expect(message([], [0, 6]).hasPrefix("tensor 'fc1' has the shape [0, 6]"))
    #expect(message([1], [1, 1, 1]).hasPrefix("tensor 'fc1' has rank 3"))
    #expect(message([1], [1 << 33, 1]).hasPrefix("tensor 'fc1' has the shape"))
    #expect(message([1], [Int.max, 2]).hasPrefix("tensor 'fc1' has the shape"))
    #expect(message([1], [1, 1, 9, 9]).hasPrefix("tensor 'fc1' has kernels of 9 × 9"))
  }

  @Test func cutsTallMatricesAsThePublicCode() {
    let cases = [192: 192, 384: 192, 1536: 192, 342: 171, 1368: 171, 262: 131, 193: 193, 386: 193]
    for (rows, height) in cases { #expect(BlockLayout.sliceRows(rows, columns: 3) == height) }
    #expect(BlockLayout.paddedLength(4096) == 4104 && BlockLayout.paddedLength(1280) == 1287)
    #expect(BlockLayout.paddedLength(2048) == 2052 && BlockLayout.paddedLength(1024) == 1026)
  }
}

/// A block's weights, read from the definition.
private struct BlockReader {
  let layout: BlockLayout
  let weights: [Float]

  init(_ layout: BlockLayout, _ weights: [Float]) throws {
    self.layout = layout
    self.weights = weights
  }

  func block(_ index: Int) -> [[Double]] {
    let output = index / layout.blocksPerOutput
    let slice = index % layout.blocksPerOutput
    let per = layout.weightsPerOutput
    var padded = weights[output * per..<(output + 1) * per].map(Double.init)
    let length = layout.blocksPerOutput * layout.rowsPerBlock * layout.n
    padded += [Double](repeating: 0, count: length - per)
    return (0..<layout.rowsPerBlock).map { row in
      (0..<layout.n).map { column in
        layout.isTransposed
          ? padded[column * layout.rowsPerBlock + row]
          : padded[(slice * layout.rowsPerBlock + row) * layout.n + column]
      }
    }
  }
}
