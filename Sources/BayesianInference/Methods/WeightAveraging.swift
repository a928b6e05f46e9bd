import Foundation
import Tensors

/// A walk of stochastic gradient descent around a mode, and what is learned of it.
///
/// Izmailov et al. (UAI 2018) and Maddox et al. (NeurIPS 2019): momentum 0.9, a constant step, and the
/// mean, mean square and last deviations of the iterates after each epoch.
struct DescentWalk {
  var momentum: Double
  var iterates: Int
  var rank: Int
  /// The step on U; nil takes the one whose iterates are nearest to the posterior.
  var step: Double?
  /// Instead the step on the mean loss as a function of θ, as published experiments give it; the walk
  /// then starts after so many epochs of training, not at a mode.
  var learningRate: Double?
  var burnIn: Int
  /// The same after the burn-in; nil goes on with it.
  var walkRate: Double?
  var batch: Int

  init(_ options: inout MethodOptions) throws {
    momentum = try options.number("momentum", 0.9, in: 0...0.9999)
    learningRate = try options.positive("learning-rate")
    burnIn = try options.integer("burn-in", 50, in: 0...1_000_000)
    walkRate = try options.positive("walk-rate")
    iterates = try options.integer("iterates", 100, in: 2...1_000_000)
    rank = try options.integer("rank", 20, in: 2...1000)
    step = try options.positive("step")
    batch = try options.integer("batch", 0, in: 0...1_000_000)
  }

  /// What a walk leaves, in whitened coordinates.
  struct Summary {
    var mean: [Double]
    var variances: [Double]
    /// The last iterates less the running mean, oldest first.
    var deviations: [[Double]]
  }

  func walk(_ method: String, _ energy: Energy, _ context: FitContext) throws -> Summary {
    let posterior = energy.posterior
    let (rows, count) = (posterior.rows.count, posterior.parameterCount)
    var (start, random) = (context.random.child("start"), context.random.child("order"))
    var z: [Double]
    var (step, gains) = (0.0, [Double](repeating: 1, count: count))
    var order: BatchOrder
    if let learningRate {
      z = zip(GradientTraining.start(posterior.network, &start), posterior.priorDeviations)
        .map { $0 / $1 }
      // A step on θ itself is one on z with the gain 1/σ².
      step = learningRate / Double(rows)
      gains = posterior.priorDeviations.map { 1 / ($0 * $0) }
      order = BatchOrder(rows: rows, batch: batch > 0 ? batch : 128, random: random)
    } else {
      z = try ModeSearch.mode(from: start.normals(count), energy, iterations: 1000)
      let curvature = ModeSearch.largestCurvature(z, energy, start: random.normals(count))
      // With all rows in a batch the walk would stand still at the mode.
      order = BatchOrder(
        rows: rows, batch: batch > 0 ? batch : min(max(rows / 8, 1), 128), random: random)
      step = self.step ?? self.step(z, energy, &order, curvature: curvature)
    }
    var (velocity, gradient) = ([Double](repeating: 0, count: count), z)
    var summary = Summary(
      mean: [Double](repeating: 0, count: count), variances: [], deviations: [])
    var squares = [Double](repeating: 0, count: count)
    let quiet = learningRate == nil ? 0 : burnIn
    for epoch in 0..<quiet + iterates {
      if epoch == quiet, quiet > 0, let walkRate { step = walkRate / Double(rows) }
      for _ in 0..<max(rows / order.batch, 1) {
        _ = energy.dataLoss(z, batch: order.next(), gradient: &gradient)
        for i in 0..<count {
          velocity[i] = momentum * velocity[i] - step * gains[i] * (gradient[i] + z[i])
          z[i] += velocity[i]
        }
      }
      guard z.allSatisfy(\.isFinite) else {
        throw InferenceError(
          .failed, "\(method) diverged; take a smaller 'step' or 'learning-rate'")
      }
      context.progress(epoch + 1, quiet + iterates)
      let iterate = epoch - quiet
      guard iterate >= 0 else { continue }
      let n = Double(iterate + 1)
      for i in 0..<count {
        summary.mean[i] += (z[i] - summary.mean[i]) / n
        squares[i] += (z[i] * z[i] - squares[i]) / n
      }
      summary.deviations.append(zip(z, summary.mean).map { $0 - $1 })
      if summary.deviations.count > rank { summary.deviations.removeFirst() }
    }
    summary.variances = (0..<count).map {
      max(squares[$0] - summary.mean[$0] * summary.mean[$0], 1e-30)
    }
    guard learningRate != nil else { return summary }
    // Without a mode to learn it at, the noise is that of the mean.
    _ = energy.evaluate(summary.mean, gradient: &gradient)
    energy.precision = posterior.expectedPrecision(squares: energy.squares) ?? energy.precision
    return summary
  }
}

