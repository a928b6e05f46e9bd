import BnnEvaluateStage
import BayesianInference
import Formats
import Foundation
import StageKit
import StageTesting
import StructuredValue
import Testing

struct BayesianEvaluationTests {
  /// Linear functions y = w x + b as draws; x is the only feature.
  static func posterior(
    _ draws: [(weight: Float, bias: Float)], noise: Double = 0.5, chains: Int = 1,
    likelihood: Likelihood = .gaussian(.known(deviation: 0.5))
  ) throws -> String {
    let posterior = ApproximatePosterior(
      method: "made", network: try Network(inputs: 1, hidden: [], outputs: 1, activation: .relu),
      likelihood: likelihood, scaling: .identity(width: 1), rule: .draws,
      draws: draws.flatMap { [$0.weight, $0.bias] }, chains: chains,
      noise: likelihood.isRegression ? draws.map { _ in noise } : [])
    let path = NSTemporaryDirectory() + "posterior-\(UUID().uuidString).safetensors"
    try posterior.file().write(to: path)
    return path
  }

  @Test func `numbers are judged in closed form`() async throws {
    let outcome = try await run(
      ["posterior": try Self.posterior([(1, 0)]), "test": try file("x0,y\n1,1.5\n2,2\n3,2.5\n")])
    // Errors −0.5, 0, 0.5 at a noise of 0.5.
    let expected = -0.5 * (2.0 / 3) - log(0.5 * (2 * Double.pi).squareRoot())
    #expect(abs((outcome.metrics["log_likelihood"]?.double ?? 0) - expected) < 1e-6)
    #expect(abs((outcome.metrics["rmse"]?.double ?? 0) - (0.5 / 3).squareRoot()) < 1e-6)
    #expect(outcome.metrics["coverage95"]?.double == 1)
    let scores = try Value(json: Data(try outcome.bytes("scores")))
    let likelihood = scores.map?["metrics"]?.map?["log_likelihood"]?.map
    #expect(likelihood?["standard_error"]?.double ?? 0 > 0)
  }

  @Test func `fidelity to a reference is in closed form`() async throws {
    let grid = try file("x0\n0\n1\n2\n")
    let outcome = try await run(
      [
        "posterior": try Self.posterior([(1, 0), (1, 1)]),
        "reference": try Self.posterior([(1, 0), (1, 2)]),
        "test": try file("x0,y\n1,1\n2,2\n"), "grid": grid,
      ], ["probe": [1]])
    // Sorted draws differ by 0 and 1 at each point.
    #expect(abs((outcome.metrics["wasserstein2"]?.double ?? 0) - 0.5.squareRoot()) < 1e-6)
    #expect(abs((outcome.metrics["deviation_ratio"]?.double ?? 0) - 0.5) < 1e-6)
    #expect(outcome.metrics["rhat"] == .null)
    let text = String(decoding: try outcome.bytes("grid-scores"), as: UTF8.self)
    #expect(
      text.hasPrefix(
        "x0,mean,deviation,reference_mean,reference_deviation,wasserstein2,divergence\n0.0,0.5,0.5,1.0,1.0,"
      ))
  }

  @Test func `classes are judged, and what one member can't say is undefined with its reason`()
    async throws
  {
    let outcome = try await run([
      "posterior": try Self.posterior([(2, 0)], likelihood: .bernoulli),
      "test": try file("x0,y\n-1,0\n1,1\n2,0\n-0.5,0\n"),
    ])
    #expect(outcome.metrics["accuracy"]?.double == 0.75)
    #expect(outcome.metrics["error_auroc_model"] == .null)
    let scores = try Value(json: Data(try outcome.bytes("scores")))
    #expect(
      scores.map?["metrics"]?.map?["error_auroc_model"]?.map?["reason"]
        == "one member has no model uncertainty")
  }

  @Test func `chains that don't agree are no reference`() async throws {
    let apart = (0..<40).map { index -> (weight: Float, bias: Float) in
      (0, Float(index < 20 ? index % 5 : 100 + index % 7))
    }
    let error = await #expect(throws: StageError.self) {
      try await run([
        "posterior": try Self.posterior([(1, 0)]),
        "reference": try Self.posterior(apart, chains: 2),
        "test": try file("x0,y\n1,1\n2,2\n"), "grid": try file("x0\n0\n1\n"),
      ])
    }
    #expect(error?.message.contains("above 1.05 it is no reference") == true)
    // Of themselves they tell only that they are unreliable.
    let outcome = try await run([
      "posterior": try Self.posterior(apart, chains: 2), "test": try file("x0,y\n1,1\n2,2\n"),
      "grid": try file("x0\n0\n1\n"),
    ])
    let scores = try Value(json: Data(try outcome.bytes("scores")))
    let warnings = scores.map?["warnings"]?.list?.compactMap(\.string) ?? []
    #expect(warnings.count == 1)
    #expect(warnings.first?.hasPrefix("unreliable: R̂ of the function is ") == true)
    #expect(outcome.log.count == 1)
  }

  @Test func `what doesn't fit is one clear sentence`() async throws {
    let posterior = try Self.posterior([(1, 0)])
    let wide = try file("a,b,y\n1,2,3\n2,3,4\n")
    var error = await #expect(throws: StageError.self) {
      try await run(["posterior": posterior, "test": wide])
    }
    #expect(error?.message == "the rows have 2 features, the network 1 inputs")
    error = await #expect(throws: StageError.self) {
      try await run(["posterior": wide, "test": wide])
    }
    #expect(error?.slot == "posterior")
    error = await #expect(throws: StageError.self) {
      try await run(
        ["posterior": posterior, "test": try file("x0,y\n1,1\n"), "reference": posterior])
    }
    #expect(error?.message.contains("connect 'grid'") == true)
  }

  private func run(
    _ inputs: [String: String], _ parameters: Value = [:]
  ) async throws -> StageHarness<BayesianEvaluation>.Outcome {
    try await StageHarness(BayesianEvaluation.self).run(
      parameters: parameters, inputs: inputs, seed: 1)
  }

  private func file(_ text: String) throws -> String {
    let path = NSTemporaryDirectory() + "rows-\(UUID().uuidString).csv"
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    return path
  }
}
