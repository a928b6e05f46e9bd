import Formats
import NetworkImport
import NetworkProfiling
import NeuralNetworks
import ONNX
import SmartDeal
import Tensors
import Testing

/// A small network whose weights are run from the file, and whose inputs are measured.
struct StreamedNetworkTests {
  private static let pictures: [Float] = (0..<810).map { index in
    Float((index * 37) % 101) / 101 - 0.4
  }
  private static let mistakes: [Float] = [0.5, -1, 2]

  private func weights(_ name: String, _ shape: [Int]) -> NamedTensor {
    let count = shape.reduce(1, *)
    return NamedTensor(
      name: name,
      data: TensorData(
        (0..<count).map { index -> Float in Float((index * 7919) % 997) / 997 - 0.5 }, shape: shape)
    )
  }

  private func model() -> ONNXModel {
    ONNXModel(
      graph: ONNXGraph(
        inputs: [ONNXValue(name: "x", type: .float32, shape: [1, 2, 9, 9].map { .fixed($0) })],
        outputs: [ONNXValue(name: "y", type: .float32, shape: nil)],
        initializers: [
          weights("a", [8, 2, 3, 3]), weights("b", [8, 4, 3, 3]), weights("p", [5, 8, 1, 1]),
          weights("c", [30, 7]),
        ],
        nodes: [
          ONNXNode(
            operator: "Conv", inputs: ["x", "a"], outputs: ["h"],
            attributes: ["pads": .ints([1, 0, 0, 1]), "strides": .ints([2, 1])]),
          ONNXNode(operator: "Relu", inputs: ["h"], outputs: ["r"]),
          ONNXNode(
            operator: "Conv", inputs: ["r", "b"], outputs: ["i"],
            attributes: ["group": .int(2), "strides": .ints([1, 2])]),
          ONNXNode(operator: "Conv", inputs: ["i", "p"], outputs: ["q"]),
          ONNXNode(operator: "Flatten", inputs: ["q"], outputs: ["j"]),
          ONNXNode(operator: "MatMul", inputs: ["j", "c"], outputs: ["y"]),
        ]))
  }

  @Test func `layers decoded one by one give what the rebuilt network gives`() throws {
    var model = model()
    let places = model.graph.weightPlaces()
    var stored: [StoredLayer] = []
    let compression = NetworkCompression()
    var rebuilt = model
    for (index, place) in places.enumerated() {
      let tensor = model.graph.tensor(at: place)
      let layer = try compression.compress(tensor, index: index).layer
      stored.append(layer)
      rebuilt.graph.replace(tensor, at: place, with: layer.rebuilt())
      // The network's own numbers are not used.
      model.graph.replace(
        tensor, at: place, with: [Float](repeating: 9, count: tensor.weights.count))
    }
    let file = try SDLFile(FileContent(SDLFile.bytes(stored), name: "memory"))
    let x = try Tensor(Self.pictures, shape: [5, 2, 9, 9])
    let streamed = try StreamedNetwork(model, weights: file)
    let whole = try ONNXNetwork(rebuilt)
    #expect(try streamed(x).floats() == whole(x).floats())
    #expect(try streamed.network.parameters().count == 0)
    let part = try SDLFile(FileContent(SDLFile.bytes(Array(stored.dropLast())), name: "memory"))
    #expect(throws: SmartDealError.self) { try StreamedNetwork(model, weights: part) }
  }

  @Test(arguments: ["a", "b", "p", "c"])
  func `an error in one row costs at the output what the moments say`(name: String) throws {
    let model = model()
    var statistics = try InputStatistics(of: model)
    let x = try Tensor(Self.pictures, shape: [5, 2, 9, 9])
    // In two parts, as batches come.
    try statistics.add(x[0..<3])
    try statistics.add(x[3..<5])
    let moments = try #require(try statistics.moments()[name])
    let place = try #require(model.graph.weightPlaces().first { $0.name == name })
    let tensor = model.graph.tensor(at: place)
    let n = moments.n
    // The last filter, its second row, against the first: ratios are free of the moments' scale.
    func cost(_ row: Int) throws -> (output: Double, moments: Double) {
      var error = [Float](repeating: 0, count: tensor.weights.count)
      let perOutput = tensor.weights.count / place.shape[0]
      let start = (place.shape[0] - 1) * perOutput + row * n
      for column in 0..<n { error[start + column] = Self.mistakes[column] }
      var other = model
      other.graph.replace(tensor, at: place, with: error)
      var sum = 0.0
      _ = try ONNXNetwork(other).evaluate(["x": x]) { node, _, outputs in
        guard other.graph.weightNames()[node.outputs[0]] == name else { return }
        sum = try outputs[0].to(.float64).square().sum().double()
      }
      let group = moments.groups - 1
      let factor = (group * moments.rowsPerOutput + row) * n * n
      var expected = 0.0
      for i in 0..<n {
        var pulled = 0.0
        for k in i..<n {
          pulled += Double(Self.mistakes[k]) * moments.factor(factor + k * n + i)
        }
        expected += pulled * pulled
      }
      return (sum, expected)
    }
    let (first, second) = (try cost(0), try cost(1))
    // The floor adds a hundredth of the mean, so they agree to some per cent only.
    #expect(
      (first.output / second.output / (first.moments / second.moments) - 1).magnitude < 0.1,
      "\(first) \(second)")
  }
}
