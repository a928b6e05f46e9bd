import CDenseKernels
import LinearAlgebra

/// A symmetric matrix and what inference asks of it.
struct SymmetricMatrix {
  let size: Int
  /// Row after row.
  var values: [Double]

  init(identity size: Int) {
    self.size = size
    values = [Double](repeating: 0, count: size * size)
    for i in 0..<size { values[i * size + i] = 1 }
  }

  init(size: Int, values: [Double]) {
    precondition(values.count == size * size, "\(values.count) values for size \(size)")
    self.size = size
    self.values = values
  }

  /// The factor L of A = LLᵀ; nil where A isn't positive definite to rounding.
  func cholesky() -> CholeskyFactorization? { CholeskyFactorization(values, size: size) }

  /// Adds the outer products of all rows' vectors v vᵀ.
  ///
  /// - Parameters:
  ///   - vectors: size × rows, a component's rows side by side, as the kernels want them.
  ///   - rows: A multiple of the kernels' number of rows.
  mutating func add(vectors: UnsafePointer<Double>, rows: Int) {
    values.withUnsafeMutableBufferPointer { values in
      if let values = values.baseAddress {
        dense_weight_gradient_f64(size, size, rows, vectors, vectors, values, nil)
      }
    }
  }
}
