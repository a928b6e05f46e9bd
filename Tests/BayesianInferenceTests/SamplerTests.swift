@testable import BayesianInference
import Foundation
import LinearAlgebra
import Statistics
import StructuredValue
import Tensors
import Testing

struct LeapfrogTests {
  /// U = λ z² / 2 of one whitened bias, from one observation of 0.
  static func oscillator(_ curvature: Double) throws -> Posterior {
    try Posterior(
      network: try Network(inputs: 1, hidden: [], outputs: 1, activation: .tanh),
      prior: .isotropic(1),
      likelihood: .gaussian(.known(deviation: 1 / (curvature - 1).squareRoot())),
      rows: try LabelledRows(Rows([[0]]), [0]))
  }

  @Test func `the trajectory of an oscillator is as computed independently`() throws {
    let golden = try Golden.section("leapfrog")
    // Without data U = z²/2; an observation this vague is none.
    let energy = Energy(
      try Posterior(
        network: try Network(inputs: 1, hidden: [], outputs: 1, activation: .tanh),
        prior: .isotropic(1), likelihood: .gaussian(.known(deviation: 1e9)),
        rows: try LabelledRows(Rows([[0]]), [0])))
    let trajectory = golden["trajectory"]?.matrix ?? []
    var point = PhasePoint(
      z: [0, trajectory[0][0]], momentum: [0, trajectory[0][1]], gradient: [0, 0], energy: 0)
    point.energy = energy.evaluate(point.z, gradient: &point.gradient)
    let start = point.hamiltonian
    let invariant = { (point: PhasePoint) in
      point.z[1] * point.z[1] * (1 - 0.09 / 4) + point.momentum[1] * point.momentum[1]
    }
    let first = invariant(point)
    for (index, expected) in trajectory.enumerated() {
      #expect(agree([point.z[1], point.momentum[1]], expected, 1e-9), "step \(index)")
      #expect(abs(invariant(point) - first) < 1e-12)
      if index == 10 {
        #expect(abs(point.hamiltonian - start - golden.number("delta_H_after_10")) < 1e-9)
      }
      point.leapfrog(0.3, energy)
    }
  }

  @Test func `steps back return to the start, and the energy error falls as the step's square`()
    throws
  {
    let posterior = try EnergyTests.posterior(.gaussian(.known(deviation: 0.3)), .tanh, [7])
    let energy = Energy(posterior)
    var random = RandomStream(seed: 5)
    let count = posterior.parameterCount
    var start = PhasePoint(
      z: random.normals(count), momentum: random.normals(count),
      gradient: [Double](repeating: 0, count: count), energy: 0)
    start.energy = energy.evaluate(start.z, gradient: &start.gradient)
    var point = start
    for _ in 0..<50 { point.leapfrog(0.003, energy) }
    for i in 0..<count { point.momentum[i] = -point.momentum[i] }
    for _ in 0..<50 { point.leapfrog(0.003, energy) }
    #expect(agree(point.z, start.z, 1e-10))
    let error = { (step: Double, count: Int) -> Double in
      var point = start
      for _ in 0..<count { point.leapfrog(step, energy) }
      return abs(point.hamiltonian - start.hamiltonian)
    }
    let ratio = error(0.002, 50) / error(0.001, 100)
    #expect(ratio > 3 && ratio < 5, "\(ratio)")
  }
}

struct TemperatureTests {
  private static let samplers: [(name: String, options: [String: Value], factor: Double)] = [
    // Stationary variances times λ/T for ελ = 0.4 (Langevin) and α = 0.2.
    ("sgld", [:], 1 / (1 - 0.4 / 2)), ("sghmc", ["friction": 0.2], 1 / (1 - 0.4 / (2 * 1.8))),
    ("sghmc", ["friction": 1], 1 / (1 - 0.4 / 2)),
  ]

  @Test(arguments: samplers.indices, [1.0, 0.1])
  func `a sampler's noise has the scale of its temperature`(number: Int, temperature: Double)
    async throws
  {
    let (name, options, factor) = Self.samplers[number]
    let posterior = try LeapfrogTests.oscillator(4)
    var all = options
    all["step"] = 0.1
    all["temperature"] = .double(temperature)
    all["iterations"] = 25_000
    all["burn-in"] = 5_000
    all["draws"] = 20_000
    all["chains"] = 1
    let fitted = try await InferenceMethods.method(name, options: all).fit(
      posterior, FitContext(random: RandomStream(seed: 2)))
    let bias = (0..<fitted.count).map { fitted.parameters($0)[1] }
    let variance = bias.reduce(0) { $0 + $1 * $1 } / Double(bias.count)
    let expected = temperature / 4 * factor
    let diagnostics = try ChainDiagnostics([bias.map { $0 * $0 }])
    let size = try #require(diagnostics.meanSize.value)
    // The squares of a normal variable have the variance 2 σ⁴.
    let error = expected * (2 / size).squareRoot()
    #expect(abs(variance - expected) < 5 * error, "\(variance) of \(expected) ± \(error)")
    #expect(fitted.temperature == temperature)
  }

