import Foundation

/// Rounding a row of coefficients at once, with a price for each non-zero.
///
/// For a fixed basis each entry of a row may be 0 or one of the two powers of two around the exact
/// solution; of all such rows, and the present one, the row with the least squared error plus λ for
/// each non-zero is taken. Alternating with least squares for the basis, the sum over a block never
/// grows.
enum JointRounding {
  /// What all blocks of a tensor share.
  struct Problem {
    let lambda: Double
    /// Exponents from seven below to that of the tensor's largest weight, so that four bits hold a
    /// coefficient.
    let highest: Int
    let lowest: Int

    /// Nil unless the options ask for joint rounding.
    init?(_ options: DecompositionOptions, largest: Double) {
      guard case .joint(let lambda) = options.rounding else { return nil }
      self.lambda = lambda
      let top = largest > 0 ? Int((log2(largest) + 0.5).rounded(.down)) : 0
      highest = min(max(top, -57), Int(options.maxCoefficient.exponent))
      lowest = highest - 7
    }

    func solve(
      _ range: Range<Int>, of weights: UnsafeBufferPointer<Float>,
      _ options: DecompositionOptions, _ moments: InputMoments?, into output: BlockOutput
    ) -> Int {
      let layout = output.layout
      let solver = JointSolver(
        rows: layout.rowsPerBlock, n: layout.n, problem: self, rcond: options.rcond)
      var rounds = 0
      for block in range {
        output.gather(weights, block: block, stride: solver.stride, into: solver.columns)
        if let moments {
          moments.factors.withUnsafeBufferPointer { factors in
            solver.metric = factors.baseAddress.map { $0 + moments.offset(of: block, layout) }
            solver.solve()
          }
        } else {
          solver.solve()
        }
        rounds += solver.objective.count
        output.store(block, basis: solver.basis, coefficient: solver.coefficient)
      }
      return rounds
    }
  }
}
