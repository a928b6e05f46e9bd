@testable import BayesianInference
import Foundation
import Statistics
import StructuredValue
import Tensors
import Testing

struct UnreliableFitTests {
  private static func posterior(
    _ targets: [Double], _ likelihood: Likelihood = .gaussian(.known(deviation: 1)),
    prior: Double = 1
  ) throws -> Posterior {
    try Posterior(
      network: try Network(inputs: 2, hidden: [], outputs: 1, activation: .relu),
      prior: .isotropic(prior), likelihood: likelihood,
      // Two features that are the same.
      rows: try LabelledRows(Rows(targets.indices.map { [Double($0), Double($0)] }), targets))
  }

  @Test(arguments: ["hmc", "nuts", "map", "sghmc", "laplace"])
  func `an energy that isn't finite at the start is one clear sentence`(name: String) async throws {
    let error = await #expect(throws: InferenceError.self) {
      try await InferenceMethods.method(name).fit(
        Self.posterior([1e200, -1e200, 0]), FitContext(random: RandomStream(seed: 1)))
    }
    #expect(error?.code == .failed)
    #expect(error?.message.contains("the energy at the start") == true, "\(error?.message ?? "")")
    #expect(error?.message.contains("is the data standardised?") == true)
  }

  @Test func `trajectories that are refused or diverge make a result unreliable`() async throws {
    let chains = HamiltonianChains(chains: 2, warmup: 10, draws: 20, targetAcceptance: 0.8)
    let fitted = { (acceptance: Double, isDivergent: Bool) in
      try await chains.sample(
        "hmc", Self.posterior([0, 1, 2]), FitContext(random: RandomStream(seed: 1))
      ) { _, _, _, _ in TransitionReport(acceptance: acceptance, isDivergent: isDivergent) }
    }
    #expect(try await fitted(0.8, false).warnings == [])
    #expect(
      try await fitted(0.05, false).warnings.map { $0.hasPrefix("unreliable: trajectories are") }
        == [true])
    #expect(
      try await fitted(0.8, true).warnings == ["unreliable: 40 of 40 trajectories diverge"])
  }

  @Test func `draws of another temperature than was asked for are unreliable`() async throws {
    let model = try LinearModel()
    // Steps near the limit of stability sample hotter than they say (Neal 2011, section 5.3).
    let fitted = try await InferenceMethods.method(
      "sgld", options: ["stability": 1.4, "iterations": 20_000]
    ).fit(model.posterior, FitContext(random: RandomStream(seed: 2)))
    #expect(fitted.warnings.count == 1)
    #expect(
      fitted.warnings.first?.hasPrefix("unreliable: the draws have the temperature ") == true)
    let fine = try await InferenceMethods.method("sgld", options: ["iterations": 20_000]).fit(
      model.posterior, FitContext(random: RandomStream(seed: 2)))
    #expect(fine.warnings == [])
  }

  @Test func `a matrix that isn't positive definite names its least eigenvalue`() throws {
    // Ten multiples of one feature leave 1 beside 10²⁴, which rounding loses.
    var random = RandomStream(seed: 4)
    let x = random.normals(30)
    let inputs = Rows(x.map { value in (1...10).map { value * Double($0) / 7 } })
    let posterior = try Posterior(
      network: try Network(inputs: 10, hidden: [], outputs: 1, activation: .relu),
      prior: .isotropic(1e12), likelihood: .gaussian(.known(deviation: 1)),
      rows: try LabelledRows(inputs, x))
    let error = #expect(throws: InferenceError.self) {
      try GaussNewtonMatrix(posterior, [Double](repeating: 0, count: 11), precision: 1).full(
        from: 0, "laplace")
    }
    #expect(error?.message.hasPrefix("laplace: the curvature's least eigenvalue is ") == true)
    #expect(error?.message.hasSuffix("; a narrower prior damps it") == true)
  }

  @Test func `updates that would leave no variance are counted`() async throws {
    let posterior = try Self.posterior([0, 1, 1e9, 0], .gaussian(.learned(shape: 6, rate: 6)))
    let fitted = try await InferenceMethods.method("pbp", options: ["passes": 3]).fit(
      posterior, FitContext(random: RandomStream(seed: 1)))
    #expect(fitted.report["skipped_updates"] ?? 0 > 0)
    let variances = fitted.parameters(1)
    #expect(variances.allSatisfy { $0 > 0 && $0.isFinite })
  }

  @Test func `functions on different grids are not compared`() throws {
    let draws = { (rows: Int) in
      PredictiveDraws(
        likelihood: .gaussian(.known(deviation: 1)), count: 2, rows: rows, outputs: 1,
        values: [Float](repeating: 0, count: 2 * rows), noise: [1, 1], chains: 1)
    }
    let error = #expect(throws: InferenceError.self) {
      try RegressionFidelity(draws(4), reference: draws(5))
    }
    #expect(
      error?.message
        == "predictions on a grid of 4 rows can't be compared with a reference on 5")
  }
}
