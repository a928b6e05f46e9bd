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

  /// The method with the settings that the parameters give.
  ///
  /// - Parameters:
  ///   - parameters: Of the stage.
  ///   - blocks: The blocks of the features, which `gp` weighs.
  ///   - metric: What the table holds; accuracies don't depend on operations without effect.
  ///   - seed: Of what is random.
  /// - Returns: A method that hasn't been fitted.
  /// - Throws: `EdgeError` for a space without graphs where they are needed.
  func method(
    _ parameters: Predictor.Parameters, blocks: [Range<Int>], metric: String, seed: UInt64
  ) throws(EdgeError) -> any PredictorMethod {
    let isLogarithmic = parameters.log
    switch self {
    case .lut: return LookupTableFit()
    case .ridge: return RidgeFit(isLogarithmic: isLogarithmic)
    case .lasso: return LassoFit(isLogarithmic: isLogarithmic)
    case .gbdt:
      var method = BoostedTreesFit(isLogarithmic: isLogarithmic)
      method.seed = seed
      return method
    case .gp:
      // Products of the raw indicators would be as many as the rows; the other blocks' are kept.
      let blocks = blocks.enumerated().map { index, columns in
        GaussianProcessFit.Block(
          columns, squaredShare: index == 0 && blocks.count > 1 ? 0 : 0.3)
      }
      return GaussianProcessFit(isLogarithmic: isLogarithmic, blocks: blocks)
    case .mlp:
      var method = PerceptronFit(isLogarithmic: isLogarithmic)
      method.training.seed = seed
      if parameters.epochs > 0 { method.training.epochs = parameters.epochs }
      return method
    case .gcn, .pairs:
      guard let space = SearchSpace(rawValue: parameters.space) else {
        throw EdgeError(.badParameter, "'\(parameters.space)' has no graphs")
      }
      var method = GraphNetworkFit(
        space: space, objective: self == .gcn ? .value : .order, isLogarithmic: isLogarithmic)
      method.prunesDead = metric == "accuracy"
      method.training.seed = seed
      if parameters.epochs > 0 { method.training.epochs = parameters.epochs }
      return method
    }
  }
}
