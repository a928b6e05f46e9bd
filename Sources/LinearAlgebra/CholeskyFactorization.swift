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
    var half = [Double](repeating: 0, count: size * size)
    return [Double](unsafeUninitializedCapacity: size * size) { result, count in
      factor.withUnsafeBufferPointer { factor in
        half.withUnsafeMutableBufferPointer { half in
          if let left = factor.baseAddress, let space = half.baseAddress,
            let right = result.baseAddress
          {
            linear_inverse_f64(size, left, space, right)
          }
        }
      }
      count = size * size
    }
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
