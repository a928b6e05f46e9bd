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

  subscript(row: Int, column: Int) -> Double { values[row * size + column] }

  /// Adds factor · v vᵀ to the lower triangle.
  mutating func add(_ factor: Double, outer vector: UnsafePointer<Double>) {
    values.withUnsafeMutableBufferPointer { values in
      for row in 0..<size {
        let scaled = factor * vector[row]
        if scaled == 0 { continue }
        for column in 0...row { values[row * size + column] += scaled * vector[column] }
      }
    }
  }

  /// Makes the upper triangle the lower one's mirror image.
  mutating func mirror() {
    for row in 0..<size {
      for column in 0..<row { values[column * size + row] = values[row * size + column] }
    }
  }

  /// The factor L of A = LLᵀ; nil where A isn't positive definite to rounding.
  func cholesky() -> CholeskyFactorization? { CholeskyFactorization(values, size: size) }

  /// Eigenvalues, and eigenvectors as rows, by cyclic Jacobi rotations.
  func eigen() -> (values: [Double], vectors: [[Double]]) {
    var a = values
    var vectors = SymmetricMatrix(identity: size).values
    for _ in 0..<60 {
      var off = 0.0
      for p in 0..<size { for q in 0..<p { off += a[p * size + q] * a[p * size + q] } }
      let scale = (0..<size).reduce(0) { $0 + a[$1 * size + $1] * a[$1 * size + $1] }
      if off <= 1e-28 * max(scale, .leastNormalMagnitude) { break }
      for p in 0..<size {
        for q in p + 1..<max(size, p + 1) where a[p * size + q] != 0 {
          let theta = (a[q * size + q] - a[p * size + p]) / (2 * a[p * size + q])
          let t = (theta < 0 ? -1 : 1) / (abs(theta) + (theta * theta + 1).squareRoot())
          let c = 1 / (t * t + 1).squareRoot()
          let s = t * c
          for k in 0..<size {
            let (x, y) = (a[k * size + p], a[k * size + q])
            a[k * size + p] = c * x - s * y
            a[k * size + q] = s * x + c * y
          }
          for k in 0..<size {
            let (x, y) = (a[p * size + k], a[q * size + k])
            a[p * size + k] = c * x - s * y
            a[q * size + k] = s * x + c * y
            let (u, v) = (vectors[p * size + k], vectors[q * size + k])
            vectors[p * size + k] = c * u - s * v
            vectors[q * size + k] = s * u + c * v
          }
        }
      }
    }
    return (
      (0..<size).map { a[$0 * size + $0] },
      (0..<size).map { Array(vectors[$0 * size..<($0 + 1) * size]) }
    )
  }
}