extension DescentWalk {
  /// The step whose iterates are nearest to the posterior, as far as it is stable.
  ///
  /// Mandt, Hoffman and Blei (JMLR 2017), equation 16: 2 D / tr C for gradients of covariance C, here
  /// less the momentum's share. A batch may be more curved than all rows by the factor N/B.
  private func step(
    _ z: [Double], _ energy: Energy, _ order: inout BatchOrder, curvature: Double
  ) -> Double {
    let rows = energy.posterior.rows.count
    var gradient = z
    var (sums, squares) = ([Double](repeating: 0, count: z.count), 0.0)
    let batches = 100
    for _ in 0..<batches {
      _ = energy.dataLoss(z, batch: order.next(), gradient: &gradient)
      for i in z.indices {
        sums[i] += gradient[i]
        squares += gradient[i] * gradient[i]
      }
    }
    let trace = max(squares - dot(sums, sums) / Double(batches), 1e-300) / Double(batches - 1)
    return min(
      (1 - momentum) * 2 * Double(z.count) / trace,
      0.5 * Double(order.batch) / Double(rows) / curvature)
  }
}

/// The mean of the iterates: one network.
public struct StochasticWeightAveraging: InferenceMethod {
  public static let name = "swa"
  public static let summary = "Stochastic weight averaging (Izmailov et al. 2018)"

  private let walk: DescentWalk

  public init(options: inout MethodOptions) throws { walk = try DescentWalk(&options) }

  public func fit(
    _ posterior: Posterior, _ context: FitContext
  ) async throws -> ApproximatePosterior {
    let energy = Energy(posterior)
    let summary = try walk.walk(Self.name, energy, context)
    var result = ApproximatePosterior(
      method: Self.name, of: posterior, chains: [[summary.mean]],
      precisions: [[energy.precision]])
    result.passes = energy.passes
    return result
  }
}

/// A normal distribution with the iterates' mean, half their variances, and half of a covariance of
/// low rank.
public struct GaussianWeightAveraging: InferenceMethod {
  public static let name = "swag"
  public static let summary = "SWA-Gaussian (Maddox et al. 2019)"

  private let walk: DescentWalk
  private let draws: Int

  public init(options: inout MethodOptions) throws {
    walk = try DescentWalk(&options)
    draws = try options.integer("draws", 1000, in: 1...1_000_000)
  }

  public func fit(
    _ posterior: Posterior, _ context: FitContext
  ) async throws -> ApproximatePosterior {
    let energy = Energy(posterior)
    let summary = try walk.walk(Self.name, energy, context)
    var random = context.random.child("draws")
    let z = (0..<draws).map { _ in Self.draw(summary, &random) }
    var result = ApproximatePosterior(
      method: Self.name, of: posterior, chains: [z],
      precisions: [[Double](repeating: energy.precision, count: draws)])
    result.passes = energy.passes
    return result
  }

  /// mean + √(variances/2) ∘ ξ₁ + D ξ₂ / √(2 (K − 1)) (the paper's equation 1).
  static func draw(_ summary: DescentWalk.Summary, _ random: inout RandomStream) -> [Double] {
    let columns = summary.deviations.count
    var z = random.normals(summary.mean.count)
    for i in z.indices { z[i] = summary.mean[i] + (summary.variances[i] / 2).squareRoot() * z[i] }
    let scale = 1 / (2 * Double(max(columns - 1, 1))).squareRoot()
    for deviation in summary.deviations {
      let xi = scale * random.normal()
      for i in z.indices { z[i] += xi * deviation[i] }
    }
    return z
  }
}

/// Elliptical slice sampling in the plane of the iterates' principal components.
///
/// Of a learned noise, what is drawn given the squared errors in the plane would be that of a fit in which all
/// other directions are known. As at a mode, those γ that the data determine add γ/τ to the squares (MacKay
/// 1992), with τ of the mode.
public struct SubspaceSliceSampling: InferenceMethod {
  public static let name = "subspace-ess"
  public static let summary =
    "Elliptical slice sampling in the subspace of the iterates' principal components (Izmailov et al. "
    + "2019; Murray, Adams and MacKay 2010)"

