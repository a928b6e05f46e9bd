@testable import BayesianInference
import Foundation
import StructuredValue
import Tensors
import Testing

/// What defaults must not do on problems that nobody has tuned them for.
struct UnseenProblemTests {
  /// The mean log-likelihood of 200 test rows, and that of one normal with the targets' moments.
  private func logLikelihoods(
    _ name: String, _ options: [String: Value] = [:], rows count: Int, features: Int,
    scale: Double = 1, _ target: @escaping ([Double], inout RandomStream) -> Double
  ) async throws -> (method: Double, constant: Double) {
    var random = RandomStream(seed: 5)
    let table = { (count: Int) in
      let inputs = (0..<count).map { _ in (0..<features).map { _ in random.normal() } }
      return try LabelledRows(Rows(inputs), inputs.map { scale * target($0, &random) })
    }
    let (train, test) = (try table(count), try table(200))
    let scaling = try Standardisation(train, scalesTarget: true)
    let posterior = try Posterior(
      network: Network(inputs: features, hidden: [50], outputs: 1, activation: .relu),
      prior: .scaledByWidth(weights: [1, 1], biases: [1, 1]),
      likelihood: .gaussian(.learned(shape: 1, rate: 0.01)), rows: scaling.rows(train),
      scaling: scaling, arithmetic: .single)
    let fitted = try await InferenceMethods.method(name, options: options).fit(
      posterior, FitContext(random: RandomStream(seed: 6), workers: 2))
    let draws = try fitted.predict(test.inputs, count: 200, random: RandomStream(seed: 7))
    let metrics = try RegressionMetrics(draws, test.targets)
    let constant = test.targets.map {
      let error = ($0 - scaling.targetMean) / scaling.targetScale
      return -0.5 * error * error - log(scaling.targetScale) - 0.5 * log(2 * Double.pi)
    }
    return (metrics.mixtureLogLikelihood, constant.reduce(0, +) / Double(constant.count))
  }

  @Test(arguments: ["dropout", "sgd", "deep-ensemble", "map", "pbp"])
  func `targets in millions and in millionths are learned as well as others`(
    name: String
  ) async throws {
    let options: [String: Value] =
      ["dropout": ["epochs": 1500, "dropout-rate": 0.05], "sgd": ["epochs": 2000]][name] ?? [:]
    var found: [Double] = []
    for scale in [1e-6, 1, 1e6] {
      let logs = try await logLikelihoods(
        name, options, rows: 60, features: 2, scale: scale
      ) { x, random in 5 + x[0] * x[0] + 0.2 * random.normal() }
      found.append(logs.method + log(scale))
      // An ensemble learns a variance of each row besides, for which sixty rows are few: no length of
      // training brings it more than 0.2 above the constant.
      #expect(
        logs.method > logs.constant + (name == "deep-ensemble" ? 0.1 : 0.5), "\(scale): \(logs)")
    }
    // A unit is no information; dropout's published prior is in the user's units all the same.
    let tolerance = name == "dropout" ? 0.3 : 1e-3
    #expect((found.max() ?? 0) - (found.min() ?? 0) < tolerance, "\(found)")
  }

  @Test(arguments: ["deep-ensemble", "sgd", "pbp"])
  func `a network that could fit pure noise exactly stops before it is sure of it`(
    name: String
  ) async throws {
    let logs = try await logLikelihoods(name, rows: 100, features: 8) { _, random in
      random.normal()
    }
    #expect(logs.method > logs.constant - 0.1, "\(logs)")
  }

  @Test(arguments: ["deep-ensemble", "sgd", "pbp"])
  func `eleven rows of six features are predicted no worse than by a constant`(
    name: String
  ) async throws {
    let logs = try await logLikelihoods(name, rows: 11, features: 6) { x, random in
      x[0] + 0.3 * x[1] + 0.1 * random.normal()
    }
    #expect(logs.method > logs.constant - 0.1, "\(logs)")
  }

  @Test(arguments: ["deep-ensemble", "sgd", "pbp"])
  func `more features than rows are predicted not much worse than by a constant`(
    name: String
  ) async throws {
    let logs = try await logLikelihoods(name, rows: 20, features: 30) { x, random in
      x[0] - x[1] + 0.3 * random.normal()
    }
    #expect(logs.method > logs.constant - 0.2, "\(logs)")
  }

  @Test(arguments: ["deep-ensemble", "sgd", "pbp", "map"])
  func `targets with heavy tails are predicted not much worse than by a constant`(
    name: String
  ) async throws {
    // Noise of Student's distribution with two degrees of freedom, whose variance is infinite.
    let logs = try await logLikelihoods(name, rows: 60, features: 3) { x, random in
      x[0] + 0.3 * random.normal() / (-log(1 - random.uniform())).squareRoot()
    }
    #expect(logs.method > logs.constant - 0.2, "\(logs)")
  }

  @Test func `a plane of a fit that is far too close doesn't tell that there is no noise`()
    async throws
  {
    let logs = try await logLikelihoods("subspace-ess", rows: 40, features: 30) { x, random in
      x[0] - x[1] + 0.3 * random.normal()
    }
    #expect(logs.method > logs.constant - 3, "\(logs)")
  }

  @Test func `a hypernetwork is as sure as independent normals are, not surer`() async throws {
    let options: [String: Value] = ["iterations": 1500, "samples": 3, "width": 16]
    let logs = try await logLikelihoods("hypernet", options, rows: 60, features: 6) { x, random in
      x[0] + 0.5 * x[1] * x[2] + 0.3 * random.normal()
    }
    let others = try await logLikelihoods(
      "bbb-local", ["iterations": 1500], rows: 60, features: 6
    ) { x, random in x[0] + 0.5 * x[1] * x[2] + 0.3 * random.normal() }
    #expect(logs.method > others.method - 0.1, "\(logs), \(others)")
  }

  @Test(arguments: ["deep-ensemble", "sgd", "pbp"])
  func `thirty rows of a wave are told from noise`(name: String) async throws {
    let logs = try await logLikelihoods(name, rows: 30, features: 1) { x, random in
      sin(2 * x[0]) + 0.1 * random.normal()
    }
    // A single network is as sure where there are no rows as among them, which costs it what it learned.
    #expect(logs.method > logs.constant - (name == "sgd" ? 0.25 : 0), "\(logs)")
  }

  @Test func `a held-out row that is met by chance doesn't tell dropout that there is no noise`()
    async throws
  {
    let logs = try await logLikelihoods(
      "dropout", ["epochs": 300], rows: 8, features: 1
    ) { x, random in x[0] + 0.3 * random.normal() }
    #expect(logs.method > logs.constant - 1, "\(logs)")
  }

  @Test(arguments: ["sgld", "sghmc", "csgld", "csghmc"])
  func `few rows whose noise turns out to be small don't make a chain diverge`(
    name: String
  ) async throws {
    let logs = try await logLikelihoods(
      name, ["iterations": 4000, "chains": 2], rows: 8, features: 1
    ) { x, random in x[0] + 0.01 * random.normal() }
    #expect(logs.method > logs.constant, "\(logs)")
  }

  @Test func `an ensemble of given epochs trains as long as it is told to`() async throws {
    let posterior = try LinearModel().posterior
    let passes = try await InferenceMethods.method("deep-ensemble", options: ["epochs": 30])
      .fit(posterior, FitContext(random: RandomStream(seed: 1))).passes
    #expect(passes == 5 * 30)
  }
}
