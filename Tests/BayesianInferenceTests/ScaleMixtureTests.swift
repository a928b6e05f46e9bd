@testable import BayesianInference
import Foundation
import StructuredValue
import Tensors
import Testing

struct ScaleMixtureTests {
  @Test(arguments: [-3, -0.01, -0.001, 0.0005, 0.003, 0.02, 2.0])
  func `a mixture's slope is that of its density`(z: Double) {
    let mixture = ScaleMixture(share: 0.25, wide: 1, narrow: 0.002)
    let energy = { (z: Double) in
      -log(
        0.25 * exp(-0.5 * z * z) + 0.75 / 0.002 * exp(-0.5 * z * z / (0.002 * 0.002)))
    }
    let step = 1e-7
    let expected = (energy(z + step) - energy(z - step)) / (2 * step)
    #expect(abs(mixture.slope(z) - expected) < 1e-4 * max(abs(expected), 1))
  }

  /// y depends on x0 and on none of the other features.
  private func deviations(_ options: [String: Value]) async throws -> [Double] {
    var random = RandomStream(seed: 8)
    let inputs = (0..<60).map { _ in (0..<6).map { _ in random.normal() } }
    let rows = try LabelledRows(Rows(inputs), inputs.map { $0[0] + 0.1 * random.normal() })
    let posterior = try Posterior(
      network: Network(inputs: 6, hidden: [], outputs: 1, activation: .tanh),
      prior: .isotropic(1), likelihood: .gaussian(.known(deviation: 1)), rows: rows)
    let method = try InferenceMethods.method(
      "bbb", options: options.merging(["iterations": 3000]) { $1 })
    let draws = try await method.fit(posterior, FitContext(random: RandomStream(seed: 9))).draws
    let count = posterior.parameterCount
    return (0..<count).map { parameter in
      Moments((0..<draws.count / count).map { Double(draws[$0 * count + parameter]) }).deviation
    }
  }

  @Test func `a mixture of equal parts is the prior itself, and a spike holds what no row needs`()
    async throws
  {
    let plain = try await deviations([:])
    let same = try await deviations([
      "mixture-share": 0.5, "mixture-wide": 1, "mixture-narrow": 1,
    ])
    let spiked = try await deviations(["mixture-share": 0.25, "mixture-narrow": 0.05])
    for (a, b) in zip(plain, same) { #expect(abs(a / b - 1) < 0.1) }
    // x0 stays as uncertain as it was.
    #expect(abs(spiked[0] / plain[0] - 1) < 0.2)
    for parameter in 1..<6 { #expect(spiked[parameter] < 0.5 * plain[parameter]) }
  }
}
