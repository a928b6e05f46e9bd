public import EdgeOptimization
public import NeuralNetworks
public import StructuredValue
import Tensors

/// A multilayer perceptron on standardised features (`mlp`): two hidden layers of ReLU.
///
/// Adam with a cosine schedule; a tenth of the rows, held out, says which epoch to keep.
public struct PerceptronFit: PredictorMethod {
  /// Whether the logarithm of the values is fitted.
  public var isLogarithmic: Bool
  /// Units of each hidden layer.
  public var widths = [128, 128]
  public var training = NetworkTraining(
    rate: 1e-3, weightDecay: 0, epochs: 150, patience: 40, batchSize: 32)

  /// - Parameter isLogarithmic: Fit the logarithm, as befits positive values such as latency.
  public init(isLogarithmic: Bool) { self.isLogarithmic = isLogarithmic }

  public func fit(
    _ features: FeatureMatrix, _ values: [Double], weights: [Double]? = nil
  ) throws -> PerceptronPredictor {
    try checkFit(features, values, weights)
    let target = try TargetScale(values, weights: weights, isLogarithmic: isLogarithmic)
    let scale = FeatureScale(features, weights: weights)
    return try TensorRuntime.onOneThread {
      let random = RandomStream(seed: training.seed).child("weights")
      var modules: [any Module] = []
      var inputs = features.columnCount
      for (layer, width) in widths.enumerated() {
        modules.append(try Linear(inputs, width, random: random.child(layer)))
        modules.append(Activation.relu)
        inputs = width
      }
      modules.append(try Linear(inputs, 1, random: random.child(widths.count)))
      let network = try training.train(
        Sequential(modules), [scale.standardised(features).tensor()],
        targets: target.standardised(values), weights: weights
      ) { network, inputs, targets, weights, pass in
        let errors = try network.forward(inputs[0], &pass).squeezed(1) - targets
        return try (errors.square() * weights).mean()
      }
      return PerceptronPredictor(scale: scale, target: target, network: network)
    }
  }
}

/// A trained multilayer perceptron.
public struct PerceptronPredictor: TrainedPredictor {
  let scale: FeatureScale
  let target: TargetScale
  public let network: Sequential

  public func predict(_ features: FeatureMatrix) throws -> [Double] {
    try TensorRuntime.onOneThread {
      target.restored(
        try network(scale.standardised(features).tensor()).squeezed(1).to(.float64).doubles())
    }
  }

  public func gradient(at features: FeatureMatrix) throws -> FeatureMatrix? {
    try TensorRuntime.onOneThread {
      var copy = network
      var pass = Pass.inference
      let standardised = try scale.standardised(features).tensor()
      let (_, slopes) = try valueAndGradient(at: standardised) {
        try copy.forward($0, &pass).sum()
      }
      var result = try FeatureMatrix(slopes)
      for (row, value) in try predict(features).enumerated() {
        for column in 0..<features.columnCount {
          let deviation = scale.deviations[column]
          result[row, column] *= deviation > 0 ? target.slope(at: value) / deviation : 0
        }
      }
      return result
    }
  }

  public var record: Value {
    get throws {
      [
        "target": target.value, "feature-means": .list(scale.means.map { .double($0) }),
        "feature-deviations": .list(scale.deviations.map { .double($0) }),
        "parameters": try network.value(),
      ]
    }
  }
}

extension TargetScale {
  var value: Value {
    [
      "mean": .double(mean), "deviation": .double(deviation), "logarithmic": .bool(isLogarithmic),
    ]
  }
}

extension Module {
  /// The parameters as data, each with its shape and its numbers.
  func value() throws -> Value {
    let state = try state()
    var fields: [String: Value] = [:]
    for (name, tensor) in zip(state.names, state.tensors) {
      fields[name] = [
        "shape": .list(tensor.shape.map { .int($0) }),
        "numbers": .list(try tensor.to(.float64).doubles().map { .double($0) }),
      ]
    }
    return .map(fields)
  }
}
