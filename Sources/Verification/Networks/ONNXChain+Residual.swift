internal import Formats
internal import ONNX

// A residual network is a chain as well: what goes past a few layers is carried through them beside
// what they compute. A ReLU does not change it, since it came from one.

/// What goes past a part of a network, to be added to what that part gives.
struct ONNXFork {
  /// The linear operators on the way past, in their order; none where the value itself is added.
  var side: [ONNXNode]
  /// The value that reaches the addition.
  var end: String

  private static let linear: Set<String> = [
    "Conv", "Gemm", "MatMul", "BatchNormalization", "Identity",
  ]

  /// The forks of a graph, by the value that two nodes read.
  static func all(in nodes: [ONNXNode], constants: Set<String>) -> [String: ONNXFork] {
    var readers: [String: [ONNXNode]] = [:]
    for node in nodes {
      for input in Set(node.inputs) where !constants.contains(input) {
        readers[input, default: []].append(node)
      }
    }
    func isMerge(_ node: ONNXNode) -> Bool {
      node.operator == "Add" && node.inputs.count == 2
        && !node.inputs.contains(where: constants.contains)
    }
    func way(from value: String, by first: ONNXNode) -> ONNXFork? {
      var fork = ONNXFork(side: [], end: value)
      var node = first
      while !isMerge(node) {
        guard linear.contains(node.operator), let output = node.outputs.first,
          let next = readers[output], next.count == 1
        else { return nil }
        fork.side.append(node)
        fork.end = output
        node = next[0]
      }
      return fork
    }
    var forks: [String: ONNXFork] = [:]
    for (value, found) in readers where found.count == 2 {
      forks[value] = found.compactMap { way(from: value, by: $0) }
        .min { $0.side.count < $1.side.count }
    }
    return forks
  }
}

/// What is carried beside the chain's value, behind it in the outputs of each layer.
struct CarriedValue {
  var fork: ONNXFork
  /// With a batch of 1 in front.
  var shape: [Int]
  /// What every how many rows and columns are needed of it yet.
  var strides: [Int]
}

extension ONNXChain {
  /// Begins to carry `current` where it is read twice.
  mutating func forkIfNeeded(_ node: ONNXNode) throws {
    guard let fork = forks[current] else { return }
    guard carried == nil else {
      throw node.error(
        .unsupported, found: "a residual path within another", expected: "one at a time")
    }
    guard isRectified, order == nil, ["Conv", "Gemm", "MatMul"].contains(node.operator) else {
      throw node.error(
        .unsupported, found: "a residual path of what may be negative",
        expected: "a Relu before the fork, and a linear layer after it")
    }
    var strides = [1, 1]
    if let first = fork.side.first, first.operator == "Conv" {
      strides = try first.ints("strides", default: [1, 1])
    }
    carried = CarriedValue(fork: fork, shape: shape, strides: strides)
    forks[current] = nil
  }

  /// The layer that does the work of one and carries what goes past it.
  mutating func carrying(_ layer: AffineLayer, _ node: ONNXNode) throws -> AffineLayer {
    guard var carried else { return layer }
    let failure = node.error(
      .unsupported, found: "a layer that changes the extent of what goes past it",
      expected: "one that keeps it, or a 1 × 1 convolution on the way past with the same strides")
    let past: AffineLayer
    if let shape = layer.convolution, carried.shape.count == 4 {
      let channels = carried.shape[1]
      let strides = [shape.stride.height, shape.stride.width]
      guard
        let geometry = shape.with(inChannels: channels, outChannels: channels),
        shape.padding.height < shape.kernelHeight, shape.padding.width < shape.kernelWidth,
        strides == [1, 1] || strides == carried.strides,
        [shape.outHeight, shape.outWidth]
          == [0, 1].map({ (carried.shape[2 + $0] - 1) / strides[$0] + 1 })
      else { throw failure }
      if strides != [1, 1] { carried.strides = [1, 1] }
      var weights = [Double](repeating: 0, count: geometry.weightCount)
      for channel in 0..<channels {
        weights[
          geometry.position(channel, channel, shape.padding.height, shape.padding.width)] = 1
      }
      let none = [Double](repeating: 0, count: channels)
      past = AffineLayer(geometry, weights: weights, biases: none)
      carried.shape = [1, channels, shape.outHeight, shape.outWidth]
    } else {
      guard layer.convolution == nil, carried.shape.count == 2 else { throw failure }
      past = AffineLayer.identity(carried.shape[1])
    }
    self.carried = carried
    // Before the first layer that it goes past, what goes past is all there is.
    let isFork = layers.last?.outputs == count
    guard let result = isFork ? layer.above(past) : layer.beside(past) else { throw failure }
    return result
  }

