import Formats
public import NeuralNetworks
public import ONNX
public import Tensors

/// A network from an ONNX file, run on tensors.
///
/// Its parameters are the file's real-valued initializers, under their names, so that it can be
/// evaluated, differentiated, trained and saved like any other module. The file's extents of the
/// batch are not enforced: where its nodes allow for it, any number of samples runs at once.
public struct ONNXNetwork: Module {
  /// The names of the inputs and outputs, in the file's order.
  public let inputs: [String]
  public let outputs: [String]
  /// The shape that the file states for the first input; nil for an extent left open.
  public let inputShape: [Int?]
  /// How far a training pass moves the running moments of batch normalisation towards the batch's.
  public var movingShare = 0.1

  private var weights: [Weight]
  private let constants: [String: Tensor]
  private let steps: [Step]

  /// A real-valued initializer.
  private struct Weight {
    let name: String
    let isBuffer: Bool
    var value: Tensor
  }

  /// A node that knows how to compute, and whose results are read last by itself.
  private struct Step {
    let node: ONNXNode
    let operation: ONNXOperation
    let finished: [String]
    let normalisation: Normalisation?
  }

  /// What batch normalisation needs to train: where its running moments are among the weights.
  private struct Normalisation {
    let mean: Int
    let variance: Int
    let epsilon: Double
  }

  /// Takes the network of a file.
  ///
  /// - Throws: `FormatError` for a file that is broken, or that names the first node whose operator or
  ///   attribute is not known here; `TensorError` for numbers of types that LibTorch lacks.
  public init(path: String) throws { try self.init(ONNXModel(path: path)) }

  /// Takes a model.
  ///
  /// - Parameters:
  ///   - model: The network.
  ///   - names: Real-valued initializers that are not kept; evaluating must be given a source of them.
  /// - Throws: As for a file.
  public init(_ model: ONNXModel, leavingOut names: Set<String> = []) throws {
    let graph = model.graph
    inputs = graph.inputs.map(\.name)
    outputs = graph.outputs.map(\.name)
    inputShape = (graph.inputs.first?.shape ?? []).map { extent in
      if case .fixed(let value) = extent { value } else { nil }
    }
    let order = try graph.topologicalOrder()
    let moments = Set(
      order.filter { $0.operator == "BatchNormalization" }.flatMap { $0.inputs.dropFirst(3) })
    var weights: [Weight] = []
    var constants: [String: Tensor] = [:]
    let initializers = Set(graph.initializers.map(\.name))
    for (name, data) in try graph.constants() {
      if data.type.isFloatingPoint && initializers.contains(name) { continue }
      constants[name] = try Tensor(data)
    }
    for initializer in graph.initializers
    where initializer.data.type.isFloatingPoint && !names.contains(initializer.name) {
      weights.append(
        Weight(
          name: initializer.name, isBuffer: moments.contains(initializer.name),
          value: try Tensor(initializer.data)))
    }
    self.weights = weights
    self.constants = constants
    let computed = order.filter { !($0.operator == "Constant" && $0.domain.isEmpty) }
    var lastReader: [String: Int] = [:]
    for (index, node) in computed.enumerated() {
      for name in node.inputs { lastReader[name] = index }
    }
    for name in outputs { lastReader[name] = nil }
    var finished: [Int: [String]] = [:]
    for (name, index) in lastReader { finished[index, default: []].append(name) }
    let version = model.opsets[""] ?? 1
    let places = Dictionary(uniqueKeysWithValues: weights.enumerated().map { ($1.name, $0) })
    steps = try computed.enumerated().map { index, node in
      var normalisation: Normalisation?
      if node.operator == "BatchNormalization", node.inputs.count == 5,
        let mean = places[node.inputs[3]], let variance = places[node.inputs[4]]
      {
        normalisation = Normalisation(
          mean: mean, variance: variance,
          epsilon: Double(try node.float("epsilon", default: 1e-5)))
      }
      return Step(
        node: node, operation: try ONNXOperators.operation(of: node, version: version),
        finished: finished[index] ?? [], normalisation: normalisation)
    }
  }

