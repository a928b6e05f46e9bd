import Formats
public import ONNX

extension ReLUNetwork {
  /// Reads a network from an ONNX file.
  ///
  /// - Throws: `FormatError` or `VerificationError` with the node, what was found and what is
  ///   accepted.
  public static func read(onnx path: String) throws -> ReLUNetwork {
    do {
      return try ReLUNetwork(ONNXModel(path: path))
    } catch let error as VerificationError {
      throw VerificationError(error.code, "\(path): \(error.message)")
    }
  }

  /// Takes the network of an ONNX model that is a chain of these operators: Conv, Gemm and MatMul
  /// with constant weights; Add, Sub, Mul and Div of a constant, Neg, BatchNormalization; Relu,
  /// LeakyRelu, PRelu, Clip, Abs; AveragePool, GlobalAveragePool, ReduceMean over rows and columns, MaxPool;
  /// Flatten, Reshape, Transpose, Identity, Dropout, and the computation of a shape that flattens
  /// (Shape, Gather, Unsqueeze, Concat, Constant).
  ///
  /// A residual path may go past some of them, from a Relu to an Add, through linear layers or none.
  ///
  /// What is linear goes into the linear layers beside it, in float64; what is linear in pieces becomes
  /// ReLUs: `LeakyRelu` of x those of x and of -a x, a maximum those of differences.
  ///
  /// - Throws: `FormatError` or `VerificationError` that names the node, its operator and the
  ///   attribute.
  public init(_ model: ONNXModel) throws {
    let graph = model.graph
    guard graph.inputs.count == 1, graph.outputs.count == 1 else {
      throw VerificationError(
        .unsupportedNetwork,
        "the network has \(graph.inputs.count) inputs and \(graph.outputs.count) outputs; "
          + "expected one of each")
    }
    var chain = ONNXChain(input: graph.inputs[0].name, shape: try ONNXChain.shape(graph.inputs[0]))
    chain.constants = try graph.constants()
    let nodes = try graph.topologicalOrder().filter { $0.operator != "Constant" }
    chain.forks = ONNXFork.all(in: nodes, constants: Set(chain.constants.keys))
    // What is on a way past is followed where that ends.
    let aside = Set(chain.forks.values.flatMap(\.side).compactMap(\.outputs.first))
    for node in nodes where !aside.contains(node.outputs.first ?? "") { try chain.take(node) }
    guard chain.current == graph.outputs[0].name else {
      throw VerificationError(
        .unsupportedNetwork,
        "the output '\(graph.outputs[0].name)' is not the end of the chain, '\(chain.current)'")
    }
    self = try chain.network()
  }
}

/// Follows a graph from its input, collecting linear layers.
struct ONNXChain {
  var constants: [String: TensorData] = [:]
  /// The value that the chain has come to.
  var current: String
  let inputShape: [Int]
  let inputName: String
  /// Of `current`, with a batch of 1 in front.
  var shape: [Int]
  /// For each element of `current`, its position in a block of the last layer's output (or in the
  /// input); nil where nothing was transposed.
  var order: [Int]?
  /// The last ReLU's output (or the input) comes in as many blocks, whose sum with these weights is
  /// meant.
  var blocks: [Double] = [1]
  /// What that sum has been multiplied by since, in the order of `current`.
  var factors: [Double]?
  /// A constant added to the product, in the order of `current`.
  var shift: [Double]?
  var layers: [AffineLayer] = []
  var inputOrder: [Int]?
  /// Whether no ReLU has come since the last linear layer.
  var endsLinear = false
  /// Values that are read twice, and what is done to them on the way past other layers.
  var forks: [String: ONNXFork] = [:]
  /// What is on such a way now.
  var carried: CarriedValue?

  init(input: String, shape: [Int]) {
    current = input
    inputName = input
    self.shape = shape
    inputShape = shape
  }

  /// The shape of an input with a batch of 1.
  static func shape(_ value: ONNXValue) throws -> [Int] {
    guard let dimensions = value.shape, !dimensions.isEmpty else {
      throw VerificationError(
        .unsupportedNetwork, "the input '\(value.name)' has no shape; expected one")
    }
    var shape: [Int] = []
    for (axis, dimension) in dimensions.enumerated() {
      switch dimension {
      case .fixed(let extent) where extent > 0 && (axis > 0 || extent == 1):
        shape.append(extent)
      case .fixed(let extent) where dimensions.count == 1 && extent > 0: shape += [1, extent]
      case .fixed(0), .symbol, .unknown:
        guard axis == 0, dimensions.count > 1 else { fallthrough }
        shape.append(1)
      default:
        throw VerificationError(
          .unsupportedNetwork,
          "the input '\(value.name)' has the shape \(dimensions); expected a batch of 1, of 0 or "
            + "of a name, then numbers from 1")
      }
    }
    guard let bytes = TensorData.byteCount(.float64, shape), bytes <= 1 << 27 else {
      throw VerificationError(
        .unsupportedNetwork, "the input '\(value.name)' of shape \(shape) is larger than 2^24")
    }
    return shape
  }

  var count: Int { shape.reduce(1, *) }

