@testable import BayesianInference
import CDenseKernels
import Foundation
import Statistics
import StructuredValue
import Tensors
import Testing

struct SingleArithmeticTests {
  private static let cases:
    [(likelihood: Likelihood, activation: Network.Activation, hidden: [Int], inputs: Int)] = [
      (.gaussian(.known(deviation: 0.3)), .tanh, [7], 3),
      (.gaussian(.known(deviation: 2)), .relu, [50], 13),
      (.gaussian(.known(deviation: 2)), .relu, [1, 37], 20),
      (.heteroscedastic, .tanh, [90, 5], 5), (.bernoulli, .tanh, [4], 2),
      (.bernoulli, .relu, [], 4), (.categorical(classes: 10), .relu, [70, 33], 40),
      (.categorical(classes: 5), .tanh, [], 17),
    ]

  private static func posterior(
    _ number: Int, rows count: Int = 301, _ arithmetic: Posterior.Arithmetic
  ) throws -> Posterior {
    let (likelihood, activation, hidden, width) = cases[number]
    var random = RandomStream(seed: 3).child("rows")
    let inputs = Rows(random.normals(width * count), count: count, width: width)
    let targets = (0..<count).map { row in
      likelihood.classes.map { Double(row % $0) } ?? random.normal()
    }
    return try Posterior(
      network: try Network(
        inputs: width, hidden: hidden, outputs: likelihood.outputs, activation: activation),
      prior: .scaledByWidth(
        weights: (0...hidden.count).map { 0.8 + 0.2 * Double($0) },
        biases: (0...hidden.count).map { 0.5 + 0.1 * Double($0) }),
      likelihood: likelihood, rows: try LabelledRows(inputs, targets), arithmetic: arithmetic)
  }

  /// The largest distance over the largest size.
  private func distance(_ first: [Double], _ second: [Double]) -> Double {
    let scale = second.map { abs($0) }.max() ?? 1
    return (zip(first, second).map { abs($0 - $1) }.max() ?? 0) / scale
  }

  @Test(arguments: cases.indices)
  func `float32 gives the energies and gradients of float64`(number: Int) throws {
    let (single, double) = (
      Energy(try Self.posterior(number, .single)), Energy(try Self.posterior(number, .double))
    )
    var random = RandomStream(seed: 5)
    let z = random.normals(double.posterior.parameterCount)
    var (first, second) = (z, z)
    let values = (single.evaluate(z, gradient: &first), double.evaluate(z, gradient: &second))
    // 2⁻²⁴ times the some hundred roundings of a sum.
    #expect(abs(values.0 / values.1 - 1) < 1e-5)
    #expect(distance(first, second) < 2e-5)
    #expect(abs(single.squares - double.squares) < 1e-4 * max(double.squares, 1))
    let batch = Array(stride(from: 300, to: 0, by: -2))[...]
    let losses = (
      single.dataLoss(z, batch: batch, gradient: &first),
      double.dataLoss(z, batch: batch, gradient: &second)
    )
    #expect(abs(losses.0 / losses.1 - 1) < 1e-5)
    #expect(distance(first, second) < 2e-5)
    #expect(single.passes == double.passes)
  }

  @Test(arguments: [1, 3, 6])
  func `masks of dropout act alike in both arithmetics`(number: Int) throws {
    let (single, double) = (
      Energy(try Self.posterior(number, .single)), Energy(try Self.posterior(number, .double))
    )
    let isKept = { (layer: Int, row: Int, unit: Int) in (7 * layer + 3 * row + 5 * unit) % 4 != 0 }
    let layers = double.posterior.network.layers
    let masks = BlockMasks(
      double: { pass, inputs, _, stride in
        for row in 0..<stride {
          for feature in 0..<layers[0].inputs where !isKept(9, row, feature) {
            inputs[feature * stride + row] = 0
          }
          for (index, mask) in pass.masks.enumerated() {
            for unit in 0..<layers[index].outputs {
              mask[unit * stride + row] = isKept(index, row, unit) ? 1.5 : 0
            }
          }
        }
      },
      single: { pass, inputs, rows in
        for row in 0..<rows {
          let first = pass.layout.layers[0]
          for feature in 0..<first.inputs where !isKept(9, row, feature) {
            inputs[row * first.inputStride + feature] = 0
          }
          for (index, mask) in pass.masks.enumerated() {
            for unit in 0..<layers[index].outputs {
              mask[row * pass.layout.layers[index].stride + unit] =
                isKept(index, row, unit) ? 1.5 : 0
            }
          }
        }
      })
    double.pass.usesMasks = true
    single.single?.pass.usesMasks = true
    var random = RandomStream(seed: 5)
    let z = random.normals(double.posterior.parameterCount)
    var (first, second) = (z, z)
    let batch = Array(0..<100)[...]
    let losses = (
      single.dataLoss(z, batch: batch, gradient: &first, masks: masks),
      double.dataLoss(z, batch: batch, gradient: &second, masks: masks)
    )
    #expect(abs(losses.0 / losses.1 - 1) < 1e-5)
    #expect(distance(first, second) < 2e-5)
  }

