import EdgeOptimization
import NeuralPredictors
import StructuredValue

/// The models by their names in the parameters, each with the features that it learns from.
enum PredictorModel: String {
  case lut, ridge, lasso, gbdt, gp, mlp, gcn
  case pairs = "gcn-pair"

  /// The features of designs for this model, and their blocks.
  func features(
    _ texts: [String], _ encoding: DesignEncoding
  ) throws(EdgeError) -> (matrix: FeatureMatrix, blocks: [Range<Int>]) {
    switch self {
    case .lut:
      return (try encoding.tableEntries(texts), [])
    case .gcn, .pairs:
      guard encoding.searchSpace != nil else {
        throw EdgeError(
          .badParameter,
          "'\(rawValue)' needs designs that are graphs; of '\(encoding.rawValue)' take mlp or gbdt")
      }
      return (try encoding.tableEntries(texts), [])
    default:
      return try encoding.features(texts)
    }
  }

  func fit(
    _ features: FeatureMatrix, _ blocks: [Range<Int>], _ values: [Double],
    _ parameters: Predictor.Parameters, metric: String, seed: UInt64
  ) throws -> any TrainedPredictor {
    let isLogarithmic = parameters.log
    switch self {
    case .lut: return try LookupTableFit().fit(features, values)
    case .ridge: return try RidgeFit(isLogarithmic: isLogarithmic).fit(features, values)
    case .lasso: return try LassoFit(isLogarithmic: isLogarithmic).fit(features, values)
    case .gbdt:
      var method = BoostedTreesFit(isLogarithmic: isLogarithmic)
      method.seed = seed
      return try method.fit(features, values)
    case .gp:
      // Products of the raw indicators would be as many as the rows; the other blocks' are kept.
      let blocks = blocks.enumerated().map { index, columns in
        GaussianProcessFit.Block(
          columns, squaredShare: index == 0 && blocks.count > 1 ? 0 : 0.3)
      }
      return try GaussianProcessFit(isLogarithmic: isLogarithmic, blocks: blocks)
        .fit(features, values)
    case .mlp:
      var method = PerceptronFit(isLogarithmic: isLogarithmic)
      method.training.seed = seed
      if parameters.epochs > 0 { method.training.epochs = parameters.epochs }
      return try method.fit(features, values)
    case .gcn, .pairs:
      guard let space = SearchSpace(rawValue: parameters.space) else {
        throw EdgeError(.badParameter, "'\(parameters.space)' has no graphs")
      }
      var method = GraphNetworkFit(
        space: space, objective: self == .gcn ? .value : .order, isLogarithmic: isLogarithmic)
      method.prunesDead = metric == "accuracy"
      method.training.seed = seed
      if parameters.epochs > 0 { method.training.epochs = parameters.epochs }
      return try method.fit(features, values)
    }
  }
}
