import Formats
import Foundation
import ONNX
import StageKit
import StageTesting
import StructuredValue
import Testing
import VerifiedAccuracyStage

struct VerifiedAccuracyTests {
  private let folder = NSTemporaryDirectory() + "verified-\(UUID().uuidString)"

  /// A network of one pixel x (0 to 1): the logits are -slope·|x - ½| style differences of two ReLUs, so that
  /// class 1 wins above `edge` and class 0 below.
  private func model(edge: Float, _ name: String, inputs: Int = 1) throws -> String {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let path = "\(folder)/\(name).onnx"
    let zeros = [Float](repeating: 0, count: inputs - 1)
    try ONNXModel(
      graph: ONNXGraph(
        inputs: [
          ONNXValue(name: "x", type: .float32, shape: [.fixed(1), .fixed(inputs)])
        ],
        outputs: [ONNXValue(name: "y", type: .float32, shape: [.fixed(1), .fixed(2)])],
        initializers: [
          // Hidden: max(x - edge, 0) and max(edge - x, 0); the logits are them, swapped.
          NamedTensor(
            name: "w1", data: TensorData([1] + zeros + [-1] + zeros, shape: [2, inputs])),
          NamedTensor(name: "b1", data: TensorData([-edge, edge], shape: [2])),
          NamedTensor(name: "w2", data: TensorData([0, 1, 1, 0] as [Float], shape: [2, 2])),
          NamedTensor(name: "b2", data: TensorData([0, 0] as [Float], shape: [2])),
        ],
        nodes: [
          ONNXNode(
            operator: "Gemm", inputs: ["x", "w1", "b1"], outputs: ["h"],
            attributes: ["transB": .int(1)]),
          ONNXNode(operator: "Relu", inputs: ["h"], outputs: ["r"]),
          ONNXNode(
            operator: "Gemm", inputs: ["r", "w2", "b2"], outputs: ["y"],
            attributes: ["transB": .int(1)]),
        ])
    ).write(to: path)
    return path
  }

  /// Pictures of one pixel with their labels.
  private func pictures(_ rows: [(label: Int, pixel: Int)]) throws -> String {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let path = "\(folder)/pictures.csv"
    let text = rows.map { "\($0.label),\($0.pixel)\n" }.joined()
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    return path
  }

  @Test func `a picture is verified as far from the border as its radius, and attacked nearer`()
    async throws
  {
    // The border lies at 100.5 of 255: 90 is 10.5 away, 95 is 5.5, 110 is 9.5, and 120 shows class 1.
    let outcome = try await StageHarness(VerifiedAccuracy.self).run(
      parameters: ["radius": 10],
      inputs: [
        "model": try model(edge: 100.5 / 255, "a"),
        "images": try pictures([(0, 90), (0, 95), (1, 110), (0, 120)]),
      ])
    let table = try CSV.read(path: outcome.path("pictures"))
    #expect(try table.strings("verdict") == ["verified", "attacked", "attacked", "wrong"])
    #expect(try table.ints("answer") == [0, 0, 1, 1])
    #expect(outcome.metrics["right_before"] == 3 && outcome.metrics["verified_before"] == 1)
    #expect(outcome.metrics["undecided"] == 0)
    #expect(outcome.metrics["lost"] == nil)
  }

  @Test func `changed pictures stay within the bytes that a picture can have`() async throws {
    // Without the cut at 0 the box around 3 would reach beyond the border at -2.
    let outcome = try await StageHarness(VerifiedAccuracy.self).run(
      parameters: ["radius": 10],
      inputs: ["model": try model(edge: -2 / 255, "a"), "images": try pictures([(1, 3)])])
    #expect(outcome.metrics["verified_before"] == 1)
  }

  @Test func `a radius counts in bytes, whatever the network is given`() async throws {
    // The network sees (x - 0.2) / 0.5; the border at 100.5 bytes is ((100.5 / 255) - 0.2) / 0.5 there.
    let edge = Float((100.5 / 255 - 0.2) / 0.5)
    let outcome = try await StageHarness(VerifiedAccuracy.self).run(
      parameters: ["radius": 10, "mean": [0.2], "deviation": [0.5]],
      inputs: [
        "model": try model(edge: edge, "a"), "images": try pictures([(0, 90), (0, 91)]),
      ])
    let table = try CSV.read(path: outcome.path("pictures"))
    #expect(try table.strings("verdict") == ["verified", "attacked"])
  }

  @Test func `what a change to the network won and lost is told picture by picture`() async throws {
    // Moving the border from 100.5 to 120.5 loses 125 (too near now) and 115 (wrong now), and wins 95.
    let outcome = try await StageHarness(VerifiedAccuracy.self).run(
      parameters: ["radius": 10, "names": ["moved"]],
      inputs: [
        "model": try model(edge: 100.5 / 255, "a"),
        "images": try pictures([(1, 125), (1, 115), (0, 95), (1, 200)]),
      ], gathered: ["changed": [(name: "edge=2", path: try model(edge: 120.5 / 255, "b"))]])
    let table = try CSV.read(path: outcome.path("table"))
    #expect(try table.strings("network") == ["before", "moved"])
    #expect(try table.ints("verified") == [3, 2])
    #expect(try table.ints("kept") == [3, 1])
    #expect(try table.ints("verified_then_attacked") == [0, 1])
    #expect(try table.ints("verified_then_wrong") == [0, 1])
    #expect(try table.ints("won") == [0, 1])
    #expect(outcome.metrics["lost"] == 2 && outcome.metrics["won"] == 1)
    #expect(outcome.metrics["verified_worst"] == 2 && outcome.metrics["verified_best"] == 2)
    #expect(outcome.metrics["best_change"] == -0.25 && outcome.metrics["worst_change"] == -0.25)
    let figure = try Value(json: Data(outcome.bytes("figure")))
    #expect(figure["data"]?["values"]?.list?.count == 8)
  }

  @Test func `inputs that do not fit are refused in one sentence`() async throws {
    let images = try pictures([(0, 90), (2, 95)])
    let classes = await #expect(throws: StageError.self) {
      try await StageHarness(VerifiedAccuracy.self).run(
        inputs: ["model": try model(edge: 0.4, "a"), "images": images])
    }
    #expect(classes?.message == "before: a label is 2; the network tells 2 classes apart")
    let size = await #expect(throws: StageError.self) {
      try await StageHarness(VerifiedAccuracy.self).run(
        inputs: ["model": try model(edge: 0.4, "c", inputs: 3), "images": images])
    }
    #expect(size?.message == "before: the network takes 3 numbers; a picture has 1")
    let mean = await #expect(throws: StageError.self) {
      try await StageHarness(VerifiedAccuracy.self).run(
        parameters: ["mean": [0.1, 0.2]],
        inputs: ["model": try model(edge: 0.4, "a"), "images": images])
    }
    #expect(
      mean?.message
        == "'mean' has 2 numbers; expected 1, or one for each of the 1 channels")
    let names = await #expect(throws: StageError.self) {
      try await StageHarness(VerifiedAccuracy.self).run(
        parameters: ["names": ["b"]],
        inputs: ["model": try model(edge: 0.4, "a"), "images": images])
    }
    #expect(
      names?.message == "1 names for 0 changed networks; give one for each, or none")
  }
}