  /// Adds what was carried to the chain's value.
  mutating func takeMerge(_ node: ONNXNode) throws {
    guard let carried, node.inputs.contains(carried.fork.end) else {
      throw node.error(
        .unsupported, found: "reads a value that is not the chain's last, '\(current)'",
        expected: "a chain, or residual paths of linear layers past a part of it")
    }
    try endLinear(node)
    let own = shape.dropFirst().reduce(1, *)
    guard order == nil, let last = layers.last, let (main, past) = last.parted(after: own) else {
      throw node.error(
        .unsupported, found: "a transpose within a residual path", expected: "none")
    }
    var side = ONNXChain(input: node.inputs[0], shape: self.carried?.shape ?? carried.shape)
    side.constants = constants
    side.layers = [past]
    side.endsLinear = true
    for var step in carried.fork.side {
      side.current = step.inputs.first { constants[$0] == nil } ?? ""
      // Only the rows and columns that the stride leaves were carried.
      if step.outputs == carried.fork.side.first?.outputs, step.operator == "Conv",
        self.carried?.strides == [1, 1]
      {
        step.attributes["strides"] = .ints([1, 1])
      }
      try side.take(step)
    }
    guard side.shape == shape, side.layers.count == 1, side.endsLinear, side.order == nil,
      side.shift == nil, side.factors == nil,
      let both = main.above(side.layers[0])
    else {
      throw node.error(
        .unsupported, found: "an addition of shapes \(shape) and \(side.shape)",
        expected: "equal shapes, and a path past the layers that is no convolution but of 1 × 1")
    }
    self.carried = nil
    layers[layers.count - 1] = both
    let sum = main.convolution == nil ? AffineLayer.identity(own) : AffineLayer.identity(of: shape)
    guard let sum else { preconditionFailure("a convolution without outputs") }
    blocks = [1, 1]
    try take(sum, node)
  }

  func refuseInsideResidual(_ node: ONNXNode) throws {
    guard carried != nil || forks[current] != nil else { return }
    throw node.error(
      .unsupported, found: "an operator that a residual path goes past",
      expected: "linear layers and Relu there")
  }
}

extension AffineLayer {
  /// The dense layer that changes nothing.
  static func identity(_ size: Int) -> AffineLayer {
    AffineLayer(
      weights: (0..<size * size).map { $0 / size == $0 % size ? 1 : 0 },
      biases: [Double](repeating: 0, count: size), inputs: size)
  }

  /// The convolution that changes nothing in a value of (1, channels, rows, columns).
  ///
  /// - Returns: Nil for another shape.
  static func identity(of shape: [Int]) -> AffineLayer? {
    guard shape.count == 4,
      let pointwise = Convolution(
        inChannels: shape[1], inHeight: shape[2], inWidth: shape[3], outChannels: shape[1],
        kernel: (1, 1), stride: (1, 1), padding: (0, 0))
    else { return nil }
    return AffineLayer(
      pointwise, weights: identity(shape[1]).weights,
      biases: [Double](repeating: 0, count: shape[1]))
  }

  /// The layer that gives this one's outputs and then another's, of the same inputs.
  ///
  /// - Returns: Nil where one is dense and the other not, or they are other convolutions.
  func above(_ other: AffineLayer) -> AffineLayer? {
    let (weights, biases) = (weights + other.weights, biases + other.biases)
    guard let shape = convolution else {
      guard other.convolution == nil, inputs == other.inputs else { return nil }
      return AffineLayer(weights: weights, biases: biases, inputs: inputs)
    }
    guard let second = other.convolution, second == shape.with(outChannels: second.outChannels),
      let joint = shape.with(outChannels: shape.outChannels + second.outChannels)
    else { return nil }
    return AffineLayer(joint, weights: weights, biases: biases)
  }

  /// The layer that gives this one's outputs of its first inputs and then another's of the others.
  ///
  /// - Returns: Nil where `above` is.
  func beside(_ other: AffineLayer) -> AffineLayer? {
    let extents = (convolution?.inChannels ?? inputs, other.convolution?.inChannels ?? other.inputs)
    let first = padded(before: 0, after: extents.1)
    return other.padded(before: extents.0, after: 0).flatMap { first?.above($0) }
  }

  /// The layer that ignores further inputs, or channels of inputs, before and after its own.
  private func padded(before: Int, after: Int) -> AffineLayer? {
    let columns = convolution?.inChannels ?? inputs
    let rows = convolution?.outChannels ?? outputs
    let size = weights.count / (rows * columns)
    var wide: [Double] = []
    wide.reserveCapacity(rows * (before + columns + after) * size)
    for row in 0..<rows {
      wide += [Double](repeating: 0, count: before * size)
      wide += weights[row * columns * size..<(row + 1) * columns * size]
      wide += [Double](repeating: 0, count: after * size)
    }
    guard let convolution else {
      return AffineLayer(weights: wide, biases: biases, inputs: before + columns + after)
    }
    return convolution.with(inChannels: before + columns + after)
      .map { AffineLayer($0, weights: wide, biases: biases) }
  }

  /// The layers of the first outputs and of the others; nil where that would part a channel.
  func parted(after count: Int) -> (AffineLayer, AffineLayer)? {
    let area = convolution.map { $0.outHeight * $0.outWidth } ?? 1
    let rows = count / area
    let size = weights.count / (outputs / area)
    guard count % area == 0, 0 < count, count < outputs else { return nil }
    let parts = [
      (Array(weights[..<(rows * size)]), Array(biases[..<count])),
      (Array(weights[(rows * size)...]), Array(biases[count...])),
    ].map { weights, biases in
      guard let convolution = convolution?.with(outChannels: biases.count / area) else {
        return AffineLayer(weights: weights, biases: biases, inputs: inputs)
      }
      return AffineLayer(convolution, weights: weights, biases: biases)
    }
    return (parts[0], parts[1])
  }
}
