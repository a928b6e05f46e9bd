import Formats
import Foundation
import ONNX
import SmartDealBaselineStage
import StageKit
import StageTesting
import StructuredTraining
import StructuredValue
import Tensors
import Testing

/// Pictures whose one bright quarter is their class.
private func quarters(_ folder: String, classes: Int = 4) throws -> [String: String] {
  try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  var random = RandomStream(seed: 12)
  let labels = (0..<120).map { $0 % classes }
  let pixels = labels.flatMap { label in
    (0..<64).map { place in
      let quarter = place / 32 * 2 + place % 8 / 4
      return UInt8((quarter == label ? 130.0 : 10) + 100 * random.uniform())
    }
  }
  let set = try PictureSet(pixels: pixels, channels: 1, height: 8, width: 8, labels: labels)
  try set[0..<80].write(safetensors: "\(folder)/train")
  try set[80..<120].write(safetensors: "\(folder)/test")
  return ["train": "\(folder)/train", "test": "\(folder)/test"]
}

struct BaselineTrainingTests {
  private let inputs: [String: String]

  init() throws { inputs = try quarters(NSTemporaryDirectory() + "base-\(UUID().uuidString)") }

  private func run(
    _ parameters: Value, inputs: [String: String]? = nil, checkpoint: String? = nil
  ) async throws -> StageHarness<BaselineTraining>.Outcome {
    try await StageHarness(BaselineTraining.self).run(
      parameters: parameters, inputs: inputs ?? self.inputs, checkpoint: checkpoint)
  }

  @Test(arguments: NetworkTemplate.allCases)
  func `a drawn network learns, and goes on from a checkpoint to the same bytes`(
    network: NetworkTemplate
  ) async throws {
    let parameters: Value = [
      "network": .string(network.rawValue), "epochs": 4, "batch": 8, "rate": 0.02, "mean": [0.3],
      "deviation": [0.3],
    ]
    let whole = try await run(parameters)
    #expect(whole.metrics["accuracy"]?.double == 100)
    let resumed = try await run(parameters, checkpoint: whole.checkpoints.last)
    for slot in ["model", "epochs", "curve"] {
      #expect(try resumed.bytes(slot) == whole.bytes(slot), "\(slot)")
    }
    #expect(try ONNXModel(path: whole.path("model")).graph.outputs[0].shape?.last == .fixed(4))
  }

  @Test func `a model goes on, or gets a classifier for other classes`() async throws {
    let first = try await run(["epochs": 3, "batch": 8, "rate": 0.02])
    var given = inputs
    given["model"] = first.path("model")
    let on = try await run(["epochs": 1, "rate": 0.01], inputs: given)
    #expect(on.metrics["accuracy"]?.double == 100)
    var fewer = try quarters(
      NSTemporaryDirectory() + "base-\(UUID().uuidString)", classes: 2)
    fewer["model"] = first.path("model")
    let adapted = try await run(
      ["task": "adapt", "epochs": 3, "batch": 8, "rate": 0.01], inputs: fewer)
    #expect(adapted.metrics["accuracy"]?.double == 100)
    #expect(try ONNXModel(path: adapted.path("model")).graph.outputs[0].shape?.last == .fixed(2))
  }

  @Test func `a rate that explodes is one clear sentence`() async throws {
    let error = await #expect(throws: StageError.self) {
      try await run(["rate": 1e12, "epochs": 5])
    }
    #expect(error?.message.contains("lower the rate") == true)
  }
}
