internal import Formats
internal import ONNX

extension ONNXChain {
  mutating func takeConvolution(_ node: ONNXNode) throws {
    try node.refuseAttributes(except: [
      "kernel_shape", "strides", "pads", "dilations", "group", "auto_pad",
    ])
    let weights = try constant(node, 1)
    let group = try node.int("group", default: 1)
    guard weights.shape.count == 4, shape.count == 4, group > 0, weights.shape[0] % group == 0,
      weights.shape[1].multipliedReportingOverflow(by: group) == (shape[1], false)
    else {
      throw node.error(
        found:
          "weights of shape \(weights.shape) in \(group) groups for an input of shape \(shape)",
        expected: "four dimensions and equal channels")
    }
    let kernel = try node.ints("kernel_shape", default: Array(weights.shape[2...]))
    guard kernel == Array(weights.shape[2...]) else {
      throw node.error(
        found: "kernel \(kernel) for weights of shape \(weights.shape)", expected: "the same")
    }
    let dilations = try node.ints("dilations", default: [1, 1])
    guard dilations.count == 2, dilations.allSatisfy({ 1...32 ~= $0 }),
      kernel.allSatisfy({ $0 <= 32 })
    else {
      throw node.error(
        .unsupported, found: "kernel \(kernel), dilations \(dilations)", expected: "at most 32")
    }
    let window = try window(node, extent: zip(kernel, dilations).map { ($0 - 1) * $1 + 1 })
    guard let convolution = window.convolution(self, outChannels: weights.shape[0]) else {
      throw node.error(
        found:
          "kernel \(kernel), strides \(window.strides), pads \(window.pads) for weights of shape "
          + "\(weights.shape) and an input of shape \(shape)",
        expected: "a kernel that fits")
    }
    let bias = try biases(node, position: 2, count: convolution.outChannels)
    let numbers = weights.doubles()
    var spread = [Double](repeating: 0, count: convolution.weightCount)
    let (outputs, inputs) = (weights.shape[0] / group, weights.shape[1])
    for (position, number) in numbers.enumerated() {
      let column = position % kernel[1]
      let row = position / kernel[1] % kernel[0]
      let channel = position / (kernel[1] * kernel[0] * inputs)
      let source = position / (kernel[1] * kernel[0]) % inputs + channel / outputs * inputs
      spread[
        convolution.position(
          channel, source, window.margins[0] + row * dilations[0],
          window.margins[1] + column * dilations[1])] = number
    }
    try take(AffineLayer(convolution, weights: spread, biases: bias), node)
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
    let alpha = Double(try node.float("alpha", default: 1))
    let beta = Double(try node.float("beta", default: 1))
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
    let numbers = isTransposed ? weights.doubles() : transposed(weights)
    try takeDense(
      node, alpha == 1 ? numbers : numbers.map { $0 * alpha }, outputs: outputs,
      inputs: weights.shape[isTransposed ? 1 : 0],
      biases: try biases(node, position: 2, count: outputs).map { $0 * beta })
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

  private mutating func takeDense(
    _ node: ONNXNode, _ weights: [Double], outputs: Int, inputs: Int, biases: [Double]
  ) throws {
    guard inputs == count, outputs > 0 else {
      throw node.error(
        found: "weights of \(outputs) outputs and \(inputs) inputs for an input of shape \(shape)",
        expected: "\(count) inputs")
    }
    try take(AffineLayer(weights: weights, biases: biases, inputs: inputs), node)
  }

  /// Takes a linear layer whose inputs are the elements of `current`.
  mutating func take(_ given: AffineLayer, _ node: ONNXNode) throws {
    var layer = given
    if let shift {
      layer = layer.with(biases: layer.apply(shift))
      self.shift = nil
    }
    if let factors {
      guard let scaled = layer.taking(factors: factors) else {
        throw node.error(
          .unsupported, found: "a convolution of what was multiplied place by place",
          expected: "one factor a channel")
      }
      layer = scaled
      self.factors = nil
    }
    if let order {
      if layer.convolution == nil {
        layer = layer.taking(order: order)
      } else {
        guard layers.isEmpty else {
          throw node.error(
            .unsupported, found: "a convolution after a transpose",
            expected: "transposes at the input or before a dense layer only")
        }
        inputOrder = order
      }
      self.order = nil
    }
    layer = layer.taking(blocks: blocks)
    blocks = [1]
    let outputs =
      layer.convolution.map { [$0.outChannels, $0.outHeight, $0.outWidth] } ?? [layer.outputs]
    layer = try carrying(layer, node)
    if endsLinear, let last = layers.last {
      guard let joint = layer.after(last) else {
        throw node.error(
          .unsupported,
          found: "a padded convolution that follows a linear layer, \(last.inputs) numbers to "
            + "\(layer.outputs) in all",
          expected: "a Relu between the two, or smaller layers")
      }
      layers[layers.count - 1] = joint
    } else {
      layers.append(layer)
    }
    endsLinear = true
    shape = [1] + outputs
  }

  /// Makes `current` the output of a linear layer, by one that changes nothing where it isn't.
  mutating func endLinear(_ node: ONNXNode) throws {
    if !endsLinear { try takeIdentity(node) }
  }

  /// Takes a linear layer that changes nothing but the order, which becomes that of `current`.
  mutating func takeIdentity(_ node: ONNXNode) throws {
    let shape = shape
    if order == nil || layers.isEmpty, let identity = AffineLayer.identity(of: shape),
      factors == nil || factors.flatMap({ identity.convolution?.perInputChannel($0) }) != nil
    {
      return try take(identity, node)
    }
    guard count <= 4096 else {
      throw node.error(
        .unsupported, found: "\(count) numbers that no linear layer gives", expected: "at most 4096"
      )
    }
    let size = count
    try take(AffineLayer.identity(size), node)
    self.shape = shape
  }
}

// MARK: - Windows

/// Where a kernel or a pool stands: strides, and as much padding at opposite edges.
struct ONNXWindow {
  /// Rows and columns of the file's kernel, holes included.
  var extent: [Int]
  var strides: [Int]
  /// Top, left, bottom, right.
  var pads: [Int]
  /// The padding that both edges get: the larger of the two, along height and width.
  var padding: [Int] { [max(pads[0], pads[2]), max(pads[1], pads[3])] }
  /// Zeros before the kernel that undo what an edge was padded too much; those after it are what is left.
  var margins: [Int] { [padding[0] - pads[0], padding[1] - pads[1]] }