  @Test func `steps that fall sample the posterior, each state weighed by its step`() async throws {
    let model = try LinearModel()
    let fitted = try await InferenceMethods.method(
      "sgld", options: ["step-decay": 0.6, "iterations": 60_000, "draws": 1000]
    ).fit(model.posterior, FitContext(random: RandomStream(seed: 5), workers: 2))
    #expect(fitted.count == 4000)
    let draws = try fitted.predict(model.points, random: RandomStream(seed: 6))
    for row in 0..<model.points.count {
      let (values, exact) = (Moments(draws.values(at: row)), model.exact(row))
      let deviation = exact.variance.squareRoot()
      #expect(abs(values.mean - exact.mean) < 0.15 * deviation, "row \(row)")
      #expect(abs(values.deviation / deviation - 1) < 0.15, "row \(row)")
    }
  }

  @Test
  func `noise as in the published code is colder by the number of rows, and the audit sees it`()
    async throws
  {
    let model = try LinearModel()
    let fit = { (noise: String) in
      try await InferenceMethods.method(
        "sghmc", options: ["noise": .string(noise), "iterations": 20_000]
      ).fit(model.posterior, FitContext(random: RandomStream(seed: 2), workers: 2))
    }
    let (cold, warm) = (try await fit("ursabench"), try await fit("exact"))
    #expect(cold.temperature == 1.0 / 60 && warm.temperature == 1)
    #expect(abs((warm.report["sampled_temperature"] ?? 0) - 1) < 0.15)
    #expect(abs((cold.report["sampled_temperature"] ?? 0) * 60 - 1) < 0.15)
  }
}

struct TemperatureAuditTests {
  @Test func `chains that stay where they are, each somewhere in the posterior, aren't cold`()
    throws
  {
    let model = try LinearModel()
    let factor = try #require(
      SymmetricMatrix(size: 3, values: model.precision.flatMap { $0 }).cholesky())
    var random = RandomStream(seed: 3)
    var ratios: [Double] = []
    var covered = 0
    for _ in 0..<500 {
      let chains = (0..<4).map { _ -> [[Double]] in
        let deviation = factor.backward(random.normals(3))
        let z = zip(model.mean, deviation).map { ($0 + $1) / LinearModel.prior }
        return [z, z]
      }
      let draws = ApproximatePosterior(
        method: "stuck", of: model.posterior, chains: chains,
        precisions: [[Double]](repeating: [4, 4], count: 4))
      let estimate = try #require(try TemperatureAudit.estimate(of: draws, model.posterior))
      ratios.append(estimate.value)
      if !estimate.differs(from: 1, tolerance: 0) { covered += 1 }
    }
    let moments = Moments(ratios)
    // Measured from the mean of all, four such chains would have the temperature ¾.
    #expect(abs(moments.mean - 1) < 4 * moments.deviation / 500.0.squareRoot())
    // Two standard errors of four chains.
    #expect(covered > 375, "\(covered)")
  }

  @Test func `chains that haven't met are unreliable, whatever their temperature`() async throws {
    // Rows that leave much open, and steps far too small to cross it.
    var random = RandomStream(seed: 4)
    let inputs = Rows((0..<10).map { _ in random.normals(2) })
    let posterior = try Posterior(
      network: try Network(inputs: 2, hidden: [5], outputs: 1, activation: .tanh),
      prior: .isotropic(1), likelihood: .gaussian(.known(deviation: 1)),
      rows: try LabelledRows(inputs, random.normals(10)))
    let fit = { (options: [String: Value]) in
      try await InferenceMethods.method("hmc", options: options).fit(
        posterior, FitContext(random: RandomStream(seed: 5), workers: 2))
    }
    let short = try await fit(["warmup": 10, "draws": 10, "steps": 1])
    #expect(short.report["rhat"] ?? 0 > 1.05)
    #expect(short.warnings.contains { $0.hasPrefix("unreliable: R̂ of the function is ") })
    let long = try await fit(["warmup": 200, "draws": 500, "steps": 20])
    #expect(long.report["rhat"] ?? 2 < 1.03)
    #expect(long.warnings == [])
    let single = try await fit(["warmup": 10, "draws": 20, "steps": 2, "chains": 1])
    #expect(single.report["rhat"] == nil)
  }
}

