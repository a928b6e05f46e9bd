internal import Formats
internal import ONNX

// What is done to each element: a sum or a product goes into the linear layers around it, and what is
// linear in pieces becomes ReLUs of several copies of the element.

extension ONNXChain {
  mutating func takeSum(_ node: ONNXNode) throws {
    let isFirst = node.inputs.first == current
    guard node.inputs.count == 2 else {
      throw node.error(found: "\(node.inputs.count) inputs", expected: "two")
    }
    if node.operator == "Add", node.inputs.allSatisfy({ constants[$0] == nil }) {
      return try takeMerge(node)
    }
    let numbers = try elements(node, isFirst ? 1 : 0)
    guard node.operator == "Sub" else { return add(numbers) }
    if isFirst { return add(numbers.map { -$0 }) }
    try multiply([Double](repeating: -1, count: count), node)
    add(numbers)
  }

  mutating func takeProduct(_ node: ONNXNode) throws {
    let isFirst = node.inputs.first == current
    guard node.inputs.count == 2, isFirst || node.operator == "Mul" else {
      throw node.error(
        .unsupported, found: "the chain's value is divided by", expected: "a constant divisor")
    }
    let numbers = try elements(node, isFirst ? 1 : 0)
    try multiply(node.operator == "Div" ? numbers.map { 1 / $0 } : numbers, node)
  }

  /// With the statistics of the file (ONNX operators, BatchNormalization, in inference).
  mutating func takeBatchNormalization(_ node: ONNXNode) throws {
    try node.refuseAttributes(except: ["epsilon", "momentum", "training_mode", "spatial"])
    guard try node.int("training_mode", default: 0) == 0, try node.int("spatial", default: 1) == 1,
      node.inputs.count == 5, node.inputs.first == current, shape.count >= 2
    else {
      throw node.error(
        .unsupported, found: "a form for training, or other inputs",
        expected: "one scale, bias, mean and variance a channel")
    }
    let parameters = try (1...4).map { try constant(node, $0) }
    guard parameters.allSatisfy({ $0.count == shape[1] }) else {
      throw node.error(
        found: "parameters of shapes \(parameters.map(\.shape)) for a value of shape \(shape)",
        expected: "\(shape[1]) numbers each")
    }
    let epsilon = Double(try node.float("epsilon", default: 1e-5))
    let (scale, bias, mean, variance) = (
      parameters[0].doubles(), parameters[1].doubles(), parameters[2].doubles(),
      parameters[3].doubles()
    )
    guard variance.allSatisfy({ $0 + epsilon > 0 }) else {
      throw node.error(found: "a variance below zero", expected: "variances of at least 0")
    }
    let factors = zip(scale, variance).map { $0 / ($1 + epsilon).squareRoot() }
    let area = count / shape[1]
    try multiply((0..<count).map { factors[$0 / area] }, node)
    add((0..<count).map { bias[$0 / area] - mean[$0 / area] * factors[$0 / area] })
  }

  mutating func takeReLU(_ node: ONNXNode) throws {
    if isRectified { return }
    try endLinear(node)
    endsLinear = false
  }

  /// `max(x, 0) - a max(-x, 0)`, as `max(x, 0) - max(-a x, 0)` for slopes of at least 0.
  mutating func takeLeakyReLU(_ node: ONNXNode) throws {
    let slopes: [Double]
    if node.operator == "PRelu" {
      guard node.inputs.first == current else { throw unsupported(node) }
      slopes = try elements(node, 1)
    } else {
      slopes = [Double](repeating: Double(try node.float("alpha", default: 0.01)), count: count)
    }
    guard slopes.allSatisfy({ $0 >= 0 }) else {
      throw node.error(
        .unsupported, found: "a slope below zero", expected: "slopes of at least 0")
    }
    // Elements that are never negative stay as they are.
    if isRectified { return }
    let one = [Double](repeating: 1, count: count)
    try rectify([(one, 0), (slopes.map { -$0 }, 0)], sum: [1, -1], node)
  }

  mutating func takeAbsolute(_ node: ONNXNode) throws {
    if isRectified { return }
    let one = [Double](repeating: 1, count: count)
    try rectify([(one, 0), (one.map { -$0 }, 0)], sum: [1, 1], node)
  }

