import Formats
public import ONNX
public import Tensors

/// Networks that can be trained from nothing.
public enum NetworkTemplate: String, Hashable, Sendable, CaseIterable {
  /// Fully connected layers of 300 and 100 rectifiers: 266,200 weights for 28 × 28 pictures (LeCun et
  /// al., "Gradient-based learning applied to document recognition", 1998, as used for compression by
  /// Han et al. 2016).
  case leNet300100 = "lenet-300-100"
  /// Convolutions of 16 and 32 filters of 3 × 3, each with a rectifier and a largest-of-2 × 2, then 64
  /// rectifiers: 105,744 weights.
  case smallConvolutions = "conv-16-32-64"
  /// The same with batch normalisation after each convolution.
  case normalisedConvolutions = "conv-16-32-64-norm"

  /// A model with drawn weights: evenly from ±1/√inputs, PyTorch's default.
  ///
  /// - Parameters:
  ///   - channels: Of a picture.
  ///   - height: Of a picture; at least 4 for convolutions.
  ///   - width: Likewise.
  ///   - classes: How many it tells apart.
  ///   - random: Draws the weights.
  /// - Returns: A model of logits for any number of pictures.
  /// - Throws: ``TrainingError`` for pictures that are too small.
  public func model(
    channels: Int, height: Int, width: Int, classes: Int, random: RandomStream
  ) throws -> ONNXModel {
    var graph = GraphBuilder(random: random)
    switch self {
    case .leNet300100:
      graph.add("Flatten")
      graph.linear(channels * height * width, 300)
      graph.add("Relu")
      graph.linear(300, 100)
    case .smallConvolutions, .normalisedConvolutions:
      guard height >= 4, width >= 4 else {
        throw TrainingError(
          .badPictures, "pictures of \(height) × \(width) are too small for two pools of 2 × 2")
      }
      for (inputs, outputs) in [(channels, 16), (16, 32)] {
        graph.convolution(inputs, outputs)
        if self == .normalisedConvolutions { graph.normalisation(outputs) }
        graph.add("Relu")
        graph.add(
          "MaxPool", attributes: ["kernel_shape": .ints([2, 2]), "strides": .ints([2, 2])])
      }
      graph.add("Flatten")
      graph.linear(32 * (height / 4) * (width / 4), 64)
    }
    graph.add("Relu")
    graph.linear(self == .leNet300100 ? 100 : 64, classes)
    return graph.model(
      name: rawValue, input: [channels, height, width], classes: classes)
  }
}

/// A chain of nodes with drawn weights.
private struct GraphBuilder {
  private let random: RandomStream
  private var nodes: [ONNXNode] = []
  private var initializers: [NamedTensor] = []
  private var layers = 0
  private var value = "input"

  init(random: RandomStream) { self.random = random }

  mutating func add(
    _ operation: String, inputs: [String] = [], attributes: [String: ONNXAttribute] = [:]
  ) {
    let output = "value\(nodes.count + 1)"
    nodes.append(
      ONNXNode(
        name: "\(operation)\(nodes.count + 1)", operator: operation, inputs: [value] + inputs,
        outputs: [output], attributes: attributes))
    value = output
  }

  mutating func linear(_ inputs: Int, _ outputs: Int) {
    let names = draw([outputs, inputs], fan: inputs)
    add("Gemm", inputs: names, attributes: ["transB": .int(1)])
  }

  mutating func convolution(_ inputs: Int, _ outputs: Int) {
    let names = draw([outputs, inputs, 3, 3], fan: inputs * 9)
    add(
      "Conv", inputs: names,
      attributes: ["kernel_shape": .ints([3, 3]), "pads": .ints([1, 1, 1, 1])])
  }

  mutating func normalisation(_ channels: Int) {
    layers += 1
    let starts: [(String, Float)] = [("scale", 1), ("bias", 0), ("mean", 0), ("variance", 1)]
    for (name, start) in starts {
      initializers.append(
        NamedTensor(
          name: "norm\(layers).\(name)",
          data: TensorData([Float](repeating: start, count: channels), shape: [channels])))
    }
    add("BatchNormalization", inputs: starts.map { "norm\(layers).\($0.0)" })
  }

  private mutating func draw(_ shape: [Int], fan: Int) -> [String] {
    layers += 1
    let bound = 1 / Double(fan).squareRoot()
    return [("weight", shape), ("bias", [shape[0]])].map { part, shape in
      let name = "layer\(layers).\(part)"
      var random = random.child(name)
      let numbers = (0..<shape.reduce(1, *)).map { _ in
        Float(random.uniform() * 2 * bound - bound)
      }
      initializers.append(NamedTensor(name: name, data: TensorData(numbers, shape: shape)))
      return name
    }
  }

  func model(name: String, input: [Int], classes: Int) -> ONNXModel {
    ONNXModel(
      graph: ONNXGraph(
        name: name,
        inputs: [
          ONNXValue(
            name: "input", type: .float32, shape: [.symbol("n")] + input.map { .fixed($0) })
        ],
        outputs: [ONNXValue(name: value, type: .float32, shape: [.symbol("n"), .fixed(classes)])],
        initializers: initializers, nodes: nodes))
  }
}
