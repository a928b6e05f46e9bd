/// Stochastic gradient Langevin dynamics.
public struct LangevinDynamics: InferenceMethod {
  public static let name = "sgld"
  public static let summary = "Stochastic gradient Langevin dynamics (Welling and Teh 2011)"

  private let chains: StochasticGradientChains

  public init(options: inout MethodOptions) throws {
    chains = try StochasticGradientChains(&options, friction: 1, stability: 0.2)
  }

  public func fit(
    _ posterior: Posterior, _ context: FitContext
  ) async throws -> ApproximatePosterior {
    try await chains.sample(Self.name, posterior, context)
  }
}

/// Langevin dynamics preconditioned as RMSprop does, without the term Γ.
public struct PreconditionedLangevinDynamics: InferenceMethod {
  public static let name = "psgld"
  public static let summary =
    "Preconditioned stochastic gradient Langevin dynamics (Li et al. 2016), without Γ"

  private let chains: StochasticGradientChains

  public init(options: inout MethodOptions) throws {
    var chains = try StochasticGradientChains(&options, friction: 1, stability: 0.2)
    chains.preconditioner = StochasticGradientChains.Preconditioner(
      decay: try options.number("decay", 0.99, in: 0...0.999999),
      offset: try options.positive("offset"))
    self.chains = chains
  }

  public func fit(
    _ posterior: Posterior, _ context: FitContext
  ) async throws -> ApproximatePosterior {
    try await chains.sample(Self.name, posterior, context)
  }
}

/// Stochastic gradient Hamiltonian Monte Carlo.
public struct StochasticGradientHMC: InferenceMethod {
  public static let name = "sghmc"
  public static let summary = "Stochastic gradient Hamiltonian Monte Carlo (Chen et al. 2014)"

  private let chains: StochasticGradientChains

  public init(options: inout MethodOptions) throws {
    let friction = try options.number("friction", 0.1, in: 1e-6...1)
    chains = try StochasticGradientChains(&options, friction: friction, stability: 0.1)
  }

  public func fit(
    _ posterior: Posterior, _ context: FitContext
  ) async throws -> ApproximatePosterior {
    try await chains.sample(Self.name, posterior, context)
  }
}

/// Langevin dynamics in cosine cycles.
public struct CyclicalLangevinDynamics: InferenceMethod {
  public static let name = "csgld"
  public static let summary = "Cyclical stochastic gradient Langevin dynamics (Zhang et al. 2020)"

  private let chains: StochasticGradientChains

  public init(options: inout MethodOptions) throws {
    chains = try StochasticGradientChains(
      &options, friction: 1, stability: 0.5, isCyclical: true)
  }

  public func fit(
    _ posterior: Posterior, _ context: FitContext
  ) async throws -> ApproximatePosterior {
    try await chains.sample(Self.name, posterior, context)
  }
}

/// Stochastic gradient Hamiltonian Monte Carlo in cosine cycles.
public struct CyclicalHMC: InferenceMethod {
  public static let name = "csghmc"
  public static let summary =
    "Cyclical stochastic gradient Hamiltonian Monte Carlo (Zhang et al. 2020)"

  private let chains: StochasticGradientChains

  public init(options: inout MethodOptions) throws {
    let friction = try options.number("friction", 0.1, in: 1e-6...1)
    chains = try StochasticGradientChains(
      &options, friction: friction, stability: 0.3, isCyclical: true)
  }

  public func fit(
    _ posterior: Posterior, _ context: FitContext
  ) async throws -> ApproximatePosterior {
    try await chains.sample(Self.name, posterior, context)
  }
}
