import Formats
import Foundation
import ONNX
import SmartDeal
import SmartDealTrainStage
import StageKit
import StageTesting
import StructuredTraining
import StructuredValue
import Tensors
import Testing

struct StructuredRetrainingTests {
  private let inputs: [String: String]

  /// Pictures whose one bright quarter is their class, and a drawn network.
  init() throws {
    let folder = NSTemporaryDirectory() + "inside-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    var random = RandomStream(seed: 12)
    let labels = (0..<120).map { $0 % 4 }
    let pixels = labels.flatMap { label in
      (0..<64).map { place in
        let quarter = place / 32 * 2 + place % 8 / 4
        return UInt8((quarter == label ? 130.0 : 10) + 100 * random.uniform())
      }
    }
    let set = try PictureSet(pixels: pixels, channels: 1, height: 8, width: 8, labels: labels)
    try set[0..<80].write(safetensors: "\(folder)/train")
    try set[80..<120].write(safetensors: "\(folder)/test")
    try NetworkTemplate.smallConvolutions.model(
      channels: 1, height: 8, width: 8, classes: 3, random: random.child("weights")
    ).write(to: "\(folder)/other")
    try NetworkTemplate.smallConvolutions.model(
      channels: 1, height: 8, width: 8, classes: 4, random: random.child("weights")
    ).write(to: "\(folder)/model")
    inputs = ["model", "other", "train", "test"].reduce(into: [:]) { $0[$1] = "\(folder)/\($1)" }
  }

  private func run(
    _ parameters: Value, model: String = "model", checkpoint: String? = nil, cpus: Int = 2
  ) async throws -> StageHarness<StructuredRetraining>.Outcome {
    var all: [String: Value] = [
      "epochs": 6, "batch": 8, "rate": 0.05, "threshold": 0.01, "mean": [0.3], "deviation": [0.3],
    ]
    all.merge(parameters.map ?? [:]) { $1 }
    var inputs = inputs
    inputs["model"] = inputs[model]
    inputs["other"] = nil
    return try await StageHarness(StructuredRetraining.self).run(
      parameters: .map(all), inputs: inputs, cpus: cpus, checkpoint: checkpoint)
  }

  @Test func `it learns inside the structure, from a checkpoint to the same bytes`() async throws {
    let whole = try await run([:], cpus: 1)
    #expect(whole.metrics["accuracy"]?.double == 100)
    #expect(whole.metrics["moved_share"] == .null)
    let file = try SDLFile(path: whole.path("weights"))
    let model = try ONNXModel(path: whole.path("model"))
    for (layer, tensor) in zip(file.layers, model.graph.weightTensors()) {
      #expect(try file.weights(of: layer) == tensor.weights)
    }
    let energy = try CSV.read(FileContent(path: whole.path("energy")))
    #expect(energy.rowCount == 5)
    let resumed = try await run([:], checkpoint: whole.checkpoints.last)
    for slot in ["model", "weights", "epochs", "curve", "energy"] {
      #expect(try resumed.bytes(slot) == whole.bytes(slot), "\(slot)")
    }
  }

  @Test func `moving buckets are counted, and too many are a warning`() async throws {
    let outcome = try await run([
      "treatment": "bucketSwitch", "rate": 0.0005, "epochs": 1, "minimum-change": 1.0e-5,
    ])
    let share = try #require(outcome.metrics["moved_share"]?.double)
    #expect(share > 0.01)
    #expect(outcome.log.contains { $0.contains("of the coefficients moved in an epoch") })
    let quiet = try await run([
      "treatment": "bucketSwitch", "rate": 0.0005, "epochs": 1, "minimum-change": 1,
    ])
    #expect(quiet.metrics["moved_share"]?.double == 0 && quiet.log.isEmpty)
  }

  @Test func `a training that diverges may end with the epochs before`() async throws {
    let outcome = try await run(["treatment": "bucketSwitch", "on-divergence": "stop"])
    let epoch = try #require(outcome.metrics["diverged_epoch"]?.double)
    let epochs = try CSV.read(FileContent(path: outcome.path("epochs")))
    #expect(epochs.rowCount == Int(epoch) - 1)
    #expect(outcome.log.contains { $0.contains("The epochs before it are the result") })
    #expect(try SDLFile(path: outcome.path("weights")).layers.isEmpty == false)
    #expect(try await run([:]).metrics["diverged_epoch"] == .null)
  }

  @Test func `adapting gives a new classifier, which stays real-valued`() async throws {
    let outcome = try await run(["task": "adapt"], model: "other")
    #expect(outcome.metrics["accuracy"]?.double == 100)
    #expect(outcome.metrics["dense_accuracy"] == .null)
    let file = try SDLFile(path: outcome.path("weights"))
    #expect(file.layers.last?.kind == .raw && file.layers.last?.shape == [4, 64])
  }

  @Test func `what can't be is one clear sentence`() async throws {
    let cases: [(Value, String, String)] = [
      (["real-valued": ["nothing"]], "model", "'nothing' is no weight tensor"),
      (["treatment": "bucketSwitch"], "model", "lower the rate"),
      ([:], "other", "a label is 3; the network tells 3 classes apart"),
    ]
    for (parameters, model, part) in cases {
      let error = await #expect(throws: StageError.self) {
        try await run(parameters, model: model)
      }
      #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
    }
  }
}
