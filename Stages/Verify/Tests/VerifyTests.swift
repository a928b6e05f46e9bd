import Foundation
import Formats
import ONNX
import StageKit
import StageTesting
import StructuredValue
import Testing
import VerifyStage

struct VerifyTests {
  /// `y = |x_0| + |x_1| - 1` as a network of four ReLUs, and a property over its box.
  private func files(_ assertion: String) throws -> [String: String] {
    let folder = NSTemporaryDirectory() + "verify-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let weights = TensorData([1, 0, -1, 0, 0, 1, 0, -1] as [Float], shape: [4, 2])
    let sum = TensorData([1, 1, 1, 1] as [Float], shape: [1, 4])
    let graph = ONNXGraph(
      inputs: [ONNXValue(name: "x", type: .float32, shape: [.fixed(1), .fixed(2)])],
      outputs: [ONNXValue(name: "y", type: .float32, shape: nil)],
      initializers: [
        NamedTensor(name: "w", data: weights), NamedTensor(name: "v", data: sum),
        NamedTensor(name: "b", data: TensorData([0, 0, 0, 0] as [Float], shape: [4])),
        NamedTensor(name: "c", data: TensorData([-1] as [Float], shape: [1])),
      ],
      nodes: [
        ONNXNode(
          operator: "Gemm", inputs: ["x", "w", "b"], outputs: ["h"],
          attributes: ["transB": .int(1)]),
        ONNXNode(operator: "Relu", inputs: ["h"], outputs: ["r"]),
        ONNXNode(
          operator: "Gemm", inputs: ["r", "v", "c"], outputs: ["y"],
          attributes: ["transB": .int(1)]),
      ])
    try ONNXModel(graph: graph).write(to: "\(folder)/net.onnx")
    let text = """
      (declare-const X_0 Real) (declare-const X_1 Real) (declare-const Y_0 Real)
      (assert (>= X_0 -0.5)) (assert (<= X_0 2)) (assert (>= X_1 -1)) (assert (<= X_1 1))
      \(assertion)
      """
    try Data(text.utf8).write(to: URL(fileURLWithPath: "\(folder)/p.vnnlib"))
    return ["network": "\(folder)/net.onnx", "property": "\(folder)/p.vnnlib"]
  }

  @Test func `a property that holds is proved`() async throws {
    // The minimum is -1, at the origin.
    let outcome = try await StageHarness(Verify.self).run(
      inputs: try files("(assert (<= Y_0 -1.001))"))
    #expect(outcome.metrics["holds"] == 1 && outcome.metrics["open"] == 0)
    let result = try JSONText.read(FileContent(path: outcome.path("result")))
    #expect(result["verdict"] == "unsat" && result["counterexample"] == nil)
  }

  @Test func `a property that does not hold comes with an input that violates it`() async throws {
    let outcome = try await StageHarness(Verify.self).run(
      inputs: try files("(assert (<= Y_0 -0.999))"), seed: 3)
    #expect(outcome.metrics["holds"] == 0)
    let result = try JSONText.read(FileContent(path: outcome.path("result")))
    #expect(result["verdict"] == "sat")
    let point = (result["counterexample"]?["X"]?.list ?? []).compactMap(\.double)
    #expect(point.count == 2 && abs(point[0]) + abs(point[1]) - 1 <= -0.999)
  }

  @Test func `the same seed gives the same parts at any number of processors`() async throws {
    let inputs = try files("(assert (<= Y_0 -1.00001))")
    var branches: Set<Value> = []
    for cpus in [1, 2, 3] {
      let outcome = try await StageHarness(Verify.self).run(
        parameters: ["attack-starts": 0, "root-steps": 0, "child-steps": 2], inputs: inputs,
        cpus: cpus)
      branches.insert(outcome.metrics["branches"] ?? .null)
    }
    #expect(branches.count == 1)
  }

  @Test func `a rigorous proof is confirmed bound by bound, and needs its certificate`()
    async throws
  {
    let inputs = try files("(assert (<= Y_0 -1.001))")
    let outcome = try await StageHarness(Verify.self).run(
      parameters: ["rigorous": true], inputs: inputs)
    #expect(outcome.metrics["holds"] == 1)
    let error = await #expect(throws: StageError.self) {
      try await StageHarness(Verify.self).run(
        parameters: ["rigorous": true, "certificate": false], inputs: inputs)
    }
    #expect(error?.message.contains("'certificate'") == true)
  }

  @Test func `a proof that is as thin as rounding is not rigorous`() async throws {
    // The minimum is -1, one unit of the last place above the threshold.
    let inputs = try files("(assert (<= Y_0 -1.00000000000000023))")
    for rigorous in [false, true] {
      let outcome = try await StageHarness(Verify.self).run(
        parameters: [
          "rigorous": .bool(rigorous), "tolerance": 1e-300, "attack-starts": 0,
        ], inputs: inputs)
      #expect((outcome.metrics["holds"] == 1) == !rigorous)
    }
  }

  @Test func `a limit of branches ends unknown`() async throws {
    let outcome = try await StageHarness(Verify.self).run(
      parameters: [
        "attack-starts": 0, "root-steps": 0, "child-steps": 0, "intermediate-steps": 0,
        "branches": 1, "batch": 1,
      ], inputs: try files("(assert (<= Y_0 -1.00001))"))
    let result = try JSONText.read(FileContent(path: outcome.path("result")))
    // The root may suffice.
    if result["verdict"] == "unknown" { #expect(result["reason"] == "branches") }
    #expect((outcome.metrics["branches"]?.int ?? 0) <= 2)
  }

  @Test func `a property over other variables is refused with both counts`() async throws {
    let inputs = try files("(declare-const Y_1 Real) (assert (<= Y_1 Y_0))")
    let error = await #expect(throws: StageError.self) {
      try await StageHarness(Verify.self).run(inputs: inputs)
    }
    #expect(error?.slot == "property")
    #expect(error?.message == "the property speaks of 2 outputs, the network has 1")
  }

  @Test func `a tolerance of 0 is a usage error`() async throws {
    let inputs = try files("(assert (<= Y_0 -1.00001))")
    await #expect(throws: StageError.self) {
      try await StageHarness(Verify.self).run(parameters: ["tolerance": 0], inputs: inputs)
    }
  }
}
