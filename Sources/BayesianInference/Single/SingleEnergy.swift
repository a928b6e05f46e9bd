import CDenseKernels
import Foundation

/// The energy of a posterior and its gradient in float32: see ``Energy``, whose numbers it gives to some
/// six digits.
///
/// Parameters and gradients are in the order of ``layout``. One per thread: it isn't safe to share.
final class SingleEnergy {
  let posterior: Posterior
  let rows: SingleRows
  let pass: SingleNetworkPass
  /// Runs over all rows instead, where the network's form lets it.
  private let oneHidden: SingleOneHiddenPass?
  let layout: SingleLayout
  /// The prior deviations in the layout's order, 0 where it pads.
  let deviations: [Float]
  var precision: Double
  private(set) var squares = 0.0
  private var parameters: [Float]
  private var batch: [Float]
  private let targets: [Float]
  private var batchTargets: [Float]
  private(set) lazy var trajectory = SingleTrajectory(self)

  init(_ posterior: Posterior) {
    self.posterior = posterior
    rows = posterior.singleRows
    precision = posterior.startingPrecision
    pass = SingleNetworkPass(posterior.network)
    let layout = pass.layout
    oneHidden = posterior.laneRows.map { SingleOneHiddenPass(posterior.network, layout, $0) }
    self.layout = layout
    deviations = layout.packed(posterior.priorDeviations)
    parameters = [Float](repeating: 0, count: layout.count)
    batch = [Float](repeating: 0, count: SingleNetworkPass.blockRows * rows.stride)
    targets = posterior.rows.targets.map { Float($0) }
    batchTargets = [Float](repeating: 0, count: SingleNetworkPass.blockRows)
  }

  /// Sets the parameters θ of whitened coordinates in plain order.
  func setParameters(_ z: [Double]) {
    layout.pack(z, times: posterior.priorDeviations, &parameters)
    parameters.withUnsafeBufferPointer { parameters in
      if let start = parameters.baseAddress { pass.turn(start) }
    }
  }

  /// Sets the parameters θ of whitened coordinates in the layout's order.
  func setParameters(packed z: [Float]) {
    z.withUnsafeBufferPointer { z in
      deviations.withUnsafeBufferPointer { deviations in
        parameters.withUnsafeMutableBufferPointer { parameters in
          guard let z = z.baseAddress, let deviations = deviations.baseAddress,
            let start = parameters.baseAddress
          else { return }
          single_multiply(layout.count, z, deviations, start)
          pass.turn(start)
        }
      }
    }
  }

  /// Moves whitened coordinates by a momentum that the energy's slope has kicked, and sets θ.
  ///
  /// - `gradient`: By θ, of the data's loss, where the coordinates are now.
  func leapfrog(
    kick: Float, drift: Float, _ gradient: [Float], _ momentum: inout [Float], _ z: inout [Float]
  ) {
    gradient.withUnsafeBufferPointer { gradient in
      deviations.withUnsafeBufferPointer { deviations in
        momentum.withUnsafeMutableBufferPointer { momentum in
          z.withUnsafeMutableBufferPointer { z in
            parameters.withUnsafeMutableBufferPointer { parameters in
              single_leapfrog(
                z.count, kick, drift, deviations.baseAddress, gradient.baseAddress,
                momentum.baseAddress, z.baseAddress, parameters.baseAddress)
              if let start = parameters.baseAddress { pass.turn(start) }
            }
          }
        }
      }
    }
  }

  /// −log p(data | θ) over all rows, and its derivatives by θ.
  func loss(gradient: inout [Float]) -> Double {
    var (loss, first) = (0.0, 0)
    squares = 0
    withPointers(&gradient) { parameters, gradient in
      rows.values.withUnsafeBufferPointer { values in
        targets.withUnsafeBufferPointer { targets in
          guard let values = values.baseAddress, let targets = targets.baseAddress else { return }
          if let oneHidden {
            (loss, squares) = oneHidden.loss(
              posterior.likelihood, parameters, targets, precision: precision, gradient: gradient)
            return
          }
          while first < rows.count {
            let count = min(SingleNetworkPass.blockRows, rows.count - first)
            loss += add(
              parameters, values + first * rows.stride, targets + first, count: count, gradient)
            first += count
          }
        }
      }
    }
    return loss
  }

