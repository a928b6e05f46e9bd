import Foundation
import Tensors

/// A distribution over the weights of one layer, whose parameters gradients fit.
///
/// The layer's weights are whitened, [inputs + 1 × outputs] with the biases as last row, so that their
/// prior is N(0, 1); its inputs are scaled by the prior's deviations and have a constant as last column.
protocol LayerFamily: Sendable {
  /// How many numbers describe the distribution.
  var parameterCount: Int { get }

  /// Numbers to start from.
  func start(_ random: inout RandomStream) -> [Double]

  /// Random pre-activations of several draws, and KL(distribution ‖ prior), exact or estimated.
  ///
  /// - Parameters:
  ///   - parameters: [parameterCount], recorded for gradients.
  ///   - inputs: One [rows × inputs + 1] a draw.
  ///   - random: For the draws.
  /// - Returns: One [rows × outputs] a draw, and the divergence as a number.
  /// - Throws: `TensorError` without LibTorch, or where shapes don't fit.
  func forward(_ parameters: Tensor, _ inputs: [Tensor], _ random: inout RandomStream) throws
    -> (outputs: [Tensor], divergence: Tensor)

  /// A draw of the weights, flattened.
  func draw(_ parameters: Tensor, _ random: inout RandomStream) throws -> [Double]
}

/// Variational inference with one distribution a layer, the layers independent.
struct LayerwiseVariational {
  var steps: Int
  var rate: Double
  /// Draws of the weights a step.
  var samples: Int
  /// The shares of the steps between which the divergence's weight grows from 0 to 1; nil is 1 throughout.
  var annealing: (from: Double, to: Double)?
  var batch: Int
  var draws: Int

  init(
    _ options: inout MethodOptions, steps: Int, samples: Int, rate: Double,
    annealing: (from: Double, to: Double)? = nil
  ) throws {
    self.steps = try options.integer("iterations", steps, in: 1...1_000_000_000)
    self.rate = try options.number("rate", rate, in: 1e-9...10)
    self.samples = try options.integer("samples", samples, in: 1...1000)
    self.annealing = annealing
    batch = try options.integer("batch", 0, in: 0...1_000_000)
    draws = try options.integer("draws", 1000, in: 1...1_000_000)
  }

  /// - Throws: ``InferenceError`` where the fit leaves the finite numbers, `TensorError` without
  ///   LibTorch.
  func fit(
    _ method: String, _ posterior: Posterior, _ context: FitContext,
    family: (_ inputs: Int, _ outputs: Int, _ random: inout RandomStream) -> any LayerFamily
  ) throws -> ApproximatePosterior {
    // More threads would round differently, and these tensors are small.
    try TensorRuntime.setThreads(1)
    var begin = context.random.child("start")
    let families = posterior.network.layers.map { family($0.inputs, $0.outputs, &begin) }
    var run = VariationalRun(
      method, posterior, context, values: families.flatMap { $0.start(&begin) }, rate: rate,
      steps: steps, batch: batch)
    let inputs = try Tensor(
      posterior.rows.inputs.values, shape: [posterior.rows.count, posterior.network.inputs])
    for step in try run.resume()..<steps {
      run.checkpoint(before: step)
      let rows = run.order.takesAll ? nil : Array(run.order.next())
      let x = try rows.map { try inputs[Tensor($0)] } ?? inputs
      let targets = rows.map { $0.map { posterior.rows.targets[$0] } } ?? posterior.rows.targets
      let parameters = try Tensor(run.values).asLeaf()
      let (outputs, divergence) = try forward(
        posterior, families, parameters, [Tensor](repeating: x, count: samples), &run.noise)
      var cotangents: [Tensor] = []
      var expectedSquares = 0.0
      for output in outputs {
        let (slopes, squares) = try Self.slopes(output, targets, posterior, run.precision)
        let share =
          Double(posterior.rows.count) / Double(targets.count) / Double(outputs.count)
        cotangents.append(try slopes * share)
        expectedSquares += share * squares
      }
      let weight =
        annealing.map { annealing in
          let done = Double(step) / Double(steps)
          return min(max((done - annealing.from) / (annealing.to - annealing.from), 0), 1)
        } ?? 1
      cotangents.append(try Tensor(weight, dtype: .float64))
      let slope = try gradients(
        of: outputs + [divergence], wrt: [parameters], cotangents: cotangents)[0].doubles()
      run.step(slope, expectedSquares: expectedSquares)
      run.passes += Double(samples * targets.count) / Double(posterior.rows.count)
      if step % 100 == 99 { context.progress(step + 1, steps) }
    }
    guard run.values.allSatisfy(\.isFinite) else {
      throw InferenceError(.failed, "\(method) diverged; take a smaller 'rate'")
    }
    let parameters = try Tensor(run.values)
    var random = context.random.child("draws")
    let z = try (0..<draws).map { _ in
      try Self.parts(families, parameters).flatMap { try $0.0.draw($0.1, &random) }
    }
    var result = ApproximatePosterior(
      method: method, of: posterior, chains: [z],
      precisions: [[Double](repeating: run.precision, count: draws)])
    result.passes = run.passes
    return result
  }

  private static func parts(
    _ families: [any LayerFamily], _ parameters: Tensor
  ) throws -> [(any LayerFamily, Tensor)] {
    var start = 0
    return try families.map { family in
      defer { start += family.parameterCount }
      return (family, try parameters[start..<start + family.parameterCount])
    }
  }

  private func forward(
    _ posterior: Posterior, _ families: [any LayerFamily], _ parameters: Tensor,
    _ inputs: [Tensor], _ random: inout RandomStream
  ) throws -> ([Tensor], Tensor) {
    var values = inputs
    var divergence = try Tensor(0.0, dtype: .float64)
    let parts = try Self.parts(families, parameters)
    for (index, (layer, part)) in zip(posterior.network.layers, parts).enumerated() {
      let weightScale = posterior.priorDeviations[layer.weights]
      let bias = posterior.priorDeviations[layer.biases]
      let extended = try values.map { value in
        let constant = try Tensor(
          [Double](repeating: bias, count: value.shape[0]), shape: [value.shape[0], 1])
        return try Tensor.concatenated([value * weightScale, constant], along: 1)
      }
      let (outputs, part) = try part.0.forward(part.1, extended, &random)
      divergence = try divergence + part
      values = outputs
      if index + 1 < posterior.network.layers.count {
        values = try values.map {
          try posterior.network.activation == .tanh ? $0.tanh() : $0.relu()
        }
      }
    }
    return (values, divergence)
  }

  /// Derivatives of −log p by outputs [rows × outputs], and the squared errors.
  private static func slopes(
    _ output: Tensor, _ targets: [Double], _ posterior: Posterior, _ precision: Double
  ) throws -> (Tensor, Double) {
    let (rows, width) = (targets.count, posterior.network.outputs)
    // The likelihood wants each output's rows side by side.
    let turned = try output.detached().transposed().doubles()
    var slopes = [Double](repeating: 0, count: rows * width)
    let squares = slopes.withUnsafeMutableBufferPointer { slopes in
      turned.withUnsafeBufferPointer { outputs in
        targets.withUnsafeBufferPointer { targets in
          guard let slopes = slopes.baseAddress, let outputs = outputs.baseAddress,
            let targets = targets.baseAddress
          else { return 0.0 }
          return posterior.likelihood.loss(
            outputs, targets, count: rows, stride: rows, precision: precision,
            derivatives: slopes
          ).squares
        }
      }
    }
    return (try Tensor(slopes, shape: [width, rows]).transposed(), squares)
  }
}
