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
        == "score,mean,standard error,splits\nrmse,2.0,0.0,2\nwasserstein2,2.0,0.0,2\n")
  }

  @Test func `a published value that can't be used is one clear sentence`() async throws {
    let error = await #expect(throws: StageError.self) {
      try await run([1, 2], ["published": ["brier": [0.1, 0.1]]])
    }
    #expect(error?.message.contains("'brier: [0.1, 0.1]'") == true)
  }

  @Test func `a baseline's scores are taken off, and a gain counts what few repetitions are worth`()
    async throws
  {
    let outcome = try await run([2, 4], [:], baseline: [5, 6])
    #expect(outcome.metrics["rmse_difference"]?.double == -2.5)
    // Welch: 2.5 over √(1 + 0.25), with 1.25² / (1 + 0.0625) degrees of freedom, of which t is 2.24.
    let gain = outcome.metrics["wasserstein2_gain"]?.double ?? 0
    #expect(gain > 1.2 && gain < 1.6, "\(gain)")
    #expect(outcome.metrics["least_gain"]?.double == gain)
    // Split by split the differences are −3 and −2.
    #expect(abs((outcome.metrics["rmse_difference_se"]?.double ?? 0) - 0.5) < 1e-12)
    // A split that only the baseline has doesn't count; one that it lacks leaves nothing to pair.
    let more = try await run([2, 4], [:], baseline: [5, 6, 99])
    #expect(more.metrics["rmse_difference"]?.double == -2.5)
    let fewer = try await run([2, 4, 6], [:], baseline: [5, 6])
    #expect(fewer.metrics["rmse_difference"]?.double == -1.5)
    #expect(fewer.metrics["rmse_difference_se"]?.double == nil)
    let single = try await run([2], [:], baseline: [5])
    #expect(single.metrics["wasserstein2_gain"]?.double == nil)
  }

  @Test func `of several methods the least gain is told`() async throws {
    let near = try items([2, 4], "near")
    let scores = ["scores": near + (try items([5, 7], "far")), "baseline": try items([5, 6])]
    let outcome = try await StageHarness(BayesianSplits.self).run(gathered: scores)
    let far = try await run([5, 7], [:], baseline: [5, 6]).metrics["wasserstein2_gain"]?.double
    #expect(outcome.metrics["least_gain"]?.double == far && far ?? 1 < 0)
  }

  private func run(
    _ values: [Double], _ parameters: Value, baseline: [Double] = []
  ) async throws -> StageHarness<BayesianSplits>.Outcome {
    var gathered = ["scores": try items(values)]
    if !baseline.isEmpty { gathered["baseline"] = try items(baseline) }
    return try await StageHarness(BayesianSplits.self).run(
      parameters: parameters, gathered: gathered)
  }

  private func items(
    _ values: [Double], _ method: String = "m"
  ) throws -> [(name: String, path: String)] {
    try values.enumerated().map { index, value in
      let path = NSTemporaryDirectory() + "split-\(UUID().uuidString).json"
      let scores: Value = [
        "method": .string(method),
        "metrics": [
          "rmse": ["value": .double(value)], "wasserstein2": ["value": .double(value)],
          "rhat": ["value": .null, "reason": "one chain"],
        ],
      ]
      try Data(scores.json().utf8).write(to: URL(fileURLWithPath: path))
      return (name: "split=\(index)", path: path)
    }
  }
}