  @Test func `noise is the stream's, whatever the vector's width`() throws {
    // Philox and Box-Muller of the same words as RandomStream's, sixteen blocks side by side.
    var noise = [Float](repeating: 0, count: 640)
    single_normals(640, 77, 12, &noise)
    for block in 0..<40 {
      var stream = RandomStream(
        seed: 77, stream: 12, position: UInt64(block / 16 * 16 + block % 16))
      let expected: [Float] = try stream.normal([4]).floats()
      for word in 0..<4 {
        let place = block / 16 * 64 + word * 16 + block % 16
        #expect(abs(noise[place] - expected[word]) < 2e-6 * max(1, abs(expected[word])))
      }
    }
    var start = [Float](repeating: 0, count: 64)
    single_normals(64, 77, 12, &start)
    #expect(start == Array(noise[..<64]))
  }

  @Test(arguments: [(0.2, 1.0), (1, 1), (0.2, 0.1)])
  func `a sampler in float32 has the noise of its temperature`(
    friction: Double, temperature: Double
  ) async throws {
    // y = b with 4 = 1 + 3 observations' precision: a variance of T/4, and what the step adds.
    let posterior = try Posterior(
      network: try Network(inputs: 1, hidden: [], outputs: 1, activation: .tanh),
      prior: .isotropic(1), likelihood: .gaussian(.known(deviation: 1)),
      rows: try LabelledRows(Rows([[0], [0], [0]]), [0, 0, 0]), arithmetic: .single)
    let fitted = try await InferenceMethods.method(
      "sghmc",
      options: [
        "friction": .double(friction), "step": 0.1, "temperature": .double(temperature),
        "iterations": 25_000, "burn-in": 5_000, "draws": 20_000, "chains": 1,
      ]
    ).fit(posterior, FitContext(random: RandomStream(seed: 2)))
    let bias = (0..<fitted.count).map { fitted.parameters($0)[1] }
    let variance = bias.reduce(0) { $0 + $1 * $1 } / Double(bias.count)
    let expected = temperature / 4 / (1 - 0.4 / (2 * (2 - friction)))
    let size = try #require(try ChainDiagnostics([bias.map { $0 * $0 }]).meanSize.value)
    #expect(abs(variance - expected) < 5 * expected * (2 / size).squareRoot())
  }

  @Test(arguments: Posterior.Arithmetic.allCases)
  func `a learning rate is a step on the mean loss of the parameters themselves`(
    arithmetic: Posterior.Arithmetic
  ) async throws {
    let posterior = try Self.posterior(1, rows: 40, arithmetic)
    let rate = 0.01
    let fitted = try await InferenceMethods.method(
      "sgld",
      options: [
        "learning-rate": .double(rate), "temperature": 0, "iterations": 10, "burn-in": 0,
        "draws": 10, "chains": 1,
      ]
    ).fit(posterior, FitContext(random: RandomStream(seed: 2)))
    let energy = Energy(try Self.posterior(1, rows: 40, .double))
    var gradient = [Double](repeating: 0, count: posterior.parameterCount)
    for draw in 0..<9 {
      let theta = fitted.parameters(draw)
      let z = zip(theta, posterior.priorDeviations).map { $0 / $1 }
      _ = energy.evaluate(z, gradient: &gradient)
      // ∂U/∂θ = ∂U/∂z / σ, and N times the mean loss's.
      let next = theta.indices.map {
        theta[$0] - rate / 40 * gradient[$0] / posterior.priorDeviations[$0]
      }
      #expect(agree(next, fitted.parameters(draw + 1), 2e-6))
    }
  }

  @Test(arguments: ["hmc", "nuts"])
  func `Hamiltonian chains in float32 meet a linear model's posterior`(name: String) async throws {
    let model = try LinearModel()
    let posterior = try Posterior(
      network: model.posterior.network, prior: .isotropic(LinearModel.prior),
      likelihood: model.posterior.likelihood, rows: model.posterior.rows, arithmetic: .single)
    let truth = try #require(LinearModelTruth.all[name])
    let fitted = try await InferenceMethods.method(name, options: truth.options).fit(
      posterior, FitContext(random: RandomStream(seed: 11), workers: 2))
    let draws = try fitted.predict(model.points, random: RandomStream(seed: 12))
    for row in 0..<model.points.count {
      let (values, exact) = (Moments(draws.values(at: row)), model.exact(row))
      #expect(abs(values.mean - exact.mean) < 0.15 * exact.variance.squareRoot())
      #expect(abs(values.deviation / exact.variance.squareRoot() - 1) < 0.15)
    }
  }
}
