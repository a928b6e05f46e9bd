import LinearAlgebra
public import StructuredValue

/// A way to learn a predictor of latency, energy or accuracy from measured designs.
public protocol PredictorMethod: Sendable {
  associatedtype Model: TrainedPredictor

  /// Fits the model.
  ///
  /// - `features`: One row for each measured design.
  /// - `values`: The measured values, in the table's unit.
  /// - `weights`: How much each design counts, all positive; nil for all alike.
  /// - Throws: `EdgeError` where the values don't suffice for a fit.
  func fit(_ features: FeatureMatrix, _ values: [Double], weights: [Double]?) throws -> Model
}

extension PredictorMethod {
  /// Fits the model to designs that all count alike.
  ///
  /// - Throws: `EdgeError` where the values don't suffice for a fit.
  public func fit(_ features: FeatureMatrix, _ values: [Double]) throws -> Model {
    try fit(features, values, weights: nil)
  }
}

/// A fitted model of latency, energy or accuracy.
public protocol TrainedPredictor: Sendable {
  /// Predicted values in the unit of the values that the model was fitted to.
  ///
  /// - Throws: Only where memory or a library fails.
  func predict(_ features: FeatureMatrix) throws -> [Double]

  /// Predicted values and the variances of what would be measured, in the unit and its square; nil
  /// where the model knows no uncertainty.
  ///
  /// - Throws: As `predict`.
  func predictWithVariance(
    _ features: FeatureMatrix
  ) throws -> (means: [Double], variances: [Double])?

  /// The derivatives of each row's predicted value by its features, as for relaxed one-hot designs;
  /// nil for a model without derivatives.
  ///
  /// - Throws: As `predict`.
  func gradient(at features: FeatureMatrix) throws -> FeatureMatrix?

  /// The model as data, for files.
  var record: Value { get throws }
}

extension TrainedPredictor {
  public func predictWithVariance(
    _ features: FeatureMatrix
  ) throws -> (means: [Double], variances: [Double])? { nil }

  public func gradient(at features: FeatureMatrix) throws -> FeatureMatrix? { nil }
}

/// A fitted model that is linear in the features or, for `isLogarithmic`, whose logarithm is.
public struct LinearPredictor: TrainedPredictor, Hashable {
  public var weights: [Double]
  public var intercept: Double
  /// Whether the linear form gives the natural logarithm of the value.
  public var isLogarithmic: Bool
  /// The rank that was kept, or of the lasso the features that were; at most the number of features.
  public var rank: Int
  /// What ridge regression or the lasso chose; nil for others.
  public var penalty: Double?

  /// Predicted values in the unit of the values that the model was fitted to.
  public func predict(_ features: FeatureMatrix) -> [Double] {
    precondition(
      features.columnCount == weights.count,
      "\(features.columnCount) features for a model of \(weights.count)")
    let linear = features.times(weights).map { $0 + intercept }
    return isLogarithmic ? linear.map { exponential($0) } : linear
  }

  public func gradient(at features: FeatureMatrix) -> FeatureMatrix? {
    var result = FeatureMatrix(rowCount: features.rowCount, columnCount: features.columnCount)
    let values = isLogarithmic ? predict(features) : nil
    for row in 0..<features.rowCount {
      for column in weights.indices {
        result[row, column] = weights[column] * (values?[row] ?? 1)
      }
    }
    return result
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
package func checkFit(
  _ features: FeatureMatrix, _ values: [Double], _ weights: [Double]? = nil
) throws(EdgeError) {
  precondition(features.rowCount == values.count, "as many values as rows of features")
  guard values.count >= 3 else {
    throw EdgeError(
      .badParameter, "\(values.count) training rows; a predictor needs at least 3")
  }
  if let row = values.firstIndex(where: { !$0.isFinite }) {
    throw EdgeError(.badTable, "training row \(row) is \(values[row]), not a finite number")
  }
  guard let weights else { return }
  precondition(weights.count == values.count, "as many weights as values")
  if let row = weights.firstIndex(where: { !($0 > 0 && $0.isFinite) }) {
    throw EdgeError(
      .badParameter,
      "training row \(row) has the weight \(weights[row]); weights are positive and finite")
  }
}
