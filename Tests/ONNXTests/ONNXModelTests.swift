import Formats
import Foundation
import ONNX
import Testing

private func read(_ bytes: [UInt8]) throws -> ONNXModel {
  try ONNXModel(FileContent(bytes, name: "n.onnx"))
}

private func message(_ bytes: [UInt8]) -> String {
  let error = #expect(throws: FormatError.self) { try read(bytes) }
  return error?.description ?? ""
}

struct ONNXReadingTests {
  @Test func `a model has all that the file says`() throws {
    let dims = Wire.bytes(1, Wire.text(2, "batch")) + Wire.bytes(1, Wire.int(1, 2))
    let input =
      Wire.text(1, "x") + Wire.bytes(2, Wire.bytes(1, Wire.int(1, 1) + Wire.bytes(2, dims)))
    let node = Wire.node(
      "Gemm", ["x", "w", ""], ["y"], name: "layer",
      attributes: [
        Wire.attribute("transB", type: 2, Wire.int(3, 1)),
        Wire.attribute("alpha", type: 1, Wire.float(2, 0.5)),
        Wire.attribute("pads", type: 7, Wire.ints(8, [1, -2])),
        Wire.attribute("scales", type: 6, Wire.float(7, 1) + Wire.float(7, 2)),
        Wire.attribute("mode", type: 3, Wire.text(4, "é")),
        Wire.attribute("names", type: 8, Wire.text(9, "a") + Wire.text(9, "")),
        Wire.attribute("value", type: 4, Wire.bytes(5, Wire.floats("", [3]))),
      ])
    let bytes =
      Wire.model(
        Wire.graph(
          nodes: [node], initializers: [Wire.floats("w", [1, 2])], inputs: [input],
          outputs: [Wire.value("y", dims: [1, nil])],
          more: Wire.bytes(13, Wire.text(1, "z")))) + Wire.text(2, "tool") + Wire.text(3, "1.2")
      + Wire.bytes(8, Wire.text(1, "com.acme") + Wire.int(2, 3))
    let model = try read(bytes)
    #expect(model.irVersion == 7 && model.opsets == ["": 13, "com.acme": 3])
    #expect(model.producer == "tool" && model.producerVersion == "1.2")
    let graph = model.graph
    #expect(graph.name == "g" && graph.replaceable.isEmpty)
    #expect(
      graph.inputs == [ONNXValue(name: "x", type: .float32, shape: [.symbol("batch"), .fixed(2)])])
    #expect(graph.outputs == [ONNXValue(name: "y", type: .float32, shape: [.fixed(1), .unknown])])
    #expect(graph.values == [ONNXValue(name: "z", type: nil, shape: nil)])
    #expect(
      graph.initializers == [
        NamedTensor(name: "w", data: TensorData([1, 2] as [Float], shape: [2]))
      ])
    let layer = ONNXNode(
      name: "layer", operator: "Gemm", inputs: ["x", "w", ""], outputs: ["y"],
      attributes: [
        "transB": .int(1), "alpha": .float(0.5), "pads": .ints([1, -2]), "scales": .floats([1, 2]),
        "mode": .string("é"), "names": .strings(["a", ""]),
        "value": .tensor(TensorData([3] as [Float], shape: [1])),
      ])
    #expect(graph.nodes == [layer])
    #expect(try read(model.bytes()) == model)
  }

  @Test func `initializers that are listed among the inputs are no inputs`() throws {
    let graph = Wire.graph(
      nodes: [Wire.node("Add", ["x", "w"], ["y"])], initializers: [Wire.floats("w", [1, 2])],
      inputs: [Wire.value("x"), Wire.value("w")])
    for version in [3, 4] {
      let model = try read(Wire.model(graph, ir: version))
      #expect(model.graph.inputs.map(\.name) == ["x"])
      #expect(model.graph.replaceable == (version == 3 ? [] : ["w"]))
      let written = try model.bytes()
      #expect(try read(written) == model)
      // Older readers need the list.
      #expect(contains(written, Wire.bytes(11, Wire.value("w"))))
    }
  }

  @Test func `nodes out of order are sorted, and those in order stay`() throws {
    let nodes = [
      Wire.node("Relu", ["b"], ["y"], name: "last"), Wire.node("Relu", ["x"], ["a"], name: "first"),
      Wire.node("Add", ["a", "x"], ["b"], name: "middle"),
      Wire.node("Relu", ["x"], ["c"], name: "free"),
    ]
    let graph = try read(Wire.model(Wire.graph(nodes: nodes))).graph
    #expect(graph.nodes.map(\.name) == ["last", "first", "middle", "free"])
    #expect(try graph.topologicalOrder().map(\.name) == ["first", "middle", "last", "free"])
    let sorted = [nodes[3], nodes[1], nodes[2], nodes[0]]
    let other = try read(Wire.model(Wire.graph(nodes: sorted))).graph
    #expect(try other.topologicalOrder() == other.nodes)
  }

  @Test func `a network may be very deep`() throws {
    var nodes: [ONNXNode] = []
    for index in 0..<100_000 {
      nodes.append(
        ONNXNode(operator: "Relu", inputs: ["v\(index + 1)"], outputs: ["v\(index)"]))
    }
    let graph = ONNXGraph(
      inputs: [ONNXValue(name: "v100000", type: .float32, shape: nil)],
      outputs: [ONNXValue(name: "v0", type: nil, shape: nil)], nodes: nodes)
    #expect(try graph.topologicalOrder() == nodes.reversed())
  }

  @Test func `constants are the initializers and the constant nodes`() throws {
    func constant(_ name: String, _ attribute: String, _ value: ONNXAttribute) -> ONNXNode {
      ONNXNode(operator: "Constant", inputs: [], outputs: [name], attributes: [attribute: value])
    }
    let tensor = TensorData([1, 2], shape: [2])
    var graph = ONNXGraph(
      inputs: [], outputs: [ONNXValue(name: "a", type: nil, shape: nil)],
      initializers: [NamedTensor(name: "w", data: tensor)],
      nodes: [
        constant("a", "value", .tensor(tensor)), constant("b", "value_float", .float(2)),
        constant("c", "value_floats", .floats([1, 2])), constant("d", "value_int", .int(7)),
        constant("e", "value_ints", .ints([7])),
      ])
    #expect(
      try graph.constants() == [
        "w": tensor, "a": tensor, "b": TensorData([2] as [Float], shape: []),
        "c": TensorData([1, 2] as [Float], shape: [2]), "d": TensorData([7], shape: []),
        "e": TensorData([7], shape: [1]),
      ])
    graph.nodes.append(constant("f", "value_string", .string("text")))
    let error = #expect(throws: FormatError.self) { try graph.constants() }
    #expect(error?.found == "the node of 'f' (Constant): attribute 'value_string' is a string")
  }
}

