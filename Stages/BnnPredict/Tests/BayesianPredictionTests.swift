import BayesianInference
import BnnPredictStage
import Formats
import Foundation
import StageKit
import StageTesting
import Testing

struct BayesianPredictionTests {
  @Test func `numbers come with their mixture's interval, in the user's units`() async throws {
    let posterior = ApproximatePosterior(
      method: "made", network: try Network(inputs: 1, hidden: [], outputs: 1, activation: .relu),
      likelihood: .gaussian(.known(deviation: 1)),
      scaling: Standardisation(
        inputMeans: [2], inputScales: [2], targetMean: 10, targetScale: 5),
      rule: .draws, draws: [1, 0, 1, 0], chains: 1, noise: [1, 1])
    let outcome = try await run(posterior, "x0,y\n2,0\n4,0\n")
    let lines = String(decoding: try outcome.bytes("predictions"), as: UTF8.self)
      .split(separator: "\n").dropFirst().map { $0.split(separator: ",").compactMap { Double($0) } }
    // x = 4 is one deviation above the mean: f = 10 + 5, noise 5.
    #expect(lines[0][0] == 10 && lines[1][0] == 15)
    #expect(lines[1][1] == 0 && abs(lines[1][2] - 5) < 1e-6)
    #expect(abs(lines[1][4] - (15 + 5 * 1.959963984540054)) < 1e-4)
    let draws = try Safetensors(path: outcome.path("draws"))
    #expect(draws["values"]?.shape == [2, 2, 1] && draws["noise"]?.shape == [2])
  }

  @Test func `classes come with probabilities and both uncertainties`() async throws {
    let posterior = ApproximatePosterior(
      method: "made", network: try Network(inputs: 1, hidden: [], outputs: 1, activation: .relu),
      likelihood: .bernoulli, scaling: .identity(width: 1), rule: .draws, draws: [5, 0, -5, 0],
      chains: 1, noise: [])
    let outcome = try await run(posterior, "x0\n0\n3\n")
    let lines = String(decoding: try outcome.bytes("predictions"), as: UTF8.self)
      .split(separator: "\n").map(String.init)
    #expect(lines[0] == "class,p0,p1,entropy,mutual_information")
    let (certain, torn) = (lines[1].split(separator: ","), lines[2].split(separator: ","))
    // At 0 both members say one half; at 3 they contradict each other.
    #expect(Double(certain[4]) == 0)
    #expect(Double(torn[4]) ?? 0 > 0.69)
  }

  private func run(
    _ posterior: ApproximatePosterior, _ rows: String
  ) async throws -> StageHarness<BayesianPrediction>.Outcome {
    let folder = NSTemporaryDirectory() + UUID().uuidString
    try posterior.file().write(to: folder + ".safetensors")
    try Data(rows.utf8).write(to: URL(fileURLWithPath: folder + ".csv"))
    return try await StageHarness(BayesianPrediction.self).run(
      inputs: ["posterior": folder + ".safetensors", "rows": folder + ".csv"])
  }
}