  /// The outputs for inputs, by name.
  ///
  /// - Parameters:
  ///   - values: One for each of ``inputs``.
  ///   - observer: Sees each node with what it was given and what it computed, in the order of
  ///     execution.
  ///   - source: Gives an initializer that was left out, whenever a node needs it.
  /// - Returns: One for each of ``outputs``.
  /// - Throws: ``NeuralNetworks/ModuleError`` where an input is missing; `FormatError` that names the
  ///   node at which shapes do not fit; what the observer throws.
  public func evaluate(
    _ values: [String: Tensor],
    observer: ((_ node: ONNXNode, _ inputs: [Tensor?], _ outputs: [Tensor]) throws -> Void)? = nil,
    weights source: ((_ name: String) throws -> Tensor?)? = nil
  ) throws -> [String: Tensor] {
    var copy = self
    return try copy.evaluate(values, isTraining: false, observer: observer, weights: source)
  }

  private mutating func evaluate(
    _ values: [String: Tensor], isTraining: Bool,
    observer: ((_ node: ONNXNode, _ inputs: [Tensor?], _ outputs: [Tensor]) throws -> Void)? = nil,
    weights source: ((_ name: String) throws -> Tensor?)? = nil
  ) throws -> [String: Tensor] {
    for name in inputs where values[name] == nil {
      throw ModuleError(.mismatch, "the network has an input '\(name)', which got no tensor")
    }
    var known = constants.merging(values) { _, given in given }
    for weight in weights { known[weight.name] = weight.value }
    for step in steps {
      let arguments = try step.node.inputs.map { name in
        name.isEmpty ? nil : try known[name] ?? source?(name)
      }
      let results: [Tensor]
      do {
        if isTraining, let normalisation = step.normalisation {
          results = [try normalise(arguments, normalisation, step.node)]
        } else {
          results = try step.operation(arguments)
        }
      } catch let error as TensorError {
        throw step.node.error(found: error.message)
      }
      try observer?(step.node, arguments, results)
      for name in step.finished { known[name] = nil }
      for (name, result) in zip(step.node.outputs, results) where !name.isEmpty {
        known[name] = result
      }
    }
    return known.filter { outputs.contains($0.key) }
  }

  /// Normalises by a batch's own moments, and moves the running ones towards them.
  private mutating func normalise(
    _ arguments: [Tensor?], _ normalisation: Normalisation, _ node: ONNXNode
  ) throws -> Tensor {
    // The operation writes into the running moments, which a copy of this network may share.
    let mean = try weights[normalisation.mean].value.copy()
    let variance = try weights[normalisation.variance].value.copy()
    guard let input = arguments[0], let weight = arguments[1], let bias = arguments[2] else {
      throw node.error(found: "an input that is left out", expected: "five")
    }
    let result = try input.batchNorm(
      weight: weight, bias: bias, runningMean: mean, runningVariance: variance, isTraining: true,
      momentum: movingShare, epsilon: normalisation.epsilon)
    weights[normalisation.mean].value = mean
    weights[normalisation.variance].value = variance
    return result
  }

  /// The only output for the only input.
  ///
  /// In training batch normalisation uses the batch's moments; other layers know no difference.
  public mutating func forward(_ input: Tensor, _ pass: inout Pass) throws -> Tensor {
    guard inputs.count == 1, outputs.count == 1 else {
      throw ModuleError(
        .unsupported,
        "the network has \(inputs.count) inputs and \(outputs.count) outputs; use evaluate(_:)")
    }
    let values = try evaluate([inputs[0]: input], isTraining: pass.isTraining)
    guard let output = values[outputs[0]] else {
      throw ModuleError(.mismatch, "the network computes no '\(outputs[0])'")
    }
    return output
  }

  public mutating func visit(_ visitor: inout Visitor) throws {
    for index in weights.indices {
      if weights[index].isBuffer {
        try visitor.buffer(weights[index].name, &weights[index].value)
      } else {
        try visitor.parameter(weights[index].name, &weights[index].value)
      }
    }
  }
}
