import Formats
import ONNX
import Testing

/// Facts of the published networks, found with the reference implementation.
@Suite(.enabled(if: Mirror.isPresent, "\(Mirror.isMissing)"))
struct ONNXMirrorTests {
  private func kinds(_ graph: ONNXGraph) -> [String: Int] {
    Dictionary(grouping: graph.nodes, by: \.operator).mapValues(\.count)
  }

  private func fixed(_ value: ONNXValue?) -> [Int]? {
    value?.shape?.compactMap { if case .fixed(let extent) = $0 { extent } else { nil } }
  }

  private func check(
    _ model: ONNXModel, opset: Int, ir: Int, input: [Int], nodes: [String: Int], weights: Int
  ) throws {
    #expect(model.opsets == ["": opset] && model.irVersion == ir)
    let graph = model.graph
    #expect(graph.inputs.count == 1 && graph.inputs.first?.type == .float32)
    #expect(fixed(graph.inputs.first) == input)
    #expect(graph.outputs.count == 1 && graph.replaceable.isEmpty)
    #expect(kinds(graph) == nodes)
    #expect(graph.initializers.count == weights)
    #expect(graph.initializers.allSatisfy { $0.data.type == .float32 || $0.data.type == .int64 })
    #expect(try graph.topologicalOrder() == graph.nodes)
  }

  @Test(arguments: [("base", 2, 105_966), ("deep", 4, 54_902), ("wide", 2, 214_918)])
  func `the branching networks flatten by their input's shape`(
    name: String, convolutions: Int, parameters: Int
  ) throws {
    let model = try ONNXModel(path: Mirror.branching("cifar_\(name)_kw"))
    try check(
      model, opset: 9, ir: 3, input: [1, 3, 32, 32],
      nodes: [
        "Conv": convolutions, "Relu": convolutions + 1, "Gemm": 2, "Shape": 1, "Gather": 1,
        "Unsqueeze": 2, "Concat": 1, "Reshape": 1, "Constant": 2,
      ], weights: 2 * (convolutions + 2))
    #expect(fixed(model.graph.outputs.first) == [1, 10])
    #expect(model.graph.initializers.reduce(0) { $0 + $1.data.count } == parameters)
    let gather = try #require(model.graph.nodes.first { $0.operator == "Gather" })
    #expect(try gather.int("axis") == 0)
    let constants = try model.graph.constants()
    let numbers = model.graph.nodes.filter { $0.operator == "Constant" }
      .compactMap { constants[$0.outputs[0]]?.integers() }
    #expect(numbers == [[0], [-1]])
    #expect(constants[gather.inputs[1]]?.integers() == [0])
    let reshape = try #require(model.graph.nodes.first { $0.operator == "Reshape" })
    let concat = try #require(model.graph.nodes.first { $0.operator == "Concat" })
    #expect(concat.outputs == [reshape.inputs[1]])
    for node in model.graph.nodes where node.operator == "Gemm" {
      #expect(try node.float("alpha", default: 1) == 1 && node.float("beta", default: 1) == 1)
      #expect(try node.int("transB") == 1)
    }
    for node in model.graph.nodes where node.operator == "Conv" {
      try node.refuseAttributes(except: ["kernel_shape", "strides", "pads", "dilations", "group"])
      #expect(try node.ints("pads").count == 4 && node.int("group") == 1)
    }
  }

  @Test(arguments: [("base", 2), ("deep", 4), ("wide", 2)])
  func `the competition's copies have the same weights`(name: String, convolutions: Int) throws {
    let model = try ONNXModel(path: Mirror.competition("oval21/nets/cifar_\(name)_kw"))
    try check(
      model, opset: 9, ir: 6, input: [1, 3, 32, 32],
      nodes: ["Conv": convolutions, "Relu": convolutions + 1, "Flatten": 1, "Gemm": 2],
      weights: 2 * (convolutions + 2))
    let flatten = try #require(model.graph.nodes.first { $0.operator == "Flatten" })
    #expect(try flatten.int("axis") == 1)
    let original = try ONNXModel(path: Mirror.branching("cifar_\(name)_kw"))
    #expect(
      Set(original.graph.initializers.map(\.data)) == Set(model.graph.initializers.map(\.data)))
  }

  @Test(arguments: [(2, 6, 2), (4, 11, 4)])
  func `the residual networks join their branches by additions`(
    blocks: Int, convolutions: Int, additions: Int
  ) throws {
    let model = try ONNXModel(path: Mirror.competition("cifar10_resnet/onnx/resnet_\(blocks)b"))
    try check(
      model, opset: 9, ir: 6, input: [1, 3, 32, 32],
      nodes: [
        "Conv": convolutions, "Relu": blocks == 2 ? 6 : 10, "Add": additions, "Flatten": 1,
        "Gemm": 2,
      ], weights: 2 * (convolutions + 2))
  }

  @Test(arguments: [2, 4, 6])
  func `the fully connected networks have as many layers as their names say`(depth: Int) throws {
    let model = try ONNXModel(path: Mirror.competition("mnistfc/mnist-net_256x\(depth)"))
    try check(
      model, opset: 9, ir: 4, input: [1, 784, 1],
      nodes: ["Flatten": 1, "Gemm": depth + 1, "Relu": depth], weights: 2 * (depth + 1))
    #expect(fixed(model.graph.outputs.first) == [1, 10])
  }

  @Test(arguments: Mirror.collisionAvoidance)
  func `the collision avoidance networks subtract, multiply and add`(path: String) throws {
    let model = try ONNXModel(path: path)
    try check(
      model, opset: 8, ir: 3, input: [1, 1, 1, 5],
      nodes: ["Sub": 1, "Flatten": 1, "MatMul": 7, "Add": 7, "Relu": 6], weights: 15)
    #expect(fixed(model.graph.outputs.first) == [1, 5])
    let constants = try model.graph.constants()
    let widths = model.graph.nodes.filter { $0.operator == "MatMul" }
      .compactMap { constants[$0.inputs[1]]?.shape }
    #expect(widths == [[5, 50]] + Array(repeating: [50, 50], count: 5) + [[50, 5]])
  }

  @Test(arguments: Mirror.others + [Mirror.collisionAvoidance[0]])
  func `a published network reads back as it was written`(path: String) throws {
    let model = try ONNXModel(path: path)
    let written = try model.bytes()
    let back = try ONNXModel(FileContent(written, name: "back"))
    #expect(back == model)
    #expect(back.graph.nodes == model.graph.nodes)
    #expect(back.graph.initializers == model.graph.initializers)
    #expect(try back.bytes() == written)
  }
}
