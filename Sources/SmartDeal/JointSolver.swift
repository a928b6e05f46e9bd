import Foundation

/// Joint rounding of blocks of one size, four rows at a time.
final class JointSolver {
  typealias Lanes = SIMD4<Double>

  private static let rounds = 30

  let rows: Int
  let n: Int
  /// Rows of columns in memory: the rest, up to whole lanes, is zero.
  let stride: Int
  /// The block, column after column, `stride` numbers each.
  let columns: UnsafeMutablePointer<Double>
  /// Row-major n × n.
  private(set) var basis: [Double]
  /// The squared error plus λ for each non-zero after each round.
  private(set) var objective: [Double] = []

  private let lambda: Double
  private let rcond: Double
  private let smallest: Lanes
  private let largest: Lanes
  private var small: SmallMatrix
  private var inverse: [Double]
  private var gram: [Double]
  private var right: [Double]
  private let memory: UnsafeMutablePointer<Lanes>
  /// As ``columns``.
  private let coefficients: UnsafeMutablePointer<Double>
  /// The basis, each number in all lanes.
  private let splat: UnsafeMutablePointer<Lanes>
  /// Three candidates for each entry of a row, what is left of the row after some entries, the path
  /// through the candidates, and the best one.
  private let candidates: UnsafeMutablePointer<Lanes>
  private let residuals: UnsafeMutablePointer<Lanes>
  private let choice: UnsafeMutablePointer<Lanes>
  private let best: UnsafeMutablePointer<Lanes>
  /// The basis as four rows' metrics see it, and their own numbers likewise.
  private let seen: UnsafeMutablePointer<Lanes>
  /// Lower factors of the metrics that errors are measured in, row-major n × n for each row of the
  /// block; nil measures all alike.
  var metric: UnsafePointer<Double>?
  private var system: [Double]

  init(rows: Int, n: Int, problem: JointRounding.Problem, rcond: Double) {
    self.rows = rows
    self.n = n
    self.rcond = rcond
    lambda = problem.lambda
    smallest = Lanes(repeating: Double(sign: .plus, exponent: problem.lowest, significand: 1))
    largest = Lanes(repeating: Double(sign: .plus, exponent: problem.highest, significand: 1))
    let lanes = (rows + 3) / 4
    stride = 4 * lanes
    let count = 2 * n * lanes + 2 * n * n + 3 * n + (n + 1) * n + 2 * n
    memory = .allocate(capacity: count)
    memory.initialize(repeating: .zero, count: count)
    columns = UnsafeMutableRawPointer(memory).assumingMemoryBound(to: Double.self)
    coefficients = columns + n * stride
    splat = memory + 2 * n * lanes
    candidates = splat + n * n
    residuals = candidates + 3 * n
    choice = residuals + (n + 1) * n
    best = choice + n
    seen = best + n
    system = [Double](repeating: 0, count: n * n * (n * n + 1))
    basis = [Double](repeating: 0, count: n * n)
    inverse = basis
    gram = basis
    right = basis
    small = SmallMatrix(n: n)
  }

  deinit { memory.deallocate() }

  /// The coefficient at a row and column.
  @inline(__always)
  func coefficient(_ row: Int, _ column: Int) -> Double { coefficients[column * stride + row] }

  /// Decomposes the block in ``columns``.
  func solve() {
    coefficients.update(repeating: 0, count: n * stride)
    for i in 0..<n { for j in 0..<n { basis[i * n + j] = i == j ? 1 : 0 } }
    objective = []
    for _ in 0..<JointSolver.rounds {
      small.pseudoInverse(basis, rcond: rcond, into: &inverse)
      for index in 0..<(n * n) { splat[index] = Lanes(repeating: basis[index]) }
      var changed = false
      var sum = Lanes.zero
      for group in 0..<(stride / 4) { sum += roundRows(group, &changed) }
      // The fit below can only lessen the error of what was just chosen.
      objective.append(sum.sum())
      guard changed else { break }
      fitBasis()
    }
  }

