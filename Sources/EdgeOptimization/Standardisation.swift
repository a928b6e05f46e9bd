#if canImport(Glibc)
  import Glibc
#endif
import LinearAlgebra

/// The mean and deviation of each feature over the training designs.
package struct FeatureScale: Hashable, Sendable {
  package let means: [Double]
  /// 0 for a feature that is constant in training; it then is left out.
  package let deviations: [Double]

  package init(_ features: FeatureMatrix, weights: [Double]? = nil) {
    var (means, deviations): ([Double], [Double]) = ([], [])
    for column in 0..<features.columnCount {
      let start = column * features.rowCount
      let values = Array(features.storage[start..<start + features.rowCount])
      let (mean, variance) = moments(values, weights)
      means.append(mean)
      deviations.append(variance > 1e-24 * (1 + mean * mean) ? variance.squareRoot() : 0)
    }
    (self.means, self.deviations) = (means, deviations)
  }

  /// Columns minus their means, over their deviations; 0 where those are.
  package func standardised(_ features: FeatureMatrix) -> FeatureMatrix {
    precondition(
      features.columnCount == means.count,
      "\(features.columnCount) features for a model of \(means.count)")
    var result = features
    for column in means.indices {
      let start = column * features.rowCount
      for row in start..<start + features.rowCount {
        result.storage[row] =
          deviations[column] > 0 ? (features.storage[row] - means[column]) / deviations[column] : 0
      }
    }
    return result
  }
}

/// What a model learns in place of the values: them or their logarithm, with mean 0 and deviation 1.
package struct TargetScale: Hashable, Sendable {
  package let isLogarithmic: Bool
  package let mean: Double
  /// 1 for a constant target.
  package let deviation: Double

  /// - Throws: `EdgeError` for a value without a logarithm where that is fitted.
  package init(
    _ values: [Double], weights: [Double]?, isLogarithmic: Bool
  ) throws(EdgeError) {
    if isLogarithmic, let row = values.firstIndex(where: { $0 <= 0 }) {
      throw EdgeError(
        .badTable, "training row \(row) is \(values[row]), which has no logarithm")
    }
    self.isLogarithmic = isLogarithmic
    let (mean, variance) = moments(isLogarithmic ? values.map { log($0) } : values, weights)
    self.mean = mean
    deviation = variance > 1e-24 * (1 + mean * mean) ? variance.squareRoot() : 1
  }

  /// The values, or their logarithms.
  package func transformed(_ values: [Double]) -> [Double] {
    isLogarithmic ? values.map { log($0) } : values
  }

  package func standardised(_ values: [Double]) -> [Double] {
    transformed(values).map { ($0 - mean) / deviation }
  }

  /// Back to the values' unit.
  package func restored(_ standardised: [Double]) -> [Double] {
    standardised.map { restored($0) }
  }

  package func restored(_ standardised: Double) -> Double {
    let linear = mean + deviation * standardised
    return isLogarithmic ? exp(linear) : linear
  }

  /// The mean and variance, in the unit and its square, of what has these in standardised form;
  /// of a logarithm those of the log-normal distribution.
  package func restored(mean: Double, variance: Double) -> (mean: Double, variance: Double) {
    let spread = variance * deviation * deviation
    guard isLogarithmic else { return (self.mean + deviation * mean, spread) }
    let centre = exp(self.mean + deviation * mean + spread / 2)
    return (centre, expm1(spread) * centre * centre)
  }

  /// The derivative of the value by its standardised form, where the value is this.
  package func slope(at value: Double) -> Double {
    isLogarithmic ? deviation * value : deviation
  }

  package var record: [String: Double] { ["mean": mean, "deviation": deviation] }
}

/// The weighted mean and variance.
private func moments(_ values: [Double], _ weights: [Double]?) -> (Double, Double) {
  guard let weights else {
    let mean = values.reduce(0, +) / Double(values.count)
    return (mean, values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count))
  }
  let total = weights.reduce(0, +)
  let mean = dot(values, weights) / total
  let squares = zip(values, weights).reduce(0) { $0 + ($1.0 - mean) * ($1.0 - mean) * $1.1 }
  return (mean, squares / total)
}
