import Formats
import NetworkProfiling
import ONNX
import SmartDeal
import Testing

struct NetworkGeometryTests {
  @Test func `extents come from running the network`() throws {
    let layers = try NetworkGeometry.layers(of: model())
    try #require(layers.map(\.name) == ["a", "b", "c"])
    // 3 × 5 kernels on 8 × 9 without padding.
    #expect(layers[0].outputs == 4 && layers[0].inputsPerGroup == 2 && layers[0].groups == 1)
    #expect(layers[0].kernel == 3 && layers[0].kernelWidth == 5)
    #expect([layers[0].inputHeight, layers[0].inputWidth] == [8, 9])
    #expect([layers[0].outputHeight, layers[0].outputWidth] == [6, 5])
    #expect(layers[0].weights == 4 * 2 * 15)
    // Depthwise, stride 2.
    #expect(layers[1].groups == 4 && layers[1].inputsPerGroup == 1)
    #expect([layers[1].outputHeight, layers[1].outputWidth] == [2, 2])
    #expect(layers[2].outputs == 10 && layers[2].inputsPerGroup == 16)
    #expect(layers[2].multiplications == 160)
  }

  @Test func `open extents must be given`() throws {
    var open = model()
    open.graph.inputs[0].shape = [.symbol("batch"), .fixed(2), .unknown, .unknown]
    #expect(throws: FormatError.self) { try NetworkGeometry.layers(of: open) }
    let layers = try NetworkGeometry.layers(of: open, inputShape: [1, 2, 8, 9])
    #expect(layers.count == 3)
  }

  /// A convolution of uneven kernels, a depthwise one, and a matrix that a node transposes.
  private func model() -> ONNXModel {
    func weights(_ name: String, _ shape: [Int]) -> NamedTensor {
      let count = shape.reduce(1, *)
      return NamedTensor(
        name: name, data: TensorData((0..<count).map { Float($0 % 7) - 3 }, shape: shape))
    }
    return ONNXModel(
      opsets: ["": 13],
      graph: ONNXGraph(
        inputs: [
          ONNXValue(name: "x", type: .float32, shape: [1, 2, 8, 9].map { .fixed($0) })
        ],
        outputs: [ONNXValue(name: "y", type: .float32, shape: nil)],
        initializers: [
          weights("a", [4, 2, 3, 5]), weights("b", [4, 1, 3, 3]), weights("c", [10, 16]),
        ],
        nodes: [
          ONNXNode(operator: "Conv", inputs: ["x", "a"], outputs: ["h"]),
          ONNXNode(
            operator: "Conv", inputs: ["h", "b"], outputs: ["i"],
            attributes: ["group": .int(4), "strides": .ints([2, 2])]),
          ONNXNode(operator: "Flatten", inputs: ["i"], outputs: ["j"]),
          ONNXNode(operator: "Transpose", inputs: ["c"], outputs: ["t"]),
          ONNXNode(operator: "MatMul", inputs: ["j", "t"], outputs: ["y"]),
        ]))
  }
}