struct ReferenceTests {
  static func posterior(_ name: String) throws -> Posterior {
    let train = try Golden.problem("\(name)_train")
    let width = train[0].count - 1
    let (likelihood, prior, hidden, activation): (Likelihood, Prior, Int, Network.Activation) =
      switch name {
      case "cubic":
        (
          .gaussian(.known(deviation: 0.14293781104421435)),
          .scaledByWidth(weights: [1, 2], biases: [1, 1]), 50, .relu
        )
      case "gap":
        (
          .gaussian(.known(deviation: 0.1)), .scaledByWidth(weights: [3, 1], biases: [3, 1]), 50,
          .tanh
        )
      default: (.bernoulli, .scaledByWidth(weights: [2, 3], biases: [2, 1]), 20, .tanh)
      }
    return try Posterior(
      network: try Network(inputs: width, hidden: [hidden], outputs: 1, activation: activation),
      prior: prior, likelihood: likelihood,
      rows: try LabelledRows(
        Rows(train.map { Array($0[..<width]) }), train.map { $0[width] }))
  }

  @Test(arguments: ["cubic", "gap", "moons"], ["hmc", "nuts"])
  func `samplers meet an independent long run within Monte Carlo error`(
    problem: String, method: String
  ) async throws {
    let posterior = try Self.posterior(problem)
    let fitted = try await InferenceMethods.method(
      method, options: method == "hmc" ? [:] : ["warmup": 300, "draws": 300]
    ).fit(posterior, FitContext(random: RandomStream(seed: 21), workers: 2))
    let reference = try Golden.problem("\(problem)_reference")
    let width = posterior.network.inputs
    let draws = try fitted.predict(
      Rows(reference.map { Array($0[..<width]) }), random: RandomStream(seed: 1))
    let first = problem == "moons" ? 4 : 1
    let size = 9
    var (means, ratios) = (0, 0)
    for (row, expected) in reference.enumerated() {
      let values = Moments(draws.values(at: row))
      let error = try ChainDiagnostics(draws.chainValues(at: row)).meanError.value ?? .nan
      let other = expected[first + 1] / expected[size].squareRoot()
      if abs(values.mean - expected[first]) <= 4 * (error * error + other * other).squareRoot() {
        means += 1
      }
      if abs(values.deviation / expected[first + 1] - 1) <= 0.07 { ratios += 1 }
    }
    #expect(Double(means) >= 0.95 * Double(reference.count))
    #expect(Double(ratios) >= 0.95 * Double(reference.count))
  }

  @Test func `HMC's scores on the gap are those of an independent long run`() async throws {
    let posterior = try Self.posterior("gap")
    let fitted = try await InferenceMethods.method("hmc").fit(
      posterior, FitContext(random: RandomStream(seed: 3), workers: 2))
    let test = try Golden.problem("gap_test")
    let metrics = try RegressionMetrics(
      fitted.predict(Rows(test.map { [$0[0]] }), count: 1000, random: RandomStream(seed: 1)),
      test.map { $0[1] })
    #expect(abs(metrics.mixtureLogLikelihood - 0.7591464340638276) < 0.01)
    #expect(abs(metrics.rmse - 0.1138037063887848) < 0.002)
    #expect(abs(metrics.width95 - 0.43223840845557093) < 0.01)
  }
}

