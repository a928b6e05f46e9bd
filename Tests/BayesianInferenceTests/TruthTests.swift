@testable import BayesianInference
import Formats
import Foundation
import LinearAlgebra
import Statistics
import StructuredValue
import Tensors
import Testing

struct AcceptanceTests {
  @Test(arguments: [0.4, 0.6, 0.9])
  func `trajectories are accepted as the energy error's spread says`(step: Double) throws {
    // A normal target in many dimensions has a normal energy error of variance s² and mean s²/2, and
    // the acceptance 2 Φ(−s/2) (Neal 2011, section 4.2, after Creutz 1988 and Gupta et al. 1990).
    let dimensions = 400
    let posterior = try Posterior(
      network: try Network(inputs: dimensions - 1, hidden: [], outputs: 1, activation: .relu),
      prior: .isotropic(1e-9), likelihood: .gaussian(.known(deviation: 1)),
      rows: try LabelledRows(Rows([[Double](repeating: 0, count: dimensions - 1)]), [0]))
    let energy = Energy(posterior)
    var random = RandomStream(seed: 12)
    let zeros = [Double](repeating: 0, count: dimensions)
    let errors = (0..<3000).map { _ in
      var point = PhasePoint(
        z: random.normals(dimensions), momentum: random.normals(dimensions), gradient: zeros,
        energy: 0)
      point.evaluate(energy)
      let before = point.hamiltonian
      for _ in 0..<2 { point.leapfrog(step, energy) }
      return point.hamiltonian - before
    }
    let moments = Moments(errors)
    let acceptances = Moments(errors.map { min(1, exp(-$0)) })
    let expected = 2 * NormalDistribution.probability(below: -moments.deviation / 2)
    let error = acceptances.deviation / Double(errors.count).squareRoot()
    #expect(abs(acceptances.mean - expected) < 4 * error + 0.01, "\(acceptances.mean), \(expected)")
    // The mean of exp(−error) is 1 for any target; its own mean can be told where s is not large.
    guard moments.deviation < 1 else { return }
    let exponentials = Moments(errors.map { exp(-$0) })
    #expect(
      abs(exponentials.mean - 1)
        < 4 * exponentials.deviation / Double(errors.count).squareRoot())
  }
}

struct WideNetworkTests {
  /// The covariance of functions of an infinitely wide network of rectifiers (Cho and Saul 2009).
  private func kernel(_ x: Double, _ y: Double) -> Double {
    let (a, b, c) = (x * x + 1, y * y + 1, x * y + 1)
    let angle = acos(min(max(c / (a * b).squareRoot(), -1), 1))
    return (a * b).squareRoot() / (2 * Double.pi)
      * (sin(angle) + (Double.pi - angle) * cos(angle)) + 1
  }

  @Test func `a wide network's posterior is that of its Gaussian process`() async throws {
    let (inputs, targets, noise) = ([-1.5, -0.4, 0.3, 1.1], [0.9, -0.5, -0.2, 1.3], 0.3)
    let posterior = try Posterior(
      network: try Network(inputs: 1, hidden: [2000], outputs: 1, activation: .relu),
      prior: .scaledByWidth(weights: [1, 1], biases: [1, 1]),
      likelihood: .gaussian(.known(deviation: noise)),
      rows: try LabelledRows(Rows(inputs.map { [$0] }), targets))
    let fitted = try await InferenceMethods.method(
      "hmc", options: ["chains": 2, "warmup": 100, "draws": 500, "steps": 8]
    ).fit(posterior, FitContext(random: RandomStream(seed: 4), workers: 2))
    let points = [-2.5, 0, 0.7, 2]
    let draws = try fitted.predict(Rows(points.map { [$0] }), random: RandomStream(seed: 1))
    let gram = inputs.indices.flatMap { i in
      inputs.indices.map { j in kernel(inputs[i], inputs[j]) + (i == j ? noise * noise : 0) }
    }
    let factor = try #require(CholeskyFactorization(gram, size: inputs.count))
    for (row, point) in points.enumerated() {
      let cross = inputs.map { kernel($0, point) }
      let mean = BayesianInference.dot(cross, factor.solve(targets))
      let variance = kernel(point, point) - BayesianInference.dot(cross, factor.solve(cross))
      let values = Moments(draws.values(at: row))
      let error = try #require(try ChainDiagnostics(draws.chainValues(at: row)).meanError.value)
      // Four standard errors, and what 2000 units differ from infinitely many.
      #expect(
        abs(values.mean - mean) < 4 * error + 0.03 * variance.squareRoot(), "at \(point)")
      #expect(abs(values.deviation / variance.squareRoot() - 1) < 0.12, "at \(point)")
    }
  }
}

