import Foundation

/// Finds C and B with C · B near a block A, C sparse with powers of two as non-zeros.
///
/// The procedure is that of the public code of Chen et al., "SmartDeal" (arXiv 2101.01163), in
/// binary64: round C, fit B by least squares, fit C by least squares, drop what is small, again and
/// again; at last round C and fit B once more. A solver holds the memory for blocks of one size.
final class BlockSolver {
  typealias Lanes = SIMD4<Double>

  /// What a sweep ends with.
  struct Sweep {
    /// The coefficients after small ones were dropped, before the next rounding, row-major m × n.
    var coefficients: [Double]
    /// The rounded coefficients that the basis was fitted with, row-major m × n.
    var rounded: [Double]
    /// Row-major n × n.
    var basis: [Double]
  }

  let rows: Int
  let n: Int
  /// Called after each sweep, for tests.
  var onSweep: ((Sweep) -> Void)?

  private let options: DecompositionOptions
  private let lowest: Double
  private let highest: Double
  /// Rows of columns in memory: the rest, up to whole lanes, is zero.
  let stride: Int
  private let memory: UnsafeMutablePointer<Lanes>
  /// The block, column after column, `stride` numbers each.
  let block: UnsafeMutablePointer<Double>
  private let coefficients: UnsafeMutablePointer<Double>
  private let rounded: UnsafeMutablePointer<Double>
  private var small: SmallMatrix
  private var gram: [Double]
  private var right: [Double]
  private var inverse: [Double]
  private var scales: [Double]
  /// The basis, row-major n × n.
  private(set) var basis: [Double]
  private(set) var sweeps = 0

  /// Makes a solver for blocks of `rows` × `n`.
  init(rows: Int, n: Int, options: DecompositionOptions) {
    self.rows = rows
    self.n = n
    self.options = options
    let limit = Int(options.maxCoefficient.exponent)
    let window = options.exponents
    highest = Double(sign: .plus, exponent: min(window.highest, limit), significand: 1)
    // A window above the limit has the limit as its only exponent.
    lowest = Double(sign: .plus, exponent: min(max(window.lowest, -64), limit), significand: 1)
    let lanes = (rows + 3) / 4
    stride = 4 * lanes
    memory = .allocate(capacity: 3 * n * lanes)
    memory.initialize(repeating: .zero, count: 3 * n * lanes)
    block = UnsafeMutableRawPointer(memory).assumingMemoryBound(to: Double.self)
    coefficients = block + n * stride
    rounded = coefficients + n * stride
    small = SmallMatrix(n: n)
    gram = [Double](repeating: 0, count: n * n)
    right = gram
    inverse = gram
    basis = gram
    scales = [Double](repeating: 1, count: n)
  }

  deinit { memory.deallocate() }

  /// The rounded coefficient at a row and column.
  @inline(__always)
  func coefficient(_ row: Int, _ column: Int) -> Double { rounded[column * stride + row] }

  /// Decomposes ``block``.
  func solve() {
    var threshold = options.threshold
    sweeps = 0
    var restarts = 0
    while true {
      if attempt(threshold: threshold) { return }
      // Thresholds decay to nothing long before this, and then drop no column.
      restarts += 1
      threshold = restarts < 64 ? threshold * options.thresholdDecay : 0
    }
  }

  /// Goes through all sweeps.
  ///
  /// - Returns: False where a column lost all its coefficients, which only `columnScale` minds.
  private func attempt(threshold: Double) -> Bool {
    coefficients.update(from: block, count: n * stride)
    var round = 1
    while round < options.iterations {
      if options.columnScale && !centre(threshold) { return false }
      let change = roundCoefficients()
      if round > 1 && change <= options.tolerance * options.tolerance { break }
      fitBasis()
      fitCoefficients()
      dropSmall(threshold)
      sweeps += 1
      report()
      round += 1
    }
    if options.columnScale && !centre(threshold) { return false }
    _ = roundCoefficients()
    fitBasis()
    return true
  }

  /// Rounds the coefficients.
  ///
  /// - Returns: The squared distance to the ones rounded before.
  private func roundCoefficients() -> Double {
    if options.normalise {
      for column in 0..<n {
        let norm = columnNorm(column)
        scales[column] = norm > 0 ? 1 / norm : 1
      }
    }
    var change = Lanes.zero
    let low = Lanes(repeating: lowest)
    let high = Lanes(repeating: highest)
    for column in 0..<n {
      let source = lanes(coefficients, column)
      let target = lanes(rounded, column)
      let scale = Lanes(repeating: scales[column])
      for index in 0..<(stride / 4) {
        let number = source[index] * scale
        let next = BlockSolver.nearest(number, low, high)
        let difference = next - target[index]
        change += difference * difference
        target[index] = next
      }
    }
    return change.sum()
  }

