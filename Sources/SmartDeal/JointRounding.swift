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
      _ options: DecompositionOptions, into output: BlockOutput
    ) -> Int {
      let layout = output.layout
      let solver = JointSolver(
        rows: layout.rowsPerBlock, n: layout.n, problem: self, rcond: options.rcond)
      var rounds = 0
      for block in range {
        output.gather(weights, block: block, stride: layout.rowsPerBlock, into: solver.columns)
        solver.solve()
        rounds += solver.objective.count
        output.store(block, basis: solver.basis) { solver.coefficients[$0 * layout.n + $1] }
      }
      return rounds
    }
  }
}

/// Joint rounding of blocks of one size.
final class JointSolver {
  private static let rounds = 30

  let rows: Int
  let n: Int
  /// The block, column after column.
  let columns: UnsafeMutablePointer<Double>
  /// Row-major m × n.
  private(set) var coefficients: [Double]
  /// Row-major n × n.
  private(set) var basis: [Double]
  /// The squared error plus λ for each non-zero after each round.
  private(set) var objective: [Double] = []

  private let lambda: Double
  private let rcond: Double
  private let smallest: Double
  private let largest: Double
  private var small: SmallMatrix
  private var inverse: [Double]
  private var gram: [Double]
  private var right: [Double]
  /// A row's candidates, three for each entry, and the path through them.
  private var candidates: [Double]
  private var residuals: [Double]
  private var choice: [Double]
  private var best: [Double]

  init(rows: Int, n: Int, problem: JointRounding.Problem, rcond: Double) {
    self.rows = rows
    self.n = n
    self.rcond = rcond
    lambda = problem.lambda
    smallest = Double(sign: .plus, exponent: problem.lowest, significand: 1)
    largest = Double(sign: .plus, exponent: problem.highest, significand: 1)
    columns = .allocate(capacity: rows * n)
    columns.initialize(repeating: 0, count: rows * n)
    coefficients = [Double](repeating: 0, count: rows * n)
    basis = [Double](repeating: 0, count: n * n)
    inverse = basis
    gram = basis
    right = basis
    small = SmallMatrix(n: n)
    candidates = [Double](repeating: 0, count: 3 * n)
    residuals = [Double](repeating: 0, count: (n + 1) * n)
    choice = [Double](repeating: 0, count: n)
    best = choice
  }

  deinit { columns.deallocate() }

  /// Decomposes the block in ``columns``.
  func solve() {
    for index in coefficients.indices { coefficients[index] = 0 }
    for i in 0..<n { for j in 0..<n { basis[i * n + j] = i == j ? 1 : 0 } }
    objective = []
    for _ in 0..<JointSolver.rounds {
      small.pseudoInverse(basis, rcond: rcond, into: &inverse)
      var changed = false
      var sum = 0.0
      for row in 0..<rows { sum += roundRow(row, &changed) }
      // The fit below can only lessen the error of what was just chosen.
      objective.append(sum)
      guard changed else { break }
      fitBasis()
    }
  }

  /// Chooses a row's coefficients.
  ///
  /// - Returns: Its squared error plus λ for each non-zero.
  private func roundRow(_ row: Int, _ changed: inout Bool) -> Double {
    for j in 0..<n {
      var exact = 0.0
      for k in 0..<n { exact += columns[k * rows + row] * inverse[k * n + j] }
      let magnitude = exact.magnitude
      let below =
        magnitude > 0
        ? min(
          max(Double(sign: .plus, exponent: magnitude.exponent, significand: 1), smallest), largest)
        : smallest
      let above = min(max(2 * below, smallest), largest)
      candidates[3 * j] = 0
      // The powers around a magnitude below the window are both its lower end.
      candidates[3 * j + 1] = exact < 0 ? -below : below
      let upper = magnitude < smallest ? below : above
      candidates[3 * j + 2] = exact < 0 ? -upper : upper
      residuals[j] = columns[j * rows + row]
    }
    var least = 0.0
    for j in 0..<n {
      var rest = columns[j * rows + row]
      for k in 0..<n { rest -= coefficients[row * n + k] * basis[k * n + j] }
      least += rest * rest
      if coefficients[row * n + j] != 0 { least += lambda }
    }
    var improved = false
    search(0, 0, &least, &improved)
    if improved {
      changed = true
      for j in 0..<n { coefficients[row * n + j] = best[j] }
    }
    return least
  }

  /// Goes through all rows of candidates from an entry on.
  private func search(_ entry: Int, _ price: Double, _ least: inout Double, _ improved: inout Bool)
  {
    if entry == n {
      var sum = price
      for j in 0..<n { sum += residuals[n * n + j] * residuals[n * n + j] }
      guard sum < least else { return }
      least = sum
      improved = true
      for j in 0..<n { best[j] = choice[j] }
      return
    }
    guard price < least else { return }
    for option in 0..<3 {
      let value = candidates[3 * entry + option]
      if option == 2 && value == candidates[3 * entry + 1] { continue }
      choice[entry] = value
      for j in 0..<n {
        residuals[(entry + 1) * n + j] = residuals[entry * n + j] - value * basis[entry * n + j]
      }
      search(entry + 1, value == 0 ? price : price + lambda, &least, &improved)
    }
  }

  private func fitBasis() {
    for i in 0..<n {
      for j in 0..<n {
        var square = 0.0
        var product = 0.0
        for row in 0..<rows {
          square += coefficients[row * n + i] * coefficients[row * n + j]
          product += coefficients[row * n + i] * columns[j * rows + row]
        }
        gram[i * n + j] = square
        right[i * n + j] = product
      }
    }
    small.solveSymmetric(gram, right, inverse: &inverse, into: &basis)
  }
}
