import Formats
import NetworkImport
public import ONNX
public import SmartDeal
import Tensors

/// What each layer of a network computes, found by running it once on zeros.
public enum NetworkGeometry {
  /// The layers that multiply with weights, in the order of execution.
  ///
  /// - Parameters:
  ///   - model: The network.
  ///   - inputShape: The first input's extents where the file leaves some open, with a batch of 1.
  /// - Returns: Each layer with the name of its weight tensor; a tensor that two nodes use is there
  ///   twice.
  /// - Throws: `FormatError` for a node that is not known, or extents that are not stated.
  public static func layers(
    of model: ONNXModel, inputShape: [Int]? = nil
  ) throws -> [LayerGeometry] {
    let names = model.graph.weightNames()
    let shapes = Dictionary(model.graph.weightPlaces().map { ($0.name, $0.shape) }) { $1 }
    let network = try ONNXNetwork(model)
    var layers: [LayerGeometry] = []
    _ = try withoutGradients {
      try network.evaluate(zeros(model, inputShape)) { node, inputs, outputs in
        guard let name = node.outputs.first.flatMap({ names[$0] }),
          let shape = shapes[name],
          let layer = geometry(name, shape, node, inputs[0]?.shape ?? [], outputs)
        else { return }
        layers.append(layer)
      }
    }
    return layers
  }

  private static func geometry(
    _ name: String, _ shape: [Int], _ node: ONNXNode, _ input: [Int], _ outputs: [Tensor]
  ) -> LayerGeometry? {
    guard let output = outputs.first?.shape else { return nil }
    switch node.operator {
    case "Conv":
      guard input.count == 4, output.count == 4 else { return nil }
      return LayerGeometry(
        name: name, outputs: shape[0], inputsPerGroup: shape[1], groups: input[1] / shape[1],
        kernel: shape[2], kernelWidth: shape[3], inputHeight: input[2], inputWidth: input[3],
        outputHeight: output[2], outputWidth: output[3])
    case "Gemm", "MatMul":
      // Each row of the other factor is a position that the weights are applied to.
      let positions = output.reduce(1, *) / shape[0]
      return LayerGeometry(
        name: name, outputs: shape[0], inputsPerGroup: shape[1], inputWidth: positions,
        outputWidth: positions)
    default: return nil
    }
  }

  private static func zeros(_ model: ONNXModel, _ shape: [Int]?) throws -> [String: Tensor] {
    var values: [String: Tensor] = [:]
    for (index, input) in model.graph.inputs.enumerated() {
      let extents: [Int]
      if index == 0, let shape {
        extents = shape
      } else {
        extents = try (input.shape ?? []).enumerated().map { place, extent in
          // Some exporters write an open batch as a name, others as 0.
          if case .fixed(let number) = extent, number > 0 { return number }
          guard place == 0 else {
            throw FormatError(
              file: "the network", found: "input '\(input.name)' with open extents",
              expected: "an input shape that says them, such as [1, 3, 224, 224]")
          }
          return 1
        }
      }
      values[input.name] = try Tensor.zeros(extents, dtype: DType(input.type ?? .float32))
    }
    return values
  }
}
