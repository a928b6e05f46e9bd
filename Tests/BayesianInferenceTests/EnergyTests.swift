@testable import BayesianInference
import Foundation
import Tensors
import Testing

struct EnergyTests {
  private static let cases:
    [(likelihood: Likelihood, activation: Network.Activation, hidden: [Int])] = [
      (.gaussian(.known(deviation: 0.3)), .tanh, [7]),
      (.gaussian(.known(deviation: 2)), .relu, [5, 6]),
      (.heteroscedastic, .tanh, [9]), (.bernoulli, .tanh, [4]),
      (.categorical(classes: 3), .relu, [8, 3]),
      (.categorical(classes: 5), .tanh, []),
    ]

  /// Some rows of three features, fitting to the likelihood.
  static func posterior(
    _ likelihood: Likelihood, _ activation: Network.Activation, _ hidden: [Int],
    rows count: Int = 37
  ) throws -> Posterior {
    var random = RandomStream(seed: 3).child("rows")
    let inputs = Rows(random.normals(3 * count), count: count, width: 3)
    let targets = (0..<count).map { row in
      likelihood.classes.map { Double(row % $0) } ?? random.normal()
    }
    return try Posterior(
      network: try Network(
        inputs: 3, hidden: hidden, outputs: likelihood.outputs, activation: activation),
      prior: .isotropic(0.8), likelihood: likelihood, rows: try LabelledRows(inputs, targets))
  }

  @Test(arguments: cases.indices)
  func `gradients agree with central differences`(number: Int) throws {
    let (likelihood, activation, hidden) = Self.cases[number]
    let posterior = try Self.posterior(likelihood, activation, hidden)
    let energy = Energy(posterior)
    var random = RandomStream(seed: 5)
    let z = random.normals(posterior.parameterCount)
    var gradient = z
    _ = energy.evaluate(z, gradient: &gradient)
    var scratch = z
    let scale = gradient.map { abs($0) }.max() ?? 1
    for i in z.indices {
      var (up, down) = (z, z)
      up[i] += 1e-5
      down[i] -= 1e-5
      let slope =
        (energy.evaluate(up, gradient: &scratch) - energy.evaluate(down, gradient: &scratch)) / 2e-5
      #expect(abs(slope - gradient[i]) < 1e-6 * scale, "parameter \(i)")
    }
  }

  @Test func `a batch of all rows is the whole, and batches add up to it`() throws {
    let posterior = try Self.posterior(.gaussian(.known(deviation: 0.3)), .tanh, [7], rows: 600)
    let energy = Energy(posterior)
    var random = RandomStream(seed: 5)
    let z = random.normals(posterior.parameterCount)
    var (whole, part) = (z, z)
    let loss = energy.dataLoss(z, gradient: &whole)
    #expect(
      abs(energy.dataLoss(z, batch: Array(0..<600)[...], gradient: &part) - loss) < 1e-9 * loss)
    #expect(agree(whole, part, 1e-8 * (whole.map { abs($0) }.max() ?? 1)))
    var sum = [Double](repeating: 0, count: z.count)
    for start in stride(from: 0, to: 600, by: 100) {
      _ = energy.dataLoss(z, batch: Array(start..<start + 100)[...], gradient: &part)
      for i in sum.indices { sum[i] += part[i] / 6 }
    }
    #expect(agree(whole, sum, 1e-8 * (whole.map { abs($0) }.max() ?? 1)))
  }

  @Test func `hidden units may change places`() throws {
    let posterior = try Self.posterior(.bernoulli, .tanh, [6])
    let energy = Energy(posterior)
    var random = RandomStream(seed: 5)
    let z = random.normals(posterior.parameterCount)
    let order = [3, 0, 5, 1, 4, 2]
    var permuted = z
    for unit in 0..<6 {
      for input in 0..<3 { permuted[input * 6 + unit] = z[input * 6 + order[unit]] }
      permuted[18 + unit] = z[18 + order[unit]]
      permuted[24 + unit] = z[24 + order[unit]]
    }
    var scratch = z
    let difference =
      energy.evaluate(z, gradient: &scratch) - energy.evaluate(permuted, gradient: &scratch)
    #expect(abs(difference) < 1e-10)
  }

  @Test func `masked units have no effect and no gradient`() throws {
    let posterior = try Self.posterior(.gaussian(.known(deviation: 1)), .tanh, [6])
    let energy = Energy(posterior)
    var random = RandomStream(seed: 5)
    let z = random.normals(posterior.parameterCount)
    var gradient = z
    energy.pass.usesMasks = true
    let masked = { (values: [Double], gradient: inout [Double]) in
      energy.dataLoss(
        values, batch: Array(0..<37)[...], gradient: &gradient,
        masks: BlockMasks(
          double: { pass, _, _, stride in
            for i in 0..<6 * stride { pass.masks[0][i] = i / stride == 2 ? 0 : 1.5 }
          }, single: { _, _, _ in }))
    }
    let loss = masked(z, &gradient)
    for index in [2, 8, 14, 20, 26] {
      #expect(gradient[index] == 0)
      var other = z
      other[index] += 1
      var scratch = z
      #expect(masked(other, &scratch) == loss)
    }
    var scratch = z
    for index in [0, 7, 19, 25, 30] {
      var (up, down) = (z, z)
      up[index] += 1e-5
      down[index] -= 1e-5
      let slope = (masked(up, &scratch) - masked(down, &scratch)) / 2e-5
      #expect(abs(slope - gradient[index]) < 1e-5)
    }
  }

  @Test func `the energy is what LibTorch computes`() throws {
    let posterior = try Self.posterior(.gaussian(.known(deviation: 0.3)), .tanh, [7])
    var random = RandomStream(seed: 5)
    let z = random.normals(posterior.parameterCount)
    var gradient = z
    let value = Energy(posterior).evaluate(z, gradient: &gradient)
    let x = try Tensor(posterior.rows.inputs.values, shape: [37, 3])
    let y = try Tensor(posterior.rows.targets, shape: [37, 1])
    let (expected, slopes) = try valueAndGradient(at: try Tensor(z, shape: [z.count])) { z in
      let theta = try z * 0.8
      let hidden = try (x.matmul(theta[0..<21].reshaped([3, 7])) + theta[21..<28]).tanh()
      let f = try hidden.matmul(theta[28..<35].reshaped([7, 1])) + theta[35..<36]
      return try (f - y).square().sum() * (0.5 / 0.09) + z.square().sum() * 0.5
    }
    let constant = 37 * (0.5 * log(2 * Double.pi) + log(0.3))
    #expect(abs(value - constant - (try expected.double())) < 1e-9 * value)
    #expect(agree(gradient, try slopes.doubles(), 1e-9 * value))
  }
}
