public import EdgeOptimization
public import NeuralNetworks
public import StructuredValue
public import Tensors

/// A graph convolutional network on the design's graph (`gcn`, `gcn-pair`).
///
/// Layers of graph convolution, layer normalisation, ReLU and dropout; the global node's features give
/// the prediction (BRP-NAS: Dudziak et al. 2020, sections 3 and 4).
public struct GraphNetworkFit: PredictorMethod {
  /// What the network learns.
  public enum Objective: Hashable, Sendable {
    /// The value itself, by the squared error.
    case value
    /// Which of two designs has the larger value, by the logistic loss of the difference of their
    /// scores; a straight line through the training values turns scores into the unit.
    case order
  }

  public var space: SearchSpace
  public var objective: Objective
  /// Whether the logarithm of the values is fitted.
  public var isLogarithmic: Bool
  /// Whether operations without effect are cut off.
  ///
  /// Right for accuracy, and for devices whose runtime removes them; GPUs execute and feel them.
  public var prunesDead = true
  public var layers = 4
  /// Features of a node; BRP-NAS has 600.
  public var width = 64
  public var dropout = 0.002
  public var training = NetworkTraining(
    rate: 3e-3, weightDecay: 5e-4, epochs: 100, patience: 35, batchSize: 32)

  /// Settings that take seconds: a tenth of BRP-NAS's width, with a rate to match.
  public init(space: SearchSpace, objective: Objective = .value, isLogarithmic: Bool) {
    self.space = space
    self.objective = objective
    self.isLogarithmic = isLogarithmic
    if objective == .order { training.batchSize = 64 }
  }

  /// BRP-NAS's settings for latency, ten times as wide as the defaults.
  public static func published(space: SearchSpace) -> GraphNetworkFit {
    var method = GraphNetworkFit(space: space, isLogarithmic: true)
    method.width = 600
    method.training = NetworkTraining(
      rate: 4e-4, weightDecay: 5e-4, epochs: 250, patience: 35, batchSize: 10)
    return method
  }

  public func fit(
    _ features: FeatureMatrix, _ values: [Double], weights: [Double]? = nil
  ) throws -> GraphNetworkPredictor {
    try checkFit(features, values, weights)
    try GraphNetworkFit.check(features, space)
    let target = try TargetScale(values, weights: weights, isLogarithmic: isLogarithmic)
    return try TensorRuntime.onOneThread {
      let graph = DesignGraph(space, prunesDead: prunesDead)
      let (nodes, adjacency, alive) = try graph.tensors(features)
      let network = try training.train(
        GraphNetwork(
          inputs: graph.featureCount, width: width, layers: layers, dropout: dropout,
          random: RandomStream(seed: training.seed).child("weights")),
        [nodes, adjacency, alive], targets: target.standardised(values), weights: weights
      ) { network, inputs, targets, weights, pass in
        (network.adjacency, network.alive) = (inputs[1], inputs[2])
        let scores = try network.forward(inputs[0], &pass).squeezed(1)
        return try objective == .value
          ? ((scores - targets).square() * weights).mean()
          : GraphNetworkFit.orderLoss(scores, targets, weights)
      }
      var result = GraphNetworkPredictor(
        graph: graph, target: target, network: network, line: (0, 1))
      if objective == .order {
        result.line = straightLine(
          try result.scores(features), target.standardised(values))
      }
      return result
    }
  }

  /// The mean over pairs of different values of softplus(score of the smaller − of the larger).
  static func orderLoss(_ scores: Tensor, _ targets: Tensor, _ weights: Tensor) throws -> Tensor {
    let differences = try scores.unsqueezed(1) - scores.unsqueezed(0)
    let isLarger = try (targets.unsqueezed(1) .> targets.unsqueezed(0)).to(.float32)
    let shares = try isLarger * weights.unsqueezed(1) * weights.unsqueezed(0)
    return try ((-differences).softplus() * shares).sum() / (shares.sum() + 1e-9)
  }

  static func check(_ features: FeatureMatrix, _ space: SearchSpace) throws(EdgeError) {
    let needed = space.positionCount * space.operations.count
    guard features.columnCount == needed || features.columnCount == needed + 1 else {
      throw EdgeError(
        .badParameter,
        "\(features.columnCount) features; a graph network of \(space.rawValue) needs the "
          + "\(needed) indicators")
    }
  }
}

