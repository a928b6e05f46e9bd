public import Formats

extension ONNXModel {
  /// Checks what reading and writing promise.
  func check() throws(FormatError) {
    guard irVersion > 0 else {
      throw graph.failure("IR version \(irVersion)", expected: "one from 1, such as 7")
    }
    guard irVersion > 3 || graph.replaceable.isEmpty else {
      throw graph.failure(
        "replaceable initializers in IR version \(irVersion)", expected: "version 4 or later")
    }
    if opsets["ai.onnx"] != nil || graph.nodes.contains(where: { $0.domain == "ai.onnx" }) {
      throw graph.failure("domain 'ai.onnx'", expected: "'', the standard's own domain here")
    }
    for node in graph.nodes where opsets[node.domain] == nil && irVersion >= 3 {
      throw node.error(
        found: "no version of the operators of its domain '\(node.domain)' is stated",
        expected: "an entry among the model's operator sets")
    }
    try graph.check()
  }
}

extension ONNXGraph {
  /// The nodes in an order in which each follows all whose values it reads.
  ///
  /// The file's order is kept where it is such an order already, as the standard asks for.
  ///
  /// - Throws: `FormatError` that names a node which needs its own result.
  public func topologicalOrder() throws(FormatError) -> [ONNXNode] {
    var producers: [String: Int] = [:]
    for (index, node) in nodes.enumerated() {
      guard node.attributes[""] == nil else {
        throw node.error(found: "an attribute without a name", expected: "a name")
      }
      for output in node.outputs where !output.isEmpty { producers[output] = index }
    }
    enum State { case new, open, done }
    var states = [State](repeating: .new, count: nodes.count)
    var order: [ONNXNode] = []
    order.reserveCapacity(nodes.count)
    // Depth first without recursion, since a network may be thousands of layers deep.
    var path: [(node: Int, input: Int)] = []
    for start in nodes.indices where states[start] == .new {
      states[start] = .open
      path.append((start, 0))
      while let (index, input) = path.last {
        guard input < nodes[index].inputs.count else {
          states[index] = .done
          order.append(nodes[index])
          path.removeLast()
          continue
        }
        path[path.count - 1].input += 1
        guard let producer = producers[nodes[index].inputs[input]] else { continue }
        switch states[producer] {
        case .done: break
        case .open:
          throw nodes[producer].error(
            found: "a cycle: it needs its own result", expected: "a network without loops")
        case .new:
          states[producer] = .open
          path.append((producer, 0))
        }
      }
    }
    return order
  }

  /// The values that are known without an input: initializers and what `Constant` nodes give.
  ///
  /// - Throws: `FormatError` that names a `Constant` node without one number or tensor.
  public func constants() throws(FormatError) -> [String: TensorData] {
    var constants: [String: TensorData] = [:]
    for tensor in initializers { constants[tensor.name] = tensor.data }
    for node in nodes where node.operator == "Constant" && node.domain.isEmpty {
      let value = try node.constant()
      for output in node.outputs.prefix(1) where !output.isEmpty { constants[output] = value }
    }
    return constants
  }

  /// Checks what the type's own comment promises.
  func check() throws(FormatError) {
    var givers: [String: String] = [:]
    func define(_ name: String, _ giver: @autoclosure () -> String) throws(FormatError) {
      guard let other = givers.updateValue(giver(), forKey: name) else { return }
      throw failure(
        "\(giver()) and \(other) both give the value '\(name)'", expected: "different names")
    }
    for input in inputs {
      guard !input.name.isEmpty else { throw failure("an input without a name") }
      guard input.type != nil else {
        throw failure(
          "input '\(input.name)': no type of elements", expected: "one, such as float32")
      }
      try define(input.name, "an input")
    }
    for value in inputs + outputs { try check(value) }
    for tensor in initializers {
      guard !tensor.name.isEmpty else { throw failure("an initializer without a name") }
      try define(tensor.name, "an initializer")
    }
    for node in nodes {
      guard !node.operator.isEmpty else {
        throw node.error(found: "no operator", expected: "one such as Conv")
      }
      guard node.attributes[""] == nil else {
        throw node.error(found: "an attribute without a name", expected: "a name")
      }
      for output in node.outputs where !output.isEmpty { try define(output, node.label) }
    }
    for node in nodes {
      for input in node.inputs where !input.isEmpty && givers[input] == nil {
        throw node.error(
          found: "reads '\(input)', which no input, initializer or node gives",
          expected: "a whole network, written anew by its exporter")
      }
    }
    guard !outputs.isEmpty else {
      throw failure("graph '\(name)' has no output", expected: "at least one, to say what is asked")
    }
    var asked: Set<String> = []
    for output in outputs {
      guard givers[output.name] != nil else {
        throw failure(
          "output '\(output.name)', which no input, initializer or node gives",
          expected: "a value of graph '\(name)'")
      }
      guard asked.insert(output.name).inserted else {
        throw failure("a second output '\(output.name)'", expected: "different names")
      }
    }
    if let name = replaceable.subtracting(initializers.map(\.name)).min() {
      throw failure("'\(name)' is replaceable but no initializer", expected: "an initializer")
    }
    _ = try topologicalOrder()
  }

  private func check(_ value: ONNXValue) throws(FormatError) {
    for extent in value.shape ?? [] {
      let fault: String? =
        switch extent {
        case .fixed(let number): number < 0 ? "an extent of \(number)" : nil
        case .symbol(let name): name.isEmpty ? "an extent without a name" : nil
        case .unknown: nil
        }
      guard let fault else { continue }
      throw failure("value '\(value.name)': \(fault)", expected: "numbers from 0, or names")
    }
  }
}

extension ONNXNode {
  /// What a `Constant` node gives.
  fileprivate func constant() throws(FormatError) -> TensorData {
    guard attributes.count == 1, let (name, value) = attributes.first else {
      throw error(found: "\(attributes.count) attributes", expected: "the constant and no other")
    }
    switch (name, value) {
    case ("value", .tensor(let tensor)): return tensor
    case ("value_float", .float(let number)): return TensorData([number], shape: [])
    case ("value_floats", .floats(let numbers)): return TensorData(numbers, shape: [numbers.count])
    case ("value_int", .int(let number)): return TensorData([number], shape: [])
    case ("value_ints", .ints(let numbers)): return TensorData(numbers, shape: [numbers.count])
    default:
      throw error(
        .unsupported, found: "attribute '\(name)' is \(value.kind)",
        expected: "a tensor 'value', or value_float, value_floats, value_int, value_ints")
    }
  }
}
