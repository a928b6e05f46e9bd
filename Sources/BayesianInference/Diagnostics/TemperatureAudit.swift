public import Statistics

/// At what temperature draws were really sampled, told from the draws alone.
public enum TemperatureAudit {
  /// The temperature T of draws of exp(−U/T).
  ///
  /// Integration by parts gives E[(z − c)·∇U(z)] = T × parameters for any constant c; with the draws'
  /// mean as c the estimate varies least. Draws of several modes, or of chains that don't mix, are
  /// judged by how they lie around the mean of all.
  ///
  /// - Parameters:
  ///   - draws: At least two, of the same posterior.
  ///   - posterior: Whose energy U is.
  /// - Returns: T, or why it can't be told.
  /// - Throws: ``InferenceError`` where the draws are of another network.
  public static func temperature(
    of draws: ApproximatePosterior, _ posterior: Posterior
  ) throws -> Statistic {
    guard draws.network == posterior.network else {
      throw InferenceError(.badData, "the draws are of another network than the posterior")
    }
    guard draws.rule == .draws, draws.count > 1 else {
      return .undefined("\(draws.method) leaves no draws of the parameters")
    }
    let energy = Energy(posterior)
    let count = posterior.parameterCount
    var mean = [Double](repeating: 0, count: count)
    for draw in 0..<draws.count {
      for (i, value) in draws.parameters(draw).enumerated() {
        mean[i] += value / posterior.priorDeviations[i] / Double(draws.count)
      }
    }
    var gradient = mean
    var sum = 0.0
    for draw in 0..<draws.count {
      if !draws.noise.isEmpty { energy.precision = 1 / (draws.noise[draw] * draws.noise[draw]) }
      let z = zip(draws.parameters(draw), posterior.priorDeviations).map { $0 / $1 }
      _ = energy.evaluate(z, gradient: &gradient)
      for i in 0..<count { sum += (z[i] - mean[i]) * gradient[i] }
    }
    // The mean takes one draw's worth of freedom.
    return .value(sum / Double(draws.count - 1) / Double(count))
  }
}
