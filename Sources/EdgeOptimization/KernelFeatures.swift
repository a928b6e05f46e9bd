import LinearAlgebra

/// Explicit features of a linear kernel: K(x, x′) is the scalar product of two rows.
package struct KernelFeatures: Sendable {
  package let rowCount: Int
  package let width: Int
  /// Row after row.
  private(set) var values: [Double]
  /// The first columns, whose kernel k gives the whole one as k + s·k², and s.
  private let linearWidth: Int
  private let squareShare: Double

  package init(rowCount: Int, width: Int, values: [Double]) {
    self.init(rowCount: rowCount, width: width, values: values, linearWidth: width, squareShare: 0)
  }

  private init(
    rowCount: Int, width: Int, values: [Double], linearWidth: Int, squareShare: Double
  ) {
    precondition(values.count == rowCount * width, "\(values.count) values")
    self.rowCount = rowCount
    self.width = width
    self.values = values
    self.linearWidth = linearWidth
    self.squareShare = squareShare
  }

  /// Standardised columns scaled to a mean square of 1 over the reference rows, optionally with all
  /// products of two of them.
  ///
  /// Without products the kernel is the mean over columns of the standardised products; with a
  /// share s it is k + s·k².
  /// - `columns`: Row after row; constant columns are left out.
  /// - `reference`: The rows that give means and deviations.
  package init(
    standardising rows: [[Double]], reference: [Int], squareShare: Double = 0
  ) {
    let width = rows.first?.count ?? 0
    let count = Double(reference.count)
    var kept: [(column: Int, mean: Double, deviation: Double)] = []
    for column in 0..<width {
      let mean = reference.reduce(0) { $0 + rows[$1][column] } / count
      let variance =
        reference.reduce(0) { total, row in
          total + (rows[row][column] - mean) * (rows[row][column] - mean)
        } / count
      if variance > 1e-18 * (1 + mean * mean) { kept.append((column, mean, variance.squareRoot())) }
    }
    let scale = 1 / Double(max(kept.count, 1)).squareRoot()
    let linear = rows.map { row in
      kept.map { scale * (row[$0.column] - $0.mean) / $0.deviation }
    }
    guard squareShare > 0 else {
      self.init(rowCount: rows.count, width: kept.count, values: linear.flatMap { $0 })
      return
    }
    let cross = (2 * squareShare).squareRoot()
    let own = squareShare.squareRoot()
    var values: [Double] = []
    for row in linear {
      values += row
      for first in row.indices {
        values.append(own * row[first] * row[first])
        for second in first + 1..<max(row.count, first + 1) {
          values.append(cross * row[first] * row[second])
        }
      }
    }
    let total = kept.count + kept.count * (kept.count + 1) / 2
    self.init(
      rowCount: rows.count, width: total, values: values, linearWidth: kept.count,
      squareShare: squareShare)
  }

  /// K for some rows and columns, row after row.
  package func kernel(_ rows: [Int], _ columns: [Int]) -> [Double] {
    var left: [Double] = []
    left.reserveCapacity(rows.count * linearWidth)
    for row in rows { left += values[row * width..<row * width + linearWidth] }
    var right = [Double](repeating: 0, count: linearWidth * columns.count)
    for (position, column) in columns.enumerated() {
      for feature in 0..<linearWidth {
        right[feature * columns.count + position] = values[column * width + feature]
      }
    }
    var result = matrixProduct(
      left, rows: rows.count, inner: linearWidth, right, columns: columns.count)
    if squareShare > 0 {
      for index in result.indices { result[index] += squareShare * result[index] * result[index] }
    }
    return result
  }

  /// K(x, x).
  package func square(_ row: Int) -> Double {
    let linear = values.withUnsafeBufferPointer {
      product($0, row * width, row * width, linearWidth)
    }
    return linear + squareShare * linear * linear
  }

  /// The scalar products of rows with a vector.
  package func times(_ weights: [Double], rows: [Int]) -> [Double] {
    values.withUnsafeBufferPointer { values in
      weights.withUnsafeBufferPointer { weights in
        rows.map { product(values, $0 * width, weights, 0, width) }
      }
    }
  }

  /// Features side by side: the sum of the kernels.
  package static func joined(_ blocks: [KernelFeatures]) -> KernelFeatures {
    let rowCount = blocks.first?.rowCount ?? 0
    var values: [Double] = []
    values.reserveCapacity(rowCount * blocks.reduce(0) { $0 + $1.width })
    for row in 0..<rowCount {
      for block in blocks {
        values += block.values[row * block.width..<(row + 1) * block.width]
      }
    }
    return KernelFeatures(
      rowCount: rowCount, width: blocks.reduce(0) { $0 + $1.width }, values: values)
  }

  /// Some of the features, all times a factor.
  func keeping(columns: [Int], scaledBy scale: Double) -> KernelFeatures {
    var kept: [Double] = []
    kept.reserveCapacity(rowCount * columns.count)
    for row in 0..<rowCount {
      for column in columns { kept.append(scale * values[row * width + column]) }
    }
    return KernelFeatures(rowCount: rowCount, width: columns.count, values: kept)
  }

  func row(_ index: Int) -> ArraySlice<Double> { values[index * width..<(index + 1) * width] }
}