struct ONNXTensorTests {
  static let lists: [(Int, [UInt8], [UInt8])] = [
    (
      1, Wire.bytes(4, Wire.little(Float(1.5).bitPattern) + [0, 0, 0, 0x80]),
      [0, 0, 0xC0, 0x3F, 0, 0, 0, 0x80]
    ),
    (2, Wire.packed(5, [0, 255]), [0, 255]),
    (3, Wire.packed(5, [-128, 127]), [0x80, 0x7F]),
    (4, Wire.packed(5, [1, 65535]), [1, 0, 255, 255]),
    (5, Wire.packed(5, [-1, 2]), [255, 255, 2, 0]),
    (6, Wire.ints(5, [-1, 2]), [255, 255, 255, 255, 2, 0, 0, 0]),
    (7, Wire.packed(7, [-2, 3]), Wire.little(-2) + Wire.little(3)),
    (9, Wire.packed(5, [1, 0]), [1, 0]),
    (10, Wire.packed(5, [0x3C00, 0xFFFF]), [0, 0x3C, 255, 255]),
    (
      11, Wire.bytes(10, Wire.little((0.1).bitPattern) + Wire.little((-2.0).bitPattern)),
      Wire.little((0.1).bitPattern) + Wire.little((-2.0).bitPattern)
    ),
    (12, Wire.packed(11, [1, 0xFFFF_FFFF]), [1, 0, 0, 0, 255, 255, 255, 255]),
    (13, Wire.packed(11, [-1, 5]), [UInt8](repeating: 255, count: 8) + Wire.little(5)),
    (16, Wire.packed(5, [0x3F80, 0x8000]), [0x80, 0x3F, 0, 0x80]),
  ]

