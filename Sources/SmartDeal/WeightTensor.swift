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
  /// The type of the file's numbers.
  public let type: ElementType

  /// Refuses numbers that are not finite.
  ///
  /// - Throws: ``SmartDealError`` with the first one and its place.
  public func checkFinite() throws(SmartDealError) {
    guard let place = weights.firstIndex(where: { !$0.isFinite }) else { return }
    throw SmartDealError(
      .badTensor,
      "tensor '\(name)' holds \(weights[place]) at position \(place); weights must be finite")
  }

  /// The tensor as the file holds it.
  ///
  /// - Parameter weights: Numbers in the order of ``weights``.
  /// - Returns: The numbers in the file's order, shape and type.
  public func stored(_ weights: [Float]) -> TensorData {
    let isTurned = isTransposed && shape.count == 2
    let numbers =
      isTurned ? WeightTensor.transposed(weights, rows: shape[0], columns: shape[1]) : weights
    return TensorData(numbers, shape: isTurned ? [shape[1], shape[0]] : shape, as: type)
  }

  fileprivate static func transposed(_ numbers: [Float], rows: Int, columns: Int) -> [Float] {
    var result = [Float](repeating: 0, count: numbers.count)
    for row in 0..<rows {
      for column in 0..<columns { result[column * rows + row] = numbers[row * columns + column] }
    }
    return result
  }
}

/// Where a graph keeps a weight tensor; its numbers are read when they are asked for.
public struct WeightPlace: Hashable, Sendable {
  /// The initializer's name, and its place among the initializers.
  public let name: String
  public let index: Int
  /// Outputs first, as in ``WeightTensor/shape``.
  public let shape: [Int]
  public let isTransposed: Bool
  /// The name of the node that uses it, for messages.
  public let node: String
}

extension ONNXGraph {
  /// The weights of convolutions and fully connected layers, in the order of the initializers.
  ///
  /// Biases, normalisation and everything of another rank stay out.
  public func weightTensors() -> [WeightTensor] { weightPlaces().map { tensor(at: $0) } }

  /// Where the weights of convolutions and fully connected layers are, in the order of the
  /// initializers.
  public func weightPlaces() -> [WeightPlace] {
    var uses: [String: (node: ONNXNode, isTransposed: Bool)] = [:]
    for use in weightUses() where uses[use.name] == nil {
      uses[use.name] = (use.node, use.isTransposed)
    }
    return initializers.enumerated().compactMap { index, initializer in
      guard let use = uses[initializer.name], initializer.data.type.isFloatingPoint else {
        return nil
      }
      let shape = initializer.data.shape
      guard shape.count == (use.node.operator == "Conv" ? 4 : 2), !shape.contains(0) else {
        return nil
      }
      return WeightPlace(
        name: initializer.name, index: index,
        shape: use.isTransposed ? [shape[1], shape[0]] : shape, isTransposed: use.isTransposed,
        node: use.node.label)
    }
  }

  /// Sentences about constants that layers multiply with and that ``weightPlaces()`` leaves out.
  public func untouchedWeights() -> [String] {
    let taken = Set(weightPlaces().map(\.name))
    let named = Dictionary(initializers.map { ($0.name, $0.data) }) { first, _ in first }
    var sentences: [String] = []
    var seen: Set<String> = []
    for use in weightUses() where !taken.contains(use.name) && seen.insert(use.name).inserted {
      let why =
        named[use.name].map { data in
          data.type.isFloatingPoint ? "of shape \(data.shape)" : "of type \(data.type.rawValue)"
        } ?? "in a Constant node"
      sentences.append("\(use.node.label): the weights '\(use.name)' \(why) stay as they are")
    }
    for node in nodes where node.operator == "ConvTranspose" && node.inputs.count > 1 {
      sentences.append("\(node.label): the weights '\(node.inputs[1])' stay as they are")
    }
    return sentences
  }

  /// The tensor at a place.
  public func tensor(at place: WeightPlace) -> WeightTensor {
    let data = initializers[place.index].data
    let numbers = data.floats()
    data.release()
    return WeightTensor(
      name: place.name, shape: place.shape,
      weights: place.isTransposed
        ? WeightTensor.transposed(numbers, rows: place.shape[1], columns: place.shape[0])
        : numbers,
      isTransposed: place.isTransposed, node: place.node, type: data.type)
  }

  /// Puts other numbers at a place.
  ///
  /// - Parameters:
  ///   - tensor: What was read there.
  ///   - place: Where.
  ///   - numbers: In the order of `tensor.weights`.
  public mutating func replace(
    _ tensor: WeightTensor, at place: WeightPlace, with numbers: [Float]
  ) {
    initializers[place.index].data = tensor.stored(numbers)
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

  /// The names of the weight tensors by the value that their layer's node gives.
  public func weightNames() -> [String: String] {
    let taken = Set(weightPlaces().map(\.name))
    var names: [String: String] = [:]
    for use in weightUses() where taken.contains(use.name) {
      if let output = use.node.outputs.first { names[output] = use.name }
    }
    return names
  }

  /// Constants that layers multiply with, in the order of the nodes.
  private func weightUses() -> [(name: String, node: ONNXNode, isTransposed: Bool)] {
    let ranks = Dictionary(initializers.map { ($0.name, $0.data.shape.count) }) { first, _ in first
    }
    var constants = Set(ranks.keys)
    // What stands between an initializer and a layer: exporters transpose matrices in a node.
    var sources: [String: (name: String, isTransposed: Bool)] = [:]
    for node in nodes where node.domain.isEmpty && node.outputs.count == 1 {
      switch node.operator {
      case "Constant": constants.insert(node.outputs[0])
      case "Identity" where node.inputs.count == 1:
        sources[node.outputs[0]] = (node.inputs[0], false)
      case "Transpose" where node.inputs.count == 1 && ranks[node.inputs[0]] == 2:
        if (try? node.ints("perm", default: [1, 0])) == [1, 0] {
          sources[node.outputs[0]] = (node.inputs[0], true)
        }
      default: break
      }
    }
    var uses: [(name: String, node: ONNXNode, isTransposed: Bool)] = []
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
        var (name, isTransposed) = (node.inputs[index], isTransposed)
        // No chain is longer than the graph.
        for _ in 0..<sources.count {
          guard let source = sources[name] else { break }
          name = source.name
          isTransposed = isTransposed != source.isTransposed
        }
        guard constants.contains(name) else { continue }
        uses.append((name, node, isTransposed))
        break
      }
    }
    return uses
  }
}

extension TensorData {
  /// Numbers in another type of real numbers, rounded to the nearest.
  fileprivate init(_ numbers: [Float], shape: [Int], as type: ElementType) {
    func bytes<Number: FixedWidthInteger>(_ convert: (Float) -> Number) -> [UInt8] {
      var bytes: [UInt8] = []
      bytes.reserveCapacity(numbers.count * MemoryLayout<Number>.size)
      for number in numbers {
        withUnsafeBytes(of: convert(number).littleEndian) { bytes.append(contentsOf: $0) }
      }
      return bytes
    }
    switch type {
    case .float64: self.init(numbers.map(Double.init), shape: shape)
    case .float16:
      self.init(type: type, shape: shape, bytes: bytes { Float16($0).bitPattern })
    case .bfloat16:
      self.init(
        type: type, shape: shape,
        bytes: bytes { number in
          // Half to even in the upper sixteen bits; weights are finite.
          let bits = number.bitPattern
          return UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) >> 16)
        })
    default: self.init(numbers, shape: shape)
    }
  }
}
