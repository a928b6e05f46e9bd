import Formats
import Foundation
import NetworkImport
import NeuralNetworks
import ONNX
import Tensors
import Testing

/// Published networks, against the standard's reference evaluator and each other.
@Suite(.enabled(if: Mirror.isPresent, "\(Mirror.isMissing)"))
struct PublishedNetworkTests {
  /// What onnx.reference 1.23 gives for cos(0), cos(1), … as input.
  static let outputs: [(file: String, shape: [Int], output: [Double])] = [
    (
      "acasxu/ACASXU_run2a_2_3_batch_2000.onnx", [1, 1, 1, 5],
      [-0.020868, -0.019635, 0.018068, -0.01765, 0.018224]
    ),
    (
      "mnistfc/mnist-net_256x4.onnx", [1, 784, 1],
      [
        -0.00803, 0.02777, 0.087082, 0.100718, -0.023472, 0.383493, 0.046913, 0.245853, 0.064804,
        0.108063,
      ]
    ),
    (
      "cifar10_resnet/onnx/resnet_2b.onnx", [1, 3, 32, 32],
      [
        -3.085611, -1.131142, 0.738708, 0.797038, 1.371684, 0.525217, 7.073071, -0.35028,
        -3.772394, -2.166275,
      ]
    ),
    (
      "cifar10_resnet/onnx/resnet_4b.onnx", [1, 3, 32, 32],
      [
        1.534238, -1.042478, 3.427414, 0.403339, 0.282055, -2.508303, 5.228146, -3.811825,
        -0.768048, -2.82178,
      ]
    ),
    (
      "oval21/nets/cifar_deep_kw.onnx", [1, 3, 32, 32],
      [
        -1.972186, -1.842549, 1.069302, 1.822457, 0.813951, 1.785546, 2.138566, 1.49196,
        -4.558468, -0.748601,
      ]
    ),
  ]

  /// The first images of CIFAR-10's test set, scaled as the networks expect them.
  static func images() throws -> Tensor {
    let path =
      "\(Mirror.folder)/raw.githubusercontent.com/oval-group/oval-bab/"
      + "a317464598feb8debd88969e6d7237f9b7d3d21c/verification_properties/cifar10_test.csv"
    let rows = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
      .map { $0.split(separator: ",").dropFirst().compactMap { Double($0) } }
    let pixels = try Tensor(rows.flatMap { $0 }, shape: [rows.count, 32, 32, 3])
    let mean = try Tensor([0.485, 0.456, 0.406])
    return try ((pixels / 255 - mean) / 0.225).permuted(0, 3, 1, 2).to(.float32)
  }

  @Test(arguments: outputs)
  func `a network gives what the reference evaluator gives`(
    file: String, shape: [Int], output: [Double]
  ) throws {
    let network = try ONNXNetwork(path: Mirror.competition(file))
    let count = shape.reduce(1, *)
    let input = try Tensor.arange(count, dtype: .float64).cos().to(.float32).reshaped(shape)
    #expect(network.inputShape == shape)
    // The figures have six digits after the point, and float32 sums their order.
    #expect(
      try network(input).flattened().to(.float64)
        .isClose(to: Tensor(output), relative: 1e-5, absolute: 2e-6))
  }

  @Test(arguments: ["base", "wide", "deep"])
  func `a network is the same from ONNX by either idiom and from its checkpoint`(
    name: String
  ) throws {
    let images = try PublishedNetworkTests.images()
    #expect(images.shape == [100, 3, 32, 32])
    let branching = try ONNXNetwork(path: Mirror.branching("onnx_models/cifar_\(name)_kw.onnx"))
    let oval = try ONNXNetwork(path: Mirror.competition("oval21/nets/cifar_\(name)_kw.onnx"))
    let logits = try branching(images)
    #expect(logits.shape == [100, 10])
    #expect(try logits.isClose(to: oval(images), relative: 1e-5, absolute: 1e-5))
    let random = RandomStream(seed: 1)
    func convolution(_ inputs: Int, _ outputs: Int, _ kernel: Int, _ stride: Int) throws -> Conv2d {
      try Conv2d(inputs, outputs, kernel: kernel, stride: stride, padding: 1, random: random)
    }
    let convolutions: [Conv2d] =
      switch name {
      case "base": [try convolution(3, 8, 4, 2), try convolution(8, 16, 4, 2)]
      case "wide": [try convolution(3, 16, 4, 2), try convolution(16, 32, 4, 2)]
      default:
        [
          try convolution(3, 8, 4, 2), try convolution(8, 8, 3, 1), try convolution(8, 8, 3, 1),
          try convolution(8, 8, 4, 2),
        ]
      }
    var modules: [any Module] = convolutions.flatMap { [$0, Activation.relu] as [any Module] }
    let features = name == "base" ? 1024 : name == "wide" ? 2048 : 512
    modules += [
      Flatten(), try Linear(features, 100, random: random), Activation.relu,
      try Linear(100, 10, random: random),
    ]
    var network = Sequential(modules)
    let checkpoint = Mirror.branching("models/cifar_\(name)_kw.pth")
    try network.load(ParameterTree(torch: checkpoint, at: "state_dict", "0"))
    #expect(try logits.isClose(to: network(images), relative: 1e-5, absolute: 1e-5))
  }

  @Test func `every network of the mirror runs`() throws {
    let files = FileManager.default.enumerator(atPath: Mirror.folder)?.compactMap { $0 as? String }
      .filter { $0.hasSuffix(".onnx") }
    for file in try #require(files) {
      let network = try ONNXNetwork(path: "\(Mirror.folder)/\(file)")
      let output = try network(.zeros(network.inputShape.map { $0 ?? 1 }))
      #expect(output.rank == 2 && output.shape[0] == 1, "\(file)")
    }
  }

  @Test func `a network from a file trains like any other`() throws {
    var network = try ONNXNetwork(path: Mirror.competition("mnistfc/mnist-net_256x2.onnx"))
    var random = RandomStream(seed: 1)
    let images = try random.uniform([16, 784, 1])
    let classes = try random.integers(below: 10, [16])
    var optimizer = Adam(rate: 1e-3)
    let losses = try (0..<10).map { _ in
      try network.train(&optimizer) { network in
        var pass = Pass.inference
        return try network.forward(images, &pass).crossEntropy(classes)
      }.double()
    }
    #expect(losses[9] < losses[0])
  }
}

