import Foundation
import Statistics
import Tensors

/// Probabilistic backpropagation: moments of independent normal weights, row by row.
///
/// Hernández-Lobato and Adams (ICML 2015). Noise and weight precision have gamma posteriors of their
/// own; the prior that is asked for is not used.
public struct ProbabilisticBackpropagation: InferenceMethod {
  public static let name = "pbp"
  public static let summary = "Probabilistic backpropagation (Hernández-Lobato and Adams 2015)"

  /// Nil takes what predicts rows that are left out best, of the published 40, fewer, and none, which is a
  /// constant.
  private let passes: Int?
  private static let candidates = [40, 20, 10, 5, 2, 1, 0]

  public init(options: inout MethodOptions) throws {
    let given = try options.integer("passes", 0, in: 0...1_000_000)
    passes = given > 0 ? given : nil
  }

  public func fit(
    _ posterior: Posterior, _ context: FitContext
  ) async throws -> ApproximatePosterior {
    guard case .gaussian = posterior.likelihood,
      posterior.network.activation == .relu || posterior.network.layers.count == 1
    else {
      throw InferenceError(
        .badOption, "\(Self.name) is for rectifiers and a Gaussian likelihood of one number")
    }
    var (passes, spent) = (passes ?? 0, 0.0)
    if self.passes == nil { (passes, spent) = try await chosenPasses(posterior, context) }
    let count = passes
    let state = beliefs(posterior, passes, context.random) { pass, _ in
      context.progress(pass, count)
    }
    guard state.means.allSatisfy(\.isFinite), state.noiseVariance.isFinite else {
      throw InferenceError(.failed, "\(Self.name) left the finite numbers")
    }
    var result = ApproximatePosterior(
      method: Self.name, network: posterior.network, likelihood: posterior.likelihood,
      scaling: posterior.scaling, rule: .moments,
      draws: state.means.map { Float($0) } + state.variances.map { Float($0) }, chains: 1,
      noise: [Double](repeating: state.noiseVariance.squareRoot(), count: 2))
    result.passes = Double(passes) + spent
    result.report = ["skipped_updates": Double(state.skipped), "chosen_passes": Double(passes)]
    return result
  }

  /// How often the rows are to be taken into account.
  ///
  /// Each pass counts all rows again, so that of many parameters and few rows, or rows that the inputs say
  /// nothing of, the later ones make beliefs surer and not better. The published number stands where it
  /// predicts left-out rows better than a constant does and no other number does so by more than two standard
  /// errors. Where a constant is better, the number with the best mean is taken: a few rows that are far off
  /// make standard errors of many parameters' losses so large that nothing would ever exceed them.
  private func chosenPasses(
    _ posterior: Posterior, _ context: FitContext
  ) async throws -> (passes: Int, spent: Double) {
    let most = Self.candidates[0]
    guard let validation = CrossValidation(rows: posterior.rows.count) else { return (most, 0) }
    let parts = try await validation.run(
      posterior, FitContext(random: context.random.child("held"), workers: context.workers)
    ) { fitted, held, random in
      var losses = [0: beliefs(fitted, 0, random).losses(held.rows)]
      _ = beliefs(fitted, most, random) { pass, state in
        if Self.candidates.contains(pass) { losses[pass] = state.losses(held.rows) }
      }
      return losses
    }
    let passes = Self.choice(
      Dictionary(
        uniqueKeysWithValues: Self.candidates.map { passes in
          (passes, parts.flatMap { $0[passes] ?? [] })
        }))
    // Those of a part are of all rows but its own.
    return (passes, Double(most * (validation.parts.count > 1 ? validation.parts.count - 1 : 1)))
  }

