import EdgeOptimization
import NeuralPredictors
import Statistics
import Testing

/// Trained on rows 0 to 899 of NAS-Bench-201, tested on 900 to 1899.
@Suite(.enabled(if: Mirror.isPresent, "\(Mirror.isAbsent)"))
struct RealNetworkTests {
  @Test func `a perceptron ranks latencies as the prototype's ridge does`() throws {
    let path = "\(Mirror.root)/\(Mirror.help)/nasbench201/latency/raspi4.pt"
    let values = try RawTables.values(path: path).values
    let features = SearchSpace.nasbench201.features(try designs())
    let quality = try tested(PerceptronFit(isLogarithmic: false), features, values)
    #expect((quality.spearman.value ?? 0) > 0.963 - 0.005)
  }

  /// 40 epochs instead of 100, to stay short; boosted trees' prototype has 0.960.
  @Test func `a graph network ranks accuracies`() throws {
    let path = "\(Mirror.root)/\(Mirror.accuracy)/cifar100.pkl"
    let values = try RawTables.values(path: path).values
    let features = try #require(SearchSpace.nasbench201.block(.oneHot, try designs()))
    var fit = GraphNetworkFit(space: .nasbench201, isLogarithmic: false)
    fit.training.epochs = 40
    let quality = try tested(fit, features, values)
    #expect((quality.spearman.value ?? 0) > 0.93, "\(quality.spearman)")
  }

  private func designs() throws -> [[Int]] {
    let path = "\(Mirror.root)/\(Mirror.help)/nasbench201/str_arch2idx.pt"
    return try RawTables.designs(path: path, space: .nasbench201)[..<1900].map {
      try SearchSpace.nasbench201.design($0)
    }
  }

  private func tested(
    _ method: some PredictorMethod, _ features: FeatureMatrix, _ values: [Double]
  ) throws -> PredictionQuality {
    let model = try method.fit(features.rows(Array(0..<900)), Array(values[..<900]))
    return PredictionQuality(
      predicted: try model.predict(features.rows(Array(900..<1900))),
      measured: Array(values[900..<1900]))
  }
}
