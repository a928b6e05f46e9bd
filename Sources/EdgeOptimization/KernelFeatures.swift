import LinearAlgebra

/// Explicit features of a linear kernel: K(x, x′) is the scalar product of two rows.
package struct KernelFeatures: Sendable {
  package let rowCount: Int
  package let width: Int
  /// Row after row.
  private(set) var values: [Double]

  package init(rowCount: Int, width: Int, values: [Double]) {
    precondition(values.count == rowCount * width, "\(values.count) values")
    self.rowCount = rowCount
    self.width = width
    self.values = values
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
    self.init(rowCount: rows.count, width: total, values: values)
  }

  /// K for some rows and columns, row after row.
  package func kernel(_ rows: [Int], _ columns: [Int]) -> [Double] {
    var result = [Double](repeating: 0, count: rows.count * columns.count)
    values.withUnsafeBufferPointer { values in
      for (position, row) in rows.enumerated() {
        for (other, column) in columns.enumerated() {
          result[position * columns.count + other] = product(
            values, row * width, column * width, width)
        }
      }
    }
    return result
  }

  /// K(x, x).
  package func square(_ row: Int) -> Double {
    values.withUnsafeBufferPointer { product($0, row * width, row * width, width) }
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

/// Kernel ridge regression with a constant, on explicit features; λ by exact leave-one-out error.
package struct KernelSmoother: Sendable {
  /// The weights of the features.
  package var weights: [Double]
  package var intercept: Double
  /// The mean squared leave-one-out error.
  package var error: Double
  package var noise: Double

  /// - `rows`: The rows whose targets are known.
  /// - `noises`: λ to choose from; of equal errors the last wins.
  package init(
    _ features: KernelFeatures, rows: [Int], targets: [Double],
    noises: [Double] = [0.003, 0.01, 0.03, 0.1, 0.3, 1]
  ) {
    // The normal equations of the features and a constant 1.
    let size = features.width + 1
    var columns = [[Double]](repeating: [], count: size)
    for (column, _) in columns.enumerated() { columns[column].reserveCapacity(rows.count) }
    for row in rows {
      for (column, value) in features.row(row).enumerated() { columns[column].append(value) }
      columns[size - 1].append(1)
    }
    var gram = [Double](repeating: 0, count: size * size)
    for first in 0..<size {
      for second in 0...first {
        let value = dot(columns[first], columns[second])
        gram[first * size + second] = value
        gram[second * size + first] = value
      }
    }
    let right = columns.map { dot($0, targets) }
    var best: (error: Double, noise: Double, weights: [Double])?
    for noise in noises {
      var matrix = gram
      for index in 0..<size { matrix[index * size + index] += noise }
      guard let factor = CholeskyFactorization(matrix, size: size) else { continue }
      let weights = factor.solve(right)
      var total = 0.0
      for (position, row) in rows.enumerated() {
        let vector = Array(features.row(row)) + [1]
        let half = factor.forward(vector)
        let residual = targets[position] - dot(vector, weights)
        let one = residual / max(1 - dot(half, half), 1e-9)
        total += one * one
      }
      let error = total / Double(rows.count)
      if error <= best?.error ?? .infinity { best = (error, noise, weights) }
    }
    let found = best ?? (1, 0, [Double](repeating: 0, count: size))
    weights = Array(found.weights.dropLast())
    intercept = found.weights.last ?? 0
    error = found.error
    noise = found.noise
  }
}
