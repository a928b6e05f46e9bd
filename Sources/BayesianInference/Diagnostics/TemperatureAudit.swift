public import Statistics

/// At what temperature draws were really sampled, told from the draws alone.
public enum TemperatureAudit {
  /// A temperature with its Monte Carlo error.
  public struct Estimate: Hashable, Sendable {
    public var value: Double
    /// Its standard error; nil where there are too few draws to tell.
    public var error: Double?

    /// Whether the draws are of another temperature, beyond two standard errors.
    ///
    /// - Parameters:
    ///   - temperature: The one they should have.
    ///   - tolerance: The share of it that doesn't matter.
    /// - Returns: True where chance is no explanation.
    public func differs(from temperature: Double, tolerance: Double) -> Bool {
      abs(value - temperature) > tolerance * temperature + 2 * (error ?? 0)
    }
  }

  /// The temperature T of draws of exp(−U/T).
  ///
  /// - Parameters:
  ///   - draws: At least two, of the same posterior.
  ///   - posterior: Whose energy U is.
  /// - Returns: T, or why it can't be told.
  /// - Throws: ``InferenceError`` where the draws are of another network.
  public static func temperature(
    of draws: ApproximatePosterior, _ posterior: Posterior
  ) throws -> Statistic {
    try estimate(of: draws, posterior).map { .value($0.value) }
      ?? .undefined("\(draws.method) leaves no draws of the parameters")
  }

  /// The temperature T of draws of exp(−U/T), and how sure that is.
  ///
  /// Integration by parts gives E[(z − c)·∇U(z)] = T × parameters for any c that doesn't depend on z; c near
  /// the mean varies least. The mean of a chain's own draws depends on them: directions in which the chain
  /// hardly moves would count as cold. So each chain is measured from the mean of the others, and chains
  /// that stay where they are, each somewhere else in the posterior, have its temperature. The error is that
  /// of a mean over chains. A single chain is measured from its own mean.
  ///
  /// - Parameters:
  ///   - draws: At least two, of the same posterior.
  ///   - posterior: Whose energy U is.
  /// - Returns: T and its error; nil where there are no draws to tell it from.
  /// - Throws: ``InferenceError`` where the draws are of another network.
  public static func estimate(
    of draws: ApproximatePosterior, _ posterior: Posterior
  ) throws -> Estimate? {
    guard draws.network == posterior.network else {
      throw InferenceError(.badData, "the draws are of another network than the posterior")
    }
    guard draws.rule == .draws, draws.count > 1 else { return nil }
    let energy = Energy(posterior)
    let chains = draws.count % max(draws.chains, 1) == 0 ? max(draws.chains, 1) : 1
    let centres = centres(draws, posterior, chains)
    let length = draws.count / chains
    let count = Double(posterior.parameterCount)
    var gradient = [Double](repeating: 0, count: posterior.parameterCount)
    var products: [[Double]] = []
    for chain in 0..<chains {
      products.append(
        (chain * length..<(chain + 1) * length).map { draw in
          if !draws.noise.isEmpty {
            energy.precision = 1 / (draws.noise[draw] * draws.noise[draw])
          }
          let z = draws.whitened(draw, posterior)
          _ = energy.evaluate(z, gradient: &gradient)
          var sum = 0.0
          for i in z.indices { sum += (z[i] - centres[chain][i]) * gradient[i] }
          return sum / count
        })
    }
    if chains > 1 {
      let means = Moments(products.map { $0.reduce(0, +) / Double(length) })
      // Few chains: their deviation takes one of them.
      let error = means.deviation / (Double(chains) - 1).squareRoot()
      return Estimate(value: means.mean, error: error)
    }
    // The mean takes one draw's worth of freedom.
    return Estimate(
      value: products[0].reduce(0, +) / Double(length - 1),
      error: try ChainDiagnostics(products).meanError.value)
  }

  /// What each chain is measured from.
  private static func centres(
    _ draws: ApproximatePosterior, _ posterior: Posterior, _ chains: Int
  ) -> [[Double]] {
    let length = draws.count / chains
    let means = (0..<chains).map { chain in
      var mean = [Double](repeating: 0, count: posterior.parameterCount)
      for draw in chain * length..<(chain + 1) * length {
        for (i, value) in draws.whitened(draw, posterior).enumerated() {
          mean[i] += value / Double(length)
        }
      }
      return mean
    }
    guard chains > 1 else { return means }
    let sums = means.dropFirst().reduce(means[0]) { sum, mean in zip(sum, mean).map(+) }
    return means.map { own in zip(sums, own).map { ($0 - $1) / Double(chains - 1) } }
  }
}

extension ApproximatePosterior {
  /// A draw in units of the prior's deviations.
  func whitened(_ draw: Int, _ posterior: Posterior) -> [Double] {
    zip(parameters(draw), posterior.priorDeviations).map { $0 / $1 }
  }
}
