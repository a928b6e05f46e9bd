import CDenseKernels

/// Leapfrog steps in float32, all numbers of a step in one pass over them.
///
/// Energies are sums in float64, so that what a step changes isn't lost beside what it doesn't.
final class SingleTrajectory {
  /// Its owner.
  private unowned let energy: SingleEnergy
  private var z: [Float]
  private var momentum: [Float]
  private var gradient: [Float]

  init(_ energy: SingleEnergy) {
    self.energy = energy
    z = [Float](repeating: 0, count: energy.layout.count)
    (momentum, gradient) = (z, z)
  }

  /// Takes steps from a point of phase space.
  ///
  /// - Parameters:
  ///   - point: Where to start and, afterwards, the end; its gradient isn't changed.
  ///   - step: Its size.
  ///   - count: At most so many steps.
  ///   - limit: The energy at which the trajectory ends, since no step leads back from there.
  /// - Returns: How many gradients were computed.
  func run(_ point: inout PhasePoint, step: Double, count: Int, limit: Double) -> Int {
    let layout = energy.layout
    // A trajectory that left the numbers' range left what isn't a number between them, too.
    for i in z.indices { (z[i], momentum[i]) = (0, 0) }
    layout.pack(point.z, &z)
    layout.pack(point.momentum, &momentum)
    energy.setParameters(packed: z)
    _ = energy.loss(gradient: &gradient)
    var done = 0
    let half = Float(step / 2)
    for index in 0..<count {
      // Half a kick at either end of the trajectory, whole ones between.
      energy.leapfrog(
        kick: index == 0 ? half : Float(step), drift: Float(step), gradient, &momentum, &z)
      let loss = energy.loss(gradient: &gradient)
      done += 1
      point.energy = loss + single_square_sum(z.count, z) / 2
      if !(point.energy < limit) { break }
    }
    energy.leapfrog(kick: half, drift: 0, gradient, &momentum, &z)
    point.z = layout.unpacked(z)
    point.momentum = layout.unpacked(momentum)
    point.squares = energy.squares
    return done + 1
  }
}
