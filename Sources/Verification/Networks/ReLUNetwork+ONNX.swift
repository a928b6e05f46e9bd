public import Formats
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
  /// with constant weights, Relu, Add and Sub of a constant, Flatten, Reshape, Transpose, Identity,
  /// and the computation of a shape that flattens (Shape, Gather, Unsqueeze, Concat, Constant).
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
    for node in try graph.topologicalOrder() where node.operator != "Constant" {
      try chain.take(node)
    }
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
  private(set) var current: String
  private let inputShape: [Int]
  private let inputName: String
  /// Of `current`, with a batch of 1 in front.
  private var shape: [Int]
  /// For each element of `current`, its position in the last layer's output (or in the input);
  /// nil where nothing was transposed.
  private var order: [Int]?
  /// A constant added since the last ReLU (or the input), in the order of `current`.
  private var shift: [Double]?
  private var layers: [AffineLayer] = []
  private var inputOrder: [Int]?
  /// Whether no ReLU has come since the last linear layer.
  private var endsLinear = false

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

  private var count: Int { shape.reduce(1, *) }

  mutating func take(_ node: ONNXNode) throws {
    guard node.domain.isEmpty else { throw unsupported(node) }
    guard node.inputs.contains(current) else { return try fold(node) }
    switch node.operator {
    case "Conv": try takeConvolution(node)
    case "Gemm": try takeGemm(node)
    case "MatMul": try takeMatMul(node)
    case "Relu": try takeReLU(node)
    case "Add", "Sub": try takeSum(node)
    case "Flatten": try takeFlatten(node)
    case "Reshape": try takeReshape(node)
    case "Transpose": try takeTranspose(node)
    case "Identity": break
    case "Shape":
      // Leaves the chain where it is.
      constants[node.outputs.first ?? ""] = TensorData(shape, shape: [shape.count])
      return
    default: throw unsupported(node)
    }
    current = node.outputs.first ?? ""
  }

  private func unsupported(_ node: ONNXNode) -> FormatError {
    node.error(
      .unsupported, found: "an operator that can't be verified",
      expected: "a chain of Conv, Gemm, MatMul, Relu, Add, Sub, Flatten, Reshape, Transpose")
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
    guard let numbers = first.integers() else { throw unsupported(node) }
    let value: TensorData
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

  private func constant(_ node: ONNXNode, _ position: Int) throws -> TensorData {
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

  // MARK: - Layers

  private mutating func takeConvolution(_ node: ONNXNode) throws {
    try node.refuseAttributes(except: [
      "kernel_shape", "strides", "pads", "dilations", "group", "auto_pad",
    ])
    let weights = try constant(node, 1)
    guard weights.shape.count == 4, shape.count == 4, weights.shape[1] == shape[1] else {
      throw node.error(
        found: "weights of shape \(weights.shape) for an input of shape \(shape)",
        expected: "four dimensions and equal channels")
    }
    let group = try node.int("group", default: 1)
    let dilations = try node.ints("dilations", default: [1, 1])
    let strides = try node.ints("strides", default: [1, 1])
    let pads = try node.ints("pads", default: [0, 0, 0, 0])
    let kernel = try node.ints("kernel_shape", default: Array(weights.shape[2...]))
    guard group == 1 else {
      throw node.error(.unsupported, found: "attribute 'group' is \(group)", expected: "1")
    }
    guard dilations == [1, 1] else {
      throw node.error(
        .unsupported, found: "attribute 'dilations' is \(dilations)", expected: "[1, 1]")
    }
    guard try node.string("auto_pad", default: "NOTSET") == "NOTSET" else {
      throw node.error(.unsupported, found: "attribute 'auto_pad'", expected: "explicit pads")
    }
    guard pads.count == 4, pads[0] == pads[2], pads[1] == pads[3], pads.allSatisfy({ $0 >= 0 })
    else {
      throw node.error(
        .unsupported, found: "attribute 'pads' is \(pads)",
        expected: "the same padding at opposite edges")
    }
    guard kernel == Array(weights.shape[2...]), strides.count == 2,
      strides.allSatisfy({ 1...4096 ~= $0 }), pads.allSatisfy({ $0 <= 4096 }),
      let convolution = Convolution(
        inChannels: shape[1], inHeight: shape[2], inWidth: shape[3], outChannels: weights.shape[0],
        kernel: (kernel[0], kernel[1]), stride: (strides[0], strides[1]),
        padding: (pads[0], pads[1]))
    else {
      throw node.error(
        found: "kernel \(kernel), strides \(strides), pads \(pads) for weights of shape "
          + "\(weights.shape) and an input of shape \(shape)",
        expected: "a kernel that fits")
    }
    if let order {
      guard layers.isEmpty else {
        throw node.error(
          .unsupported, found: "a convolution after a transpose",
          expected: "transposes at the input or before a dense layer only")
      }
      inputOrder = order
      self.order = nil
    }
    let bias = try biases(node, position: 2, count: convolution.outChannels)
    var layer = AffineLayer(convolution, weights: weights.doubles(), biases: bias)
    if let shift {
      let moved = layer.apply(shift)
      layer = AffineLayer(convolution, weights: layer.weights, biases: moved)
      self.shift = nil
    }
    guard !endsLinear else {
      throw node.error(
        .unsupported, found: "a convolution that follows a linear layer",
        expected: "a Relu between two linear layers, unless both are dense")
    }
    layers.append(layer)
    endsLinear = true
    shape = [1, convolution.outChannels, convolution.outHeight, convolution.outWidth]
  }

  private func biases(_ node: ONNXNode, position: Int, count: Int) throws -> [Double] {
    guard position < node.inputs.count, !node.inputs[position].isEmpty else {
      return [Double](repeating: 0, count: count)
    }
    let bias = try constant(node, position)
    if bias.count == 1 { return [Double](repeating: bias.doubles()[0], count: count) }
    guard bias.count == count, bias.shape.last == count else {
      throw node.error(found: "biases of shape \(bias.shape)", expected: "\(count) numbers")
    }
    return bias.doubles()
  }

  private mutating func takeGemm(_ node: ONNXNode) throws {
    try node.refuseAttributes(except: ["alpha", "beta", "transA", "transB"])
    for (name, wanted) in [("alpha", Float(1)), ("beta", 1)] {
      let value = try node.float(name, default: 1)
      guard value == wanted else {
        throw node.error(.unsupported, found: "attribute '\(name)' is \(value)", expected: "1")
      }
    }
    guard node.inputs.first == current, try node.int("transA", default: 0) == 0 else {
      throw node.error(
        .unsupported, found: "the chain's value is transposed or not the first input",
        expected: "transA = 0")
    }
    let weights = try constant(node, 1)
    let isTransposed = try node.int("transB", default: 0) != 0
    guard weights.shape.count == 2, shape.count == 2 else {
      throw node.error(
        found: "weights of shape \(weights.shape) for an input of shape \(shape)",
        expected: "two dimensions each")
    }
    let outputs = weights.shape[isTransposed ? 0 : 1]
    try takeDense(
      node, isTransposed ? weights.doubles() : transposed(weights), outputs: outputs,
      inputs: weights.shape[isTransposed ? 1 : 0],
      biases: try biases(node, position: 2, count: outputs))
  }

  private mutating func takeMatMul(_ node: ONNXNode) throws {
    guard node.inputs.first == current else {
      throw node.error(
        .unsupported, found: "the chain's value is the second factor", expected: "the first")
    }
    let weights = try constant(node, 1)
    guard weights.shape.count == 2, shape.dropLast().allSatisfy({ $0 == 1 }) else {
      throw node.error(
        .unsupported, found: "weights of shape \(weights.shape) for an input of shape \(shape)",
        expected: "(inputs, outputs) and a row")
    }
    let outputs = weights.shape[1]
    let rank = shape.count
    try takeDense(
      node, transposed(weights), outputs: outputs, inputs: weights.shape[0],
      biases: [Double](repeating: 0, count: outputs))
    shape = [Int](repeating: 1, count: rank - 1) + [outputs]
  }

  private func transposed(_ weights: TensorData) -> [Double] {
    let (rows, columns) = (weights.shape[0], weights.shape[1])
    let numbers = weights.doubles()
    return (0..<rows * columns).map { numbers[$0 % rows * columns + $0 / rows] }
  }

  private mutating func takeDense(
    _ node: ONNXNode, _ weights: [Double], outputs: Int, inputs: Int, biases: [Double]
  ) throws {
    guard inputs == count, outputs > 0 else {
      throw node.error(
        found: "weights of \(outputs) outputs and \(inputs) inputs for an input of shape \(shape)",
        expected: "\(count) inputs")
    }
    var biases = biases
    var weights = weights
    if let shift {
      for row in 0..<outputs {
        for column in 0..<inputs { biases[row] += weights[row * inputs + column] * shift[column] }
      }
      self.shift = nil
    }
    if let order {
      let given = weights
      for row in 0..<outputs {
        for column in 0..<inputs {
          weights[row * inputs + order[column]] = given[row * inputs + column]
        }
      }
      self.order = nil
    }
    let layer = AffineLayer(weights: weights, biases: biases, inputs: inputs)
    if endsLinear, let last = layers.last {
      guard last.convolution == nil else {
        throw node.error(
          .unsupported, found: "a dense layer that follows a convolution",
          expected: "a Relu between two linear layers, unless both are dense")
      }
      layers[layers.count - 1] = layer.after(last)
    } else {
      layers.append(layer)
    }
    endsLinear = true
    shape = [1, outputs]
  }

  private mutating func takeReLU(_ node: ONNXNode) throws {
    if endsLinear {
      endsLinear = false
      return
    }
    guard !layers.isEmpty, shift == nil else {
      throw node.error(
        .unsupported, found: "a Relu without a linear layer before it",
        expected: "Conv, Gemm or MatMul before each Relu")
    }
  }

  private mutating func takeSum(_ node: ONNXNode) throws {
    let isFirst = node.inputs.first == current
    guard node.inputs.count == 2, isFirst || node.operator == "Add" else {
      throw node.error(
        .unsupported, found: "the chain's value is subtracted", expected: "a constant after it")
    }
    let constant = try constant(node, isFirst ? 1 : 0)
    guard let numbers = broadcast(constant) else {
      throw node.error(
        found: "a constant of shape \(constant.shape) for a value of shape \(shape)",
        expected: "one that extends to the value's shape")
    }
    let sign: Double = node.operator == "Add" ? 1 : -1
    if endsLinear, let last = layers.last {
      var biases = last.biases
      for index in numbers.indices { biases[order?[index] ?? index] += sign * numbers[index] }
      layers[layers.count - 1] = last.with(biases: biases)
    } else {
      let old = shift ?? [Double](repeating: 0, count: count)
      shift = zip(old, numbers).map { $0 + sign * $1 }
    }
  }

  /// The constant at each element of the chain's value, or nil where it doesn't extend to it.
  private func broadcast(_ constant: TensorData) -> [Double]? {
    let numbers = constant.doubles()
    var extents = constant.shape
    while extents.count > shape.count, extents.first == 1 { extents.removeFirst() }
    guard extents.count <= shape.count else { return nil }
    extents = [Int](repeating: 1, count: shape.count - extents.count) + extents
    guard zip(extents, shape).allSatisfy({ $0 == 1 || $0 == $1 }), !numbers.isEmpty else {
      return nil
    }
    return (0..<count).map { flat in
      var rest = flat
      var position = 0
      var step = 1
      for axis in shape.indices.reversed() {
        let coordinate = rest % shape[axis]
        rest /= shape[axis]
        if extents[axis] > 1 { position += coordinate * step }
        step *= extents[axis]
      }
      return numbers[position]
    }
  }

  // MARK: - Shapes

  private mutating func takeFlatten(_ node: ONNXNode) throws {
    let axis = try node.int("axis", default: 1)
    guard axis == 1 || axis == 1 - shape.count else {
      throw node.error(.unsupported, found: "attribute 'axis' is \(axis)", expected: "1")
    }
    shape = [1, count]
  }

  private mutating func takeReshape(_ node: ONNXNode) throws {
    guard node.inputs.first == current, let wanted = try constant(node, 1).integers(),
      !wanted.isEmpty
    else {
      throw node.error(found: "no integers as the new shape", expected: "constant integers")
    }
    var result = wanted
    for axis in result.indices where result[axis] == 0 {
      guard axis < shape.count else {
        throw node.error(found: "shape \(wanted) keeps an axis that isn't there", expected: "")
      }
      result[axis] = shape[axis]
    }
    let known = result.filter { $0 != -1 }
    guard known.allSatisfy({ 1...(1 << 24) ~= $0 }), known.count >= result.count - 1,
      let bytes = TensorData.byteCount(.uint8, known), bytes <= count, count % bytes == 0
    else {
      throw node.error(
        found: "shape \(wanted) for a value of shape \(shape)", expected: "as many elements")
    }
    result = result.map { $0 == -1 ? count / bytes : $0 }
    guard result.reduce(1, *) == count, result[0] == 1 else {
      throw node.error(
        found: "shape \(wanted) for a value of shape \(shape)",
        expected: "as many elements and a batch of 1")
    }
    shape = result
  }

  private mutating func takeTranspose(_ node: ONNXNode) throws {
    let axes = try node.ints("perm", default: Array(shape.indices.reversed()))
    guard axes.sorted() == Array(shape.indices), axes.first == 0 else {
      throw node.error(
        .unsupported, found: "attribute 'perm' is \(axes) for a value of shape \(shape)",
        expected: "an order of its axes that keeps the batch first")
    }
    var steps = [Int](repeating: 1, count: shape.count)
    for axis in shape.indices.dropLast().reversed() {
      steps[axis] = steps[axis + 1] * shape[axis + 1]
    }
    let result = axes.map { shape[$0] }
    var sources = [0]
    for (axis, extent) in zip(axes, result) {
      sources = sources.flatMap { base in (0..<extent).map { base + $0 * steps[axis] } }
    }
    let known = order
    order = sources.map { known?[$0] ?? $0 }
    if let shift { self.shift = sources.map { shift[$0] } }
    shape = result
    if order == Array(0..<count) { order = nil }
  }

  /// The collected network, ended with a layer that changes nothing where a ReLU or a transpose
  /// came last.
  mutating func network() throws -> ReLUNetwork {
    if !endsLinear || order != nil {
      guard !layers.isEmpty, count <= 4096 else {
        throw VerificationError(
          .unsupportedNetwork, "the network has no linear layer, or a ReLU on \(count) outputs")
      }
      let size = count
      let node = ONNXNode(operator: "Gemm", inputs: [], outputs: ["output"])
      let one = (0..<size * size).map { $0 / size == $0 % size ? 1.0 : 0 }
      try takeDense(
        node, one, outputs: size, inputs: size, biases: [Double](repeating: 0, count: size))
    }
    return try ReLUNetwork(
      inputShape: Array(inputShape.dropFirst()), layers: layers, inputOrder: inputOrder)
  }
}

extension AffineLayer {
  /// The dense layer that does the work of `first` and then of this one, both dense.
  fileprivate func after(_ first: AffineLayer) -> AffineLayer {
    var product = [Double](repeating: 0, count: outputs * first.inputs)
    var sums = biases
    for row in 0..<outputs {
      for middle in 0..<inputs {
        let weight = weights[row * inputs + middle]
        sums[row] += weight * first.biases[middle]
        for column in 0..<first.inputs {
          product[row * first.inputs + column] +=
            weight * first.weights[middle * first.inputs + column]
        }
      }
    }
    return AffineLayer(weights: product, biases: sums, inputs: first.inputs)
  }

  fileprivate func with(biases: [Double]) -> AffineLayer {
    if let shape = convolution { return AffineLayer(shape, weights: weights, biases: biases) }
    return AffineLayer(weights: weights, biases: biases, inputs: inputs)
  }
}
