import Foundation
import Statistics
import Tensors

/// Dropout before every linear layer, in training and in prediction.
public struct MonteCarloDropout: InferenceMethod {
  public static let name = "dropout"
  public static let summary =
    "Monte Carlo dropout (Gal and Ghahramani 2016); rate and noise by likelihood on held-out rows"

  /// What weights are held small by.
  private enum Penalty: String, CaseIterable {
    /// A prior of length scale 0.01, whatever the problem's is: the published experiments'.
    case published
    /// The problem's own prior.
    case prior
  }

  private let rate: Double
  private let penalty: Penalty
  private let precision: Double?
  private let training: GradientTraining
  private static let rates = [0.005, 0.01, 0.05, 0.1]
  /// The prior's length scale of the published experiments.
  private static let lengthScale = 0.01

  public init(options: inout MethodOptions) throws {
    rate = try options.number("dropout-rate", 0, in: 0...0.99)
    precision = try options.positive("precision")
    penalty = try options.choice("penalty", .published)
    training = try GradientTraining(
      &options, epochs: 0, batch: 128, rate: 1e-3, isDecaying: false)
  }

  public func fit(
    _ posterior: Posterior, _ context: FitContext
  ) async throws -> ApproximatePosterior {
    let plain = try GradientTraining.plain(posterior)
    let prior = posterior.priorDeviations
    var chosen = (rate: rate, precision: known(plain))
    if chosen.rate == 0 || chosen.precision == nil {
      chosen = try await choose(plain, prior, context)
    }
    var result = try train(
      plain, prior, rate: chosen.rate, precision: chosen.precision ?? 1,
      random: context.random.child("final"), checkpoints: (context.checkpoints, "final"),
      progress: context.progress)
    result.report = ["dropout_rate": chosen.rate]
    return result
  }

  /// The noise precision in the network's units, where it needs no choice.
  private func known(_ posterior: Posterior) -> Double? {
    switch posterior.likelihood {
    case .gaussian(.known(let deviation)): 1 / (deviation * deviation)
    case .gaussian:
      // The option is in the user's units.
      precision.map { $0 * posterior.scaling.targetScale * posterior.scaling.targetScale }
    default: 1
    }
  }

  /// Rate and precision with the best likelihood on the last fifth of the rows.
  private func choose(
    _ posterior: Posterior, _ prior: [Double], _ context: FitContext
  ) async throws -> (rate: Double, precision: Double?) {
    let rows = posterior.rows
    let kept = rows.count - max(rows.count / 5, 1)
    guard kept > 0 else {
      throw InferenceError(
        .badData, "\(Self.name): one row can't be split to choose a rate; give 'dropout-rate'")
    }
    let part = try Posterior(
      network: posterior.network, prior: .isotropic(1), likelihood: posterior.likelihood,
      rows: rows.selected(Array(0..<kept)), arithmetic: posterior.arithmetic)
    let held = try rows.selected(Array(kept..<rows.count))
    let rates = rate > 0 ? [rate] : Self.rates
    let precision = known(posterior)
    let counter = ProgressCounter(total: rates.count + 1, context.progress)
    let scores = try await context.run(rates.count) { index, random in
      let fitted = try train(
        part, prior, rate: rates[index], precision: precision ?? 1, random: random,
        checkpoints: (context.checkpoints, "rate-\(index)"))
      let draws = try fitted.predict(held.inputs, count: 200, random: random.child("held"))
      counter.advance()
      return try bestPrecision(draws, held.targets, precision)
    }
    let best = scores.indices.max { scores[$0].likelihood < scores[$1].likelihood } ?? 0
    return (rates[best], scores[best].precision)
  }

  private func bestPrecision(
    _ draws: PredictiveDraws, _ targets: [Double], _ known: Double?
  ) throws -> (precision: Double, likelihood: Double) {
    guard draws.likelihood.isRegression else {
      let metrics = try ClassificationMetrics(
        ClassProbabilities(draws), targets.map { Int($0) }, smoothing: 1e-4)
      return (1, -metrics.negativeLogLikelihood)
    }
    var best = (precision: known ?? 1, likelihood: -Double.infinity)
    // A tenth of a decade is finer than held-out rows can tell.
    let candidates = known.map { [$0] } ?? (-20...60).map { pow(10, Double($0) / 10) }
    let prior = known == nil ? draws.likelihood.noisePrior : nil
    for candidate in candidates {
      // Of a row or two that are met by chance the likelihood alone would say that there is no noise.
      var sum = prior.map { ($0.shape - 1) * log(candidate) - $0.rate * candidate } ?? 0
      for (row, target) in targets.enumerated() {
        sum += logSumExp(
          (0..<draws.count).map {
            NormalDistribution.logDensity(target, draws.value($0, row), 1 / candidate.squareRoot())
          })
      }
      if sum > best.likelihood { best = (candidate, sum) }
    }
    return best
  }

  private func train(
    _ posterior: Posterior, _ prior: [Double], rate: Double, precision: Double,
    random: RandomStream, checkpoints: (store: Checkpoints?, name: String),
    progress: (_ done: Int, _ total: Int) -> Void = { _, _ in }
  ) throws -> ApproximatePosterior {
    let energy = Energy(posterior)
    // Makes the mean loss a mean squared error, as in the published experiments.
    if case .gaussian = posterior.likelihood { energy.precision = 2 }
    let masks = DropoutMasks.source(rate: rate, energy, random.child("masks"))
    var start = random.child("start")
    var theta = GradientTraining.start(posterior.network, &start)
    let training = training.resolved(
      rows: posterior.rows.count, published: 400, leastSteps: 10_000)
    try training.run(
      &theta, energy, penalties: penalties(posterior, prior, rate: rate, precision: precision),
      random: random.child("order"), masks: masks, checkpoints: checkpoints, progress: progress)
    guard theta.allSatisfy(\.isFinite) else {
      throw InferenceError(.failed, "\(Self.name) diverged; take a smaller 'rate'")
    }
    var result = ApproximatePosterior(
      method: Self.name, of: posterior, rule: .dropout, chains: [[theta]],
      precisions: [[precision]])
    result.dropoutRate = rate
    result.passes = energy.passes
    return result
  }

  /// A factor of each parameter's square in the mean loss.
  private func penalties(
    _ posterior: Posterior, _ prior: [Double], rate: Double, precision: Double
  ) -> [Double] {
    let count = Double(posterior.rows.count)
    var penalties = [Double](repeating: 0, count: posterior.parameterCount)
    let scale = posterior.scaling.targetScale
    // −log p(θ) = Σ θ²/2σ² over N, and over half the precision where the loss is a mean squared error.
    let isGaussian = if case .gaussian = posterior.likelihood { true } else { false }
    let own = 1 / (2 * count) / (isGaussian ? precision / 2 : 1)
    for layer in posterior.network.layers {
      switch penalty {
      case .published:
        // With the precision in the user's units, and on weights only. In the units of targets of millions
        // that would be a prior that leaves no function but 0: none is narrower than the problem's own.
        let factor =
          Self.lengthScale * Self.lengthScale * (1 - rate)
          / (2 * count * precision / (scale * scale))
        for i in layer.weights..<layer.biases {
          penalties[i] = min(factor, own * (1 - rate) / (prior[i] * prior[i]))
        }
      case .prior:
        for i in layer.weights..<layer.end {
          penalties[i] = own * (i < layer.biases ? 1 - rate : 1) / (prior[i] * prior[i])
        }
      }
    }
    return penalties
  }
}