  /// The nearest signed powers of two by absolute distance, ties to the smaller; zero stays zero.
  ///
  /// - Parameters:
  ///   - number: Finite and of normal magnitude, or zero.
  ///   - low: The least magnitude of the result, powers of two.
  ///   - high: The greatest magnitude of the result, powers of two.
  /// - Returns: One power a lane.
  @inline(__always)
  static func nearest(_ number: Lanes, _ low: Lanes, _ high: Lanes) -> Lanes {
    typealias Bits = SIMD4<UInt64>
    let bits = unsafeBitCast(number, to: Bits.self)
    let sign = bits & Bits(repeating: 0x8000_0000_0000_0000)
    // 1.5 is the middle between two powers: everything above carries into the exponent.
    let half = Bits(repeating: 0x0007_FFFF_FFFF_FFFF)
    let exponent =
      ((bits & Bits(repeating: 0x7FFF_FFFF_FFFF_FFFF)) &+ half)
      & Bits(repeating: 0x7FF0_0000_0000_0000)
    var magnitude = unsafeBitCast(exponent, to: Lanes.self)
    magnitude.replace(with: low, where: magnitude .< low)
    magnitude.replace(with: high, where: magnitude .> high)
    var signed = unsafeBitCast(unsafeBitCast(magnitude, to: Bits.self) | sign, to: Lanes.self)
    signed.replace(with: 0, where: number .== 0)
    return signed
  }

  /// The minimum-norm B of least ‖A − Q B‖.
  private func fitBasis() {
    for i in 0..<n {
      for j in 0...i {
        let product = dot(rounded, i, rounded, j)
        gram[i * n + j] = product
        gram[j * n + i] = product
      }
      for j in 0..<n { right[i * n + j] = dot(rounded, i, block, j) }
    }
    small.solveSymmetric(gram, right, inverse: &inverse, into: &basis)
  }

  /// The minimum-norm C of least ‖A − C B‖.
  private func fitCoefficients() {
    small.pseudoInverse(basis, rcond: options.rcond, into: &inverse)
    for column in 0..<n {
      let target = lanes(coefficients, column)
      for index in 0..<(stride / 4) {
        var sum = Lanes.zero
        for k in 0..<n { sum += lanes(block, k)[index] * inverse[k * n + column] }
        target[index] = sum
      }
    }
  }

  private func dropSmall(_ threshold: Double) {
    guard threshold > 0 else { return }
    if options.vectorWise {
      for row in 0..<rows {
        var sum = 0.0
        for column in 0..<n { sum += coefficients[column * stride + row].magnitude }
        guard sum < 5 * threshold else { continue }
        for column in 0..<n { coefficients[column * stride + row] = 0 }
      }
    }
    for column in 0..<n {
      let norm = options.normalise ? columnNorm(column) : 1
      let limit = Lanes(repeating: norm > 0 ? threshold * norm : threshold)
      let target = lanes(coefficients, column)
      for index in 0..<(stride / 4) {
        let number = target[index]
        target[index].replace(with: 0, where: (number .< limit) .& (number .> -limit))
      }
    }
  }

  /// Multiplies each column so that its logarithms lie around whole numbers.
  private func centre(_ threshold: Double) -> Bool {
    for column in 0..<n {
      var sum = 0.0
      var count = 0
      var isEmpty = true
      for row in 0..<rows {
        if block[column * stride + row] != 0 { isEmpty = false }
        let number = coefficients[column * stride + row]
        guard number != 0 else { continue }
        let logarithm = log2(number.magnitude)
        sum += logarithm.rounded(.toNearestOrEven) - logarithm
        count += 1
      }
      if count == 0 {
        if !isEmpty && threshold > 0 { return false }
        continue
      }
      let scale = exp2(sum / Double(count))
      for row in 0..<rows { coefficients[column * stride + row] *= scale }
    }
    return true
  }

  private func report() {
    guard let onSweep else { return }
    var sweep = Sweep(coefficients: [], rounded: [], basis: basis)
    for row in 0..<rows {
      for column in 0..<n {
        sweep.coefficients.append(coefficients[column * stride + row])
        sweep.rounded.append(coefficient(row, column))
      }
    }
    onSweep(sweep)
  }

  @inline(__always)
  private func lanes(
    _ columns: UnsafeMutablePointer<Double>, _ column: Int
  ) -> UnsafeMutablePointer<Lanes> {
    UnsafeMutableRawPointer(columns + column * stride).assumingMemoryBound(to: Lanes.self)
  }

  @inline(__always)
  private func dot(
    _ first: UnsafeMutablePointer<Double>, _ i: Int, _ second: UnsafeMutablePointer<Double>,
    _ j: Int
  ) -> Double {
    let (left, right) = (lanes(first, i), lanes(second, j))
    var sum = Lanes.zero
    for index in 0..<(stride / 4) { sum += left[index] * right[index] }
    return sum.sum()
  }

  private func columnNorm(_ column: Int) -> Double {
    dot(coefficients, column, coefficients, column).squareRoot()
  }
}
