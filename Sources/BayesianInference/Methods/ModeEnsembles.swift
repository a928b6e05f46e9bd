import Tensors

/// Independent searches for a mode.
struct ModeEnsemble {
  var members: Int
  var iterations: Int
  /// Whether each member is drawn to a point of its own, drawn from the prior.
  var isAnchored: Bool

  /// - `members`: Nil where there is only one.
  init(_ options: inout MethodOptions, members: Int?, isAnchored: Bool) throws {
    self.members = try members.map { try options.integer("members", $0, in: 1...10_000) } ?? 1
    iterations = try options.integer("iterations", 2000, in: 1...10_000_000)
    self.isAnchored = isAnchored
  }

  func fit(
    _ method: String, _ posterior: Posterior, _ context: FitContext
  ) async throws -> ApproximatePosterior {
    let counter = ProgressCounter(total: members, context.progress)
    let results = try await context.run(members) { _, random in
      let energy = Energy(posterior)
      var start = random.child("start")
      var anchor = random.child("anchor")
      let z = try ModeSearch.mode(
        from: start.normals(posterior.parameterCount), energy,
        anchor: isAnchored ? anchor.normals(posterior.parameterCount) : nil,
        iterations: iterations)
      counter.advance()
      return (z, energy.precision, energy.passes)
    }
    // One chain: members have no order that a diagnostic of chains could use.
    var result = ApproximatePosterior(
      method: method, of: posterior, chains: [results.map(\.0)],
      precisions: [results.map(\.1)])
    result.passes = results.reduce(0) { $0 + $1.2 }
    return result
  }
}

/// One mode: no uncertainty of the function at all.
public struct MaximumAPosteriori: InferenceMethod {
  public static let name = "map"
  public static let summary = "One mode of the posterior, by L-BFGS"

  private let ensemble: ModeEnsemble

  public init(options: inout MethodOptions) throws {
    ensemble = try ModeEnsemble(&options, members: nil, isAnchored: false)
  }

  public func fit(
    _ posterior: Posterior, _ context: FitContext
  ) async throws -> ApproximatePosterior {
    try await ensemble.fit(Self.name, posterior, context)
  }
}

/// Modes found from several starts.
public struct ModeRestarts: InferenceMethod {
  public static let name = "map-restarts"
  public static let summary = "Modes of the posterior from several starts, by L-BFGS"

  private let ensemble: ModeEnsemble

  public init(options: inout MethodOptions) throws {
    ensemble = try ModeEnsemble(&options, members: 20, isAnchored: false)
  }

  public func fit(
    _ posterior: Posterior, _ context: FitContext
  ) async throws -> ApproximatePosterior {
    try await ensemble.fit(Self.name, posterior, context)
  }
}

/// Modes of posteriors whose priors are centred at draws of the prior.
public struct AnchoredEnsemble: InferenceMethod {
  public static let name = "anchored"
  public static let summary = "Anchored ensemble (Pearce, Leibfried and Brintrup 2020)"

  private let ensemble: ModeEnsemble

  public init(options: inout MethodOptions) throws {
    ensemble = try ModeEnsemble(&options, members: 20, isAnchored: true)
  }

  public func fit(
    _ posterior: Posterior, _ context: FitContext
  ) async throws -> ApproximatePosterior {
    try await ensemble.fit(Self.name, posterior, context)
  }
}
