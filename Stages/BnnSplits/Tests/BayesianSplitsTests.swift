import BnnSplitsStage
import Foundation
import StageKit
import StageTesting
import StructuredValue
import Testing

struct BayesianSplitsTests {
  @Test func `means, standard errors, and the distance beyond what is allowed`() async throws {
    let outcome = try await run([2, 4], ["published": ["rmse": [3.0, 0.1]]])
    #expect(outcome.metrics["rmse"]?.double == 3)
    // The population deviation is 1.
    #expect(abs((outcome.metrics["rmse_se"]?.double ?? 0) - 0.5.squareRoot()) < 1e-12)
    #expect(outcome.metrics["rmse_beyond"]?.double == 0)
    let far = try await run([2, 2], ["published": ["rmse": [3.0, 0.1]]])
    #expect(abs((far.metrics["rmse_beyond"]?.double ?? 0) - (1 - 0.3 - 0.03)) < 1e-12)
    #expect(
      try String(decoding: far.bytes("table"), as: UTF8.self)
        == "score,mean,standard error,splits\nrmse,2.0,0.0,2\n")
  }

  @Test func `a published value that can't be used is one clear sentence`() async throws {
    let error = await #expect(throws: StageError.self) {
      try await run([1, 2], ["published": ["brier": [0.1, 0.1]]])
    }
    #expect(error?.message.contains("'brier: [0.1, 0.1]'") == true)
  }

  private func run(
    _ values: [Double], _ parameters: Value
  ) async throws -> StageHarness<BayesianSplits>.Outcome {
    let items = try values.enumerated().map { index, value in
      let path = NSTemporaryDirectory() + "split-\(UUID().uuidString).json"
      let scores: Value = [
        "method": "m",
        "metrics": [
          "rmse": ["value": .double(value)], "rhat": ["value": .null, "reason": "one chain"],
        ],
      ]
      try Data(scores.json().utf8).write(to: URL(fileURLWithPath: path))
      return (name: "split=\(index)", path: path)
    }
    return try await StageHarness(BayesianSplits.self).run(
      parameters: parameters, gathered: ["scores": items])
  }
}