/// Slope and intercept of least squares; a flat line where the scores are constant.
private func straightLine(_ scores: [Double], _ values: [Double]) -> (Double, Double) {
  let count = Double(scores.count)
  let mean = scores.reduce(0, +) / count
  let centre = values.reduce(0, +) / count
  let spread = scores.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
  let shared = zip(scores, values).reduce(0) { $0 + ($1.0 - mean) * ($1.1 - centre) }
  // A line that falls would reverse the ranking that was learnt.
  let slope = spread > 0 ? max(shared / spread, 1e-6) : 1
  return (centre - slope * mean, slope)
}

/// Graph convolutions on one graph for each row, read at the last node.
public struct GraphNetwork: Module {
  public var convolutions: [GraphConvolution]
  public var normalisations: [LayerNorm]
  public var output: Linear
  public var dropout: Dropout
  /// [n, nodes, nodes]; set before each pass.
  public var adjacency: Tensor?
  /// [n, nodes, 1]; set before each pass.
  public var alive: Tensor?

  /// - Throws: `TensorError` for extents that are not positive, `ModuleError` for the dropout.
  public init(
    inputs: Int, width: Int, layers: Int, dropout: Double, random: RandomStream
  ) throws {
    convolutions = try (0..<layers).map { layer in
      try GraphConvolution(layer == 0 ? inputs : width, width, random: random.child(layer))
    }
    normalisations = try (0..<layers).map { _ in try LayerNorm(width) }
    output = try Linear(width, 1, random: random.child("output"))
    self.dropout = try Dropout(dropout)
  }

  /// Node features [n, nodes, inputs] give scores [n, 1].
  public mutating func forward(_ input: Tensor, _ pass: inout Pass) throws -> Tensor {
    var value = input
    for layer in convolutions.indices {
      convolutions[layer].adjacency = adjacency
      value = try normalisations[layer].forward(
        convolutions[layer].forward(value, &pass), &pass
      ).relu()
      // Cut-off nodes stay silent: their bias would be heard through self-loops alone, yet the
      // layer norm makes it loud.
      if let alive { value = try value * alive }
      value = try dropout.forward(value, &pass)
    }
    return try output.forward(value.selecting(value.extent(1) - 1, along: 1), &pass)
  }

  public mutating func visit(_ visitor: inout Visitor) throws {
    for layer in convolutions.indices {
      try visitor.child("convolution\(layer)", &convolutions[layer])
      try visitor.child("normalisation\(layer)", &normalisations[layer])
    }
    try visitor.child("output", &output)
  }
}

/// A trained graph network.
public struct GraphNetworkPredictor: TrainedPredictor {
  let graph: DesignGraph
  let target: TargetScale
  public let network: GraphNetwork
  /// Intercept and slope from scores to standardised values.
  var line: (intercept: Double, slope: Double)

  public func predict(_ features: FeatureMatrix) throws -> [Double] {
    target.restored(try scores(features).map { line.intercept + line.slope * $0 })
  }

  /// The network's output for each row.
  func scores(_ features: FeatureMatrix) throws -> [Double] {
    try GraphNetworkFit.check(features, graph.space)
    return try TensorRuntime.onOneThread {
      let (nodes, adjacency, alive) = try graph.tensors(features)
      var copy = network
      (copy.adjacency, copy.alive) = (adjacency, alive)
      return try copy(nodes).squeezed(1).to(.float64).doubles()
    }
  }

  /// The derivatives by the indicators of nodes that are alive; the graph itself is held fixed.
  public func gradient(at features: FeatureMatrix) throws -> FeatureMatrix? {
    try TensorRuntime.onOneThread {
      let (nodes, adjacency, alive) = try graph.tensors(features)
      var copy = network
      (copy.adjacency, copy.alive) = (adjacency, alive)
      var pass = Pass.inference
      let (_, slopes) = try valueAndGradient(at: nodes) { try copy.forward($0, &pass).sum() }
      let space = graph.space
      let (count, width) = (features.rowCount, space.operations.count)
      let indicators = try (slopes * alive).slicing(0..<space.positionCount, along: 1)
        .slicing(0..<width, along: 2).contiguous().reshaped([count, -1])
      let inner = try FeatureMatrix(indicators)
      var result = FeatureMatrix(rowCount: count, columnCount: features.columnCount)
      for (row, value) in try predict(features).enumerated() {
        for column in 0..<inner.columnCount {
          result[row, column] = inner[row, column] * line.slope * target.slope(at: value)
        }
      }
      return result
    }
  }

  public var record: Value {
    get throws {
      [
        "target": target.value, "space": .string(graph.space.rawValue),
        "prunes-dead": .bool(graph.prunesDead),
        "intercept": .double(line.intercept), "slope": .double(line.slope),
        "parameters": try network.value(),
      ]
    }
  }
}
