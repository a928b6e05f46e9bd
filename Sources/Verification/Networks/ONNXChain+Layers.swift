internal import Formats
internal import ONNX

extension ONNXChain {
  mutating func takeConvolution(_ node: ONNXNode) throws {
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

  func biases(_ node: ONNXNode, position: Int, count: Int) throws -> [Double] {
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

  mutating func takeGemm(_ node: ONNXNode) throws {
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

  mutating func takeMatMul(_ node: ONNXNode) throws {
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

  func transposed(_ weights: TensorData) -> [Double] {
    let (rows, columns) = (weights.shape[0], weights.shape[1])
    let numbers = weights.doubles()
    return (0..<rows * columns).map { numbers[$0 % rows * columns + $0 / rows] }
  }

  mutating func takeDense(
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

  mutating func takeReLU(_ node: ONNXNode) throws {
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

  mutating func takeSum(_ node: ONNXNode) throws {
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
  func broadcast(_ constant: TensorData) -> [Double]? {
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