  @Test(arguments: ONNXTensorTests.lists.indices)
  func `a tensor of each type comes from its list and from raw bytes`(index: Int) throws {
    let (type, list, bytes) = ONNXTensorTests.lists[index]
    func tensor(_ content: [UInt8]) throws -> TensorData? {
      let tensor = Wire.tensor("y", type: type, dims: [2, 1], content)
      let model = try read(Wire.model(Wire.graph(initializers: [tensor], inputs: [])))
      #expect(try read(model.bytes()) == model)
      return model.graph.initializers.first?.data
    }
    let found = try #require(try tensor(list))
    #expect(found.bytes == bytes && found.shape == [2, 1])
    #expect(try tensor(Wire.bytes(9, bytes)) == found)
  }

  @Test(arguments: [
    (Wire.tensor("w", dims: [2], Wire.bytes(9, [0, 0, 0])), "3 bytes of raw_data; expected 8"),
    (Wire.tensor("w", dims: [2], []), "0 bytes; expected 8 for shape [2] of float32"),
    (Wire.tensor("w", dims: [-1], []), "shape [-1], which no memory holds"),
    (Wire.tensor("w", dims: [1 << 62, 8], []), "which no memory holds"),
    (Wire.tensor("w", dims: [0, 1 << 62, 8], []), "which no memory holds"),
    (Wire.tensor("w", dims: [1 << 40], Wire.bytes(9, [1])), "1 bytes of raw_data"),
    (Wire.tensor("w", type: 8, dims: [1], Wire.text(6, "a")), "texts as elements"),
    (Wire.tensor("w", type: 14, dims: [1], []), "complex numbers"),
    (Wire.tensor("w", type: 17, dims: [1], []), "8-bit floats (type 17)"),
    (Wire.tensor("w", type: 99, dims: [1], []), "elements of type 99"),
    (Wire.tensor("w", type: 7, dims: [1], Wire.packed(5, [1])), "int64 numbers in int32_data"),
    (Wire.tensor("w", type: 2, dims: [1], Wire.packed(5, [256])), "256 in int32_data; expected 0"),
    (Wire.tensor("w", type: 7, dims: [1], Wire.packed(7, [1, 2])), "2 numbers of int64_data"),
    (
      Wire.tensor("w", dims: [1], Wire.bytes(9, [0, 0, 0, 0]) + Wire.bytes(4, [0, 0, 0, 0])),
      "numbers in raw_data and float_data"
    ),
    (
      Wire.tensor(
        "w", dims: [1],
        Wire.bytes(13, Wire.text(1, "location") + Wire.text(2, "w.bin")) + Wire.int(14, 1)),
      "its numbers are in another file, 'w.bin'; expected a model in one file"
    ),
  ])
  func `a lying tensor is refused by its name`(tensor: [UInt8], expected: String) {
    let text = message(Wire.model(Wire.graph(initializers: [tensor])))
    #expect(text.hasPrefix("n.onnx: initializer 'w': ") && text.contains(expected), "\(text)")
    let node = Wire.node(
      "Constant", [], ["y"], name: "c",
      attributes: [Wire.attribute("value", type: 4, Wire.bytes(5, tensor))])
    let other = message(Wire.model(Wire.graph(nodes: [node])))
    #expect(
      other.hasPrefix("n.onnx: node 'c' (Constant): attribute 'value': ")
        && other.contains(expected), "\(other)")
  }

  @Test func `an empty tensor needs no numbers`() throws {
    let tensor = Wire.tensor("y", type: 7, dims: [0], [])
    let model = try read(Wire.model(Wire.graph(initializers: [tensor], inputs: [])))
    #expect(model.graph.initializers.first?.data == TensorData([] as [Int], shape: [0]))
  }
}

