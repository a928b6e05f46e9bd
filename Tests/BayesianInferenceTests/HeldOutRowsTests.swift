@testable import BayesianInference
import Foundation
import StructuredValue
import Tensors
import Testing

/// What rows that are left out of a training are asked.
struct HeldOutRowsTests {
  @Test func `every row is left out once, and many rows need one part only`() throws {
    for rows in [2, 3, 11, 4999] {
      let validation = try #require(CrossValidation(rows: rows))
      #expect(validation.parts.count == min(rows, 5))
      #expect(validation.parts.flatMap(\.held).sorted() == Array(0..<rows))
      for part in validation.parts {
        #expect((part.held + part.kept).sorted() == Array(0..<rows))
      }
    }
    #expect(CrossValidation(rows: 1) == nil)
    let large = try #require(CrossValidation(rows: 5000))
    #expect(large.parts.count == 1 && large.heldCount == 1000)
  }

  @Test func `a network without any step predicts the targets' moments everywhere`() throws {
    var random = RandomStream(seed: 3)
    let inputs = Rows((0..<40).map { _ in random.normals(2) })
    let targets = (0..<40).map { _ in 3 + 2 * random.normal() }
    let mean = targets.reduce(0, +) / 40
    let variance = targets.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 40
    let posterior = { (likelihood: Likelihood, targets: [Double]) in
      try Posterior(
        network: Network(inputs: 2, hidden: [7], outputs: likelihood.outputs, activation: .tanh),
        prior: .isotropic(1), likelihood: likelihood, rows: LabelledRows(inputs, targets))
    }
    let numbers = try posterior(.heteroscedastic, targets)
    let outputs = Energy(numbers).outputs(GradientTraining.constant(numbers))
    for row in 0..<40 {
      #expect(abs(outputs[2 * row] - mean) < 1e-12)
      #expect(abs(softplus(outputs[2 * row + 1]) - variance) < 1e-9)
    }
    let classes = try posterior(.categorical(classes: 3), (0..<40).map { $0 < 30 ? 0 : 2 })
    let logits = Energy(classes).outputs(GradientTraining.constant(classes)).prefix(3)
    let sum = logits.reduce(0) { $0 + exp($1) }
    #expect(
      zip(logits, [31, 1, 11]).allSatisfy { abs(exp($0.0) / sum - Double($0.1) / 43) < 1e-12 })
  }

  @Test func `noise that members don't know of is added to that of every row, in files, too`()
    throws
  {
    let network = try Network(inputs: 1, hidden: [], outputs: 2, activation: .relu)
    // A mean of 0 and the variance softplus(0) + 10⁻⁶ everywhere.
    let draws = [Float](repeating: 0, count: 2 * network.parameterCount)
    let scaling = Standardisation(
      inputMeans: [0], inputScales: [1], targetMean: 10, targetScale: 4)
    let posterior = ApproximatePosterior(
      method: "deep-ensemble", network: network, likelihood: .heteroscedastic, scaling: scaling,
      rule: .draws, draws: draws, chains: 1, noise: [0.5, 0.5])
    let expected = 4 * (log(2) + 1e-6 + 0.25).squareRoot()
    for posterior in [posterior, try ApproximatePosterior(posterior.file())] {
      let predicted = try posterior.predict(Rows([[0], [3]]), random: RandomStream(seed: 1))
      for draw in 0..<2 {
        for row in 0..<2 {
          #expect(abs(predicted.deviation(draw, row) - expected) < 1e-5)
          #expect(predicted.value(draw, row) == 10)
        }
      }
    }
  }

  @Test func `an ensemble whose members are too sure of few rows gets noise added`() async throws {
    var random = RandomStream(seed: 2)
    let inputs = (0..<60).map { _ in random.normals(3) }
    let posterior = try Posterior(
      network: Network(inputs: 3, hidden: [50], outputs: 1, activation: .relu),
      prior: .isotropic(1), likelihood: .gaussian(.learned(shape: 1, rate: 0.01)),
      rows: LabelledRows(Rows(inputs), inputs.map { 3 * $0[0] + random.normal() }),
      arithmetic: .single)
    let fit = { (options: [String: Value]) in
      try await InferenceMethods.method("deep-ensemble", options: options).fit(
        posterior, FitContext(random: RandomStream(seed: 1), workers: 2))
    }
    let fitted = try await fit([:])
    let added = try #require(fitted.report["added_deviation"])
    // The noise's deviation is 1; members that know the most of it leave less to add.
    #expect(added > 0.1 && added < 1.3)
    #expect(try await fit(["epochs": 30]).noise == [])
  }

  @Test
  func `passes over the rows stay the published ones unless left-out rows speak against them`() {
    let choice = ProbabilisticBackpropagation.choice
    let flat = { (value: Double) in [Double](repeating: value, count: 10) }
    // Better by a hair, which may be chance.
    let alternating = (0..<10).map { $0 % 2 == 0 ? 0.7 : 1.2 }
    #expect(choice([40: flat(1), 5: alternating, 0: flat(2)]) == 40)
    #expect(choice([40: flat(1), 5: flat(0.9), 0: flat(2)]) == 5)
    // One row that is far off has an error that nothing exceeds, and a mean that is worse than a constant's.
    let wrong = [50] + [Double](repeating: 0.5, count: 9)
    #expect(choice([40: wrong, 5: flat(1.5), 0: flat(2)]) == 5)
    #expect(choice([40: wrong, 5: flat(.infinity), 0: flat(2)]) == 0)
    #expect(choice([40: flat(.infinity), 5: flat(.nan), 0: flat(2)]) == 0)
  }
}