  /// `low + max(x - low, 0) - max(x - high, 0)`.
  mutating func takeClip(_ node: ONNXNode) throws {
    func bound(_ name: String, _ position: Int) throws -> Double? {
      if node.attributes[name] != nil { return Double(try node.float(name)) }
      guard position < node.inputs.count, !node.inputs[position].isEmpty else { return nil }
      let value = try constant(node, position)
      guard value.count == 1 else {
        throw node.error(found: "a bound of shape \(value.shape)", expected: "one number")
      }
      // What exporters write for no bound at all.
      return abs(value.doubles()[0]) >= 3.4e38 ? nil : value.doubles()[0]
    }
    guard node.inputs.first == current else { throw unsupported(node) }
    let (low, high) = (try bound("min", 1), try bound("max", 2))
    let one = [Double](repeating: 1, count: count)
    switch (low, high) {
    case (nil, nil): return
    case (let low?, nil):
      try rectify([(one, -low)], sum: [1], node)
      add(one.map { $0 * low })
    case (nil, let high?):
      try rectify([(one.map { -$0 }, high)], sum: [-1], node)
      add(one.map { $0 * high })
    case (let low?, let high?):
      guard low <= high else {
        throw node.error(found: "bounds \(low) and \(high)", expected: "the lower one first")
      }
      try rectify([(one, -low), (one, -high)], sum: [1, -1], node)
      add(one.map { $0 * low })
    }
  }

  /// Whether `current` is what a ReLU gave, unchanged.
  var isRectified: Bool {
    !layers.isEmpty && !endsLinear && blocks == [1] && shift == nil && factors == nil
  }

  /// Makes ReLUs of several blocks of `current`, each with a factor an element and a shift; their
  /// weighted sum is then `current`.
  private mutating func rectify(
    _ copies: [(factors: [Double], shift: Double)], sum: [Double], _ node: ONNXNode
  ) throws {
    try refuseInsideResidual(node)
    try endLinear(node)
    let copies = copies.map { (factors: placed($0.factors), shift: $0.shift) }
    guard let last = layers.last, let layer = last.giving(blocks: copies) else {
      throw node.error(
        .unsupported, found: "slopes that differ within a channel", expected: "one a channel")
    }
    layers[layers.count - 1] = layer
    blocks = sum
    endsLinear = false
  }

  // MARK: - Constants

  /// A constant input at each element of `current`.
  private func elements(_ node: ONNXNode, _ position: Int) throws -> [Double] {
    let constant = try constant(node, position)
    guard let numbers = broadcast(constant) else {
      throw node.error(
        found: "a constant of shape \(constant.shape) for a value of shape \(shape)",
        expected: "one that extends to the value's shape")
    }
    return numbers
  }

  private mutating func add(_ numbers: [Double]) {
    if endsLinear, let last = layers.last {
      var biases = last.biases
      for index in numbers.indices { biases[order?[index] ?? index] += numbers[index] }
      layers[layers.count - 1] = last.with(biases: biases)
    } else {
      shift = shift.map { zip($0, numbers).map(+) } ?? numbers
    }
  }

  mutating func multiply(_ numbers: [Double], _ node: ONNXNode) throws {
    guard numbers.allSatisfy(\.isFinite) else {
      throw node.error(found: "a division by zero", expected: "finite factors")
    }
    guard endsLinear, let last = layers.last else {
      shift = shift.map { zip($0, numbers).map(*) }
      factors = factors.map { zip($0, numbers).map(*) } ?? numbers
      return
    }
    // What goes past the chain stays.
    let past = [Double](repeating: 1, count: last.outputs - count)
    guard let scaled = last.scaled(by: placed(numbers) + past) else {
      throw node.error(
        .unsupported, found: "factors that differ within a channel", expected: "one a channel")
    }
    layers[layers.count - 1] = scaled
  }

  /// Numbers of `current` in the order of the last layer's outputs.
  private func placed(_ numbers: [Double]) -> [Double] {
    guard let order else { return numbers }
    var result = numbers
    for index in numbers.indices { result[order[index]] = numbers[index] }
    return result
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