  /// The convolution of a chain's value; nil where the kernel doesn't fit, where holes, groups and pads
  /// written out make it larger than 512 MiB, or where it gives more than 2^24 numbers.
  func convolution(_ chain: ONNXChain, outChannels: Int) -> Convolution? {
    let height = extent[0] + 2 * padding[0] - pads[0] - pads[2]
    let width = extent[1] + 2 * padding[1] - pads[1] - pads[3]
    let weights = Double(outChannels) * Double(chain.shape[1]) * Double(height) * Double(width)
    guard weights <= 0x1p26,
      let convolution = Convolution(
        inChannels: chain.shape[1], inHeight: chain.shape[2], inWidth: chain.shape[3],
        outChannels: outChannels, kernel: (height, width), stride: (strides[0], strides[1]),
        padding: (padding[0], padding[1])),
      convolution.outputCount <= 1 << 24
    else { return nil }
    return convolution
  }
}

extension ONNXChain {
  /// Reads `strides`, `pads` and `auto_pad` of a window of some extent.
  func window(_ node: ONNXNode, extent: [Int]) throws -> ONNXWindow {
    let strides = try node.ints("strides", default: [1, 1])
    var pads = try node.ints("pads", default: [0, 0, 0, 0])
    guard extent.count == 2, extent.allSatisfy({ 1...4096 ~= $0 }), strides.count == 2,
      strides.allSatisfy({ 1...4096 ~= $0 }), pads.count == 4, pads.allSatisfy({ 0...4096 ~= $0 }),
      shape.count == 4
    else {
      throw node.error(
        .unsupported,
        found:
          "a kernel of \(extent), strides \(strides), pads \(pads) for a value of shape \(shape)",
        expected: "two axes, and pads of at least 0")
    }
    let automatic = try node.string("auto_pad", default: "NOTSET")
    switch automatic {
    case "NOTSET", "": break
    case "VALID": pads = [0, 0, 0, 0]
    case "SAME_UPPER", "SAME_LOWER":
      for axis in 0..<2 {
        let outputs = (shape[2 + axis] + strides[axis] - 1) / strides[axis]
        let total = max(0, (outputs - 1) * strides[axis] + extent[axis] - shape[2 + axis])
        let (less, more) = (total / 2, total - total / 2)
        pads[axis] = automatic == "SAME_UPPER" ? less : more
        pads[axis + 2] = total - pads[axis]
      }
    default:
      throw node.error(
        .unsupported, found: "attribute 'auto_pad' is '\(automatic)'",
        expected: "NOTSET, VALID, SAME_UPPER or SAME_LOWER")
    }
    return ONNXWindow(extent: extent, strides: strides, pads: pads)
  }
}
