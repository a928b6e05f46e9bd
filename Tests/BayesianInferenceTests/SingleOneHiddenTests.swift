@testable import BayesianInference
import CDenseKernels
import Tensors
import Testing

struct SingleOneHiddenTests {
  private static let widths: [one_hidden_width] = [
    ONE_HIDDEN_NARROW, ONE_HIDDEN_MIDDLE, ONE_HIDDEN_WIDE,
  ].filter { $0.rawValue <= one_hidden_widest().rawValue }

  private static func posterior(
    units: Int, inputs: Int, rows count: Int, _ activation: Network.Activation,
    _ arithmetic: Posterior.Arithmetic,
    _ likelihood: Likelihood = .gaussian(.known(deviation: 0.5))
  ) throws -> Posterior {
    var random = RandomStream(seed: 3).child("rows")
    let features = Rows(random.normals(inputs * count), count: count, width: inputs)
    let targets = (0..<count).map { row in
      likelihood.classes.map { Double(row % $0) } ?? random.normal()
    }
    return try Posterior(
      network: try Network(inputs: inputs, hidden: [units], outputs: 1, activation: activation),
      prior: .scaledByWidth(weights: [1.2, 0.9], biases: [0.7, 0.5]), likelihood: likelihood,
      rows: try LabelledRows(features, targets), arithmetic: arithmetic)
  }

  /// Loss, squares and gradient by the parameters, in plain order.
  private func values(_ posterior: Posterior, _ z: [Double], _ width: one_hidden_width) throws
    -> (loss: Double, squares: Double, gradient: [Double])
  {
    let layout = SingleLayout(posterior.network)
    let pass = SingleOneHiddenPass(
      posterior.network, layout, try #require(posterior.laneRows), width: width)
    let parameters = layout.packed(posterior.parameters(z))
    let targets = posterior.rows.targets.map { Float($0) }
    var gradient = [Float](repeating: 0, count: layout.count)
    let result = gradient.withUnsafeMutableBufferPointer {
      pass.loss(
        posterior.likelihood, parameters, targets, precision: posterior.startingPrecision,
        gradient: $0.baseAddress!)
    }
    // What pads stays 0.
    var plain = [Double](repeating: 0, count: posterior.parameterCount)
    layout.unpack(gradient, times: plain.map { _ in 1 }, &plain)
    let isPadded = layout.packed(plain) == gradient
    #expect(isPadded)
    return (result.loss, result.squares, plain)
  }

  @Test(arguments: [1, 5, 16, 50, 64, 100], [1, 2, 13, 40])
  func `all vector widths give the gradients of float64`(units: Int, inputs: Int) throws {
    // Alone, in part of a group, in whole ones, in a block and in more than that.
    for rows in Array(1...40) + [455, 529] {
      for activation in Network.Activation.allCases {
        let posterior = try Self.posterior(
          units: units, inputs: inputs, rows: rows, activation, .single)
        let double = Energy(
          try Self.posterior(units: units, inputs: inputs, rows: rows, activation, .double))
        var random = RandomStream(seed: 5)
        let z = random.normals(posterior.parameterCount)
        var expected = z
        let loss = double.dataLoss(z, gradient: &expected)
        for i in z.indices { expected[i] /= posterior.priorDeviations[i] }
        let size = expected.map { abs($0) }.max() ?? 0
        for width in Self.widths {
          let single = try values(posterior, z, width)
          // 2⁻²⁴ times the some hundred roundings of a sum.
          #expect(abs(single.loss - loss) < 1e-5 * max(abs(loss), 1))
          #expect(abs(single.squares - double.squares) < 1e-5 * max(double.squares, 1))
          let distance = zip(single.gradient, expected).map { abs($0 - $1) }.max() ?? 0
          #expect(
            distance < 1e-5 * max(size, 1),
            "\(rows) rows, \(activation), width \(width.rawValue): \(distance) of \(size)")
        }
      }
    }
  }

  @Test(arguments: Network.Activation.allCases, [false, true])
  func `gradients are those of central differences`(
    activation: Network.Activation, isBernoulli: Bool
  ) throws {
    let likelihood: Likelihood = isBernoulli ? .bernoulli : .gaussian(.known(deviation: 0.5))
    let posterior = try Self.posterior(
      units: 21, inputs: 6, rows: 77, activation, .single, likelihood)
    let double = Energy(
      try Self.posterior(units: 21, inputs: 6, rows: 77, activation, .double, likelihood))
    var random = RandomStream(seed: 7)
    let z = random.normals(posterior.parameterCount)
    var scratch = z
    for width in Self.widths {
      let gradient = try values(posterior, z, width).gradient
      for i in 0..<z.count {
        let losses = [1e-5, -1e-5].map { step in
          var moved = z
          moved[i] += step
          return double.dataLoss(moved, gradient: &scratch)
        }
        let slope = (losses[0] - losses[1]) / 2e-5 / posterior.priorDeviations[i]
        // A row that crosses a rectifier's corner within the step adds some 10⁻⁵ of its slope.
        #expect(abs(slope - gradient[i]) < 2e-5 * max(abs(slope), 100))
      }
    }
  }

  @Test(arguments: Network.Activation.allCases)
  func `a trajectory out of the numbers' range spoils none after it`(
    activation: Network.Activation
  ) throws {
    let posterior = try Self.posterior(units: 5, inputs: 3, rows: 20, activation, .single)
    var random = RandomStream(seed: 7)
    let start = PhasePoint(
      z: random.normals(posterior.parameterCount),
      momentum: random.normals(posterior.parameterCount),
      gradient: [Double](repeating: 0, count: posterior.parameterCount), energy: 0)
    let (spoiled, fresh) = (SingleEnergy(posterior), SingleEnergy(posterior))
    var lost = start
    _ = spoiled.trajectory.run(&lost, step: 1e30, count: 5, limit: 1e6)
    #expect(!lost.energy.isFinite)
    var (first, second) = (start, start)
    _ = spoiled.trajectory.run(&first, step: 0.01, count: 5, limit: 1e6)
    _ = fresh.trajectory.run(&second, step: 0.01, count: 5, limit: 1e6)
    #expect(first.energy.isFinite && first.z == second.z && first.energy == second.energy)
  }

  @Test func `what isn't a number comes out as none`() throws {
    for activation in Network.Activation.allCases {
      let posterior = try Self.posterior(units: 5, inputs: 3, rows: 20, activation, .single)
      var z = [Double](repeating: 0.1, count: posterior.parameterCount)
      z[4] = .nan
      let layout = SingleLayout(posterior.network)
      for width in Self.widths {
        let pass = SingleOneHiddenPass(
          posterior.network, layout, try #require(posterior.laneRows), width: width)
        var gradient = [Float](repeating: 0, count: layout.count)
        let loss = gradient.withUnsafeMutableBufferPointer {
          pass.loss(
            posterior.likelihood, layout.packed(z), posterior.rows.targets.map { Float($0) },
            precision: 4, gradient: $0.baseAddress!
          ).loss
        }
        #expect(loss.isNaN)
      }
    }
  }
}