struct CheckpointTests {
  /// Keeps states in memory and stops a fit when so many were saved.
  private final class Store: @unchecked Sendable {
    // Chains run one after the other in these tests.
    var states: [String: [UInt8]] = [:]
    var saves = 0
    let limit: Int

    init(limit: Int) { self.limit = limit }

    var checkpoints: Checkpoints {
      Checkpoints(
        load: { name in
          self.states[name].flatMap {
            try? Safetensors(FileContent($0, name: name))
          }
        },
        save: { name, state in
          // What comes after the limit is lost, as in an interruption.
          guard self.saves < self.limit else { return }
          self.saves += 1
          self.states[name] = try? state().bytes()
        })
    }
  }

  @Test(
    arguments: [
      "hmc", "nuts", "sgld", "psgld", "sghmc", "csgld", "csghmc", "bbb", "bb-alpha", "mvg", "mnf",
      "deep-ensemble", "dropout",
    ],
    Posterior.Arithmetic.allCases)
  func `an interrupted fit goes on to the same bytes`(
    name: String, arithmetic: Posterior.Arithmetic
  ) async throws {
    for noise in [Likelihood.Noise.learned(shape: 1, rate: 0.1), .known(deviation: 0.5)] {
      try await checkResuming(name, arithmetic, noise)
    }
  }

  private func checkResuming(
    _ name: String, _ arithmetic: Posterior.Arithmetic, _ noise: Likelihood.Noise
  ) async throws {
    let model = try LinearModel(rows: 30)
    let posterior = try Posterior(
      network: try Network(inputs: 2, hidden: [5], outputs: 1, activation: .tanh),
      prior: .isotropic(1), likelihood: .gaussian(noise), rows: model.posterior.rows,
      arithmetic: arithmetic)
    let options: [String: Value] =
      switch name {
      case "hmc", "nuts": ["chains": 2, "warmup": 30, "draws": 30]
      case "bbb", "bb-alpha": ["iterations": 200, "batch": 8, "samples": 2, "draws": 5]
      case "mvg", "mnf": ["iterations": 60, "batch": 8, "draws": 5]
      case "deep-ensemble": ["members": 2, "epochs": 20, "batch": 8]
      case "dropout": ["epochs": 20, "batch": 8, "precision": 4]
      default: ["chains": 2, "iterations": 400, "batch": 8]
      }
    let method = try InferenceMethods.method(name, options: options)
    let whole = try await method.fit(posterior, FitContext(random: RandomStream(seed: 3)))
    let store = Store(limit: 25)
    let kept = try await method.fit(
      posterior, FitContext(random: RandomStream(seed: 3), checkpoints: store.checkpoints))
    #expect(store.saves == 25)
    let resumed = try await method.fit(
      posterior, FitContext(random: RandomStream(seed: 3), checkpoints: store.checkpoints))
    #expect(try whole.file().bytes() == kept.file().bytes())
    #expect(try whole.file().bytes() == resumed.file().bytes())
    #expect(whole.passes == resumed.passes)
    let error = await #expect(throws: InferenceError.self) {
      try await method.fit(
        posterior, FitContext(random: RandomStream(seed: 4), checkpoints: store.checkpoints))
    }
    #expect(error?.message.contains("another fit") == true)
  }
}
