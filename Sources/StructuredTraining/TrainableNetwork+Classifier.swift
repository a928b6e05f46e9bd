import Formats
import ONNX
public import Tensors

extension TrainableNetwork {
  /// The name of the last layer's weights: what turns features into logits.
  ///
  /// - Throws: ``TrainingError`` where the output isn't that of a fully connected layer with constants.
  public func classifier() throws -> (weights: String, bias: String?) {
    let graph = model.graph
    guard let node = graph.nodes.first(where: { $0.outputs.contains(graph.outputs[0].name) }),
      node.operator == "Gemm", node.inputs.count >= 2,
      graph.initializers.contains(where: { $0.name == node.inputs[1] && $0.data.shape.count == 2 })
    else {
      throw TrainingError(
        .badNetwork,
        "the network's last node is no fully connected layer (Gemm) with constant weights, so its "
          + "classifier cannot be told from the rest")
    }
    let bias = node.inputs.count > 2 && !node.inputs[2].isEmpty ? node.inputs[2] : nil
    if let bias, !graph.initializers.contains(where: { $0.name == bias }) {
      throw TrainingError(.badNetwork, "\(node.label) has a bias that is computed")
    }
    return (node.inputs[1], bias)
  }

  /// The same network with a last layer drawn anew, evenly from ±1/√inputs.
  ///
  /// - Parameters:
  ///   - classes: How many it tells apart.
  ///   - random: Draws the weights.
  /// - Returns: A network of which all other numbers are the same.
  /// - Throws: ``TrainingError`` where the last layer isn't fully connected.
  public func withNewClassifier(classes: Int, random: RandomStream) throws -> TrainableNetwork {
    let names = try classifier()
    var model = try exported()
    var graph = model.graph
    let turns =
      try graph.nodes.first { $0.outputs.contains(graph.outputs[0].name) }?
      .int("transB", default: 0) == 1
    graph.initializers = graph.initializers.map { initializer in
      let shape = initializer.data.shape
      switch initializer.name {
      case names.weights:
        let inputs = turns ? shape[1] : shape[0]
        return NamedTensor(
          name: initializer.name,
          data: TrainableNetwork.drawn(
            turns ? [classes, inputs] : [inputs, classes], inputs, random.child("weight")))
      case names.bias:
        let inputs = graph.initializers.first { $0.name == names.weights }?.data.shape ?? [1, 1]
        return NamedTensor(
          name: initializer.name,
          data: TrainableNetwork.drawn(
            [classes], turns ? inputs[1] : inputs[0], random.child("bias")))
      default: return initializer
      }
    }
    graph.outputs[0].shape = (graph.outputs[0].shape ?? [.unknown]).dropLast() + [.fixed(classes)]
    model.graph = graph
    return try TrainableNetwork(model)
  }

  private static func drawn(_ shape: [Int], _ inputs: Int, _ random: RandomStream) -> TensorData {
    var random = random
    let bound = 1 / Double(inputs).squareRoot()
    return TensorData(
      (0..<shape.reduce(1, *)).map { _ in Float(random.uniform() * 2 * bound - bound) },
      shape: shape)
  }
}
