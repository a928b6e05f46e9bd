import Foundation

extension SymmetricMatrix {
  /// Eigenvalues, smallest first, and eigenvectors as rows.
  ///
  /// Householder's reduction to a tridiagonal matrix, then QL steps with implicit shifts (Golub and Van
  /// Loan, "Matrix Computations", 4th edition, algorithms 8.3.1 and 8.3.2), in O(size³).
  func eigen() -> (values: [Double], vectors: [[Double]]) {
    guard size > 1 else { return (values, [[Double]](repeating: [1], count: size)) }
    var (diagonal, beside, vectors) = tridiagonal(withVectors: true)
    SymmetricMatrix.diagonalise(&diagonal, &beside, &vectors)
    let order = diagonal.indices.sorted { diagonal[$0] < diagonal[$1] }
    return (
      order.map { diagonal[$0] },
      order.map { Array(vectors[$0 * size..<($0 + 1) * size]) }
    )
  }

  /// The smallest eigenvalue.
  func leastEigenvalue() -> Double {
    guard size > 1 else { return values.first ?? .nan }
    var (diagonal, beside, vectors) = tridiagonal(withVectors: false)
    SymmetricMatrix.diagonalise(&diagonal, &beside, &vectors)
    return diagonal.min() ?? .nan
  }

  /// A tridiagonal matrix T and vectors q with A = Σ qᵢ Tᵢⱼ qⱼᵀ.
  ///
  /// - `withVectors`: Whether q is wanted; it stays empty where it isn't.
  /// - Returns: T's diagonal; what stands beside it, whose last entry is 0; and q, vector after vector.
  private func tridiagonal(withVectors: Bool) -> (
    diagonal: [Double], beside: [Double], vectors: [Double]
  ) {
    var a = values
    let n = size
    var (beside, scales) = ([Double](repeating: 0, count: n), [Double](repeating: 0, count: n))
    var (v, p) = (beside, beside)
    a.withUnsafeMutableBufferPointer { a in
      for k in 0..<n - 1 {
        // The reflection that leaves of column k below the diagonal only its first entry.
        var length = 0.0
        for i in k + 1..<n { length += a[k * n + i] * a[k * n + i] }
        length = length.squareRoot()
        let first = a[k * n + k + 1]
        beside[k] = first > 0 ? -length : length
        guard length > 0 else { continue }
        for i in k + 1..<n { v[i] = a[k * n + i] }
        v[k + 1] -= beside[k]
        // |v|² = 2 (length² − first · beside), which doesn't cancel.
        let scale = 1 / (length * length - first * beside[k])
        scales[k] = scale
        // A ← A − v wᵀ − w vᵀ with w = p − (scale pᵀv / 2) v and p = scale A v.
        var product = 0.0
        for i in k + 1..<n {
          var sum = 0.0
          for j in k + 1..<n { sum += a[i * n + j] * v[j] }
          p[i] = scale * sum
          product += p[i] * v[i]
        }
        for i in k + 1..<n { p[i] -= 0.5 * scale * product * v[i] }
        for i in k + 1..<n {
          let (vi, pi) = (v[i], p[i])
          for j in k + 1..<n { a[i * n + j] -= vi * p[j] + pi * v[j] }
        }
        // Row k is done with and keeps the reflection.
        for i in k + 1..<n { a[k * n + i] = v[i] }
      }
    }
    let diagonal = (0..<n).map { a[$0 * n + $0] }
    guard withVectors else { return (diagonal, beside, []) }
    // The reflections in reverse, applied to the unit vectors.
    var vectors = SymmetricMatrix(identity: n).values
    vectors.withUnsafeMutableBufferPointer { vectors in
      for k in stride(from: n - 2, through: 0, by: -1) where scales[k] > 0 {
        for row in k + 1..<n {
          var sum = 0.0
          for i in k + 1..<n { sum += vectors[row * n + i] * a[k * n + i] }
          sum *= scales[k]
          for i in k + 1..<n { vectors[row * n + i] -= sum * a[k * n + i] }
        }
      }
    }
    return (diagonal, beside, vectors)
  }

  /// Turns vectors of a tridiagonal matrix into eigenvectors, where there are some, and its diagonal
  /// into eigenvalues.
  private static func diagonalise(
    _ diagonal: inout [Double], _ beside: inout [Double], _ vectors: inout [Double]
  ) {
    let n = diagonal.count
    let width = vectors.isEmpty ? 0 : n
    vectors.withUnsafeMutableBufferPointer { vectors in
      for start in 0..<n {
        // Some two steps an eigenvalue; a hundred are never needed.
        for _ in 0..<100 {
          var end = start
          while end < n - 1 {
            let scale = abs(diagonal[end]) + abs(diagonal[end + 1])
            if abs(beside[end]) <= .ulpOfOne * scale { break }
            end += 1
          }
          if end == start { break }
          // Wilkinson's shift.
          var g = (diagonal[start + 1] - diagonal[start]) / (2 * beside[start])
          var r = (g * g + 1).squareRoot()
          g = diagonal[end] - diagonal[start] + beside[start] / (g + (g < 0 ? -r : r))
          var (s, c, p) = (1.0, 1.0, 0.0)
          var split = false
          for i in stride(from: end - 1, through: start, by: -1) {
            let (f, b) = (s * beside[i], c * beside[i])
            r = (f * f + g * g).squareRoot()
            beside[i + 1] = r
            if r == 0 {
              // The matrix has come apart between.
              diagonal[i + 1] -= p
              beside[end] = 0
              split = true
              break
            }
            (s, c) = (f / r, g / r)
            g = diagonal[i + 1] - p
            r = (diagonal[i] - g) * s + 2 * c * b
            p = s * r
            diagonal[i + 1] = g + p
            g = c * r - b
            for k in 0..<width {
              let (x, y) = (vectors[i * n + k], vectors[(i + 1) * n + k])
              vectors[(i + 1) * n + k] = s * x + c * y
              vectors[i * n + k] = c * x - s * y
            }
          }
          if split { continue }
          diagonal[start] -= p
          beside[start] = g
          beside[end] = 0
        }
      }
    }
  }
}
