import BnnFitStage
import BayesianInference
import Formats
import Foundation
import StageKit
import StageTesting
import StructuredValue
import Testing

struct BayesianFitTests {
  private static let rows =
    "a,b,y\n"
    + (0..<30).map { "\($0 % 7),\($0 % 5),\(2 * ($0 % 7) - ($0 % 5) + $0 % 2)\n" }.joined()

  @Test func `the posterior is a file that predicts in the user's units`() async throws {
    let outcome = try await run(["method": "laplace", "hidden": [], "noise": 0.1])
    let posterior = try ApproximatePosterior(Safetensors(path: outcome.path("posterior")))
    #expect(posterior.method == "laplace" && posterior.parameterCount == 3)
    #expect(outcome.metrics["parameters"] == 3)
    #expect(outcome.metrics["draws"] == 1001)
  }

  @Test func `the same seed gives the same bytes at any number of processors, another others`()
    async throws
  {
    let parameters: Value = [
      "method": "hmc", "hidden": [4], "options": ["warmup": 20, "draws": 20, "steps": 5],
    ]
    let first = try await run(parameters, cpus: 1).bytes("posterior")
    #expect(try await run(parameters, cpus: 2).bytes("posterior") == first)
    #expect(try await run(parameters, seed: 2).bytes("posterior") != first)
  }

  @Test func `a sampler says how hot its draws are, and the cold one is marked`() async throws {
    let outcome = try await run([
      "method": "sghmc", "hidden": [], "noise": 0.3,
      "options": ["noise": "ursabench", "iterations": 20_000],
    ])
    let temperature = try #require(outcome.metrics["temperature"]?.double)
    #expect(abs(temperature - 1.0 / 30) < 1e-12)
    #expect(outcome.metrics["sampled_temperature"]?.double ?? 1 < 0.05)
  }

  private static let refused: [(Value, String, StageError.Code)] = [
    (["method": "magic"], "no method 'magic'; the methods are hmc, nuts", .badParameter),
    (["method": "hmc", "options": ["stesp": 3]], "hmc has no option 'stesp'", .badParameter),
    (["method": "hmc", "options": ["steps": 0]], "'steps' is 0", .badParameter),
    (
      ["method": "map", "prior-weights": [1, 2, 3], "prior-biases": [1, 1]], "prior factors",
      .badParameter
    ),
    (["method": "pbp", "activation": "tanh"], "pbp is for rectifiers", .badParameter),
    (
      ["method": "map", "likelihood": "bernoulli"], "row 1: the label 2.0 is none of 0 to 1",
      .badInput
    ),
  ]

  @Test(arguments: refused.indices)
  func `parameters that can't be are one clear sentence`(number: Int) async throws {
    let (parameters, part, code) = Self.refused[number]
    let error = await #expect(throws: StageError.self) { try await run(parameters) }
    #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
    #expect(error?.code == code)
  }

  private static let badFiles = [
    ("a,y\n1,2\n", "the target is 2.0 in every row"), ("a,b\n1,2\n", "no column 'y' of numbers"),
    ("a,y\nx,2\n", "the column 'a' isn't of numbers"), ("a,y\n,2\n1,3\n", "row 0, column 'a'"),
    ("a,y\ninf,2\n1,3\n", "row 0, column 'a'"), ("y\n1\n", "0 feature columns"),
    ("a,y\n1,2\n1\n", "1 cell"), ("a,y\n1,nan\n1,3\n", "row 0: the target is nan"),
  ]

  @Test(arguments: badFiles)
  func `rows that can't be fitted are one clear sentence`(text: String, part: String)
    async throws
  {
    let error = await #expect(throws: StageError.self) {
      try await run(["method": "map"], rows: text)
    }
    #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
  }

  private func run(
    _ parameters: Value, rows: String = rows, seed: UInt64 = 1, cpus: Int = 2
  ) async throws -> StageHarness<BayesianFit>.Outcome {
    let path = NSTemporaryDirectory() + "fit-\(UUID().uuidString).csv"
    try Data(rows.utf8).write(to: URL(fileURLWithPath: path))
    return try await StageHarness(BayesianFit.self).run(
      parameters: parameters, inputs: ["train": path], seed: seed, cpus: cpus)
  }
}