struct ONNXRefusalTests {
  static let relu = Wire.node("Relu", ["x"], ["y"])
  static let cases: [([UInt8], String)] = [
    ([], "an empty file"),
    (Array("not a model".utf8), "expected"),
    (Wire.int(1, 7), "no graph"),
    (Wire.bytes(7, Wire.graph(nodes: [relu])), "no IR version"),
    (Wire.int(1, 7) + Wire.bytes(7, Wire.graph(nodes: [relu])), "no version of the operators"),
    (
      Wire.model(Wire.graph(nodes: [relu])) + Wire.bytes(8, Wire.text(1, "ai.onnx")),
      "two versions of the operators of domain ''"
    ),
    (
      Wire.model(Wire.graph(nodes: [Wire.node("F", ["x"], ["y"], domain: "com.acme")])),
      "the node of 'y' (com.acme.F): no version of the operators of its domain 'com.acme'"
    ),
    (Wire.model(Wire.graph(nodes: [relu], outputs: [])), "graph 'g' has no output"),
    (
      Wire.model(Wire.graph(nodes: [relu], outputs: [Wire.value("z")])),
      "output 'z', which no input, initializer or node gives"
    ),
    (
      Wire.model(Wire.graph(nodes: [relu], outputs: [Wire.value("y"), Wire.value("y")])),
      "a second output 'y'"
    ),
    (
      Wire.model(Wire.graph(nodes: [Wire.node("Add", ["x", "b"], ["y"], name: "n")])),
      "node 'n' (Add): reads 'b', which no input, initializer or node gives"
    ),
    (
      Wire.model(
        Wire.graph(nodes: [
          Wire.node("Relu", ["a"], ["y"]), Wire.node("Relu", ["y"], ["a"], name: "back"),
        ])), "a cycle: it needs its own result"
    ),
    (Wire.model(Wire.graph(nodes: [Wire.node("Relu", ["y"], ["y"])])), "a cycle"),
    (
      Wire.model(Wire.graph(nodes: [relu, relu])),
      "the node of 'y' (Relu) and the node of 'y' (Relu) both give the value 'y'"
    ),
    (
      Wire.model(Wire.graph(nodes: [Wire.node("Relu", ["x"], ["x"])])),
      "the node of 'x' (Relu) and an input both give the value 'x'"
    ),
    (
      Wire.model(
        Wire.graph(
          nodes: [relu], initializers: [Wire.floats("w", [1]), Wire.floats("w", [1])])),
      "an initializer and an initializer both give the value 'w'"
    ),
    (
      Wire.model(Wire.graph(nodes: [relu], initializers: [Wire.floats("", [1])])),
      "an initializer without a name"
    ),
    (
      Wire.model(Wire.graph(nodes: [relu], inputs: [Wire.value("x"), Wire.value("x")])),
      "an input and an input both give the value 'x'"
    ),
    (Wire.model(Wire.graph(nodes: [relu], inputs: [Wire.text(1, "x")])), "no type of elements"),
    (
      Wire.model(
        Wire.graph(nodes: [relu], inputs: [Wire.text(1, "x") + Wire.bytes(2, Wire.bytes(4, []))])),
      "input 'x': no tensor"
    ),
    (
      Wire.model(Wire.graph(nodes: [relu], inputs: [Wire.value("x", type: 8)])),
      "input 'x': texts as elements"
    ),
    (
      Wire.model(Wire.graph(nodes: [relu], inputs: [Wire.value("x", dims: [-3])])),
      "value 'x': an extent of -3"
    ),
    (Wire.model(Wire.graph(nodes: [Wire.node("", ["x"], ["y"])])), "no operator"),
    (Wire.model(Wire.graph(nodes: [relu], more: Wire.bytes(15, []))), "a sparse initializer"),
    (Wire.model(Wire.graph(nodes: [relu], more: Wire.bytes(2, [0xFF]))), "not UTF-8"),
    (Wire.model(Wire.graph(nodes: [relu])) + [0x0B], "wire type 3"),
    (Wire.model(Wire.graph(nodes: [relu])).dropLast(3) + [], "a number that doesn't end"),
    (Wire.model(Wire.graph(nodes: [relu])).dropLast(1) + [], "a field of 2 bytes where 1 are left"),
  ]

