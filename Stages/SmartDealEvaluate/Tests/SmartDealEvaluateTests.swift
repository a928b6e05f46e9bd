import Formats
import Foundation
import ONNX
import SmartDealEvaluateStage
import StageKit
import StageTesting
import StructuredValue
import Testing

struct SmartDealEvaluateTests {
  @Test func `right answers and agreement are counted`() async throws {
    // A picture of 2 × 2 pixels is of the class of its brightest pixel; after, pixels 0 and 1 swap.
    let images = try file("0,255,0,0,0\n1,0,255,0,0\n2,0,0,255,0\n3,0,0,0,255\n2,255,0,0,0\n")
    let outcome = try await StageHarness(SmartDealEvaluate.self).run(
      parameters: ["batch": 2],
      inputs: [
        "model": try network([0, 1, 2, 3]), "rebuilt": try network([1, 0, 2, 3]), "images": images,
      ])
    #expect(outcome.metrics["images"] == 5)
    #expect(outcome.metrics["correctBefore"] == 4)
    #expect(outcome.metrics["correct"] == 2)
    #expect(outcome.metrics["agree"] == 2)
    #expect(outcome.metrics["accuracy"] == 0.4)
    // Three of five answers move from one pixel to another: √(3 · 2 / 5).
    #expect(abs((outcome.metrics["outputError"]?.double ?? 0) - 1.2.squareRoot()) < 1e-6)
    let table = String(decoding: try outcome.bytes("table"), as: UTF8.self)
    #expect(table.hasSuffix("4,2,0,1\n"))
    #expect(
      String(decoding: try outcome.bytes("classes"), as: UTF8.self).hasSuffix(
        "2,2,1,1,1\n3,1,1,1,1\n"))
    let part = try await StageHarness(SmartDealEvaluate.self).run(
      parameters: ["first": 1, "count": 2],
      inputs: [
        "model": try network([0, 1, 2, 3]), "rebuilt": try network([1, 0, 2, 3]), "images": images,
      ])
    #expect(part.metrics["images"] == 2 && part.metrics["correct"] == 1)
  }

  @Test func `labels beyond the classes and pictures of another size are refused`() async throws {
    for (text, part) in [
      ("9,1,2,3,4\n", "labelled 9"), ("1,1,2,3,4,5,6,7,8,9\n", "which the network takes"),
    ] {
      let error = await #expect(throws: StageError.self) {
        try await StageHarness(SmartDealEvaluate.self).run(
          inputs: [
            "model": try network([0, 1, 2, 3]), "rebuilt": try network([0, 1, 2, 3]),
            "images": try file(text),
          ])
      }
      #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
    }
    let error = await #expect(throws: StageError.self) {
      try await StageHarness(SmartDealEvaluate.self).run(
        parameters: ["first": 1],
        inputs: [
          "model": try network([0, 1, 2, 3]), "rebuilt": try network([0, 1, 2, 3]),
          "images": try file("1,1,2,3,4\n"),
        ])
    }
    #expect(error?.code == .badParameter)
  }

  private func file(_ text: String) throws -> String {
    let path = NSTemporaryDirectory() + "evaluate-\(UUID().uuidString).csv"
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    return path
  }

  /// A network whose outputs are the pixels in this order.
  private func network(_ order: [Int]) throws -> String {
    var weights = [Float](repeating: 0, count: 16)
    for (output, pixel) in order.enumerated() { weights[pixel * 4 + output] = 1 }
    let model = ONNXModel(
      graph: ONNXGraph(
        inputs: [ONNXValue(name: "x", type: .float32, shape: [1, 4, 1].map { .fixed($0) })],
        outputs: [ONNXValue(name: "y", type: .float32, shape: nil)],
        initializers: [NamedTensor(name: "w", data: TensorData(weights, shape: [4, 4]))],
        nodes: [
          ONNXNode(operator: "Flatten", inputs: ["x"], outputs: ["f"]),
          ONNXNode(operator: "MatMul", inputs: ["f", "w"], outputs: ["y"]),
        ]))
    let path = NSTemporaryDirectory() + "evaluate-\(UUID().uuidString).onnx"
    try model.write(to: path)
    return path
  }
}
