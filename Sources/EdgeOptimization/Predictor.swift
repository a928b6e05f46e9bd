public import StructuredValue

/// A way to learn a predictor of latency, energy or accuracy from measured designs.
public protocol PredictorMethod: Sendable {
  /// Fits the model.
  ///
  /// - `features`: One row for each measured design.
  /// - `values`: The measured values, in the table's unit.
  /// - Throws: `EdgeError` where the values don't suffice for a fit.
  func fit(_ features: FeatureMatrix, _ values: [Double]) throws(EdgeError) -> LinearPredictor
}

/// A fitted model that is linear in the features or, for `isLogarithmic`, whose logarithm is.
public struct LinearPredictor: Hashable, Sendable {
  public var weights: [Double]
  public var intercept: Double
  /// Whether the linear form gives the natural logarithm of the value.
  public var isLogarithmic: Bool
  /// The rank that was kept, at most the number of features.
  public var rank: Int
  /// What ridge regression chose; nil for others.
  public var penalty: Double?

  /// Predicted values in the unit of the values that the model was fitted to.
  public func predict(_ features: FeatureMatrix) -> [Double] {
    precondition(
      features.columnCount == weights.count,
      "\(features.columnCount) features for a model of \(weights.count)")
    let linear = features.times(weights).map { $0 + intercept }
    return isLogarithmic ? linear.map { exponential($0) } : linear
  }

  /// The Euclidean length of the weights, without the intercept.
  public var weightNorm: Double { dot(weights, weights).squareRoot() }

  /// The model as data, for files.
  public var record: Value {
    [
      "weights": .list(weights.map { .double($0) }), "intercept": .double(intercept),
      "logarithmic": .bool(isLogarithmic), "rank": .int(rank),
      "penalty": penalty.map { .double($0) } ?? .null,
    ]
  }
}

/// Checks what every method needs.
func checkFit(_ features: FeatureMatrix, _ values: [Double]) throws(EdgeError) {
  precondition(features.rowCount == values.count, "as many values as rows of features")
  guard values.count >= 3 else {
    throw EdgeError(
      .badParameter, "\(values.count) training rows; a predictor needs at least 3")
  }
  if let row = values.firstIndex(where: { !$0.isFinite }) {
    throw EdgeError(.badTable, "training row \(row) is \(values[row]), not a finite number")
  }
}
