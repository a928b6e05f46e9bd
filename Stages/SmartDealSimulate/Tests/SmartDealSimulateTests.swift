import Foundation
import ONNX
import SmartDeal
import SmartDealSimulateStage
import StageKit
import StageTesting
import StructuredValue
import Testing

@Suite(.enabled(if: Mirror.isPresent, "\(Mirror.isAbsent)")) struct SmartDealSimulateTests {
  @Test func `a compressed network waits less for memory, and agrees with the model`() async throws
  {
    let outcome = try await StageHarness(SmartDealSimulate.self).run(
      inputs: ["model": Mirror.network, "weights": try weights()])
    func metric(_ name: String) -> Double { outcome.metrics[name]?.double ?? .nan }
    #expect(metric("speedup") > 1)
    #expect(metric("cycles") * metric("speedup") - metric("denseCycles") < 1e-6)
    #expect((metric("analyticalRatio") - 2.00517).magnitude < 1e-5)
    #expect((metric("energyRatio") - metric("analyticalRatio")).magnitude < 0.02)
    // One byte a cycle is a sixteenth of the memory, and hardly less waiting than sixteen times.
    let slow = try await StageHarness(SmartDealSimulate.self).run(
      parameters: ["dram": 1.0], inputs: ["model": Mirror.network, "weights": try weights()])
    #expect((slow.metrics["cycles"]?.double ?? 0) > 8 * metric("cycles"))
    #expect((slow.metrics["cycles"]?.double ?? 0) >= 50_800)
    let rows = String(decoding: try outcome.bytes("table"), as: UTF8.self).split(separator: "\n")
    #expect(rows.count == 9)
  }

  @Test func `a file of another network is refused`() async throws {
    let path = NSTemporaryDirectory() + "simulate-\(UUID().uuidString).sdl"
    let layer = StoredLayer(name: "1", shape: [2, 2], raw: [1, 2, 3, 4])
    try Data(SDLFile.bytes([layer])).write(to: URL(fileURLWithPath: path))
    let error = await #expect(throws: StageError.self) {
      try await StageHarness(SmartDealSimulate.self).run(
        inputs: ["model": Mirror.network, "weights": path])
    }
    #expect(error?.slot == "weights")
  }

  private func weights() throws -> String {
    let graph = try ONNXModel(path: Mirror.network).graph
    let compression = NetworkCompression()
    let layers = try graph.weightTensors().enumerated().map {
      try compression.compress($1, index: $0).layer
    }
    let path = NSTemporaryDirectory() + "simulate-\(UUID().uuidString).sdl"
    try Data(SDLFile.bytes(layers)).write(to: URL(fileURLWithPath: path))
    return path
  }
}

/// A published network.
private enum Mirror {
  static let root: String = {
    let package = URL(fileURLWithPath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    return ProcessInfo.processInfo.environment["PIPELINE_MIRROR"]
      ?? package.appendingPathComponent("../shared/mirror").standardizedFileURL.path
  }()
  static let network =
    "\(root)/raw.githubusercontent.com/oval-group/GNN_branching/"
    + "a18ea1a4db0b9375ea8eb8b9f37e888d2f1d9692/onnx_models/cifar_base_kw.onnx"
  static let isPresent = FileManager.default.fileExists(atPath: network)
  static let isAbsent = "the data mirror is not there; set PIPELINE_MIRROR to its folder"
}
