#if canImport(Glibc)
  import Glibc
#endif

func exponential(_ value: Double) -> Double { exp(value) }

/// Ridge regression on standardised features; the penalty is chosen by exact leave-one-out error.
///
/// A left-out residual is e/(1−h) with the leverage h, so one decomposition serves all penalties.
public struct RidgeFit: PredictorMethod {
  /// Whether the logarithm of the values is fitted.
  public var isLogarithmic: Bool
  /// The penalties to choose from; of equal errors the largest wins.
  public var penalties: [Double] = (0...24).map { pow(10, Double($0) / 4 - 3) }

  /// - Parameter isLogarithmic: Fit the logarithm, as befits positive values such as latency.
  public init(isLogarithmic: Bool) { self.isLogarithmic = isLogarithmic }

  public func fit(
    _ features: FeatureMatrix, _ values: [Double]
  ) throws(EdgeError) -> LinearPredictor {
    try checkFit(features, values)
    if isLogarithmic, let row = values.firstIndex(where: { $0 <= 0 }) {
      throw EdgeError(
        .badTable, "training row \(row) is \(values[row]), which has no logarithm")
    }
    let target = isLogarithmic ? values.map { log($0) } : values
    let mean = target.reduce(0, +) / Double(target.count)
    let centred = target.map { $0 - mean }
    let (standardised, means, deviations) = RidgeFit.standardised(features)
    let decomposition = SingularValues(standardised, target: centred)
    let floor = 1e-10 * (decomposition.values.max() ?? 0)
    let kept = decomposition.values.indices.filter { decomposition.values[$0] > floor }
    let left = kept.map { index in
      standardised.times(decomposition.right[index]).map { $0 / decomposition.values[index] }
    }
    var best = (error: Double.infinity, penalty: 0.0)
    for penalty in penalties {
      let shrink = kept.map { index in
        let square = decomposition.values[index] * decomposition.values[index]
        return square / (square + penalty)
      }
      let error = RidgeFit.leaveOneOut(
        left, shrink, kept.map { decomposition.projected[$0] }, centred)
      if error <= best.error { best = (error, penalty) }
    }
    var weights = [Double](repeating: 0, count: features.columnCount)
    for index in kept {
      let value = decomposition.values[index]
      let factor = decomposition.projected[index] * value / (value * value + best.penalty)
      for column in weights.indices where deviations[column] > 0 {
        weights[column] += factor * decomposition.right[index][column] / deviations[column]
      }
    }
    return LinearPredictor(
      weights: weights, intercept: mean - dot(weights, means), isLogarithmic: isLogarithmic,
      rank: kept.count, penalty: best.penalty)
  }

  /// The sum of squared left-out residuals; the mean of the target counts as fitted (leverage 1/n).
  private static func leaveOneOut(
    _ left: [[Double]], _ shrink: [Double], _ projected: [Double], _ target: [Double]
  ) -> Double {
    var leverage = [Double](repeating: 1 / Double(target.count), count: target.count)
    var residual = target
    for (index, vector) in left.enumerated() {
      let step = shrink[index] * projected[index]
      for row in target.indices {
        leverage[row] += shrink[index] * vector[row] * vector[row]
        residual[row] -= step * vector[row]
      }
    }
    var total = 0.0
    for row in target.indices {
      // A leverage of 1 means that the row is fitted only by itself.
      let error = residual[row] / max(1 - leverage[row], 1e-9)
      total += error * error
    }
    return total
  }

  /// Columns of mean 0 and deviation 1; constant columns become 0 and have deviation 0.
  private static func standardised(
    _ features: FeatureMatrix
  ) -> (FeatureMatrix, [Double], [Double]) {
    var result = features
    var means: [Double] = []
    var deviations: [Double] = []
    let count = Double(features.rowCount)
    for column in 0..<features.columnCount {
      let start = column * features.rowCount
      let values = features.storage[start..<start + features.rowCount]
      let mean = values.reduce(0, +) / count
      let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count
      let deviation = variance > 1e-24 * (1 + mean * mean) ? variance.squareRoot() : 0
      for row in 0..<features.rowCount {
        result[row, column] = deviation > 0 ? (features[row, column] - mean) / deviation : 0
      }
      means.append(mean)
      deviations.append(deviation)
    }
    return (result, means, deviations)
  }
}
