#if canImport(Glibc)
  import Glibc
#endif
import LinearAlgebra

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
    _ features: FeatureMatrix, _ values: [Double], weights: [Double]? = nil
  ) throws(EdgeError) -> LinearPredictor {
    try checkFit(features, values, weights)
    let scale = try TargetScale(values, weights: weights, isLogarithmic: isLogarithmic)
    let mean = scale.mean
    let featureScale = FeatureScale(features, weights: weights)
    let (means, deviations) = (featureScale.means, featureScale.deviations)
    // Weighted least squares: rows times the roots of their weights, which have a mean of 1.
    let average = (weights?.reduce(0, +) ?? 1) / Double(values.count)
    let roots =
      weights?.map { ($0 / average).squareRoot() } ?? [Double](repeating: 1, count: values.count)
    var (centred, standardised) = (scale.transformed(values), featureScale.standardised(features))
    for row in centred.indices { centred[row] = (centred[row] - mean) * roots[row] }
    if weights != nil { standardised = standardised.scalingRows(by: roots) }
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
        left, shrink, kept.map { decomposition.projected[$0] }, centred, roots)
      if error <= best.error { best = (error, penalty) }
    }
    var coefficients = [Double](repeating: 0, count: features.columnCount)
    for index in kept {
      let value = decomposition.values[index]
      let factor = decomposition.projected[index] * value / (value * value + best.penalty)
      for column in coefficients.indices where deviations[column] > 0 {
        coefficients[column] += factor * decomposition.right[index][column] / deviations[column]
      }
    }
    return LinearPredictor(
      weights: coefficients, intercept: mean - dot(coefficients, means),
      isLogarithmic: isLogarithmic, rank: kept.count, penalty: best.penalty)
  }

  /// The weighted sum of squared left-out residuals; the mean of the target counts as fitted, with
  /// a leverage of a row's share of the weights.
  private static func leaveOneOut(
    _ left: [[Double]], _ shrink: [Double], _ projected: [Double], _ target: [Double],
    _ roots: [Double]
  ) -> Double {
    var leverage = roots.map { $0 * $0 / Double(target.count) }
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
}
