public import Formats
public import ONNX

/// A weight tensor of a network: of a convolution or a fully connected layer.
public struct WeightTensor: Sendable {
  /// The initializer's name.
  public let name: String
  /// Outputs first, then inputs (per group), then a kernel's height and width if there is one.
  public let shape: [Int]
  /// Row-major.
  public let weights: [Float]
  /// Whether the file holds inputs × outputs instead.
  public let isTransposed: Bool
  /// The name of the node that uses it, for messages.
  public let node: String

  /// The tensor as the file holds it.
  ///
  /// - Parameter weights: Numbers in the order of ``weights``.
  /// - Returns: The numbers in the file's order and shape.
  public func stored(_ weights: [Float]) -> TensorData {
    guard isTransposed else { return TensorData(weights, shape: shape) }
    return TensorData(
      WeightTensor.transposed(weights, rows: shape[0], columns: shape[1]),
      shape: [shape[1], shape[0]])
  }

  fileprivate static func transposed(_ numbers: [Float], rows: Int, columns: Int) -> [Float] {
    var result = [Float](repeating: 0, count: numbers.count)
    for row in 0..<rows {
      for column in 0..<columns { result[column * rows + row] = numbers[row * columns + column] }
    }
    return result
  }
}

extension ONNXGraph {
  /// The weights of convolutions and fully connected layers, in the order of the initializers.
  ///
  /// Biases, normalisation and everything of another rank stay out.
  public func weightTensors() -> [WeightTensor] {
    var uses: [String: (node: ONNXNode, isTransposed: Bool)] = [:]
    let constants = Set(initializers.map(\.name))
    for node in nodes where node.domain.isEmpty {
      // Which input holds weights, and whether a row of it is an input instead of an output.
      let found: [(index: Int, isTransposed: Bool)] =
        switch node.operator {
        case "Conv": [(1, false)]
        case "Gemm":
          [
            (1, (try? node.int("transB", default: 0)) != 1),
            (0, (try? node.int("transA", default: 0)) == 1),
          ]
        case "MatMul": [(1, true), (0, false)]
        default: []
        }
      for (index, isTransposed) in found where index < node.inputs.count {
        // A layer has one weight tensor: of a product, the second factor if that is constant.
        let name = node.inputs[index]
        guard constants.contains(name) else { continue }
        if uses[name] == nil { uses[name] = (node, isTransposed) }
        break
      }
    }
    return initializers.compactMap { initializer in
      guard let use = uses[initializer.name], initializer.data.type.isFloatingPoint else {
        return nil
      }
      let shape = initializer.data.shape
      guard shape.count == (use.node.operator == "Conv" ? 4 : 2), !shape.contains(0) else {
        return nil
      }
      let numbers = initializer.data.floats()
      return WeightTensor(
        name: initializer.name,
        shape: use.isTransposed ? [shape[1], shape[0]] : shape,
        weights: use.isTransposed
          ? WeightTensor.transposed(numbers, rows: shape[0], columns: shape[1]) : numbers,
        isTransposed: use.isTransposed, node: use.node.label)
    }
  }

  /// The same graph with other weights.
  ///
  /// - Parameter weights: For each tensor its new numbers, in the order of its `weights`.
  /// - Returns: A graph that differs in those initializers only.
  public func replacing(_ weights: [(tensor: WeightTensor, numbers: [Float])]) -> ONNXGraph {
    var graph = self
    let numbers = Dictionary(
      weights.map { ($0.tensor.name, $0.tensor.stored($0.numbers)) }, uniquingKeysWith: { $1 })
    graph.initializers = initializers.map { initializer in
      guard let data = numbers[initializer.name] else { return initializer }
      return NamedTensor(name: initializer.name, data: data)
    }
    return graph
  }
}
