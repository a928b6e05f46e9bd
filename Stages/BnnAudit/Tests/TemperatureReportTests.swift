import BayesianInference
import BnnAuditStage
import Formats
import Foundation
import StageKit
import StageTesting
import StructuredValue
import Tensors
import Testing

struct TemperatureReportTests {
  private static let rows = "x0,y\n-1,1\n0,0.5\n1,-0.5\n2,-1\n"

  /// Draws of a line's posterior at a temperature, made without a sampler: N(mean, T V) in closed form.
  private static func draws(_ temperature: Double, saying said: Double = 1) throws -> String {
    // Prior N(0, 1) on weight and bias, noise 0.5: the precision of (weight, bias) is XᵀX / 0.25 + I.
    let (x, y) = ([-1.0, 0, 1, 2], [1, 0.5, -0.5, -1])
    let a = x.reduce(0) { $0 + $1 * $1 } / 0.25 + 1
    let (b, c) = (x.reduce(0, +) / 0.25, 4 / 0.25 + 1)
    let (u, v) = (zip(x, y).reduce(0) { $0 + $1.0 * $1.1 } / 0.25, y.reduce(0, +) / 0.25)
    let determinant = a * c - b * b
    let mean = ((c * u - b * v) / determinant, (a * v - b * u) / determinant)
    // V = LLᵀ.
    let first = (c / determinant).squareRoot()
    let beside = -b / determinant / first
    let second = (a / determinant - beside * beside).squareRoot()
    var random = RandomStream(seed: 1)
    let draws = (0..<4000).flatMap { _ -> [Float] in
      let (p, q) = (
        random.normal() * temperature.squareRoot(), random.normal() * temperature.squareRoot()
      )
      return [Float(mean.0 + first * p), Float(mean.1 + beside * p + second * q)]
    }
    var posterior = ApproximatePosterior(
      method: "made", network: try Network(inputs: 1, hidden: [], outputs: 1, activation: .relu),
      likelihood: .gaussian(.known(deviation: 0.5)), scaling: .identity(width: 1), rule: .draws,
      draws: draws, chains: 1, noise: [Double](repeating: 0.5, count: 4000))
    posterior.temperature = said
    let path = NSTemporaryDirectory() + "audit-\(UUID().uuidString).safetensors"
    try posterior.file().write(to: path)
    return path
  }

  @Test(arguments: [1, 0.05, 3])
  func `draws tell their temperature, whatever is said of them`(temperature: Double) async throws {
    let outcome = try await run(try Self.draws(temperature))
    let sampled = outcome.metrics["sampled_temperature"]?.double ?? 0
    // A mean of 8000 squares has a standard error of √2/√8000.
    #expect(abs(sampled / temperature - 1) < 4 * (2.0 / 8000).squareRoot(), "\(sampled)")
    #expect(outcome.metrics["is_cold"]?.double == (temperature < 0.5 ? 1 : 0))
    #expect(outcome.metrics["is_as_said"]?.double == (temperature == 1 ? 1 : 0))
    #expect(outcome.log.count == (temperature == 1 ? 0 : 1))
  }

  @Test func `a cold chain that says so is cold, and as said`() async throws {
    let outcome = try await run(try Self.draws(0.05, saying: 0.05))
    #expect(outcome.metrics["is_cold"]?.double == 1 && outcome.metrics["is_as_said"]?.double == 1)
  }

  @Test func `draws of other rows' model are one clear sentence`() async throws {
    var error = await #expect(throws: StageError.self) {
      try await run(try Self.draws(1), ["hidden": [3], "noise": 0.5])
    }
    #expect(error?.message == "the draws are of another network than the posterior")
    error = await #expect(throws: StageError.self) {
      try await run(try Self.draws(1), rows: "a,b,y\n1,2,3\n2,3,4\n")
    }
    #expect(error?.message == "the rows have 2 features, the network 1 inputs")
  }

  private func run(
    _ posterior: String, _ parameters: Value = ["hidden": [], "noise": 0.5], rows: String = rows
  ) async throws -> StageHarness<TemperatureReport>.Outcome {
    let path = NSTemporaryDirectory() + "audit-\(UUID().uuidString).csv"
    try Data(rows.utf8).write(to: URL(fileURLWithPath: path))
    return try await StageHarness(TemperatureReport.self).run(
      parameters: parameters, inputs: ["posterior": posterior, "train": path])
  }
}
