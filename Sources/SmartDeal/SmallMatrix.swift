/// Least squares with at most eight unknowns, row-major matrices of n × n.
struct SmallMatrix {
  let n: Int
  private var work: [Double]
  private var vectors: [Double]
  private var values: [Double]

  /// Norms of a matrix times norms of its inverse above which the slower, safer way is taken.
  private static let conditionLimit = 1e6

  init(n: Int) {
    self.n = n
    work = [Double](repeating: 0, count: 2 * n * n)
    vectors = [Double](repeating: 0, count: n * n)
    values = [Double](repeating: 0, count: n)
  }

  /// The minimum-norm solution of G X = H for a symmetric, positive semidefinite G.
  ///
  /// Eigenvalues below 10⁻¹⁴ of the largest count as zero.
  ///
  /// - Parameters:
  ///   - gram: G.
  ///   - right: H.
  ///   - inverse: Overwritten with the pseudo-inverse of G.
  ///   - solution: Gets X.
  mutating func solveSymmetric(
    _ gram: [Double], _ right: [Double], inverse: inout [Double], into solution: inout [Double]
  ) {
    // A semidefinite matrix has its eigenvalues as singular values.
    pseudoInverse(gram, rcond: 1e-14, into: &inverse)
    for i in 0..<n {
      for j in 0..<n {
        var sum = 0.0
        for k in 0..<n { sum += inverse[i * n + k] * right[k * n + j] }
        solution[i * n + j] = sum
      }
    }
  }

  /// The pseudo-inverse; singular values below `rcond` of the largest count as zero.
  mutating func pseudoInverse(_ matrix: [Double], rcond: Double, into inverse: inout [Double]) {
    if invert(matrix, into: &inverse) { return }
    // One-sided Jacobi (Hestenes): rotations make the columns of A V orthogonal, U Σ = A V.
    for index in 0..<(n * n) { work[index] = matrix[index] }
    for i in 0..<n { for j in 0..<n { vectors[i * n + j] = i == j ? 1 : 0 } }
    for _ in 0..<60 {
      var rotated = false
      for p in 0..<n {
        for q in (p + 1)..<max(n, p + 1) {
          var alpha = 0.0
          var beta = 0.0
          var gamma = 0.0
          for i in 0..<n {
            let (a, b) = (work[i * n + p], work[i * n + q])
            alpha += a * a
            beta += b * b
            gamma += a * b
          }
          guard gamma.magnitude > 1e-16 * (alpha * beta).squareRoot(), gamma != 0 else { continue }
          rotated = true
          let zeta = (beta - alpha) / (2 * gamma)
          let t = (zeta < 0 ? -1 : 1) / (zeta.magnitude + (1 + zeta * zeta).squareRoot())
          let c = 1 / (1 + t * t).squareRoot()
          let s = c * t
          for i in 0..<n {
            let (a, b) = (work[i * n + p], work[i * n + q])
            work[i * n + p] = c * a - s * b
            work[i * n + q] = s * a + c * b
            let (v, w) = (vectors[i * n + p], vectors[i * n + q])
            vectors[i * n + p] = c * v - s * w
            vectors[i * n + q] = s * v + c * w
          }
        }
      }
      if !rotated { break }
    }
    var largest = 0.0
    for k in 0..<n {
      var square = 0.0
      for i in 0..<n { square += work[i * n + k] * work[i * n + k] }
      values[k] = square
      largest = max(largest, square.squareRoot())
    }
    for index in 0..<(n * n) { inverse[index] = 0 }
    for k in 0..<n where values[k] > 0 && values[k].squareRoot() > rcond * largest {
      for i in 0..<n {
        for j in 0..<n {
          inverse[i * n + j] += vectors[i * n + k] * work[j * n + k] / values[k]
        }
      }
    }
  }

  /// Inverts by Gauss and Jordan with row pivots.
  ///
  /// - Returns: False where the matrix is too near to a singular one.
  private mutating func invert(_ matrix: [Double], into inverse: inout [Double]) -> Bool {
    let width = 2 * n
    var norm = 0.0
    for i in 0..<n {
      var sum = 0.0
      for j in 0..<n {
        work[i * width + j] = matrix[i * n + j]
        work[i * width + n + j] = i == j ? 1 : 0
        sum += matrix[i * n + j].magnitude
      }
      norm = max(norm, sum)
    }
    guard norm > 0, norm.isFinite else { return false }
    for column in 0..<n {
      var pivot = column
      for row in (column + 1)..<max(n, column + 1)
      where work[row * width + column].magnitude > work[pivot * width + column].magnitude {
        pivot = row
      }
      let head = work[pivot * width + column]
      guard head.magnitude * SmallMatrix.conditionLimit > norm else { return false }
      if pivot != column {
        for j in 0..<width { work.swapAt(column * width + j, pivot * width + j) }
      }
      let scale = 1 / head
      for j in 0..<width { work[column * width + j] *= scale }
      for row in 0..<n where row != column {
        let factor = work[row * width + column]
        if factor == 0 { continue }
        for j in column..<width { work[row * width + j] -= factor * work[column * width + j] }
      }
    }
    var inverseNorm = 0.0
    for i in 0..<n {
      var sum = 0.0
      for j in 0..<n {
        inverse[i * n + j] = work[i * width + n + j]
        sum += inverse[i * n + j].magnitude
      }
      inverseNorm = max(inverseNorm, sum)
    }
    return norm * inverseNorm < SmallMatrix.conditionLimit
  }
}
