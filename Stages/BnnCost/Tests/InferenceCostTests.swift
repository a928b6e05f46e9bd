import BnnCostStage
import Foundation
import StageKit
import StageTesting
import StructuredValue
import Testing

struct InferenceCostTests {
  private static let rows =
    "x0,y\n" + (0..<30).map { "\(Double($0) / 10),\(Double($0 * $0 % 17))\n" }.joined()

  @Test func `a fit and predictions by number of draws are timed`() async throws {
    let outcome = try await run([
      "method": "hmc", "hidden": [5], "draws": [1, 30, 5],
      "options": ["chains": 1, "warmup": 20, "draws": 40, "steps": 5],
    ])
    for name in [
      "training_seconds", "training_cpu_seconds", "seconds_per_draw", "latency", "latency_one",
      "latency_cpu",
    ] { #expect(outcome.metrics[name]?.double ?? 0 > 0, "\(name)") }
    #expect(outcome.metrics["draws"]?.double == 30)
    let fit = outcome.metrics["training_cpu_seconds"]?.double ?? 0
    #expect(abs((outcome.metrics["seconds_per_draw"]?.double ?? 0) - fit / 40) < 1e-12)
    // 40 draws of 16 parameters in float32, with noise and names.
    #expect(outcome.metrics["posterior_bytes"]?.double ?? 0 > 40 * 16 * 4)
    #expect(outcome.metrics["peak_memory"]?.double ?? 0 > 1_000_000)
    let lines = String(decoding: try outcome.bytes("table"), as: UTF8.self).split(separator: "\n")
    #expect(lines[0] == "draws,wall seconds,cpu seconds")
    #expect(lines.dropFirst().map { $0.split(separator: ",")[0] } == ["1", "5", "30"])
  }

  @Test func `one stored network predicts once, whatever is asked for`() async throws {
    let outcome = try await run(["method": "map", "hidden": [5], "draws": [1, 10, 100]])
    #expect(outcome.metrics["draws"]?.double == 1)
  }

  @Test func `what can't be measured is one clear sentence`() async throws {
    var error = await #expect(throws: StageError.self) {
      try await run(["method": "map", "draws": []])
    }
    #expect(error?.message == "'draws' is empty; one number is needed")
    error = await #expect(throws: StageError.self) { try await run(["method": "magic"]) }
    #expect(error?.message.hasPrefix("no method 'magic'") == true)
  }

  private func run(_ parameters: Value) async throws -> StageHarness<InferenceCost>.Outcome {
    let path = NSTemporaryDirectory() + "cost-\(UUID().uuidString).csv"
    try Data(Self.rows.utf8).write(to: URL(fileURLWithPath: path))
    return try await StageHarness(InferenceCost.self).run(
      parameters: parameters, inputs: ["train": path, "rows": path], seed: 1, cpus: 1)
  }
}