  private let walk: DescentWalk
  private let draws: Int
  private let temperature: Double
  private let deviation: Double

  public init(options: inout MethodOptions) throws {
    walk = try DescentWalk(&options)
    draws = try options.integer("draws", 1000, in: 1...1_000_000)
    temperature = try options.number("temperature", 1, in: 1e-9...1e9)
    deviation = try options.number("subspace-deviation", 2, in: 1e-6...1e6)
  }

  public func fit(
    _ posterior: Posterior, _ context: FitContext
  ) async throws -> ApproximatePosterior {
    let energy = Energy(posterior)
    let summary = try walk.walk(Self.name, energy, context)
    let basis = Self.principalDirections(summary.deviations)
    var random = context.random.child("draws")
    var gradient = summary.mean
    let place = { (u: [Double]) in
      var z = summary.mean
      for (coefficient, direction) in zip(u, basis) {
        for i in z.indices { z[i] += coefficient * direction[i] }
      }
      return z
    }
    let logLikelihood = { (u: [Double]) in
      -energy.dataLoss(place(u), gradient: &gradient) / temperature
    }
    var u = [Double](repeating: 0, count: basis.count)
    var value = logLikelihood(u)
    var z: [[Double]] = []
    var precisions: [Double] = []
    var noise = context.random.child("precision")
    let warmup = draws / 5
    let isLearned = posterior.likelihood.noisePrior != nil
    let hidden =
      isLearned
      ? EffectiveParameters(posterior).count(at: summary.mean, precision: energy.precision)
        / energy.precision : 0
    for draw in 0..<warmup + draws {
      (u, value) = EllipticalSlice.step(
        u, value, deviation: deviation, random: &random, logLikelihood)
      if draw >= warmup {
        z.append(place(u))
        precisions.append(energy.precision)
      }
      if isLearned {
        _ = logLikelihood(u)
        energy.precision =
          posterior.precision(squares: energy.squares + hidden, random: &noise) ?? energy.precision
        value = logLikelihood(u)
      }
    }
    var result = ApproximatePosterior(
      method: Self.name, of: posterior, chains: [z], precisions: [precisions])
    result.temperature = temperature
    result.passes = energy.passes
    return result
  }

  /// Right singular vectors of the deviations / √(K − 1), scaled by their singular values.
  static func principalDirections(_ deviations: [[Double]]) -> [[Double]] {
    let count = deviations.count
    let scale = 1 / Double(max(count - 1, 1))
    let gram = SymmetricMatrix(
      size: count,
      values: (0..<count * count).map {
        dot(deviations[$0 / count], deviations[$0 % count]) * scale
      })
    let (values, vectors) = gram.eigen()
    let order = values.indices.sorted { values[$0] > values[$1] }
    return order.filter { values[$0] > 1e-12 * values[order[0]] }.map { index in
      // Dᵀ v / √(K − 1) has the singular value as its length.
      var direction = [Double](repeating: 0, count: deviations[0].count)
      for (row, weight) in zip(deviations, vectors[index]) {
        for i in direction.indices { direction[i] += scale.squareRoot() * weight * row[i] }
      }
      return direction
    }
  }
}

/// A transition that leaves exp(log-likelihood) N(0, deviation²) as it is, without a step size.
///
/// Murray, Adams and MacKay (AISTATS 2010), figure 2.
enum EllipticalSlice {
  static func step(
    _ u: [Double], _ value: Double, deviation: Double, random: inout RandomStream,
    _ logLikelihood: ([Double]) -> Double
  ) -> ([Double], Double) {
    let nu = random.normals(u.count).map { deviation * $0 }
    let height = value + log(1 - random.uniform())
    var angle = 2 * Double.pi * random.uniform()
    var (low, high) = (angle - 2 * Double.pi, angle)
    while true {
      let proposal = zip(u, nu).map { $0 * cos(angle) + $1 * sin(angle) }
      let next = logLikelihood(proposal)
      if next > height { return (proposal, next) }
      if angle < 0 { low = angle } else { high = angle }
      // Rounding ends the shrinking at the current point, which is always on the slice.
      if high - low < 1e-12 { return (u, value) }
      angle = low + (high - low) * random.uniform()
    }
  }
}
