import StructuredValue
import Testing

@testable import SmartDeal

/// The procedure beside blocks that NumPy decomposed.
@Suite struct ReferenceBlockTests {
  @Test func roundsAsTheTableSays() throws {
    let table = try #require(try Reference.file("vectors.json")["nearestPowerOfTwo"]?.list)
    #expect(table.count == 15)
    func nearest(_ number: Double, highest: Double = 0x1p62) -> Double {
      BlockSolver.nearest(
        SIMD4(repeating: number), SIMD4(repeating: 0x1p-64), SIMD4(repeating: highest))[0]
    }
    for entry in table {
      let number = try #require(entry.list?[0].double)
      let exponent = try #require(entry.list?[1].int)
      let power = Double(sign: .plus, exponent: exponent, significand: 1)
      #expect(nearest(number) == power)
      #expect(nearest(-number) == -power)
    }
    #expect(nearest(0) == 0)
    #expect(nearest(100, highest: 32) == 32)
  }

  @Test func decomposesTheReferenceBlocks() throws {
    let blocks = try #require(try Reference.file("vectors.json")["blocks"]?.list)
    #expect(blocks.count == 9)
    for block in blocks {
      let name = try #require(block["name"]?.string)
      let matrix = try #require(block["A"]?.list).map { $0.list?.compactMap(\.double) ?? [] }
      let (rows, n) = (matrix.count, matrix[0].count)
      var options = DecompositionOptions()
      for (key, value) in block["options"]?.map ?? [:] {
        switch key {
        case "theta": options.threshold = try #require(value.double)
        case "row": options.vectorWise = value.bool == true
        case "normalize": options.normalise = value.bool == true
        case "emin": options.exponents.lowest = try #require(value.int)
        case "emax": options.exponents.highest = try #require(value.int)
        default: Issue.record("unknown option \(key)")
        }
      }
      let solver = BlockSolver(rows: rows, n: n, options: options)
      for row in 0..<rows {
        for column in 0..<n { solver.block[column * solver.stride + row] = matrix[row][column] }
      }
      var residuals: [Double] = []
      solver.onSweep = { sweep in
        residuals.append(residual(matrix, sweep.rounded, sweep.basis))
      }
      solver.solve()
      #expect(solver.sweeps == block["sweeps"]?.int, "\(name)")
      let expected = try #require(block["coefficients"]?.list)
      for row in 0..<rows {
        for column in 0..<n {
          let entry = expected[row].list?[column] ?? .null
          let value =
            entry.list.map {
              Double(
                sign: $0[0].int == -1 ? .minus : .plus, exponent: $0[1].int ?? 0, significand: 1)
            } ?? 0
          #expect(solver.coefficient(row, column) == value, "\(name) \(row) \(column)")
        }
      }
      let basis = try #require(block["B"]?.list).flatMap { $0.list?.compactMap(\.double) ?? [] }
      for (found, wanted) in zip(solver.basis, basis) {
        #expect((found - wanted).magnitude <= 1e-9, "\(name)")
      }
      let history = block["residualHistory"]?.list?.compactMap(\.double) ?? []
      #expect(residuals.count == history.count)
      for (found, wanted) in zip(residuals, history) {
        #expect((found - wanted).magnitude <= 1e-9, "\(name) \(residuals) \(history)")
      }
      var final: [Double] = []
      for row in 0..<rows { for column in 0..<n { final.append(solver.coefficient(row, column)) } }
      let last = try #require(block["finalResidual"]?.double)
      #expect((residual(matrix, final, solver.basis) - last).magnitude <= 1e-9, "\(name)")
    }
  }

  private func residual(_ a: [[Double]], _ c: [Double], _ b: [Double]) -> Double {
    let n = a[0].count
    var sum = 0.0
    for row in a.indices {
      for column in 0..<n {
        var rest = a[row][column]
        for k in 0..<n { rest -= c[row * n + k] * b[k * n + column] }
        sum += rest * rest
      }
    }
    return sum.squareRoot()
  }
}
