import BnnCompareStage
import Foundation
import StageKit
import StageTesting
import StructuredValue
import Testing

struct BayesianComparisonTests {
  private static let scores = [
    score("hmc", 0.75, 0, 0, 1), score("near", 0.70, 0.01, 0.01, 1),
    score("far", 0.76, 0.2, 1.5, 0.01, warnings: ["unreliable: 9 of 9 trajectories diverge"]),
    score("cold", 0.74, 0.1, 1.2, 0.2, temperature: 0.025),
  ]

  @Test func `a method as likely as the reference and far from it is named`() async throws {
    let outcome = try await run(Self.scores)
    #expect(outcome.metrics["misleading"] == 2)
    #expect(outcome.metrics["better_than_reference"] == 1)
    // Likelihoods order near < cold < far, nearness far < cold < near.
    #expect(outcome.metrics["rank_correlation"]?.double == -1)
    #expect(outcome.metrics["best_by_likelihood_divergence"]?.double == 1.5)
    #expect(
      outcome.notes[0].hasPrefix(
        "Test log-likelihood says **far**; fidelity to hmc says **near**."))
    let lines = String(decoding: try outcome.bytes("table"), as: UTF8.self)
      .split(separator: "\n")
    #expect(lines[1].hasPrefix("far,1,3,0.76,") && lines[1].hasSuffix(",unreliable"))
    #expect(lines[3].hasPrefix("cold,2,2,") && lines[3].hasSuffix(",T = 0.025"))
  }

  @Test func `a missing reference and a strange file are one clear sentence`() async throws {
    var error = await #expect(throws: StageError.self) {
      try await run(Array(Self.scores.dropFirst()))
    }
    #expect(error?.message == "no scores are titled 'hmc'; the titles are near, far, cold")
    error = await #expect(throws: StageError.self) { try await run(Self.scores + ["{}"]) }
    #expect(error?.message.contains("isn't what bnn-evaluate writes") == true)
  }

  private static func score(
    _ name: String, _ likelihood: Double, _ distance: Double, _ divergence: Double,
    _ ratio: Double, temperature: Double = 1, warnings: [String] = []
  ) -> String {
    let metrics: Value = [
      "log_likelihood": ["value": .double(likelihood)],
      "wasserstein2": ["value": .double(distance)],
      "divergence": ["value": .double(divergence)], "deviation_ratio": ["value": .double(ratio)],
      "rhat": ["value": .null, "reason": "one chain"],
    ]
    let all: Value = [
      "method": .string(name), "temperature": .double(temperature),
      "warnings": .list(warnings.map { .string($0) }),
      "metrics": metrics,
    ]
    return all.json()
  }

  private func run(_ scores: [String]) async throws -> StageHarness<BayesianComparison>.Outcome {
    let items = try scores.enumerated().map { index, text in
      let path = NSTemporaryDirectory() + "scores-\(UUID().uuidString).json"
      try Data(text.utf8).write(to: URL(fileURLWithPath: path))
      return (name: "method=\(index)", path: path)
    }
    return try await StageHarness(BayesianComparison.self).run(
      parameters: ["reference": "hmc"], gathered: ["scores": items])
  }
}