  /// The number of passes that left-out rows speak for.
  ///
  /// - Parameter losses: Of each number of passes, 0 being a constant, −log p of the same rows; infinite where
  ///   beliefs left the finite numbers.
  /// - Returns: One of the numbers.
  static func choice(_ losses: [Int: [Double]]) -> Int {
    let most = losses.keys.max() ?? 0
    let mean = { (passes: Int) in Moments(losses[passes] ?? [.infinity]).mean }
    let others = losses.keys.sorted(by: >).dropFirst()
    // Also where the mean isn't finite.
    guard mean(most) < mean(0), let published = losses[most] else {
      return others.filter { mean($0).isFinite }.min { mean($0) < mean($1) } ?? 0
    }
    var best = (passes: most, gain: 0.0)
    for passes in others {
      let gains = Moments(zip(published, losses[passes] ?? []).map { $0 - $1 })
      let error = gains.deviation / Double(published.count).squareRoot()
      if gains.mean > 2 * error, gains.mean > best.gain { best = (passes, gains.mean) }
    }
    return best.passes
  }

  /// What is believed after so many passes over the rows.
  private func beliefs(
    _ posterior: Posterior, _ passes: Int, _ random: RandomStream,
    after: (_ pass: Int, PropagatedBeliefs) -> Void = { _, _ in }
  ) -> PropagatedBeliefs {
    var state = PropagatedBeliefs(posterior.network, random.child("start"))
    if case .gaussian(.known(let deviation)) = posterior.likelihood {
      state.noise = .known(variance: deviation * deviation)
    }
    if passes == 0 { state.become(constantOf: posterior.rows.targets) }
    var order = random.child("order")
    for pass in 0..<passes {
      for row in order.permutation(posterior.rows.count) {
        state.assimilate(posterior.rows.inputs[row], posterior.rows.targets[row])
      }
      state.refinePrior()
      after(pass + 1, state)
    }
    return state
  }
}

/// A gamma distribution's shape and rate.
struct GammaBelief {
  var shape: Double
  var rate: Double

  /// The distribution with the first two moments after a factor whose normalisers are known at three
  /// shapes (section 3.1): log Z at shape − 1, shape, shape + 1 of the inverse variance.
  func matched(_ z: Double, _ z1: Double, _ z2: Double) -> GammaBelief {
    GammaBelief(
      shape: 1 / (exp(z2 - 2 * z1 + z) * (shape + 1) / shape - 1),
      rate: 1 / (exp(z2 - z1) * (shape + 1) / rate - exp(z1 - z) * shape / rate))
  }

  var isUsable: Bool { shape.isFinite && rate.isFinite && shape > 1 && rate > 0 }
}

/// What probabilistic backpropagation believes of weights, their precision, and the noise.
struct PropagatedBeliefs {
  enum Noise { case known(variance: Double), learned(GammaBelief) }

  private let network: Network
  private(set) var means: [Double]
  private(set) var variances: [Double]
  var noise = Noise.learned(GammaBelief(shape: 6, rate: 6))
  /// Updates whose variance would not have been positive.
  private(set) var skipped = 0
  private var weightPrecision = GammaBelief(shape: 6, rate: 6)
  /// Each weight's prior factor as a normal times a gamma: natural parameters.
  private var sitePrecision: [Double]
  private var siteShift: [Double]
  private var siteShape: [Double]
  private var siteRate: [Double]

  init(_ network: Network, _ random: RandomStream) {
    var random = random
    self.network = network
    means = network.layers.flatMap { layer in
      let scale = 1 / Double(layer.inputs + 1).squareRoot()
      return (0..<(layer.inputs + 1) * layer.outputs).map { _ in scale * random.normal() }
    }
    let variance = weightPrecision.rate / (weightPrecision.shape - 1)
    variances = [Double](repeating: variance, count: network.parameterCount)
    sitePrecision = [Double](repeating: 1 / variance, count: network.parameterCount)
    siteShift = [Double](repeating: 0, count: network.parameterCount)
    (siteShape, siteRate) = (siteShift, siteShift)
  }

  /// The noise variance that predictions have.
  var noiseVariance: Double {
    switch noise {
    case .known(let variance): variance
    case .learned(let belief): belief.rate / (belief.shape - 1)
    }
  }