  @Test(arguments: ONNXRefusalTests.cases.indices)
  func `a broken model is refused by what is wrong`(index: Int) {
    let (bytes, expected) = ONNXRefusalTests.cases[index]
    let text = message(bytes)
    #expect(text.hasPrefix("n.onnx: ") && text.contains(expected), "\(text)")
  }

  @Test(arguments: [
    (Wire.attribute("a", type: nil, []), "has no type"),
    (Wire.attribute("a", type: 2, Wire.float(2, 1)), "is of type 2 but holds a value of type 1"),
    (Wire.attribute("a", type: nil, Wire.int(3, 1) + Wire.float(2, 1)), "holds a value of type 1"),
    (Wire.attribute("a", type: 3, Wire.bytes(4, [0xFF])), "has a text that is not UTF-8"),
    (Wire.attribute("a", type: 5, Wire.bytes(6, [])), "is a subgraph"),
    (Wire.attribute("a", type: 9, Wire.bytes(10, [])), "is of type 9"),
    (Wire.attribute("a", type: 2, Wire.text(21, "p")), "stands for parameter 'p' of a function"),
  ])
  func `a broken attribute is refused by its node`(attribute: [UInt8], expected: String) {
    let node = Wire.node("Relu", ["x"], ["y"], name: "n", attributes: [attribute])
    let text = message(Wire.model(Wire.graph(nodes: [node])))
    #expect(
      text.hasPrefix("n.onnx: node 'n' (Relu): attribute 'a' \(expected)")
        || text.contains(expected), "\(text)")
    let twice = Wire.attribute("b", type: 2, Wire.int(3, 1))
    let other = Wire.node("Relu", ["x"], ["y"], attributes: [twice, twice])
    #expect(message(Wire.model(Wire.graph(nodes: [other]))).contains("a second attribute 'b'"))
  }

  @Test func `old files without types of attributes are read`() throws {
    let node = Wire.node(
      "Relu", ["x"], ["y"], attributes: [Wire.attribute("a", type: nil, Wire.ints(8, [1, 2]))])
    let model = try read(Wire.int(1, 1) + Wire.bytes(7, Wire.graph(nodes: [node])))
    #expect(try model.graph.nodes.first?.ints("a") == [1, 2])
    // Writers of the third syntax leave out zeros.
    let zero = Wire.node("Relu", ["x"], ["y"], attributes: [Wire.attribute("a", type: 2, [])])
    #expect(try read(Wire.model(Wire.graph(nodes: [zero]))).graph.nodes.first?.int("a") == 0)
  }

  @Test func `tiny messages in masses are refused before they take memory`() {
    func message(_ part: [UInt8], _ count: Int) -> String {
      let graph = Wire.graph(nodes: [ONNXRefusalTests.relu])
      let masses = [UInt8]((0..<count).map { _ in part }.joined())
      return ONNXTests.message(Wire.int(1, 7) + Wire.bytes(7, graph + masses))
    }
    #expect(message([0x2A, 0], 200_000).contains("far more messages than the"))
    #expect(message([0x0A, 0], 200_000).contains("far more messages than the"))
    #expect(message([0x0A, 2, 0x2A, 0], 200_000).contains("far more messages than the"))
    let pieces = Wire.bytes(5, [UInt8](Array(repeating: [0x3A, 1, 0], count: 2000).joined()))
    #expect(message(pieces, 1).contains("a list in more than 1000 pieces"))
  }
}

