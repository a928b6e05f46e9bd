import Formats
import Foundation
import ONNX
import SmartDealCalibrationStage
import StageKit
import StageTesting
import StructuredTraining
import StructuredValue
import Testing

struct CalibrationComparisonTests {
  private let folder = NSTemporaryDirectory() + "calibration-\(UUID().uuidString)"

  /// Pictures of one pixel; a network whose logits are ±scale · (2 x - 1).
  private func model(_ scale: Float, _ name: String, classes: Int = 2) throws -> String {
    let weights = [-2 * scale, 2 * scale] + [Float](repeating: 0, count: classes - 2)
    let bias = [scale, -scale] + [Float](repeating: -100, count: classes - 2)
    let path = "\(folder)/\(name)"
    try ONNXModel(
      graph: ONNXGraph(
        inputs: [
          ONNXValue(name: "x", type: .float32, shape: [.symbol("n"), .fixed(1)])
        ],
        outputs: [ONNXValue(name: "y", type: .float32, shape: nil)],
        initializers: [
          NamedTensor(name: "w", data: TensorData(weights, shape: [classes, 1])),
          NamedTensor(name: "b", data: TensorData(bias, shape: [classes])),
        ],
        nodes: [
          ONNXNode(
            operator: "Gemm", inputs: ["x", "w", "b"], outputs: ["y"],
            attributes: ["transB": .int(1)])
        ])
    ).write(to: path)
    return path
  }

  /// Eight pictures, of which six show their label.
  private func pictures(labels: [Int] = [0, 0, 0, 1, 1, 1, 1, 0]) throws -> String {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let path = "\(folder)/test"
    try PictureSet(
      pixels: [0, 0, 0, 0, 255, 255, 255, 255], channels: 1, height: 1, width: 1, labels: labels
    ).write(safetensors: path)
    return path
  }

  private func run(
    _ scales: [Float], _ parameters: Value = [:], test: String
  ) async throws -> StageHarness<CalibrationComparison>.Outcome {
    let models = try scales.enumerated().map { index, scale in
      (name: "scale=\(index)", path: try model(scale, "model\(index)"))
    }
    return try await StageHarness(CalibrationComparison.self).run(
      parameters: parameters, inputs: ["test": test], gathered: ["models": models])
  }

  @Test func `a confidence of log 3 fits three of four, and certainty does not`() async throws {
    // Logits ± log(3)/2 give a probability of 3/4, which is the accuracy.
    let fit = Float(log(3.0) / 2)
    let outcome = try await run([fit, 10 * fit], ["names": ["fit", "sure"]], test: pictures())
    let table = try CSV.read(FileContent(path: outcome.path("table")))
    #expect(table.rowCount == 2)
    #expect(abs(outcome.metrics["base_calibration_error"]?.double ?? 1) < 1e-6)
    // −(3/4 log 3/4 + 1/4 log 1/4).
    #expect(abs((outcome.metrics["base_log_loss"]?.double ?? 0) - 0.5623351446) < 1e-6)
    // Sure to 1 - 3⁻¹⁰ and right in 3 of 4.
    let p = 1 / (1 + 1 / 59_049.0)
    let change = try #require(outcome.metrics["worst_calibration_change"]?.double)
    #expect(abs(change - (p - 0.75)) < 1e-6)
    let loss = try #require(outcome.metrics["worst_log_loss_change"]?.double)
    #expect(abs(loss - (-0.75 * log(p) - 0.25 * log(1 - p) - 0.5623351446)) < 1e-5)
    let figure = try Value(json: Data(outcome.bytes("figure")))
    #expect(figure["layer"]?.list?.count == 2)
  }

  @Test func `what does not fit is one clear sentence with the model's name`() async throws {
    let names = await #expect(throws: StageError.self) {
      try await run([1], ["names": ["a", "b"]], test: pictures())
    }
    #expect(names?.message.contains("2 names for 1 models") == true)
    let labels = await #expect(throws: StageError.self) {
      try await run([1], test: pictures(labels: [0, 1, 2, 0, 1, 2, 0, 1]))
    }
    #expect(labels?.message.contains("scale=0: row 2: the label 2 is none of 0 to 1") == true)
    let test = try pictures()
    let broken = await #expect(throws: StageError.self) {
      try await StageHarness(CalibrationComparison.self).run(
        inputs: ["test": test], gathered: ["models": [(name: "other", path: test)]])
    }
    #expect(broken?.message.hasPrefix("other: ") == true && broken?.slot == "models")
  }
}