struct ONNXNetworkTests {
  static func model(
    _ nodes: [ONNXNode], inputs: [String] = ["x"], outputs: [String] = ["y"],
    initializers: [NamedTensor] = []
  ) -> ONNXModel {
    func value(_ name: String) -> ONNXValue {
      ONNXValue(name: name, type: .float32, shape: [.symbol("n"), .fixed(2)])
    }
    return ONNXModel(
      graph: ONNXGraph(
        inputs: inputs.map(value), outputs: outputs.map(value), initializers: initializers,
        nodes: nodes))
  }

  @Test func `initializers are parameters, and running moments are buffers`() throws {
    let names = ["scale", "offset", "mean", "variance"]
    let network = try ONNXNetwork(
      ONNXNetworkTests.model(
        [
          ONNXNode(
            name: "norm", operator: "BatchNormalization", inputs: ["x"] + names, outputs: ["y"])
        ],
        initializers: names.map {
          NamedTensor(name: $0, data: TensorData([Float(1), 4], shape: [2]))
        }))
    #expect(try network.parameters().names == ["scale", "offset"])
    #expect(Set(try network.state().names) == Set(names))
    let output = try network(Tensor([1, 4, 2, 8] as [Float], shape: [2, 2]))
    #expect(
      try output.isClose(to: Tensor([1, 4, 2, 12] as [Float], shape: [2, 2]), relative: 1e-4))
    #expect(network.inputShape == [nil, 2])
  }

  @Test func `several inputs and outputs go by name`() throws {
    let network = try ONNXNetwork(
      ONNXNetworkTests.model(
        [
          ONNXNode(operator: "Add", inputs: ["x", "z"], outputs: ["y"]),
          ONNXNode(operator: "Mul", inputs: ["y", "x"], outputs: ["w"]),
        ], inputs: ["x", "z"], outputs: ["w", "y"]))
    let x = try Tensor([1, 2] as [Float], shape: [1, 2])
    let results = try network.evaluate(["x": x, "z": x * 10])
    #expect(try results["y"]?.floats() == [11, 22] && results["w"]?.floats() == [11, 44])
    let missing = #expect(throws: ModuleError.self) { try network.evaluate(["x": x]) }
    #expect(missing?.message == "the network has an input 'z', which got no tensor")
    #expect(throws: ModuleError.self) { try network(x) }
  }

  @Test func `an unknown operator or attribute is refused by name`() throws {
    func message(_ node: ONNXNode) -> String {
      let error = #expect(throws: FormatError.self) {
        try ONNXNetwork(ONNXNetworkTests.model([node]))
      }
      #expect(error?.code == .unsupported)
      return error?.description ?? ""
    }
    let lstm = ONNXNode(name: "l", operator: "LSTM", inputs: ["x"], outputs: ["y"])
    #expect(message(lstm).contains("node 'l' (LSTM): an operator that is not known here"))
    let foreign = ONNXNode(operator: "Relu", domain: "com.example", inputs: ["x"], outputs: ["y"])
    #expect(message(foreign).contains("com.example.Relu"))
    let odd = ONNXNode(
      name: "r", operator: "Relu", inputs: ["x"], outputs: ["y"], attributes: ["slope": .float(1)])
    #expect(message(odd).contains("node 'r' (Relu): attribute 'slope'"))
    let padding = ONNXNode(
      name: "c", operator: "Conv", inputs: ["x", "x"], outputs: ["y"],
      attributes: ["auto_pad": .string("MOST")])
    #expect(message(padding).contains("node 'c' (Conv): auto_pad 'MOST'"))
  }

  @Test func `shapes that do not fit are told with the node`() throws {
    let network = try ONNXNetwork(
      ONNXNetworkTests.model(
        [ONNXNode(name: "m", operator: "MatMul", inputs: ["x", "w"], outputs: ["y"])],
        initializers: [NamedTensor(name: "w", data: TensorData([Float(1), 2, 3], shape: [3, 1]))]))
    let error = #expect(throws: FormatError.self) { try network(.zeros([1, 2])) }
    #expect(error?.found.contains("node 'm' (MatMul)") == true)
    #expect(error?.found.contains("float32[1, 2], float32[3, 1]") == true)
    let short = try ONNXNetwork(
      ONNXNetworkTests.model([ONNXNode(name: "a", operator: "Add", inputs: ["x"], outputs: ["y"])]))
    let missing = #expect(throws: FormatError.self) { try short(.zeros([1, 2])) }
    #expect(missing?.found.contains("node 'a' (Add): no input 2") == true)
  }

  /// Each would be a trap, or a wait, if the numbers were taken as they are.
  @Test(arguments: [
    ONNXNode(operator: "Flatten", inputs: ["x"], outputs: ["y"], attributes: ["axis": .int(9)]),
    ONNXNode(operator: "Flatten", inputs: ["x"], outputs: ["y"], attributes: ["axis": .int(.min)]),
    ONNXNode(operator: "Softmax", inputs: ["x"], outputs: ["y"], attributes: ["axis": .int(-7)]),
    ONNXNode(
      operator: "Gather", inputs: ["x", "x"], outputs: ["y"], attributes: ["axis": .int(5)]),
    ONNXNode(
      operator: "Transpose", inputs: ["x"], outputs: ["y"], attributes: ["perm": .ints([0])]),
    ONNXNode(
      operator: "Conv", inputs: ["x", "x"], outputs: ["y"],
      attributes: ["strides": .ints([0, 0]), "pads": .ints([1])]),
    ONNXNode(
      operator: "MaxPool", inputs: ["x"], outputs: ["y"],
      attributes: ["kernel_shape": .ints([-1, .max]), "pads": .ints([1, 2, 3])]),
    ONNXNode(
      operator: "AveragePool", inputs: ["x"], outputs: ["y"],
      attributes: ["kernel_shape": .ints([2, 2]), "auto_pad": .string("SAME_UPPER")]),
    ONNXNode(operator: "Split", inputs: ["x"], outputs: ["y"], attributes: ["axis": .int(3)]),
    ONNXNode(operator: "Conv", inputs: ["x"], outputs: ["y"]),
    ONNXNode(operator: "Slice", inputs: ["x", "x", "x", "x", "x"], outputs: ["y"]),
    ONNXNode(
      operator: "AveragePool", inputs: ["x"], outputs: ["y"],
      attributes: [
        "kernel_shape": .ints([.max]), "auto_pad": .string("SAME_LOWER"), "strides": .ints([.max]),
      ]),
    ONNXNode(operator: "ConstantOfShape", inputs: ["x"], outputs: ["y"]),
    ONNXNode(operator: "Range", inputs: ["x", "x", "x"], outputs: ["y"]),
    ONNXNode(operator: "Pad", inputs: ["x", "x"], outputs: ["y"]),
    ONNXNode(operator: "Expand", inputs: ["x", "x"], outputs: ["y"]),
    ONNXNode(operator: "Unsqueeze", inputs: ["x", "x"], outputs: ["y"]),
    ONNXNode(operator: "ArgMax", inputs: ["x"], outputs: ["y"], attributes: ["axis": .int(4)]),
    ONNXNode(operator: "Cast", inputs: ["x"], outputs: ["y"], attributes: ["to": .int(8)]),
  ])
  func `numbers that make no sense are refused`(node: ONNXNode) {
    #expect(throws: (any Error).self) {
      let network = try ONNXNetwork(ONNXNetworkTests.model([node]))
      _ = try network(Tensor([-3, 7] as [Float], shape: [1, 2]))
    }
  }
}
