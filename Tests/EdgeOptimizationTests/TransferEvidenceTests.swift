import EdgeOptimization
import Foundation
import LinearAlgebra
import Statistics
import Testing

struct CholeskyFactorizationTests {
  @Test func `a factorisation solves and gives the determinant`() throws {
    // [[4, 2], [2, 3]]: determinant 8, inverse [[3, −2], [−2, 4]]/8.
    let factor = try #require(CholeskyFactorization([4, 2, 2, 3], size: 2))
    let solution = factor.solve([1, 2])
    #expect(abs(solution[0] + 1.0 / 8) < 1e-15)
    #expect(abs(solution[1] - 6.0 / 8) < 1e-15)
    #expect(abs(factor.halfLogDeterminant - 0.5 * 2.0794415416798357) < 1e-15)
  }

  /// Sizes with and without a rest in each of the ways that rows are grouped.
  @Test(arguments: Array(1...21) + [64, 101])
  func `a solution gives the right side back`(size: Int) throws {
    var generator = SplitMix64(seed: UInt64(size))
    func draw() -> Double { Double(generator.next() >> 11) * 0x1p-53 - 0.5 }
    let roots = (0..<size).map { _ in (0..<size + 3).map { _ in draw() } }
    // What stands above the diagonal is not read.
    let matrix = roots.indices.flatMap { row in
      roots.indices.map { column in
        column > row ? .nan : zip(roots[row], roots[column]).reduce(0) { $0 + $1.0 * $1.1 }
      }
    }
    let right = roots.map { _ in draw() }
    let factor = try #require(CholeskyFactorization(matrix, size: size))
    let solution = factor.solve(right)
    for row in 0..<size {
      let product = (0..<size).reduce(0) { sum, column in
        sum + matrix[max(row, column) * size + min(row, column)] * solution[column]
      }
      #expect(abs(product - right[row]) < 1e-7)
    }
    let half = factor.forward(right)
    let form = zip(right, solution).reduce(0) { $0 + $1.0 * $1.1 }
    #expect(abs(half.reduce(0) { $0 + $1 * $1 } - form) < 1e-7 * max(1, abs(form)))
  }

  /// Sizes with and without a rest of rows, of pairs of vectors and of single ones.
  @Test(arguments: [(1, 1, 1), (4, 3, 16), (5, 7, 24), (6, 2, 13), (3, 5, 41), (9, 1, 8)])
  func `a matrix product is that of all rows with all columns`(
    rows: Int, inner: Int, columns: Int
  ) {
    var generator = SplitMix64(seed: UInt64(rows + inner + columns))
    let left = (0..<rows * inner).map { _ in Double(generator.next() >> 11) * 0x1p-53 - 0.5 }
    let right = (0..<inner * columns).map { _ in Double(generator.next() >> 11) * 0x1p-53 - 0.5 }
    let found = matrixProduct(left, rows: rows, inner: inner, right, columns: columns)
    for row in 0..<rows {
      for column in 0..<columns {
        let value = (0..<inner).reduce(0) {
          $0 + left[row * inner + $1] * right[$1 * columns + column]
        }
        #expect(abs(found[row * columns + column] - value) < 1e-14)
      }
    }
    // A column alone has the same product, bit by bit.
    let last = (0..<inner).map { right[$0 * columns + columns - 1] }
    let alone = matrixProduct(left, rows: rows, inner: inner, last, columns: 1)
    #expect(alone == (0..<rows).map { found[$0 * columns + columns - 1] })
  }

  @Test func `a product over nothing is zero`() {
    #expect(matrixProduct([], rows: 2, inner: 0, [], columns: 1) == [0, 0])
  }

  @Test(arguments: [1, 2, 7, 16, 33])
  func `a matrix times its inverse is the identity`(size: Int) throws {
    var generator = SplitMix64(seed: UInt64(size))
    let roots = (0..<size).map { _ in
      (0..<size + 2).map { _ in Double(generator.next() >> 11) * 0x1p-53 - 0.5 }
    }
    let matrix = roots.map { left in
      roots.map { zip(left, $0).reduce(0) { $0 + $1.0 * $1.1 } }
    }
    let inverse = try #require(CholeskyFactorization(matrix.flatMap { $0 }, size: size)).inverse
    for row in 0..<size {
      for column in 0..<size {
        let value = (0..<size).reduce(0) { $0 + matrix[row][$1] * inverse[$1 * size + column] }
        #expect(abs(value - (row == column ? 1 : 0)) < 1e-8)
      }
    }
  }

