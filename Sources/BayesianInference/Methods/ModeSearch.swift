import Foundation

/// Finds a mode of an energy.
enum ModeSearch {
  /// Limited-memory BFGS over all rows, with steps that satisfy Armijo's rule.
  ///
  /// Nocedal and Wright, "Numerical Optimization" (2006), algorithm 7.4; no step size to choose.
  ///
  /// A learned noise precision τ is that of the marginal likelihood, by expectation maximisation between
  /// rounds of descent: the expected squared error under Laplace's approximation is that at the mode plus
  /// γ/τ, where γ parameters are determined by the data (MacKay 1992). A joint mode of parameters and
  /// noise would, with more parameters than rows, fit the rows exactly and find no noise.
  ///
  /// - Parameters:
  ///   - start: Whitened coordinates.
  ///   - energy: Its noise precision is where the search begins, and ends at that of the mode.
  ///   - anchor: Where the prior is centred; nil is 0.
  ///   - iterations: The most steps.
  /// - Returns: Whitened coordinates of the mode.
  /// - Throws: ``InferenceError`` where the energy at the start isn't finite.
  static func mode(
    from start: [Double], _ energy: Energy, anchor: [Double]? = nil, iterations: Int
  ) throws -> [Double] {
    guard energy.posterior.likelihood.noisePrior != nil else {
      return try descend(start, energy, anchor, iterations)
    }
    var z = start
    let rounds = 20
    let determined = EffectiveParameters(energy.posterior)
    var (count, counted) = (0.0, 0.0)
    for _ in 0..<rounds {
      let before = energy.precision
      z = try descend(z, energy, anchor, max(iterations / rounds, 1))
      var gradient = z
      _ = energy.evaluate(z, gradient: &gradient)
      // The count changes little where the precision does.
      if abs(before / counted - 1) > 0.05 {
        (count, counted) = (determined.count(at: z, precision: before), before)
      }
      energy.precision =
        energy.posterior.expectedPrecision(squares: energy.squares + count / before) ?? before
      if abs(energy.precision / before - 1) < 1e-3 { break }
    }
    return try descend(z, energy, anchor, max(iterations / rounds, 1))
  }

  private static func descend(
    _ start: [Double], _ energy: Energy, _ anchor: [Double]?, _ iterations: Int
  ) throws -> [Double] {
    let count = start.count
    var z = start
    var gradient = [Double](repeating: 0, count: count)
    var value = evaluate(z, energy, anchor, &gradient)
    guard value.isFinite else {
      throw InferenceError(
        .failed, "the energy at the start is \(value); is the data standardised?")
    }
    var history: [(change: [Double], slope: [Double], scale: Double)] = []
    var nextGradient = gradient
    for _ in 0..<iterations {
      let norm = dot(gradient, gradient).squareRoot()
      guard norm > 1e-10 * max(1, dot(z, z).squareRoot()) else { break }
      var direction = twoLoop(gradient, history)
      if dot(direction, gradient) >= 0 {
        history = []
        direction = gradient.map { -$0 }
      }
      let descent = dot(direction, gradient)
      var step = history.isEmpty ? min(1, 1 / norm) : 1
      var next = z
      var nextValue = Double.infinity
      for _ in 0..<40 {
        for i in 0..<count { next[i] = z[i] + step * direction[i] }
        nextValue = evaluate(next, energy, anchor, &nextGradient)
        if nextValue <= value + 1e-4 * step * descent { break }
        step *= 0.5
      }
      guard nextValue < value else { break }
      let change = zip(next, z).map { $0 - $1 }
      let slope = zip(nextGradient, gradient).map { $0 - $1 }
      let curvature = dot(change, slope)
      if curvature > 1e-12 * dot(slope, slope) {
        history.append((change, slope, 1 / curvature))
        if history.count > 30 { history.removeFirst() }
      }
      (z, value, gradient) = (next, nextValue, nextGradient)
    }
    return z
  }

  private static func evaluate(
    _ z: [Double], _ energy: Energy, _ anchor: [Double]?, _ gradient: inout [Double]
  ) -> Double {
    guard let anchor else { return energy.evaluate(z, gradient: &gradient) }
    var value = energy.dataLoss(z, gradient: &gradient)
    for i in z.indices {
      let distance = z[i] - anchor[i]
      gradient[i] += distance
      value += 0.5 * distance * distance
    }
    return value
  }

  private static func twoLoop(
    _ gradient: [Double], _ history: [(change: [Double], slope: [Double], scale: Double)]
  ) -> [Double] {
    var direction = gradient
    var factors: [Double] = []
    for pair in history.reversed() {
      let factor = pair.scale * dot(pair.change, direction)
      factors.append(factor)
      for i in direction.indices { direction[i] -= factor * pair.slope[i] }
    }
    if let last = history.last {
      let scale = dot(last.change, last.slope) / dot(last.slope, last.slope)
      for i in direction.indices { direction[i] *= scale }
    }
    for (pair, factor) in zip(history, factors.reversed()) {
      let other = pair.scale * dot(pair.slope, direction)
      for i in direction.indices { direction[i] += (factor - other) * pair.change[i] }
    }
    for i in direction.indices { direction[i] = -direction[i] }
    return direction
  }

  /// The largest eigenvalue of the energy's Hessian, by power iteration on differences of gradients.
  ///
  /// - Parameters:
  ///   - z: Where.
  ///   - energy: Over all rows.
  ///   - start: A direction to start from.
  /// - Returns: At least 1, the prior's own curvature.
  static func largestCurvature(_ z: [Double], _ energy: Energy, start: [Double]) -> Double {
    var direction = start
    var (up, down) = (z, z)
    var (above, below) = (z, z)
    var curvature = 1.0
    // Differences of float32 gradients need a larger step.
    let size = energy.single == nil ? 1e-4 : 1e-2
    for _ in 0..<30 {
      let norm = dot(direction, direction).squareRoot()
      guard norm > 0, norm.isFinite else { break }
      let step = size / norm
      for i in z.indices {
        up[i] = z[i] + step * direction[i]
        down[i] = z[i] - step * direction[i]
      }
      _ = energy.evaluate(up, gradient: &above)
      _ = energy.evaluate(down, gradient: &below)
      for i in z.indices { direction[i] = (above[i] - below[i]) / (2 * size) }
      let length = dot(direction, direction).squareRoot()
      if abs(length / curvature - 1) < 1e-3 { return max(length, 1) }
      curvature = length
    }
    return max(curvature.isFinite ? curvature : 1, 1)
  }
}

/// The scalar product of two lists of the same length.
func dot(_ first: [Double], _ second: [Double]) -> Double {
  var sum = 0.0
  for i in 0..<first.count { sum += first[i] * second[i] }
  return sum
}
