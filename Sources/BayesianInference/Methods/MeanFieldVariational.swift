import Foundation
import Tensors

/// A normal distribution of independent whitened parameters, fitted by gradients.
struct MeanFieldNormal {
  var steps: Int
  var rate: Double
  /// Draws of the parameters a step, in pairs of opposite signs.
  var samples: Int
  var batch: Int
  var draws: Int
  var start: Double
  /// Black-box α: nil is variational inference.
  var alpha: Double?
  /// Takes the place of the prior N(0, 1); nil keeps that.
  var mixture: ScaleMixture?

  init(_ options: inout MethodOptions, steps: Int, samples: Int) throws {
    self.steps = try options.integer("iterations", steps, in: 1...1_000_000_000)
    rate = try options.number("rate", 0.01, in: 1e-9...10)
    self.samples = try options.integer("samples", samples, in: 1...10_000)
    batch = try options.integer("batch", 0, in: 0...1_000_000)
    draws = try options.integer("draws", 1000, in: 1...1_000_000)
    start = try options.number("start-deviation", 0.05, in: 1e-6...1)
  }

  /// Means and deviations of whitened parameters, and the noise precision.
  struct Fitted {
    var means: [Double]
    var deviations: [Double]
    var precision: Double
    var passes: Double
  }

  func fit(
    _ method: String, _ posterior: Posterior, _ context: FitContext
  ) async throws -> ApproximatePosterior {
    let fitted = try optimise(method, posterior, context)
    guard fitted.means.allSatisfy(\.isFinite), fitted.deviations.allSatisfy(\.isFinite) else {
      throw InferenceError(.failed, "\(method) diverged; take a smaller 'rate'")
    }
    var random = context.random.child("draws")
    let z = (0..<draws).map { _ in
      let xi = random.normals(fitted.means.count)
      return fitted.means.indices.map { fitted.means[$0] + fitted.deviations[$0] * xi[$0] }
    }
    var result = ApproximatePosterior(
      method: method, of: posterior, chains: [z],
      precisions: [[Double](repeating: fitted.precision, count: draws)])
    result.passes = fitted.passes
    return result
  }

  func optimise(
    _ method: String, _ posterior: Posterior, _ context: FitContext
  ) throws -> Fitted {
    let energy = Energy(posterior)
    let count = posterior.parameterCount
    var begin = context.random.child("start")
    // The means, then ρ with deviation = softplus(ρ).
    var run = VariationalRun(
      method, posterior, context,
      values: begin.normals(count) + [Double](repeating: log(exp(start) - 1), count: count),
      rate: rate, steps: steps, batch: batch)
    var slope = [Double](repeating: 0, count: 2 * count)
    var (gradient, xi) = (
      [Double](repeating: 0, count: count), [Double](repeating: 0, count: count)
    )
    let first = try run.resume()
    energy.passes = run.passes
    for step in first..<steps {
      run.checkpoint(before: step)
      energy.precision = run.precision
      let values = run.values
      let deviations = (0..<count).map { softplus(values[count + $0]) }
      for i in 0..<count {
        // A mixture's part of the divergence has no closed form: the draws below estimate it.
        slope[i] = mixture == nil ? values[i] : 0
        slope[count + i] =
          ((mixture == nil ? deviations[i] : 0) - 1 / deviations[i]) * logistic(values[count + i])
      }
      let rows = run.order.takesAll ? [] : run.order.next()
      if alpha != nil, !run.order.takesAll { energy.select(rows) }
      let scale = Double(posterior.rows.count) / Double(run.order.batch)
      var expectedSquares = 0.0
      let points = (0..<samples).map { sample -> [Double] in
        if sample % 2 == 0 {
          run.noise.fillNormals(&xi)
        } else {
          for i in 0..<count { xi[i] = -xi[i] }
        }
        return xi
      }
      let weights = alpha.map { rowWeights($0, values, deviations, points, energy) }
      for (sample, xi) in points.enumerated() {
        var z = [Double](repeating: 0, count: count)
        for i in 0..<count { z[i] = values[i] + deviations[i] * xi[i] }
        if let weights {
          energy.rowWeights = weights[sample]
          _ = energy.dataLoss(z, gradient: &gradient)
        } else if run.order.takesAll {
          _ = energy.dataLoss(z, gradient: &gradient)
        } else {
          _ = energy.dataLoss(z, batch: rows, gradient: &gradient)
        }
        // Row weights already sum to 1 over the draws, and see a batch's rows only.
        let share = weights == nil ? 1 / Double(samples) : scale
        expectedSquares += energy.squares * (weights == nil ? 1 : scale) / Double(samples)
        if let mixture {
          for i in 0..<count { gradient[i] += mixture.slope(z[i]) }
        }
        for i in 0..<count {
          slope[i] += share * gradient[i]
          slope[count + i] += share * gradient[i] * xi[i] * logistic(values[count + i])
        }
      }
      run.passes = energy.passes
      run.step(slope, expectedSquares: expectedSquares)
      if step % 100 == 99 { context.progress(step + 1, steps) }
    }
    return Fitted(
      means: Array(run.values[..<count]), deviations: run.values[count...].map { softplus($0) },
      precision: run.precision, passes: run.passes)
  }

  /// The share of each draw in a row's Σ_k pᵅ: a weight for each draw and row.
  private func rowWeights(
    _ alpha: Double, _ values: [Double], _ deviations: [Double], _ points: [[Double]],
    _ energy: Energy
  ) -> [[Double]] {
    let logs = points.map { xi in
      energy.rowLosses(deviations.indices.map { values[$0] + deviations[$0] * xi[$0] })
        .map { -alpha * $0 }
    }
    let rows = logs[0].count
    let totals = (0..<rows).map { row in logSumExp(logs.map { $0[row] }) }
    return logs.map { draw in (0..<rows).map { exp(draw[$0] - totals[$0]) } }
  }
}

/// Mean-field variational inference, known as Bayes by Backprop.
public struct MeanFieldVariational: InferenceMethod {
  public static let name = "bbb"
  public static let summary =
    "Mean-field variational inference, Bayes by Backprop (Blundell et al. 2015)"

  private let family: MeanFieldNormal

  public init(options: inout MethodOptions) throws {
    var family = try MeanFieldNormal(&options, steps: 20_000, samples: 4)
    family.mixture = try ScaleMixture(&options)
    self.family = family
  }

  public func fit(
    _ posterior: Posterior, _ context: FitContext
  ) async throws -> ApproximatePosterior {
    try await family.fit(Self.name, posterior, context)
  }
}

/// Black-box α-divergence minimisation with a tied site and a normal of independent parameters.
public struct BlackBoxAlpha: InferenceMethod {
  public static let name = "bb-alpha"
  public static let summary =
    "Black-box α-divergence minimisation (Hernández-Lobato et al. 2016), many rows' form"

  private let family: MeanFieldNormal

  public init(options: inout MethodOptions) throws {
    var family = try MeanFieldNormal(&options, steps: 5_000, samples: 50)
    let alpha = try options.number("alpha", 0.5, in: -10...10)
    guard alpha != 0 else {
      throw InferenceError(.badOption, "bb-alpha: an α of 0 is variational inference; use bbb")
    }
    family.alpha = alpha
    self.family = family
  }

  public func fit(
    _ posterior: Posterior, _ context: FitContext
  ) async throws -> ApproximatePosterior {
    try await family.fit(Self.name, posterior, context)
  }
}