  /// The same over a batch of rows, not scaled.
  ///
  /// - `prepare`: Changes a block's inputs and sets masks, as dropout does.
  func loss(
    batch indices: ArraySlice<Int>, gradient: inout [Float],
    prepare: ((SingleNetworkPass, UnsafeMutablePointer<Float>, _ rows: Int) -> Void)? = nil
  ) -> Double {
    var (loss, first) = (0.0, indices.startIndex)
    squares = 0
    let stride = rows.stride
    while first < indices.endIndex {
      let count = min(SingleNetworkPass.blockRows, indices.endIndex - first)
      rows.values.withUnsafeBufferPointer { values in
        batch.withUnsafeMutableBufferPointer { batch in
          guard let values = values.baseAddress, let start = batch.baseAddress else { return }
          for position in 0..<count {
            let row = indices[first + position]
            (start + position * stride).update(from: values + row * stride, count: stride)
            batchTargets[position] = targets[row]
          }
          prepare?(pass, start, count)
        }
      }
      withPointers(&gradient, resets: first == indices.startIndex) { parameters, gradient in
        batch.withUnsafeBufferPointer { batch in
          batchTargets.withUnsafeBufferPointer { targets in
            guard let batch = batch.baseAddress, let targets = targets.baseAddress else { return }
            loss += add(parameters, batch, targets, count: count, gradient)
          }
        }
      }
      first += count
    }
    return loss
  }

  private func withPointers(
    _ gradient: inout [Float], resets: Bool = true,
    _ body: (UnsafePointer<Float>, UnsafeMutablePointer<Float>) -> Void
  ) {
    parameters.withUnsafeBufferPointer { parameters in
      gradient.withUnsafeMutableBufferPointer { gradient in
        guard let parameters = parameters.baseAddress, let start = gradient.baseAddress else {
          return
        }
        if resets { gradient.update(repeating: 0) }
        body(parameters, start)
      }
    }
  }

  private func add(
    _ parameters: UnsafePointer<Float>, _ inputs: UnsafePointer<Float>,
    _ targets: UnsafePointer<Float>, count: Int, _ gradient: UnsafeMutablePointer<Float>
  ) -> Double {
    let outputs = pass.forward(parameters, inputs, rows: count)
    let part = posterior.likelihood.loss(
      outputs, targets, count: count, stride: pass.outputStride, precision: precision,
      derivatives: pass.outputDerivatives)
    squares += part.squares
    pass.backward(parameters, inputs, rows: count, gradient: gradient)
    return part.loss
  }
}

extension Likelihood {
  /// Sums −log p(y | f) over a block of rows and derives it by the outputs, in float32.
  ///
  /// - Parameters:
  ///   - outputs: rows × stride.
  ///   - targets: A value a row.
  ///   - count: The rows.
  ///   - stride: Numbers from row to row; derivatives beyond the outputs become 0.
  ///   - precision: 1/σ² of a Gaussian likelihood.
  ///   - derivatives: rows × stride.
  /// - Returns: The sum, and of a Gaussian likelihood the sum of squared errors.
  func loss(
    _ outputs: UnsafePointer<Float>, _ targets: UnsafePointer<Float>, count: Int, stride: Int,
    precision: Double, derivatives: UnsafeMutablePointer<Float>
  ) -> (loss: Double, squares: Double) {
    var (loss, squares) = (0.0, 0.0)
    switch self {
    case .gaussian:
      // A last layer of one output isn't padded.
      precondition(stride == 1, "a Gaussian likelihood's outputs are \(stride) apart")
      squares = single_errors(count, outputs, targets, Float(precision), derivatives)
      loss =
        0.5 * precision * squares
        + 0.5 * Double(count) * (logarithm(2 * Double.pi) - logarithm(precision))
    case .heteroscedastic:
      for row in 0..<count {
        let error = Double(outputs[row * stride] - targets[row])
        let raw = Double(outputs[row * stride + 1])
        let variance = softplus(raw) + Likelihood.leastVariance
        squares += error * error
        loss += 0.5 * (logarithm(2 * Double.pi * variance) + error * error / variance)
        derivatives[row * stride] = Float(error / variance)
        derivatives[row * stride + 1] = Float(
          0.5 * (1 / variance - error * error / (variance * variance)) * logistic(raw))
        for output in 2..<stride { derivatives[row * stride + output] = 0 }
      }
    case .bernoulli:
      for row in 0..<count {
        let (logit, target) = (Double(outputs[row * stride]), Double(targets[row]))
        loss += softplus(logit) - target * logit
        derivatives[row * stride] = Float(logistic(logit) - target)
      }
    case .categorical(let classes):
      for row in 0..<count {
        let (logits, slopes) = (outputs + row * stride, derivatives + row * stride)
        var largest = logits[0]
        for c in 1..<classes { largest = max(largest, logits[c]) }
        var sum: Float = 0
        for c in 0..<classes {
          slopes[c] = expf(logits[c] - largest)
          sum += slopes[c]
        }
        for c in 0..<classes { slopes[c] /= sum }
        for c in classes..<max(stride, classes) { slopes[c] = 0 }
        let label = Int(targets[row])
        loss += Double(logf(sum) + largest - logits[label])
        slopes[label] -= 1
      }
    }
    return (loss, squares)
  }
}