  /// Chooses the coefficients of four rows.
  ///
  /// - Returns: Their squared errors plus λ for each non-zero.
  private func roundRows(_ group: Int, _ changed: inout Bool) -> Lanes {
    for j in 0..<n {
      var exact = Lanes.zero
      for k in 0..<n { exact += lanes(columns, k)[group] * inverse[k * n + j] }
      offer(j, exact)
      residuals[j] = lanes(columns, j)[group]
    }
    if let metric { apply(metric, group) }
    let basis = metric == nil ? splat : seen
    var least = Lanes.zero
    for j in 0..<n {
      var rest = residuals[j]
      for k in 0..<n { rest -= lanes(coefficients, k)[group] * basis[k * n + j] }
      least += rest * rest
      var price = Lanes(repeating: lambda)
      price.replace(with: 0, where: lanes(coefficients, j)[group] .== 0)
      least += price
    }
    var improved = SIMDMask<SIMD4<Int64>>(repeating: false)
    search(basis, 0, 0, &least, &improved)
    if improved != SIMDMask(repeating: false) {
      changed = true
      for j in 0..<n {
        lanes(coefficients, j)[group].replace(with: best[j], where: improved)
      }
    }
    return least
  }

  /// Looks at four rows and at the basis through the rows' metrics: ‖(a − c B) L‖ is what counts.
  private func apply(_ metric: UnsafePointer<Double>, _ group: Int) {
    for j in 0..<n {
      var own = Lanes.zero
      for k in 0..<n { seen[k * n + j] = .zero }
      // Factors are lower: column j has its numbers from row j on.
      for q in j..<n {
        var factor = Lanes.zero
        for lane in 0..<4 where 4 * group + lane < rows {
          factor[lane] = metric[((4 * group + lane) * n + q) * n + j]
        }
        own += lanes(columns, q)[group] * factor
        for k in 0..<n { seen[k * n + j] += splat[k * n + q] * factor }
      }
      residuals[j] = own
    }
  }

  /// Sets the candidates of an entry: 0 and the powers around its exact value.
  @inline(__always)
  private func offer(_ entry: Int, _ exact: Lanes) {
    typealias Bits = SIMD4<UInt64>
    let bits = unsafeBitCast(exact, to: Bits.self)
    let sign = bits & Bits(repeating: 0x8000_0000_0000_0000)
    let magnitude = unsafeBitCast(
      bits & Bits(repeating: 0x7FFF_FFFF_FFFF_FFFF), to: Lanes.self)
    var below = unsafeBitCast(bits & Bits(repeating: 0x7FF0_0000_0000_0000), to: Lanes.self)
    below.replace(with: smallest, where: below .< smallest)
    below.replace(with: largest, where: below .> largest)
    var above = 2 * below
    above.replace(with: largest, where: above .> largest)
    // The powers around a magnitude below the window are both its lower end.
    above.replace(with: below, where: magnitude .< smallest)
    candidates[3 * entry] = .zero
    candidates[3 * entry + 1] = unsafeBitCast(
      unsafeBitCast(below, to: Bits.self) | sign, to: Lanes.self)
    candidates[3 * entry + 2] = unsafeBitCast(
      unsafeBitCast(above, to: Bits.self) | sign, to: Lanes.self)
  }

  /// Goes through all rows of candidates from an entry on.
  private func search(
    _ basis: UnsafeMutablePointer<Lanes>, _ entry: Int, _ price: Double, _ least: inout Lanes,
    _ improved: inout SIMDMask<SIMD4<Int64>>
  ) {
    let rest = residuals + entry * n
    let row = basis + entry * n
    let isLast = entry == n - 1
    for option in 0..<3 {
      let value = candidates[3 * entry + option]
      let spent = option == 0 ? price : price + lambda
      choice[entry] = value
      if isLast {
        var sum = Lanes(repeating: spent)
        for j in 0..<n {
          let left = rest[j] - value * row[j]
          sum += left * left
        }
        let better = sum .< least
        guard better != SIMDMask(repeating: false) else { continue }
        least.replace(with: sum, where: better)
        improved .|= better
        for j in 0..<n { best[j].replace(with: choice[j], where: better) }
      } else {
        let next = rest + n
        for j in 0..<n { next[j] = rest[j] - value * row[j] }
        search(basis, entry + 1, spent, &least, &improved)
      }
    }
  }

