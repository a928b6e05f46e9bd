import Tensors

/// Networks trained from different starts, each of which predicts mean and variance.
public struct DeepEnsemble: InferenceMethod {
  public static let name = "deep-ensemble"
  public static let summary =
    "Deep ensemble of networks with mean and variance (Lakshminarayanan et al. 2017), without "
    + "adversarial training"

  private let members: Int
  private let training: GradientTraining

  public init(options: inout MethodOptions) throws {
    members = try options.integer("members", 5, in: 1...10_000)
    training = try GradientTraining(
      &options, epochs: 0, batch: 100, rate: 0.03, isDecaying: true)
  }

  public func fit(
    _ posterior: Posterior, _ context: FitContext
  ) async throws -> ApproximatePosterior {
    let plain = try GradientTraining.plain(
      posterior, posterior.likelihood.isRegression ? .heteroscedastic : nil)
    var choice = EnsembleValidation.Choice(training: training)
    if training.epochs == 0 {
      choice = try await EnsembleValidation(
        // Up to twice as long as published: that variances get too sure is made up for.
        training: training.resolved(rows: plain.rows.count, published: 80, leastSteps: 800),
        members: min(members, 3)
      ).choice(
        plain, FitContext(random: context.random.child("length"), workers: context.workers))
    }
    let chosen = choice.training
    let counter = ProgressCounter(total: members, context.progress)
    let checkpoints = context.checkpoints
    let results = try await context.run(members) { member, random in
      let energy = Energy(plain)
      var start = random.child("start")
      var theta = GradientTraining.start(plain.network, &start)
      if chosen.limit == 0 {
        theta = GradientTraining.constant(plain)
      } else {
        try chosen.run(
          &theta, energy, random: random.child("order"),
          checkpoints: (checkpoints, "member-\(member)"))
      }
      guard theta.allSatisfy(\.isFinite) else {
        throw InferenceError(.failed, "\(Self.name) diverged; take a smaller 'rate'")
      }
      counter.advance()
      return (theta, energy.passes)
    }
    var result = ApproximatePosterior(
      method: Self.name, of: plain, chains: [results.map(\.0)],
      precisions: [results.map { _ in 1 }])
    if choice.addedVariance > 0 {
      let deviation = choice.addedVariance.squareRoot()
      result.noise = [Double](repeating: deviation, count: members)
      result.report["added_deviation"] = deviation * posterior.scaling.targetScale
    }
    result.passes = results.reduce(choice.passes) { $0 + $1.1 }
    return result
  }
}