  /// Believes that targets have the same mean and, where the noise isn't known, variance everywhere.
  mutating func become(constantOf targets: [Double]) {
    let moments = Moments(targets)
    means = [Double](repeating: 0, count: means.count)
    variances = means
    // An input of each layer is a 1, and sums are divided by the root of how many inputs there are.
    let inputs = network.layers.last?.inputs ?? 0
    means[means.count - 1] = moments.mean * Double(inputs + 1).squareRoot()
    guard case .learned = noise else { return }
    noise = .known(variance: max(moments.variance, Likelihood.leastVariance))
  }

  /// −log p of each row; infinite where a belief isn't finite.
  func losses(_ rows: LabelledRows) -> [Double] {
    var trace = MomentTrace(network, means, variances)
    return (0..<rows.count).map { row in
      let output = trace.forward(rows.inputs[row])
      let variance = output.variance + noiseVariance
      let error = rows.targets[row] - output.mean
      let loss = 0.5 * (log(2 * Double.pi * variance) + error * error / variance)
      return loss.isFinite ? loss : .infinity
    }
  }

  /// Takes a row into account (assumed density filtering).
  mutating func assimilate(_ inputs: ArraySlice<Double>, _ target: Double) {
    var trace = MomentTrace(network, means, variances)
    let output = trace.forward(inputs)
    let error = target - output.mean
    let logZ = { (noise: Double) -> Double in
      let variance = output.variance + noise
      return -0.5 * (log(variance) + error * error / variance)
    }
    let variance = output.variance + noiseVariance
    trace.backward(
      mean: error / variance,
      variance: -0.5 / variance + 0.5 * error * error / (variance * variance))
    if case .learned(let belief) = noise {
      let updated = belief.matched(
        logZ(belief.rate / (belief.shape - 1)), logZ(belief.rate / belief.shape),
        logZ(belief.rate / (belief.shape + 1)))
      if updated.isUsable { noise = .learned(updated) } else { skipped += 1 }
    }
    for i in means.indices {
      let (byMean, byVariance) = (trace.meanSlopes[i], trace.varianceSlopes[i])
      let mean = means[i] + variances[i] * byMean
      let variance =
        variances[i] - variances[i] * variances[i] * (byMean * byMean - 2 * byVariance)
      if variance > 1e-100, variance.isFinite, mean.isFinite {
        (means[i], variances[i]) = (mean, variance)
      } else {
        skipped += 1
      }
    }
  }

  /// One expectation propagation update of each weight's prior factor N(w | 0, 1/λ).
  mutating func refinePrior() {
    for i in means.indices {
      let variance = 1 / (1 / variances[i] - sitePrecision[i])
      let mean = variance * (means[i] / variances[i] - siteShift[i])
      let cavity = GammaBelief(
        shape: weightPrecision.shape - siteShape[i], rate: weightPrecision.rate - siteRate[i])
      guard variance > 0, variance < 1e6, cavity.isUsable else { continue }
      let logZ = { (shape: Double) -> Double in
        let total = variance + cavity.rate / shape
        return -0.5 * (log(total) + mean * mean / total)
      }
      let total = variance + cavity.rate / (cavity.shape - 1)
      let byMean = -mean / total
      let byVariance = -0.5 / total + 0.5 * mean * mean / (total * total)
      let newMean = mean + variance * byMean
      let newVariance = variance - variance * variance * (byMean * byMean - 2 * byVariance)
      let belief = cavity.matched(
        logZ(cavity.shape - 1), logZ(cavity.shape), logZ(cavity.shape + 1))
      guard newVariance > 1e-100, newVariance.isFinite, belief.isUsable else { continue }
      sitePrecision[i] = 1 / newVariance - 1 / variance
      siteShift[i] = newMean / newVariance - mean / variance
      siteShape[i] = belief.shape - cavity.shape
      siteRate[i] = belief.rate - cavity.rate
      (means[i], variances[i]) = (newMean, newVariance)
      weightPrecision = belief
    }
  }
}