  private func fitBasis() {
    if let metric {
      fitBasis(in: metric)
      return
    }
    for i in 0..<n {
      for j in 0..<n {
        let (first, second) = (lanes(coefficients, i), lanes(coefficients, j))
        let column = lanes(columns, j)
        var square = Lanes.zero
        var product = Lanes.zero
        for group in 0..<(stride / 4) {
          square += first[group] * second[group]
          product += first[group] * column[group]
        }
        gram[i * n + j] = square.sum()
        right[i * n + j] = product.sum()
      }
    }
    small.solveSymmetric(gram, right, inverse: &inverse, into: &basis)
  }

  /// Least squares in the rows' metrics: Σ (cᵀc ⊗ H) vec B = Σ vec(cᵀ a H), with H = L Lᵀ.
  private func fitBasis(in metric: UnsafePointer<Double>) {
    let size = n * n
    let width = size + 1
    for index in system.indices { system[index] = 0 }
    withUnsafeTemporaryAllocation(of: Double.self, capacity: size + n) { space in
      let (gram, pulled) = (space.baseAddress!, space.baseAddress! + size)
      for row in 0..<rows {
        let factor = metric + row * size
        for i in 0..<n {
          for j in 0..<n {
            var sum = 0.0
            for k in 0...min(i, j) { sum += factor[i * n + k] * factor[j * n + k] }
            gram[i * n + j] = sum
          }
        }
        for j in 0..<n {
          pulled[j] = 0
          for k in 0..<n { pulled[j] += columns[k * stride + row] * gram[k * n + j] }
        }
        for p in 0..<n {
          let first = coefficient(row, p)
          guard first != 0 else { continue }
          for i in 0..<n { system[(p * n + i) * width + size] += first * pulled[i] }
          for q in 0..<n {
            let product = first * coefficient(row, q)
            guard product != 0 else { continue }
            for i in 0..<n {
              for j in 0..<n {
                system[(p * n + i) * width + q * n + j] += product * gram[i * n + j]
              }
            }
          }
        }
      }
    }
    solveSystem(size)
    for index in 0..<size { basis[index] = system[index * width + size] }
  }

  /// Solves the symmetric system in place, its right side in the last column; columns of C that are
  /// zero leave rows of zeros, and get a row of zeros in B.
  private func solveSystem(_ size: Int) {
    let width = size + 1
    var largest = 0.0
    for i in 0..<size { largest = max(largest, system[i * width + i]) }
    for i in 0..<size {
      // A trace on the diagonal stands for what is not determined.
      let pivot = system[i * width + i] + 1e-13 * largest
      guard pivot > 1e-12 * largest, largest > 0 else {
        for row in 0..<size where row != i { system[row * width + i] = 0 }
        for column in 0..<width { system[i * width + column] = column == i ? 1 : 0 }
        continue
      }
      let scale = 1 / pivot
      for column in i..<width { system[i * width + column] *= scale }
      for row in 0..<size where row != i {
        let factor = system[row * width + i]
        if factor == 0 { continue }
        for column in i..<width {
          system[row * width + column] -= factor * system[i * width + column]
        }
      }
    }
  }

  @inline(__always)
  private func lanes(
    _ columns: UnsafeMutablePointer<Double>, _ column: Int
  ) -> UnsafeMutablePointer<Lanes> {
    UnsafeMutableRawPointer(columns + column * stride).assumingMemoryBound(to: Lanes.self)
  }
}