struct CalibrationTests {
  @Test func `ranks of true values among the draws are uniform`() async throws {
    // Simulation-based calibration (Talts et al. 2018): parameters from the prior, data from the
    // likelihood, draws from the posterior.
    let (simulations, bins) = (200, 10)
    let network = try Network(inputs: 1, hidden: [3], outputs: 1, activation: .tanh)
    let inputs = Rows([[-1], [-0.3], [0.2], [0.9], [1.5]])
    var counts = [Double](repeating: 0, count: bins)
    let method = try InferenceMethods.method(
      "hmc", options: ["chains": 1, "warmup": 200, "draws": 198, "steps": 15])
    for simulation in 0..<simulations {
      let random = RandomStream(seed: 77).child(simulation)
      var (truth, noise) = (random.child("truth"), random.child("noise"))
      let theta = truth.normals(network.parameterCount)
      let made = ApproximatePosterior(
        method: "truth", network: network, likelihood: .gaussian(.known(deviation: 0.3)),
        scaling: .identity(width: 1), rule: .draws, draws: theta.map { Float($0) }, chains: 1,
        noise: [0.3])
      let function = try made.predict(inputs, random: random)
      let targets = (0..<5).map { function.value(0, $0) + 0.3 * noise.normal() }
      let posterior = try Posterior(
        network: network, prior: .isotropic(1), likelihood: .gaussian(.known(deviation: 0.3)),
        rows: try LabelledRows(inputs, targets))
      let fitted = try await method.fit(posterior, FitContext(random: random.child("fit")))
      // The function outside of the data, thinned by 22 so that draws are nearly independent.
      let point = Rows([[2.5]])
      let draws = try fitted.predict(point, random: random).values(at: 0)
      let value = try made.predict(point, random: random).value(0, 0)
      let rank = stride(from: 0, to: 198, by: 22).count { draws[$0] < value }
      counts[rank] += 1
    }
    let expected = Double(simulations) / Double(bins)
    let chi = counts.reduce(0) { $0 + ($1 - expected) * ($1 - expected) / expected }
    // χ² with 9 degrees of freedom exceeds 27.9 with a probability of 0.001.
    #expect(chi < 27.9, "\(counts)")
  }
}

struct PriorTests {
  @Test func `functions of a wide network have the covariance of the infinite one`() throws {
    let golden = try Golden.section("nngp_relu")
    let x = golden["x"]?.matrix ?? []
    let expected = golden["K"]?.matrix ?? []
    let network = try Network(inputs: 2, hidden: [1000], outputs: 1, activation: .relu)
    let prior = Prior.scaledByWidth(
      weights: [golden.number("s1"), golden.number("s2")],
      biases: [golden.number("sb1"), golden.number("sb2")])
    let deviations = try prior.deviations(of: network)
    var random = RandomStream(seed: 9)
    let count = 4000
    var draws: [Float] = []
    for _ in 0..<count {
      draws += zip(random.normals(network.parameterCount), deviations).map { Float($0 * $1) }
    }
    let fitted = ApproximatePosterior(
      method: "prior", network: network, likelihood: .gaussian(.known(deviation: 1)),
      scaling: .identity(width: 2), rule: .draws, draws: draws, chains: 1,
      noise: [Double](repeating: 1, count: count))
    let values = try fitted.predict(Rows(x), random: random)
    for i in 0..<3 {
      for j in 0...i {
        let products = (0..<count).map { values.value($0, i) * values.value($0, j) }
        let moments = Moments(products)
        let error = moments.deviation / Double(count).squareRoot()
        #expect(abs(moments.mean - expected[i][j]) < 4 * error, "\(i), \(j)")
      }
    }
  }
}

struct LaplaceTests {
  @Test func `evidence and covariance of a linear model are exact`() async throws {
    let golden = try Golden.section("linear_regression")
    let x = golden["X"]?.matrix ?? []
    // A bias that the prior holds at 0 leaves the model without one.
    let posterior = try Posterior(
      network: try Network(inputs: 3, hidden: [], outputs: 1, activation: .relu),
      prior: .scaledByWidth(
        weights: [(3 / golden.number("prior_precision")).squareRoot()], biases: [1e-9]),
      likelihood: .gaussian(.known(deviation: golden.number("noise_variance").squareRoot())),
      rows: try LabelledRows(Rows(x), golden.numbers("y")))
    let fitted = try await InferenceMethods.method("laplace").fit(
      posterior, FitContext(random: RandomStream(seed: 1)))
    #expect(abs((fitted.report["log_evidence"] ?? 0) - golden.number("log_evidence")) < 1e-9)
    // The mode is stored in float32.
    #expect(
      agree(Array(fitted.parameters(0)[..<3]), golden.numbers("posterior_mean"), 1e-6))
  }
}

struct WeightAveragingTests {
  @Test func `draws have half the variances and half of the low-rank covariance`() throws {
    let summary = DescentWalk.Summary(
      mean: [1, -2], variances: [0.5, 2], deviations: [[1, 0.5], [-0.3, 1], [0.2, 0.4]])
    var random = RandomStream(seed: 6)
    let count = 40_000
    let draws = (0..<count).map { _ in GaussianWeightAveraging.draw(summary, &random) }
    for (i, j) in [(0, 0), (0, 1), (1, 1)] {
      let products = Moments(
        draws.map { ($0[i] - summary.mean[i]) * ($0[j] - summary.mean[j]) })
      let expected =
        (i == j ? summary.variances[i] / 2 : 0)
        + summary.deviations.reduce(0) { $0 + $1[i] * $1[j] } / 4
      let error = products.deviation / Double(count).squareRoot()
      #expect(abs(products.mean - expected) < 4 * error, "\(i), \(j)")
    }
  }

