import LinearAlgebra

/// The singular value decomposition A = U Σ Vᵀ of a matrix, reduced to what linear models need.
///
/// Householder QR first, then one-sided Jacobi rotations on the triangle (Hestenes 1958): small,
/// free of iteration parameters, and accurate to rounding for the few hundred columns used here.
struct SingularValues {
  /// In no particular order.
  var values: [Double]
  /// Right singular vectors, one column for each singular value, p × p.
  var right: [[Double]]
  /// Uᵀ y, one for each singular value; 0 where the singular value is 0.
  var projected: [Double]

  init(_ matrix: FeatureMatrix, target: [Double]) {
    let (triangle, rotated) = SingularValues.triangle(matrix, target: target)
    var columns = triangle
    let size = columns.count
    var right = (0..<size).map { column in
      (0..<size).map { $0 == column ? 1.0 : 0.0 }
    }
    SingularValues.orthogonalise(&columns, &right)
    values = columns.map { dot($0, $0).squareRoot() }
    self.right = right
    projected = zip(columns, values).map { column, value in
      value > 0 ? dot(column, rotated) / value : 0
    }
  }

  /// The triangle R of A = QR by columns, and the matching part of Qᵀy; short matrices are padded
  /// with rows of zeros.
  private static func triangle(
    _ matrix: FeatureMatrix, target: [Double]
  ) -> ([[Double]], [Double]) {
    let width = matrix.columnCount
    let height = max(matrix.rowCount, width)
    let padding = [Double](repeating: 0, count: height - matrix.rowCount)
    var columns = (0..<width).map { column in
      Array(matrix.storage[column * matrix.rowCount..<(column + 1) * matrix.rowCount]) + padding
    }
    var target = target + padding
    for pivot in 0..<width {
      var reflector = [Double](repeating: 0, count: height)
      for row in pivot..<height { reflector[row] = columns[pivot][row] }
      let length = dot(reflector, reflector).squareRoot()
      guard length > 0 else { continue }
      reflector[pivot] += reflector[pivot] < 0 ? -length : length
      let scale = 2 / dot(reflector, reflector)
      for column in pivot..<width {
        reflect(&columns[column], by: reflector, scale: scale, from: pivot)
      }
      reflect(&target, by: reflector, scale: scale, from: pivot)
    }
    let triangle = columns.enumerated().map { index, column in
      (0..<width).map { $0 <= index ? column[$0] : 0 }
    }
    return (triangle, Array(target[..<width]))
  }

  private static func reflect(
    _ vector: inout [Double], by reflector: [Double], scale: Double, from start: Int
  ) {
    let factor = scale * dot(vector, reflector)
    for row in start..<vector.count { vector[row] -= factor * reflector[row] }
  }

  /// Rotates pairs of columns until all are orthogonal to rounding.
  private static func orthogonalise(_ columns: inout [[Double]], _ right: inout [[Double]]) {
    let largest = columns.map { dot($0, $0) }.max() ?? 0
    // Columns this short are rounding errors of a rank-deficient matrix.
    let negligible = largest * 1e-32
    for _ in 0..<60 {
      var isDone = true
      for first in 0..<columns.count {
        for second in first + 1..<max(columns.count, first + 1) {
          let a = dot(columns[first], columns[first])
          let b = dot(columns[second], columns[second])
          let c = dot(columns[first], columns[second])
          guard a > negligible, b > negligible, abs(c) > 1e-15 * (a * b).squareRoot() else {
            continue
          }
          isDone = false
          let zeta = (b - a) / (2 * c)
          let tangent = (zeta < 0 ? -1 : 1) / (abs(zeta) + (1 + zeta * zeta).squareRoot())
          let cosine = 1 / (1 + tangent * tangent).squareRoot()
          rotate(&columns, first, second, cosine, cosine * tangent)
          rotate(&right, first, second, cosine, cosine * tangent)
        }
      }
      if isDone { return }
    }
  }

  private static func rotate(
    _ columns: inout [[Double]], _ first: Int, _ second: Int, _ cosine: Double, _ sine: Double
  ) {
    for row in columns[first].indices {
      let (x, y) = (columns[first][row], columns[second][row])
      columns[first][row] = cosine * x - sine * y
      columns[second][row] = sine * x + cosine * y
    }
  }
}
