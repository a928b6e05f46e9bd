import Testing

@testable import SmartDeal

/// Joint rounding with errors weighed by calibration data.
struct MomentTests {
  /// Weights from a fixed sequence, between −0.5 and 0.5.
  private func weights(_ count: Int, _ seed: Int) -> [Float] {
    (0..<count).map { Float((($0 + seed) * 7919) % 997) / 997 - 0.5 }
  }

  /// Products of a few pictures' inputs for each row: some rows stir a hundred times as much.
  private func products(rows: Int, n: Int) -> [Double] {
    var products = [Double](repeating: 0, count: rows * n * n)
    for picture in 0..<(2 * n) {
      for row in 0..<rows {
        let scale = row % 3 == 0 ? 10.0 : 1
        let inputs = (0..<n).map { column in
          scale * Double((picture * 31 + row * 17 + column * 5) % 23) / 23
        }
        for i in 0..<n {
          for j in 0..<n { products[(row * n + i) * n + j] += inputs[i] * inputs[j] }
        }
      }
    }
    return products
  }

  /// Σ e H eᵀ over rows, H as the moments scale it.
  private func cost(_ error: [Float], _ moments: InputMoments, _ layout: BlockLayout) -> Double {
    let n = moments.n
    var sum = 0.0
    for row in 0..<(error.count / n) {
      let factor = (row % moments.rowsPerOutput) * n * n
      for j in 0..<n {
        var pulled = 0.0
        for k in j..<n {
          pulled += Double(error[row * n + k]) * moments.factors[factor + k * n + j]
        }
        sum += pulled * pulled
      }
    }
    return sum
  }

  @Test(arguments: [2, 3, 4])
  func `the objective never grows in any metric`(n: Int) throws {
    let problem = try #require(
      JointRounding.Problem(
        DecompositionOptions(rounding: .joint(lambda: 1e-4)), largest: 0.5))
    let moments = try InputMoments(products: products(rows: 22, n: n), n: n, rowsPerOutput: 22)
    let solver = JointSolver(rows: 22, n: n, problem: problem, rcond: 1e-10)
    for column in 0..<n {
      for (row, weight) in weights(22, column).enumerated() {
        solver.columns[column * solver.stride + row] = Double(weight)
      }
    }
    moments.factors.withUnsafeBufferPointer {
      solver.metric = $0.baseAddress
      solver.solve()
    }
    #expect(solver.objective.count > 1)
    for (before, after) in zip(solver.objective, solver.objective.dropFirst()) {
      #expect(after <= before * (1 + 1e-9))
    }
  }

  @Test func `errors that matter become smaller, at the cost of others`() throws {
    let shape = [6, 8, 3, 3]
    let weights = weights(432, 3)
    let moments = try InputMoments(products: products(rows: 24, n: 3), n: 3, rowsPerOutput: 24)
    let options = DecompositionOptions(rounding: .joint(lambda: 1e-3))
    let plain = try Decomposition(weights, shape: shape, name: "w", options: options)
    let weighed = try Decomposition(
      weights, shape: shape, name: "w", options: options, moments: moments)
    func error(_ found: Decomposition) -> [Float] { zip(weights, found.rebuilt()).map { $0 - $1 } }
    let costs = [plain, weighed].map {
      cost(error($0), moments, $0.layout) + 1e-3 * Double($0.nonZeros)
    }
    #expect(costs[1] < 0.95 * costs[0])
    let squares = [plain, weighed].map { error($0).reduce(0) { $0 + $1 * $1 } }
    #expect(squares[1] > squares[0])
    // Any number of threads gives the same.
    let three = try Decomposition(
      weights, shape: shape, name: "w", options: options, moments: moments, threads: 3)
    #expect(three.coefficients == weighed.coefficients && three.bases == weighed.bases)
  }

  @Test func `moments that do not fit are refused`() throws {
    #expect(throws: SmartDealError.self) {
      try InputMoments(products: [1, 2], n: 3, rowsPerOutput: 1)
    }
    #expect(throws: SmartDealError.self) {
      try InputMoments(products: [.nan], n: 1, rowsPerOutput: 1)
    }
    let moments = try InputMoments(products: products(rows: 24, n: 3), n: 3, rowsPerOutput: 24)
    for (shape, rounding) in [
      ([6, 4, 3, 3], DecompositionOptions.Rounding.joint(lambda: 1e-3)),
      ([6, 8, 3, 3], .nearest),
    ] {
      #expect(throws: SmartDealError.self) {
        try Decomposition(
          weights(shape.reduce(1, *), 0), shape: shape, name: "w",
          options: DecompositionOptions(rounding: rounding), moments: moments)
      }
    }
  }
}
