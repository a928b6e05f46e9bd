/// Features of designs: a row for each design, stored column after column.
public struct FeatureMatrix: Hashable, Sendable {
  public let rowCount: Int
  public let columnCount: Int
  /// Column-major.
  package var storage: [Double]

  /// A matrix of zeros.
  public init(rowCount: Int, columnCount: Int) {
    self.rowCount = rowCount
    self.columnCount = columnCount
    storage = [Double](repeating: 0, count: rowCount * columnCount)
  }

  /// Takes rows of equal length.
  public init(rows: [[Double]]) {
    self.init(rowCount: rows.count, columnCount: rows.first?.count ?? 0)
    for (row, values) in rows.enumerated() {
      precondition(values.count == columnCount, "row \(row) has \(values.count) features")
      for column in 0..<columnCount { self[row, column] = values[column] }
    }
  }

  public subscript(row: Int, column: Int) -> Double {
    get { storage[column * rowCount + row] }
    set { storage[column * rowCount + row] = newValue }
  }

  /// The matrix of some rows, in the order given.
  public func rows(_ selected: [Int]) -> FeatureMatrix {
    var result = FeatureMatrix(rowCount: selected.count, columnCount: columnCount)
    for column in 0..<columnCount {
      for (target, row) in selected.enumerated() { result[target, column] = self[row, column] }
    }
    return result
  }

  /// The matrix times a vector.
  public func times(_ weights: [Double]) -> [Double] {
    var result = [Double](repeating: 0, count: rowCount)
    for column in 0..<columnCount where weights[column] != 0 {
      let (weight, start) = (weights[column], column * rowCount)
      for row in 0..<rowCount { result[row] += weight * storage[start + row] }
    }
    return result
  }

  /// One row's features.
  public func row(_ row: Int) -> [Double] { (0..<columnCount).map { self[row, $0] } }

  /// The matrix with each row times its factor.
  func scalingRows(by factors: [Double]) -> FeatureMatrix {
    var result = self
    for column in 0..<columnCount {
      for row in 0..<rowCount { result.storage[column * rowCount + row] *= factors[row] }
    }
    return result
  }

  /// Matrices of the same rows side by side.
  public static func joined(_ parts: [FeatureMatrix]) -> FeatureMatrix {
    let rows = parts.first?.rowCount ?? 0
    precondition(parts.allSatisfy { $0.rowCount == rows }, "matrices of different row counts")
    var result = FeatureMatrix(
      rowCount: rows, columnCount: parts.reduce(0) { $0 + $1.columnCount })
    result.storage = parts.flatMap(\.storage)
    return result
  }
}