  @Test func `a matrix that is not positive definite is refused`() {
    #expect(CholeskyFactorization([1, 2, 2, 1], size: 2) == nil)
    var matrix = (0..<81).map { $0 % 10 == 0 ? 1.0 : 0 }
    matrix[80] = -1
    #expect(CholeskyFactorization(matrix, size: 9) == nil)
    matrix[80] = .infinity
    #expect(CholeskyFactorization(matrix, size: 9) == nil)
  }
}

struct PowerScaleTests {
  private static let logarithms = [0.3, -0.2, 1.1, 0.9, 0.05]

  @Test(arguments: [0, 0.5, 1])
  func `a standardised value leads back to its logarithm`(power: Double) throws {
    let scale = try #require(PowerScale(logarithms: Self.logarithms, power: power))
    let values = Self.logarithms.map { scale.standardise(logarithm: $0) }
    #expect(abs(values.reduce(0, +)) < 1e-12)
    #expect(abs(values.reduce(0) { $0 + $1 * $1 } / 5 - 1) < 1e-12)
    for (value, logarithm) in zip(values, Self.logarithms) {
      #expect(abs(scale.logarithm(mean: value, variance: 0).mean - logarithm) < 1e-12)
      // To first order: the slope of the way back.
      let step = 1e-5
      let (up, down) = (
        scale.logarithm(mean: value + step, variance: 0).mean,
        scale.logarithm(mean: value - step, variance: 0).mean
      )
      let deviation = scale.logarithm(mean: value, variance: 4).deviation
      #expect(abs(deviation / 2 - (up - down) / (2 * step)) < 1e-6)
    }
  }

  @Test(arguments: [0, 0.5, 1])
  func `the Jacobian makes densities of all scales those of logarithms`(power: Double) throws {
    let scale = try #require(PowerScale(logarithms: Self.logarithms, power: power))
    let slopes = Self.logarithms.map { logarithm in
      let step = 1e-6
      return
        (scale.standardise(logarithm: logarithm + step)
        - scale.standardise(logarithm: logarithm - step)) / (2 * step)
    }
    #expect(abs(slopes.reduce(0) { $0 + log($1) } - scale.logJacobian) < 1e-6)
  }

  @Test func `equal values have no scale`() {
    #expect(PowerScale(logarithms: [2, 2, 2], power: 1) == nil)
  }
}

struct ContaminatedSamplesTests {
  @Test func `an outlier's evidence and solution are those of the covariance with its variance`()
    throws
  {
    let matrix = [2.0, 0.4, 0.1, 0.4, 1.5, 0.3, 0.1, 0.3, 1.2]
    let targets = [0.5, -2.0, 1.0]
    let explained = ContaminatedSamples(try #require(CholeskyFactorization(matrix, size: 3)))
    let plain = explained.solution(targets)
    let evidence = explained.evidence(targets, plain)
    for outlier in 0..<3 {
      var widened = matrix
      widened[outlier * 4] += ContaminatedSamples.variance
      let factor = try #require(CholeskyFactorization(widened, size: 3))
      let expected = factor.solve(targets)
      let found = explained.solution(plain, outlier: outlier)
      for (left, right) in zip(found, expected) { #expect(abs(left - right) < 1e-12) }
      let inverse = factor.inverse
      for (index, own) in explained.diagonal(outlier: outlier).enumerated() {
        #expect(abs(own - inverse[index * 4]) < 1e-12)
      }
      let form = zip(targets, expected).reduce(0) { $0 + $1.0 * $1.1 }
      let logDensity = -0.5 * form - factor.halfLogDeterminant + log(ContaminatedSamples.odds)
      #expect(abs(evidence.1[outlier] - logDensity) < 1e-12)
    }
    let factor = try #require(CholeskyFactorization(matrix, size: 3))
    let form = zip(targets, plain).reduce(0) { $0 + $1.0 * $1.1 }
    #expect(abs(evidence.plain + 0.5 * form + factor.halfLogDeterminant) < 1e-12)
  }
}
