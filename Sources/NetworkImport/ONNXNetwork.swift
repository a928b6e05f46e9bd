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
  }

  /// Takes the network of a file.
  ///
  /// - Throws: `FormatError` for a file that is broken, or that names the first node whose operator or
  ///   attribute is not known here; `TensorError` for numbers of types that LibTorch lacks.
  public init(path: String) throws { try self.init(ONNXModel(path: path)) }

  /// Takes a model.
  ///
  /// - Throws: As for a file.
  public init(_ model: ONNXModel) throws {
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
    for initializer in graph.initializers where initializer.data.type.isFloatingPoint {
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
    steps = try computed.enumerated().map { index, node in
      Step(
        node: node, operation: try ONNXOperators.operation(of: node, version: version),
        finished: finished[index] ?? [])
    }
  }

  /// The outputs for inputs, by name.
  ///
  /// - Parameters:
  ///   - values: One for each of ``inputs``.
  ///   - observer: Sees each node with what it was given and what it computed, in the order of
  ///     execution.
  /// - Returns: One for each of ``outputs``.
  /// - Throws: ``NeuralNetworks/ModuleError`` where an input is missing; `FormatError` that names the
  ///   node at which shapes do not fit; what the observer throws.
  public func evaluate(
    _ values: [String: Tensor],
    observer: ((_ node: ONNXNode, _ inputs: [Tensor?], _ outputs: [Tensor]) throws -> Void)? = nil
  ) throws -> [String: Tensor] {
    for name in inputs where values[name] == nil {
      throw ModuleError(.mismatch, "the network has an input '\(name)', which got no tensor")
    }
    var known = constants.merging(values) { _, given in given }
    for weight in weights { known[weight.name] = weight.value }
    for step in steps {
      let arguments = step.node.inputs.map { $0.isEmpty ? nil : known[$0] }
      let results: [Tensor]
      do {
        results = try step.operation(arguments)
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

  /// The only output for the only input.
  public mutating func forward(_ input: Tensor, _ pass: inout Pass) throws -> Tensor {
    guard inputs.count == 1, outputs.count == 1 else {
      throw ModuleError(
        .unsupported,
        "the network has \(inputs.count) inputs and \(outputs.count) outputs; use evaluate(_:)")
    }
    guard let output = try evaluate([inputs[0]: input])[outputs[0]] else {
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
