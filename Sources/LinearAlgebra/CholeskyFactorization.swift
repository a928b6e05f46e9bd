import CLinearKernels

#if canImport(Glibc)
  import Glibc
#endif

/// The factor L of a symmetric positive definite matrix A = LLᵀ.
package struct CholeskyFactorization: Hashable, Sendable {
  package let size: Int
  /// L row after row; what stands above the diagonal is 0.
  private var factor: [Double]

  /// - `matrix`: A row after row; only the lower triangle is read.
  /// - Returns: nil where A isn't positive definite to rounding.
  package init?(_ matrix: [Double], size: Int) {
    precondition(matrix.count == size * size, "\(matrix.count) elements for size \(size)")
    self.size = size
    factor = matrix
    let isDefinite = factor.withUnsafeMutableBufferPointer { factor in
      for row in 0..<size {
        for column in row + 1..<max(size, row + 1) { factor[row * size + column] = 0 }
      }
      return factor.baseAddress.map { linear_cholesky_f64(size, $0) == 1 } ?? true
    }
    if !isDefinite { return nil }
  }

  /// ½ log det A, the sum of the logarithms of L's diagonal.
  package var halfLogDeterminant: Double {
    (0..<size).reduce(0) { $0 + log(factor[$1 * size + $1]) }
  }

  /// L⁻¹b.
  package func forward(_ right: [Double]) -> [Double] {
    var result = right
    factor.withUnsafeBufferPointer { factor in
      result.withUnsafeMutableBufferPointer { result in
        for row in 0..<size {
          let known = product(factor, row * size, UnsafeBufferPointer(result), 0, row)
          result[row] = (result[row] - known) / factor[row * size + row]
        }
      }
    }
    return result
  }

  /// A⁻¹b.
  package func solve(_ right: [Double]) -> [Double] { backward(forward(right)) }

  /// A⁻¹, row after row.
  package var inverse: [Double] {
    // The columns of L⁻¹, one after the other; above its diagonal each is 0.
    var columns = [Double](repeating: 0, count: size * size)
    factor.withUnsafeBufferPointer { factor in
      columns.withUnsafeMutableBufferPointer { columns in
        for column in 0..<size {
          let start = column * size
          columns[start + column] = 1 / factor[column * size + column]
          for row in column + 1..<max(size, column + 1) {
            let known = product(
              factor, row * size + column, UnsafeBufferPointer(columns), start + column,
              row - column)
            columns[start + row] = -known / factor[row * size + row]
          }
        }
      }
    }
    var result = [Double](repeating: 0, count: size * size)
    columns.withUnsafeBufferPointer { columns in
      for row in 0..<size {
        for column in 0...row {
          let value = product(
            columns, row * size + row, columns, column * size + row, size - row)
          result[row * size + column] = value
          result[column * size + row] = value
        }
      }
    }
    return result
  }

  /// L⁻ᵀb, which has the covariance A⁻¹ for a standard normal b.
  package func backward(_ right: [Double]) -> [Double] {
    var result = right
    factor.withUnsafeBufferPointer { factor in
      for row in stride(from: size - 1, through: 0, by: -1) {
        result[row] /= factor[row * size + row]
        for column in 0..<row { result[column] -= factor[row * size + column] * result[row] }
      }
    }
    return result
  }
}
