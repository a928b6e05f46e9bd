import Formats
import Foundation
import ONNX
import SmartDeal
import SmartDealDecomposeStage
import StageKit
import StageTesting
import StructuredValue
import Testing

struct SmartDealDecomposeTests {
  @Test func `the file, the rebuilt network and the record agree`() async throws {
    let path = try write(network())
    let outcome = try await StageHarness(SmartDealDecompose.self).run(
      parameters: ["threshold": 0.05, "encoding": "smallest"], inputs: ["model": path])
    let before = try ONNXModel(path: path)
    let after = try ONNXModel(path: outcome.path("model"))
    let file = try SDLFile(path: outcome.path("weights"))
    #expect(file.layers.map(\.name) == ["conv", "wide", "fc"])
    #expect(outcome.metrics["fileBytes"]?.int == file.byteCount)
    for (layer, tensor) in zip(file.layers, after.graph.weightTensors()) {
      #expect(try file.weights(of: layer) == tensor.weights)
    }
    // What is no weight, and kernels that are not square, stay bit by bit.
    let untouched = Set(["wide", "bias"])
    for (old, new) in zip(before.graph.initializers, after.graph.initializers) {
      #expect(old.name == new.name && old.data.shape == new.data.shape)
      #expect((old.data == new.data) == untouched.contains(old.name), "\(old.name)")
    }
    #expect(file.layers[1].kind == .raw)
    #expect(outcome.metrics["kept"] == 1)
    #expect(outcome.log.contains { $0.contains("'wide' of shape [4, 6, 1, 3] stay numbers") })
    let record = try NetworkRecord(json: Value(json: outcome.bytes("layers")))
    #expect(record.layers.map(\.name) == ["conv", "wide", "fc"])
    #expect(outcome.metrics["storedCR"]?.double == record.storedCR)
    let rows = String(decoding: try outcome.bytes("table"), as: UTF8.self).split(separator: "\n")
    #expect(rows.count == 5 && rows[4].hasPrefix("all,"))
  }

  @Test func `the number of processors changes no byte`() async throws {
    let path = try write(network())
    let one = try await StageHarness(SmartDealDecompose.self).run(
      inputs: ["model": path], cpus: 1)
    let three = try await StageHarness(SmartDealDecompose.self).run(
      inputs: ["model": path], cpus: 3)
    for slot in ["weights", "model", "table", "layers", "figure"] {
      #expect(try one.bytes(slot) == three.bytes(slot))
    }
  }

