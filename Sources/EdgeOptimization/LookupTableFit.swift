/// A look-up table for each position and operation (`lut`), fitted by least squares.
///
/// One-hot encodings are rank-deficient: any constant can move between positions. The solution of
/// least norm is taken, with singular values below 1e-10 of the largest cut off; without that the
/// weights are rounding noise of norm 1e11 although predictions look right.
public struct LookupTableFit: PredictorMethod {
  /// Singular values below this share of the largest count as 0.
  public var cutOff = 1e-10

  public init() {}

  public func fit(
    _ features: FeatureMatrix, _ values: [Double], weights: [Double]? = nil
  ) throws(EdgeError) -> LinearPredictor {
    try checkFit(features, values, weights)
    let roots = weights?.map { $0.squareRoot() }
    let decomposition = SingularValues(
      roots.map { features.scalingRows(by: $0) } ?? features,
      target: roots.map { zip($0, values).map(*) } ?? values)
    let least = cutOff * (decomposition.values.max() ?? 0)
    var weights = [Double](repeating: 0, count: features.columnCount)
    var rank = 0
    for (index, value) in decomposition.values.enumerated() where value > least {
      rank += 1
      let factor = decomposition.projected[index] / value
      for column in weights.indices {
        weights[column] += factor * decomposition.right[index][column]
      }
    }
    return LinearPredictor(weights: weights, intercept: 0, isLogarithmic: false, rank: rank)
  }
}