  @Test func `elliptical slices sample a normal posterior`() throws {
    // Prior N(0, 2²), one observation 1.5 of noise 0.5: precision 1/4 + 4, mean 6/4.25.
    var random = RandomStream(seed: 7)
    var (u, value) = ([0.0], -0.5 * 1.5 * 1.5 / 0.25)
    var draws: [Double] = []
    for _ in 0..<20_000 {
      (u, value) = EllipticalSlice.step(u, value, deviation: 2, random: &random) {
        -0.5 * ($0[0] - 1.5) * ($0[0] - 1.5) / 0.25
      }
      draws.append(u[0])
    }
    let diagnostics = try ChainDiagnostics([draws])
    let error = try #require(diagnostics.meanError.value)
    let moments = Moments(draws)
    #expect(abs(moments.mean - 6 / 4.25) < 4 * error)
    #expect(abs(moments.deviation * moments.deviation * 4.25 - 1) < 0.05)
  }

  @Test func `principal directions reproduce the deviations' covariance`() {
    let deviations = [[1, 0.5, 0], [-0.3, 1, 2], [0.2, 0.4, -1], [0, 0, 1]]
    let directions = SubspaceSliceSampling.principalDirections(deviations)
    for i in 0..<3 {
      for j in 0..<3 {
        let expected = deviations.reduce(0) { $0 + $1[i] * $1[j] } / 3
        let measured = directions.reduce(0) { $0 + $1[i] * $1[j] }
        #expect(abs(expected - measured) < 1e-12)
      }
    }
  }
}

struct MomentTraceTests {
  @Test func `derivatives of moments agree with central differences`() throws {
    let network = try Network(inputs: 3, hidden: [4, 3], outputs: 1, activation: .relu)
    var random = RandomStream(seed: 3)
    let means = random.normals(network.parameterCount)
    let variances = random.normals(network.parameterCount).map { 0.1 + abs($0) }
    let row = [0.3, -1.2, 0.8][...]
    // Any function of both output moments.
    let loss = { (means: [Double], variances: [Double]) -> Double in
      var trace = MomentTrace(network, means, variances)
      let output = trace.forward(row)
      return 0.7 * output.mean - 1.3 * output.variance
    }
    var trace = MomentTrace(network, means, variances)
    _ = trace.forward(row)
    trace.backward(mean: 0.7, variance: -1.3)
    for i in means.indices {
      var (up, down) = (means, means)
      up[i] += 1e-5
      down[i] -= 1e-5
      let byMean = (loss(up, variances) - loss(down, variances)) / 2e-5
      #expect(abs(byMean - trace.meanSlopes[i]) < 1e-6 * max(1, abs(byMean)), "mean \(i)")
      (up, down) = (variances, variances)
      up[i] += 1e-5
      down[i] -= 1e-5
      let byVariance = (loss(means, up) - loss(means, down)) / 2e-5
      #expect(abs(byVariance - trace.varianceSlopes[i]) < 1e-6 * max(1, abs(byVariance)))
    }
  }

  @Test func `forward moments are those of the layers written out`() throws {
    let network = try Network(inputs: 2, hidden: [3], outputs: 1, activation: .relu)
    var random = RandomStream(seed: 3)
    let means = random.normals(network.parameterCount)
    let variances = random.normals(network.parameterCount).map { abs($0) }
    var trace = MomentTrace(network, means, variances)
    let first = trace.forward([0.5, -1][...])
    // Weights 0...5 [2 × 3] with biases 6...8, then weights 9...11 with the bias 12.
    let hidden = (0..<3).map { unit -> MeanAndVariance in
      let mean = 0.5 * means[unit] - means[3 + unit] + means[6 + unit]
      let variance = 0.25 * variances[unit] + variances[3 + unit] + variances[6 + unit]
      return RectifiedNormal.moments(mean / 3.0.squareRoot(), variance / 3)
    }
    var (mean, variance) = (means[12], variances[12])
    for (unit, x) in hidden.enumerated() {
      let (weight, spread) = (means[9 + unit], variances[9 + unit])
      mean += weight * x.mean
      // Var(wx) = Var w · E x² + (E w)² · Var x for independent w and x.
      variance += spread * (x.mean * x.mean + x.variance) + weight * weight * x.variance
    }
    #expect(abs(first.mean - mean / 2) < 1e-12 && abs(first.variance - variance / 4) < 1e-12)
  }
}