  @Test func `a pruning list zeroes rows before the decomposition`() async throws {
    let path = try write(network())
    let outcome = try await StageHarness(SmartDealDecompose.self).run(
      inputs: ["model": path, "pruning": try text("0.5\n0\n0\n")])
    let record = try NetworkRecord(json: Value(json: outcome.bytes("layers")))
    // Nine rows of three input channels, of which five are zero in all six filters.
    #expect(record.layers[0].rows == 54 && record.layers[0].zeroRows >= 30)
    let error = await #expect(throws: StageError.self) {
      try await StageHarness(SmartDealDecompose.self).run(
        inputs: ["model": path, "pruning": try text("0.5\n0\n")])
    }
    #expect(error?.message.contains("2 numbers, the network 3 weight tensors") == true)
  }

  @Test(
    arguments: [
      (["threshold": "NaN"], "threshold"), (["threshold": -1.0], "threshold"),
      (["iterations": 0], "iterations"), (["tolerance": -1.0], "tolerance"),
      (["rcond": -1.0], "rcond"), (["max-coefficient": 3.0], "maxCoefficient"),
      (["exponents": [3, -3]], "exponents"), (["exponents": [-65, 0]], "exponents"),
      (["exponents": [1]], "exponents"),
      (["rounding": "joint", "vector-wise": true], "rounding"),
      (["rounding": "joint", "root-lambda": -1.0], "root-lambda"),
    ] as [(Value, String)])
  func `an option out of its range is refused by name`(
    parameters: Value, name: String
  ) async throws {
    let path = try write(network())
    let error = await #expect(throws: StageError.self) {
      try await StageHarness(SmartDealDecompose.self).run(
        parameters: parameters, inputs: ["model": path])
    }
    #expect(error?.message.contains(name) == true, "\(error?.message ?? "")")
  }

  @Test func `a weight that is no number is named with its place`() async throws {
    var model = network()
    var numbers = model.graph.initializers[3].data.floats()
    numbers[5] = .nan
    model.graph.initializers[3].data = TensorData(
      numbers, shape: model.graph.initializers[3].data.shape)
    let path = try write(model)
    let error = await #expect(throws: StageError.self) {
      try await StageHarness(SmartDealDecompose.self).run(inputs: ["model": path])
    }
    // The file holds inputs first: its sixth number is the first of 96 of output 5.
    #expect(error?.message.contains("'fc' holds nan at position 480") == true)
    #expect(error?.slot == "model")
  }

  @Test func `weights of one dimension are left alone, and said to be`() async throws {
    var model = network()
    model.graph.nodes[2] = ONNXNode(
      operator: "Conv", inputs: ["x1", "line"], outputs: ["line-out"])
    model.graph.inputs.append(
      ONNXValue(name: "x1", type: .float32, shape: [1, 2, 9].map { .fixed($0) }))
    model.graph.initializers.append(
      NamedTensor(
        name: "line", data: TensorData([Float](repeating: 1, count: 18), shape: [3, 2, 3])))
    model.graph.nodes.append(
      ONNXNode(operator: "Flatten", inputs: ["w"], outputs: ["f"]))
    model.graph.outputs.append(ONNXValue(name: "line-out", type: .float32, shape: nil))
    let outcome = try await StageHarness(SmartDealDecompose.self).run(
      inputs: ["model": try write(model)])
    #expect(outcome.log.contains { $0.contains("'line' of shape [3, 2, 3] stay") })
  }

  @Test(.enabled(if: Mirror.isPresent, "\(Mirror.isAbsent)"))
  func `a published network has the figures that were computed independently`() async throws {
    let outcome = try await StageHarness(SmartDealDecompose.self).run(
      inputs: ["model": Mirror.network])
    #expect(outcome.metrics["nonZeros"] == 69_873)
    #expect(outcome.metrics["coefficients"] == 106_052)
    #expect(outcome.metrics["fileBytes"] == 50_892)
    func isNear(_ name: String, _ wanted: Double, _ tolerance: Double) {
      let found = outcome.metrics[name]?.double ?? .nan
      #expect((found - wanted).magnitude <= tolerance * wanted, "\(name) \(found)")
    }
    // As many digits as are stated.
    isNear("referenceCR", 8.3853, 1e-5)
    isNear("codeCR", 7.151, 1e-4)
    isNear("autoCR", 8.3466, 1e-5)
    isNear("relativeError", 0.146777, 5e-6)
    isNear("relativeError8", 0.147026, 5e-6)
  }

  // MARK: -

  private func write(_ model: ONNXModel) throws -> String {
    let path = NSTemporaryDirectory() + "decompose-\(UUID().uuidString).onnx"
    try model.write(to: path)
    return path
  }

  private func text(_ text: String) throws -> String {
    let path = NSTemporaryDirectory() + "decompose-\(UUID().uuidString).txt"
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    return path
  }

  /// Square kernels, flat ones, and a matrix that is stored inputs first.
  private func network() -> ONNXModel {
    func weights(_ name: String, _ shape: [Int]) -> NamedTensor {
      let count = shape.reduce(1, *)
      return NamedTensor(
        name: name,
        data: TensorData(
          (0..<count).map { Float(($0 * 7919) % 997) / 997 - 0.5 }, shape: shape))
    }
    return ONNXModel(
      graph: ONNXGraph(
        inputs: [ONNXValue(name: "x", type: .float32, shape: [1, 3, 8, 8].map { .fixed($0) })],
        outputs: [ONNXValue(name: "y", type: .float32, shape: nil)],
        initializers: [
          weights("conv", [6, 3, 3, 3]), weights("bias", [6]), weights("wide", [4, 6, 1, 3]),
          weights("fc", [96, 10]),
        ],
        nodes: [
          ONNXNode(operator: "Conv", inputs: ["x", "conv", "bias"], outputs: ["h"]),
          ONNXNode(operator: "Conv", inputs: ["h", "wide"], outputs: ["w"]),
          ONNXNode(operator: "Flatten", inputs: ["w"], outputs: ["f"]),
          ONNXNode(operator: "MatMul", inputs: ["f", "fc"], outputs: ["y"]),
        ]))
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
