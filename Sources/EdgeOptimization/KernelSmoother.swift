import LinearAlgebra

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
    noises: [Double] = System.defaultNoises
  ) {
    self = System(features, rows: rows, noises: noises).smoother(targets)
  }

  fileprivate init(weights: [Double], intercept: Double, error: Double, noise: Double) {
    self.weights = weights
    self.intercept = intercept
    self.error = error
    self.noise = noise
  }

  /// What does not depend on the targets, and serves all devices that are known on the same rows.
  package struct System: Sendable {
    package static let defaultNoises = [0.003, 0.01, 0.03, 0.1, 0.3, 1]
    package let rows: [Int]
    /// The features of the rows and a constant 1, one array for each feature.
    private let columns: [[Double]]
    private let ridges: [Ridge]

    /// The normal equations with one λ.
    private struct Ridge: Sendable {
      var noise: Double
      var factor: CholeskyFactorization
      /// xᵀ(XᵀX + λI)⁻¹x of each row.
      var leverages: [Double]
    }

    /// - `rows`: The rows whose targets will be known.
    /// - `noises`: λ to choose from.
    package init(
      _ features: KernelFeatures, rows: [Int], noises: [Double] = System.defaultNoises
    ) {
      self.rows = rows
      let size = features.width + 1
      let vectors = rows.map { Array(features.row($0)) + [1] }
      columns = (0..<size).map { column in vectors.map { $0[column] } }
      let gram = matrixProduct(
        columns.flatMap { $0 }, rows: size, inner: rows.count, vectors.flatMap { $0 },
        columns: size)
      ridges = noises.compactMap { noise in
        var matrix = gram
        for index in 0..<size { matrix[index * size + index] += noise }
        return CholeskyFactorization(matrix, size: size).map { factor in
          Ridge(
            noise: noise, factor: factor,
            leverages: vectors.map { vector in
              let half = factor.forward(vector)
              return product(half, half)
            })
        }
      }
    }

    /// Fits one device's targets, in the order of the rows.
    package func smoother(_ targets: [Double]) -> KernelSmoother {
      precondition(targets.count == rows.count, "\(targets.count) targets of \(rows.count) rows")
      let right = columns.map { dot($0, targets) }
      let size = columns.count
      var best = KernelSmoother(
        weights: [Double](repeating: 0, count: size - 1), intercept: 0, error: 1, noise: 0)
      var least = Double.infinity
      for ridge in ridges {
        let weights = ridge.factor.solve(right)
        var predicted = [Double](repeating: 0, count: rows.count)
        for (weight, column) in zip(weights, columns) {
          for index in predicted.indices { predicted[index] += weight * column[index] }
        }
        var total = 0.0
        for index in targets.indices {
          let one = (targets[index] - predicted[index]) / max(1 - ridge.leverages[index], 1e-9)
          total += one * one
        }
        let error = total / Double(rows.count)
        guard error <= least else { continue }
        least = error
        best = KernelSmoother(
          weights: Array(weights.dropLast()), intercept: weights[size - 1], error: error,
          noise: ridge.noise)
      }
      return best
    }
  }
}