struct ONNXNodeTests {
  static let node = ONNXNode(
    name: "c", operator: "Conv", inputs: [], outputs: ["y"],
    attributes: [
      "int": .int(1), "float": .float(2), "string": .string("s"), "ints": .ints([3]),
      "floats": .floats([4]), "strings": .strings(["t"]),
      "tensor": .tensor(TensorData([5], shape: [1])),
    ])

  @Test func `attributes are read by their type`() throws {
    let node = ONNXNodeTests.node
    #expect(try node.int("int") == 1 && node.float("float") == 2 && node.string("string") == "s")
    #expect(try node.ints("ints") == [3] && node.floats("floats") == [4])
    #expect(try node.strings("strings") == ["t"])
    #expect(try node.tensor("tensor") == TensorData([5], shape: [1]))
    #expect(try node.int("a", default: 7) == 7 && node.float("a", default: 7) == 7)
    #expect(try node.string("a", default: "b") == "b" && node.ints("a", default: [1]) == [1])
    #expect(try node.floats("a", default: [1]) == [1] && node.strings("a", default: []) == [])
    let tensor = TensorData([6], shape: [1])
    #expect(try node.tensor("a", default: tensor) == tensor)
  }

  @Test func `a missing or mistyped attribute is refused by node and operator`() {
    let node = ONNXNodeTests.node
    let missing = #expect(throws: FormatError.self) { try node.ints("pads") }
    #expect(
      missing?.description == "ONNX model: node 'c' (Conv): no attribute 'pads'; expected ints")
    let mistyped = #expect(throws: FormatError.self) { try node.ints("float", default: [1]) }
    #expect(
      mistyped?.description
        == "ONNX model: node 'c' (Conv): attribute 'float' is a float; expected ints")
    #expect(throws: FormatError.self) { try node.int("ints") }
    #expect(throws: FormatError.self) { try node.float("int") }
    #expect(throws: FormatError.self) { try node.string("int") }
    #expect(throws: FormatError.self) { try node.floats("ints") }
    #expect(throws: FormatError.self) { try node.strings("string") }
    #expect(throws: FormatError.self) { try node.tensor("int") }
  }

  @Test func `attributes that a caller doesn't know are refused`() throws {
    let node = ONNXNode(
      operator: "Conv", inputs: [], outputs: ["y"],
      attributes: ["pads": .ints([1]), "auto_pad": .string("SAME_UPPER")])
    try node.refuseAttributes(except: ["pads", "auto_pad", "group"])
    let error = #expect(throws: FormatError.self) { try node.refuseAttributes(except: ["pads"]) }
    #expect(error?.code == .unsupported)
    #expect(
      error?.description
        == "ONNX model: the node of 'y' (Conv): attribute 'auto_pad'; expected only pads")
  }
}

struct ONNXWritingTests {
  static let graph = ONNXGraph(
    inputs: [ONNXValue(name: "x", type: .float32, shape: [.symbol("N"), .fixed(0), .unknown])],
    outputs: [ONNXValue(name: "y", type: nil, shape: nil)],
    initializers: ElementType.allCases.map { type in
      NamedTensor(
        name: "\(type)",
        data: TensorData(
          type: type, shape: [1, 3], bytes: (0..<3 * type.size).map { UInt8(37 * $0 % 256) }))
    } + [NamedTensor(name: "scalar", data: TensorData([1], shape: []))],
    nodes: [
      ONNXNode(
        operator: "F", domain: "com.acme", inputs: ["x", ""], outputs: ["", "y"],
        attributes: [
          "a": .int(.min), "b": .float(-0.0), "c": .string(""), "d": .ints([]), "e": .floats([]),
          "f": .strings([]), "g": .tensor(TensorData([] as [Int], shape: [0])),
        ])
    ])

