import CDenseKernels
import Tensors

/// The state of a chain by noisy gradient steps in float32: all numbers of a step are made in one pass
/// over them.
///
/// Step t of a chain draws its noise from (key, t), so a chain goes on from any step.
final class SingleSampler {
  let energy: SingleEnergy
  private(set) var z: [Float]
  private(set) var velocity: [Float]
  /// The mean squares of a preconditioner; empty where there is none.
  private(set) var squares: [Float]
  private let gains: [Float]
  private var gradient: [Float]
  private let key: UInt64
  private var options: single_sampler_step

  /// - Parameters:
  ///   - energy: Its precision scales a Gaussian likelihood.
  ///   - z: Whitened coordinates to start from.
  ///   - gains: A constant factor of each step, and of the noise's variance; nil is 1.
  ///   - preconditioner: Decay and offset of RMSprop's; nil where there is none.
  ///   - friction: α of the momentum.
  ///   - key: Of the noise.
  init(
    _ energy: SingleEnergy, _ z: [Double], gains: [Double]?,
    preconditioner: (decay: Double, offset: Double)?, friction: Double, key: UInt64
  ) {
    self.energy = energy
    let layout = energy.layout
    self.z = layout.packed(z)
    velocity = [Float](repeating: 0, count: layout.count)
    gradient = velocity
    squares = preconditioner == nil ? [] : velocity
    self.gains = gains.map { layout.packed($0) } ?? []
    self.key = key
    options = single_sampler_step(
      scale: 1, decay: Float(1 - friction), step: 0, amplitude: 0,
      square_decay: Float(preconditioner?.decay ?? 0),
      offset: Float(preconditioner?.offset ?? 0),
      square_scale: 1 / Float(energy.rows.count))
  }

  /// Goes on from a state that ``z``, ``velocity`` and ``squares`` were.
  func resume(z: [Float], velocity: [Float], squares: [Float]) {
    precondition(z.count == self.z.count, "\(z.count) numbers of \(self.z.count)")
    (self.z, self.velocity, self.squares) = (z, velocity, squares)
  }

  /// Takes a step.
  ///
  /// - Parameters:
  ///   - number: Which it is.
  ///   - batch: Its rows; nil for all.
  ///   - size: ε on the energy.
  ///   - amplitude: Of the noise.
  func step(_ number: Int, batch: ArraySlice<Int>?, size: Double, amplitude: Double) {
    energy.setParameters(packed: z)
    if let batch {
      _ = energy.loss(batch: batch, gradient: &gradient)
      options.scale = Float(energy.rows.count) / Float(batch.count)
    } else {
      _ = energy.loss(gradient: &gradient)
      options.scale = 1
    }
    options.step = Float(size)
    options.amplitude = Float(amplitude)
    energy.deviations.withUnsafeBufferPointer { deviations in
      gains.withUnsafeBufferPointer { gains in
        gradient.withUnsafeBufferPointer { gradient in
          squares.withUnsafeMutableBufferPointer { squares in
            velocity.withUnsafeMutableBufferPointer { velocity in
              z.withUnsafeMutableBufferPointer { z in
                single_sampler_step(
                  z.count, &options, key, UInt64(number), deviations.baseAddress,
                  gains.isEmpty ? nil : gains.baseAddress, gradient.baseAddress,
                  squares.isEmpty ? nil : squares.baseAddress, velocity.baseAddress, z.baseAddress)
              }
            }
          }
        }
      }
    }
  }

  /// Whitened coordinates in plain order.
  var coordinates: [Double] { energy.layout.unpacked(z) }

  /// The sum of squared errors over all rows.
  func squaredErrors() -> Double {
    energy.setParameters(packed: z)
    _ = energy.loss(gradient: &gradient)
    return energy.squares
  }
}
