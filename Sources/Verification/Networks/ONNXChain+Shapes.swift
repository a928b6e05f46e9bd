internal import Formats
internal import ONNX

extension ONNXChain {
  mutating func takeFlatten(_ node: ONNXNode) throws {
    let axis = try node.int("axis", default: 1)
    guard axis == 1 || axis == 1 - shape.count else {
      throw node.error(.unsupported, found: "attribute 'axis' is \(axis)", expected: "1")
    }
    shape = [1, count]
  }

  mutating func takeReshape(_ node: ONNXNode) throws {
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

  mutating func takeTranspose(_ node: ONNXNode) throws {
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
}
