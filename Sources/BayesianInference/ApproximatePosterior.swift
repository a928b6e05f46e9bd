/// What a method leaves: parameters, and how to predict with them.
public struct ApproximatePosterior: Sendable {
  /// How the stored parameters make predictions.
  public enum Rule: String, Hashable, Sendable {
    /// Each draw is a network of its own; all count the same.
    case draws
    /// The first draw is the centre θ*; each other one θ predicts f(θ*) + ∂f/∂θ (θ − θ*).
    case linearised
    /// One draw, run with fresh dropout masks.
    case dropout
    /// Means, then variances of independent normal weights, whose moments pass through the network.
    case moments
  }

  public var method: String
  public let network: Network
  public let likelihood: Likelihood
  /// How the user's units become those of the network.
  public let scaling: Standardisation
  public var rule: Rule
  /// count × parameters, draw after draw, θ (not whitened).
  public var draws: [Float]
  /// The chains that the draws come from, one after the other, all equally long; 1 where there are none.
  public var chains: Int
  /// The noise deviation of each draw in the network's units; empty where the likelihood has none.
  ///
  /// Of a heteroscedastic likelihood, what every row has besides the variance that the network tells.
  public var noise: [Double]
  /// The dropout probability of the rule `dropout`.
  public var dropoutRate = 0.0
  /// What the posterior was tempered by: draws of exp(−U / T).
  public var temperature = 1.0
  /// Gradients computed, in passes over all rows.
  public var passes = 0.0
  /// What the method tells of itself: acceptance, divergences, step size, ….
  public var report: [String: Double] = [:]
  /// Why the result shouldn't be trusted; empty where nothing speaks against it.
  public var warnings: [String] = []

  public var parameterCount: Int { network.parameterCount }
  public var count: Int { draws.count / parameterCount }

  public init(
    method: String, network: Network, likelihood: Likelihood, scaling: Standardisation,
    rule: Rule, draws: [Float], chains: Int, noise: [Double]
  ) {
    self.method = method
    self.network = network
    self.likelihood = likelihood
    self.scaling = scaling
    self.rule = rule
    self.draws = draws
    self.chains = chains
    self.noise = noise
  }

  /// From whitened draws of each chain, equally many, with the noise precision of each.
  init(
    method: String, of posterior: Posterior, rule: Rule = .draws, chains: [[[Double]]],
    precisions: [[Double]]
  ) {
    var draws: [Float] = []
    draws.reserveCapacity(chains.reduce(0) { $0 + $1.count } * posterior.parameterCount)
    for z in chains.joined() {
      for i in 0..<z.count { draws.append(Float(z[i] * posterior.priorDeviations[i])) }
    }
    var noise: [Double] = []
    if case .gaussian = posterior.likelihood {
      noise = precisions.joined().map { 1 / $0.squareRoot() }
    }
    self.init(
      method: method, network: posterior.network, likelihood: posterior.likelihood,
      scaling: posterior.scaling, rule: rule, draws: draws, chains: chains.count, noise: noise)
  }

  /// The parameters of a draw as the kernels take them.
  func parameters(_ draw: Int) -> [Double] {
    draws[draw * parameterCount..<(draw + 1) * parameterCount].map { Double($0) }
  }
}