  mutating func take(_ node: ONNXNode) throws {
    guard node.domain.isEmpty else { throw unsupported(node) }
    guard node.inputs.contains(current) else { return try fold(node) }
    try forkIfNeeded(node)
    switch node.operator {
    case "Conv": try takeConvolution(node)
    case "Gemm": try takeGemm(node)
    case "MatMul": try takeMatMul(node)
    case "Relu": try takeReLU(node)
    case "LeakyRelu", "PRelu": try takeLeakyReLU(node)
    case "Abs": try takeAbsolute(node)
    case "Clip": try takeClip(node)
    case "Add", "Sub": try takeSum(node)
    case "Mul", "Div": try takeProduct(node)
    case "Neg": try multiply([Double](repeating: -1, count: count), node)
    case "BatchNormalization": try takeBatchNormalization(node)
    case "AveragePool": try takeAveragePool(node)
    case "GlobalAveragePool", "ReduceMean": try takeGlobalAverage(node)
    case "MaxPool": try takeMaxPool(node)
    case "Flatten": try takeFlatten(node)
    case "Reshape": try takeReshape(node)
    case "Transpose": try takeTranspose(node)
    case "Identity", "Dropout": break
    case "Shape":
      // Leaves the chain where it is.
      constants[node.outputs.first ?? ""] = TensorData(shape, shape: [shape.count])
      return
    default: throw unsupported(node)
    }
    current = node.outputs.first ?? ""
  }

  func unsupported(_ node: ONNXNode) -> FormatError {
    if ["Softmax", "LogSoftmax"].contains(node.operator) {
      return node.error(
        .unsupported, found: "a Softmax, which has no bounds here",
        expected: "the network without it: its outputs are in the same order")
    }
    return node.error(
      .unsupported, found: "an operator that can't be verified",
      expected: "a chain of linear layers, pools and activations that are linear in pieces")
  }

  // MARK: - Constants

  /// Computes what depends on constants only: the shapes that exporters write out.
  private mutating func fold(_ node: ONNXNode) throws {
    let parts = node.inputs.compactMap { constants[$0] }
    guard parts.count == node.inputs.count, let first = parts.first else {
      throw node.error(
        .unsupported, found: "reads a value that is not the chain's last, '\(current)'",
        expected: "a chain without branches")
    }
    let value: TensorData
    guard let numbers = first.integers() else {
      constants[node.outputs.first ?? ""] = try reshaped(first, parts.dropFirst().first, node)
      return
    }
    switch node.operator {
    case "Gather":
      guard parts.count == 2, let index = parts[1].integers(), index.count == 1,
        numbers.indices.contains(index[0]), try node.int("axis", default: 0) == 0
      else { throw unsupported(node) }
      value = TensorData([numbers[index[0]]], shape: parts[1].shape)
    case "Unsqueeze", "Squeeze", "Identity", "Cast":
      value = TensorData(numbers, shape: [numbers.count])
    case "Concat":
      let all = parts.compactMap { $0.integers() }
      guard all.count == parts.count else { throw unsupported(node) }
      let joined = all.flatMap { $0 }
      value = TensorData(joined, shape: [joined.count])
    default: throw unsupported(node)
    }
    constants[node.outputs.first ?? ""] = value
  }

  /// A constant of reals, such as slopes that get the axes of a picture.
  private func reshaped(
    _ tensor: TensorData, _ listed: TensorData?, _ node: ONNXNode
  ) throws -> TensorData {
    var shape = tensor.shape
    switch node.operator {
    case "Identity", "Cast": break
    case "Transpose":
      guard shape.count == 2, try node.ints("perm", default: [1, 0]) == [1, 0] else {
        throw unsupported(node)
      }
      return TensorData(transposed(tensor), shape: [shape[1], shape[0]])
    case "Unsqueeze":
      let axes = try listed?.integers() ?? node.ints("axes", default: [])
      let rank = shape.count + axes.count
      for axis in axes.map({ $0 < 0 ? $0 + rank : $0 }).sorted() {
        guard 0...shape.count ~= axis, rank <= 8 else { throw unsupported(node) }
        shape.insert(1, at: axis)
      }
    default: throw unsupported(node)
    }
    return TensorData(tensor.doubles(), shape: shape)
  }

  func constant(_ node: ONNXNode, _ position: Int) throws -> TensorData {
    guard position < node.inputs.count, let value = constants[node.inputs[position]] else {
      throw node.error(
        .unsupported, found: "input \(position) is not a constant",
        expected: "weights stored in the file")
    }
    guard value.doubles().allSatisfy(\.isFinite) else {
      throw node.error(
        found: "'\(node.inputs[position])' has a number that is infinite or NaN",
        expected: "finite weights")
    }
    return value
  }

  /// The collected network, ended with a layer that changes nothing where a ReLU or a transpose
  /// came last.
  mutating func network() throws -> ReLUNetwork {
    guard !layers.isEmpty else {
      throw VerificationError(.unsupportedNetwork, "the network has no linear layer")
    }
    if !endsLinear || order != nil {
      try takeIdentity(ONNXNode(operator: "Gemm", inputs: [], outputs: ["output"]))
    }
    return try ReLUNetwork(
      inputShape: Array(inputShape.dropFirst()), layers: layers, inputOrder: inputOrder)
  }
}
