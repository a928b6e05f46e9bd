import Foundation
import ONNX
import SmartDeal
import SmartDealEnergyStage
import StageKit
import StageTesting
import StructuredValue
import Testing

@Suite(.enabled(if: Mirror.isPresent, "\(Mirror.isAbsent)")) struct SmartDealEnergyTests {
  @Test func `a published network costs what was computed independently`() async throws {
    let outcome = try await StageHarness(SmartDealEnergy.self).run(
      inputs: ["model": Mirror.network, "layers": try record()])
    #expect(outcome.metrics["layers"] == 4)
    isNear(outcome.metrics["dense"], 11.3168)
    isNear(outcome.metrics["smartdeal"], 5.6438)
    isNear(outcome.metrics["energyRatio"], 2.00517)
    let energy = try Value(json: outcome.bytes("energy"))
    #expect(energy["baseline"]?.string == "dense 8-bit weights on the same machine")
    let rows = String(decoding: try outcome.bytes("table"), as: UTF8.self).split(separator: "\n")
    #expect(rows.count == 6)
  }

  @Test func `a published list needs no network`() async throws {
    let outcome = try await StageHarness(SmartDealEnergy.self).run(
      parameters: ["architecture": "mobilenetv2-cifar10"], inputs: ["pruning": Mirror.list])
    isNear(outcome.metrics["dense"], 281.013)
    isNear(outcome.metrics["smartdeal"], 119.186)
    isNear(outcome.metrics["energyRatio"], 2.35777)
    await #expect(throws: StageError.self) {
      try await StageHarness(SmartDealEnergy.self).run(
        parameters: ["architecture": "resnet18-cifar10"], inputs: ["pruning": Mirror.list])
    }
  }

  @Test func `unit costs may be replaced one by one`() async throws {
    let free: Value = [
      "dram": 0, "input-buffer": 0, "small-buffer": 0, "shift": 0, "add": 0,
      "multiply-accumulate": 2,
    ]
    let outcome = try await StageHarness(SmartDealEnergy.self).run(
      parameters: ["unit-costs": free],
      inputs: ["model": Mirror.network, "layers": try record()])
    // 332 776 multiplications: 8·3·16·256 + 16·8·16·64 + 1024·100 + 100·10.
    let multiplications = 8 * 48 * 256 + 16 * 128 * 64 + 102_400 + 1000
    #expect(outcome.metrics["dense"]?.double == Double(2 * multiplications) / 1e6)
  }

  @Test func `a record of another network is refused`() async throws {
    let other = NetworkRecord(layers: [])
    let path = NSTemporaryDirectory() + "energy-\(UUID().uuidString).json"
    try Data(other.json.json().utf8).write(to: URL(fileURLWithPath: path))
    let error = await #expect(throws: StageError.self) {
      try await StageHarness(SmartDealEnergy.self).run(
        inputs: ["model": Mirror.network, "layers": path])
    }
    #expect(error?.slot == "layers")
    try Data("{\"format\": \"smartdeal-layers/1\", \"layers\": [{}]}".utf8)
      .write(to: URL(fileURLWithPath: path))
    let second = await #expect(throws: StageError.self) {
      try await StageHarness(SmartDealEnergy.self).run(
        inputs: ["model": Mirror.network, "layers": path])
    }
    #expect(second?.message.contains("'name'") == true)
  }

  private func record() throws -> String {
    let graph = try ONNXModel(path: Mirror.network).graph
    let compression = NetworkCompression()
    let records = try graph.weightTensors().enumerated().map {
      try compression.compress($1, index: $0).record
    }
    let path = NSTemporaryDirectory() + "energy-\(UUID().uuidString).json"
    try Data(NetworkRecord(layers: records).json.json().utf8)
      .write(to: URL(fileURLWithPath: path))
    return path
  }

  private func isNear(_ found: Value?, _ wanted: Double) {
    let found = found?.double ?? .nan
    // As many digits as are stated.
    #expect((found - wanted).magnitude <= 1e-5 * wanted, "\(found)")
  }
}

/// A published network, and a list that the public code was run with.
private enum Mirror {
  static let root: String = {
    let package = URL(fileURLWithPath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    return
      (ProcessInfo.processInfo.environment["PIPELINE_MIRROR"]
      ?? package.appendingPathComponent("../shared/mirror").standardizedFileURL.path)
      + "/raw.githubusercontent.com"
  }()
  static let network =
    "\(root)/oval-group/GNN_branching/a18ea1a4db0b9375ea8eb8b9f37e888d2f1d9692/onnx_models/"
    + "cifar_base_kw.onnx"
  static let list =
    "\(root)/VITA-Group/SmartDeal/8e1de77497eedbeea412a8c51142834c28a53709/SmartDeal-Inference/"
    + "mobilenetv2-structure-percentage.txt"
  static let isPresent = FileManager.default.fileExists(atPath: network)
  static let isAbsent = "the data mirror is not there; set PIPELINE_MIRROR to its folder"
}