  @Test(arguments: [1, 3, 4, 10])
  func `a model reads back as it was written`(version: Int) throws {
    var model = ONNXModel(
      irVersion: version, opsets: ["": 13, "com.acme": 1], graph: ONNXWritingTests.graph)
    if version > 3 { model.graph.replaceable = ["uint8", "bfloat16"] }
    model.graph.values = [ONNXValue(name: "v", type: .int64, shape: [])]
    let bytes = try model.bytes()
    let back = try read(bytes)
    #expect(back == model)
    #expect(try back.bytes() == bytes)
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID()).onnx").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try model.write(to: path)
    #expect(try ONNXModel(path: path) == model)
  }

  @Test func `what would not read back is refused`() {
    func message(_ change: (inout ONNXModel) -> Void) -> String {
      var model = ONNXModel(opsets: ["": 13, "com.acme": 1], graph: ONNXWritingTests.graph)
      change(&model)
      let error = #expect(throws: FormatError.self) { try model.bytes() }
      return error?.description ?? ""
    }
    #expect(message { $0.irVersion = 0 }.contains("IR version 0"))
    #expect(message { $0.opsets = [:] }.contains("no version of the operators"))
    #expect(message { $0.graph.outputs = [] }.contains("has no output"))
    #expect(message { $0.graph.nodes = [] }.contains("output 'y', which no"))
    #expect(message { $0.graph.inputs[0].type = nil }.contains("no type of elements"))
    #expect(message { $0.graph.replaceable = ["x"] }.contains("'x' is replaceable"))
    #expect(message { $0.graph.nodes[0].domain = "ai.onnx" }.contains("'ai.onnx'"))
    #expect(message { $0.opsets["ai.onnx"] = 1 }.contains("'ai.onnx'"))
    #expect(message { $0.graph.inputs[0].shape = [.symbol("")] }.contains("without a name"))
    #expect(message { $0.graph.nodes[0].attributes[""] = .int(1) }.contains("without a name"))
    #expect(
      message {
        $0.irVersion = 3
        $0.graph.replaceable = ["uint8"]
      }.contains("replaceable initializers in IR version 3"))
  }

  @Test func `fields that the module doesn't know survive`() throws {
    let marks = (0..<8).map { "mark \($0)" }
    let tensor = Wire.floats("w", [1]) + Wire.text(12, marks[0])
    let constant = Wire.attribute(
      "value", type: 4,
      Wire.bytes(5, Wire.floats("inner", [1]) + Wire.text(12, marks[1])) + Wire.text(13, marks[2]))
    let node =
      Wire.node("Constant", [], ["y"], attributes: [constant]) + Wire.text(6, marks[3])
    let value = Wire.value("x") + Wire.text(3, marks[4])
    let denoted =
      Wire.text(1, "y") + Wire.bytes(2, Wire.bytes(1, Wire.int(1, 1)) + Wire.text(6, marks[5]))
    let graph = Wire.graph(
      nodes: [node], initializers: [tensor], inputs: [value], outputs: [denoted],
      more: Wire.text(10, marks[6]))
    let model = try read(
      Wire.model(graph) + Wire.bytes(14, Wire.text(1, "k") + Wire.text(2, marks[7])))
    var written = try model.bytes()
    for mark in marks + ["inner"] { #expect(contains(written, Array(mark.utf8)), "\(mark)") }
    #expect(try read(written).bytes() == written)
    // A changed type takes the old words away.
    var changed = model
    changed.graph.inputs[0].shape = [.fixed(9)]
    written = try changed.bytes()
    #expect(!contains(written, Array(marks[4].utf8)))
    #expect(try read(written) == changed)
  }
}

/// Whether some bytes occur in others.
func contains(_ bytes: [UInt8], _ part: [UInt8]) -> Bool {
  Data(bytes).range(of: Data(part)) != nil
}
