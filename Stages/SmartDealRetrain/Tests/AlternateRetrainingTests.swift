import Formats
import Foundation
import ONNX
import SmartDeal
import SmartDealRetrainStage
import StageKit
import StageTesting
import StructuredTraining
import StructuredValue
import Tensors
import Testing

/// Pictures of a bright upper or lower half, and a small trained-looking network.
private struct Toy {
  let inputs: [String: String]

  init() throws {
    let folder = NSTemporaryDirectory() + "retrain-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    var random = RandomStream(seed: 11)
    let labels = (0..<96).map { $0 % 2 }
    let pixels = labels.flatMap { label in
      (0..<64).map { place in
        UInt8(((place < 32) == (label == 0) ? 120.0 : 20) + 100 * random.uniform())
      }
    }
    let set = try PictureSet(pixels: pixels, channels: 1, height: 8, width: 8, labels: labels)
    try set[0..<64].write(safetensors: "\(folder)/train")
    try set[64..<96].write(safetensors: "\(folder)/test")
    try NetworkTemplate.smallConvolutions.model(
      channels: 1, height: 8, width: 8, classes: 2, random: random.child("weights")
    ).write(to: "\(folder)/model")
    inputs = ["model", "train", "test"].reduce(into: [:]) { $0[$1] = "\(folder)/\($1)" }
  }
}

struct AlternateRetrainingTests {
  private static let parameters: Value = [
    "epochs": 3, "batch": 16, "rate": 0.05, "threshold": 0.01, "mean": [0.5], "deviation": [0.25],
    "average-from": 2,
  ]

  @Test func `the model, the file and the table tell the same`() async throws {
    let toy = try Toy()
    let outcome = try await StageHarness(AlternateRetraining.self).run(
      parameters: Self.parameters, inputs: toy.inputs)
    #expect(outcome.metrics["accuracy"]?.double == 100)
    let file = try SDLFile(path: outcome.path("weights"))
    #expect(outcome.metrics["file_bytes"]?.int == file.byteCount)
    let model = try ONNXModel(path: outcome.path("model"))
    for (layer, tensor) in zip(file.layers, model.graph.weightTensors()) {
      #expect(try file.weights(of: layer) == tensor.weights)
    }
    let table = try CSV.read(FileContent(path: outcome.path("epochs")))
    #expect(table.rowCount == 3)
    #expect(outcome.checkpoints.count == 2)
    let figure = try #require(
      Value(json: Data(outcome.bytes("curve")))["data"]?["values"]?.list)
    // Two lines over three epochs, the average over two, and a level between two points.
    #expect(figure.count == 10)
  }

  @Test func `an attempt goes on from a checkpoint to the same bytes`() async throws {
    let toy = try Toy()
    let whole = try await StageHarness(AlternateRetraining.self).run(
      parameters: Self.parameters, inputs: toy.inputs, cpus: 1)
    // Only the last checkpoint is left in the scratch folder.
    let resumed = try await StageHarness(AlternateRetraining.self).run(
      parameters: Self.parameters, inputs: toy.inputs, cpus: 2,
      checkpoint: whole.checkpoints.last)
    #expect(resumed.log.contains("info: going on after epoch 2"))
    for slot in ["model", "weights", "epochs", "curve"] {
      #expect(try resumed.bytes(slot) == whole.bytes(slot), "\(slot)")
    }
    #expect(resumed.metrics == whole.metrics)
  }

  @Test func `what can't be is one clear sentence that names the slot`() async throws {
    let toy = try Toy()
    let cases: [(Value, [String: String], String, String?)] = [
      (["max-coefficient": 3], [:], "maxCoefficient is 3.0", nil),
      (["average-from": 11], [:], "the average starts in epoch 11", nil),
      (["normalise": true, "rounding": "joint"], [:], "rounding is joint", nil),
      ([:], ["train": toy.inputs["model"] ?? ""], "a header", "train"),
      ([:], ["model": toy.inputs["train"] ?? ""], "an ONNX file", "model"),
      (["mean": [0, 1]], [:], "mean is [0.0, 1.0]", "test"),
    ]
    for (parameters, inputs, part, slot) in cases {
      let error = await #expect(throws: StageError.self) {
        try await StageHarness(AlternateRetraining.self).run(
          parameters: parameters, inputs: toy.inputs.merging(inputs) { $1 })
      }
      #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
      #expect(error?.slot == slot)
    }
  }
}
