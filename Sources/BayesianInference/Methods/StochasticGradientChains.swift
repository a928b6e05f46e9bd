import Foundation
import Statistics
import Tensors

/// What samplers by noisy gradient steps have in common: chains, batches, schedules, noise.
///
/// The momentum form of Chen, Fox and Guestrin (ICML 2014), equation 15; a friction of 1 is Langevin
/// dynamics (Welling and Teh, ICML 2011).
struct StochasticGradientChains {
  /// How the injected noise is scaled.
  enum Noise: String, CaseIterable {
    /// For exp(−U / T).
    case exact
    /// √N times too small, as in the published URSABench code: it samples at T/N.
    case ursabench
  }

  /// Cosine cycles (Zhang et al., ICLR 2020): warm steps without noise, then draws.
  struct Cycles {
    var count: Int
    /// The share of a cycle, at its end, that has noise.
    var noisyShare: Double
    /// Draws of each cycle, evenly over the second half of its noisy part.
    var draws: Int
  }

  /// RMSprop's preconditioner (Li, Chen, Carlson and Carin, AAAI 2016).
  struct Preconditioner {
    var decay: Double
    /// Added to the root of the mean square; nil is 1/N, so that no gain is above N.
    ///
    /// In whitened coordinates the prior's curvature is 1, to which a gain of N belongs. The published
    /// 10⁻⁵ makes units that no row activates unstable.
    var offset: Double?
  }

  var chains: Int
  /// Steps of a chain, of which the burn-in is left out.
  var steps: Int
  var burnIn: Int
  var draws: Int
  /// The step on U; nil takes `stability` over the largest curvature at the mode.
  var step: Double?
  var stability: Double
  /// α of the momentum; 1 is Langevin dynamics.
  var friction: Double
  var temperature: Double
  var noise: Noise
  /// Rows of a batch; 0 takes all rows where they are at most 512, else 128.
  var batch: Int
  var cycles: Cycles?
  var preconditioner: Preconditioner?

  /// Reads the options that all of these samplers have.
  init(
    _ options: inout MethodOptions, friction: Double, stability: Double, isCyclical: Bool = false
  )
    throws
  {
    chains = try options.integer("chains", 4, in: 1...1000)
    steps = try options.integer("iterations", 100_000, in: 10...1_000_000_000)
    burnIn = isCyclical ? 0 : try options.integer("burn-in", steps / 5, in: 0...steps - 1)
    step = try options.positive("step")
    self.stability = try options.number("stability", stability, in: 1e-6...2)
    self.friction = friction
    temperature = try options.number("temperature", 1, in: 0...1e9)
    noise = try options.choice("noise", .exact)
    batch = try options.integer("batch", 0, in: 0...1_000_000)
    if isCyclical {
      let count = try options.integer("cycles", 10, in: 1...10_000)
      cycles = Cycles(
        count: count, noisyShare: try options.number("noisy-share", 0.9, in: 0.01...1),
        draws: try options.integer("draws-per-cycle", 25, in: 1...100_000))
      draws = 0
    } else {
      draws = try options.integer("draws", 250, in: 1...1_000_000)
    }
  }

  private struct Chain {
    var draws: [[Double]] = []
    var precisions: [Double] = []
    var passes = 0.0
    var step = 0.0
  }

  /// Runs the chains, each from a mode of its own.
  ///
  /// - Throws: ``InferenceError`` where a chain leaves the finite numbers.
  func sample(
    _ method: String, _ posterior: Posterior, _ context: FitContext
  ) async throws -> ApproximatePosterior {
    let counter = ProgressCounter(total: chains * steps / 100, context.progress)
    let results = try await context.run(chains) { _, random in
      try run(method, posterior, random) { counter.advance() }
    }
    var result = ApproximatePosterior(
      method: method, of: posterior, chains: results.map(\.draws),
      precisions: results.map(\.precisions))
    result.temperature =
      noise == .ursabench ? temperature / Double(posterior.rows.count) : temperature
    result.passes = results.reduce(0) { $0 + $1.passes }
    result.report = [
      "step": results.reduce(0) { $0 + $1.step } / Double(chains)
    ]
    result.report["sampled_temperature"] =
      try TemperatureAudit.temperature(of: result, posterior).value
    return result
  }

  private func run(
    _ method: String, _ posterior: Posterior, _ random: RandomStream, advance: () -> Void
  ) throws -> Chain {
    let energy = Energy(posterior)
    let count = posterior.parameterCount
    var (start, noise, gibbs) = (
      random.child("start"), random.child("noise"), random.child("precision")
    )
    // At a mode the burn-in is short, and the curvature there tells which steps are stable.
    var z = try ModeSearch.mode(from: start.normals(count), energy, iterations: 500)
    var curvature = ModeSearch.largestCurvature(z, energy, start: start.normals(count))
    // Gradients of a stationary chain have the curvature as variance, so gains are near N/√curvature.
    if preconditioner != nil { curvature = Double(posterior.rows.count) * curvature.squareRoot() }
    let largest = step ?? (stability / curvature)
    let offset = preconditioner.map { $0.offset ?? 1 / Double(posterior.rows.count) } ?? 0
    var chain = Chain(step: largest)
    let rows = posterior.rows.count
    var order = BatchOrder(rows: rows, batch: batch, random: random.child("order"))
    var velocity = [Double](repeating: 0, count: count)
    var gradient = velocity
    var xi = velocity
    var squared = velocity
    var gain = [Double](repeating: 1, count: count)
    let length = cycles.map { (steps + $0.count - 1) / $0.count } ?? steps
    let temperature =
      self.noise == .ursabench ? self.temperature / Double(rows) : self.temperature
    for t in 0..<steps {
      if order.takesAll {
        _ = energy.dataLoss(z, gradient: &gradient)
      } else {
        _ = energy.dataLoss(z, batch: order.next(), gradient: &gradient)
      }
      if let preconditioner {
        for i in 0..<count {
          let mean = gradient[i] / Double(rows)
          squared[i] = preconditioner.decay * squared[i] + (1 - preconditioner.decay) * mean * mean
          gain[i] = 1 / (offset + squared[i].squareRoot())
        }
      }
      let place = t % length
      let epsilon =
        cycles == nil
        ? largest : largest / 2 * (cos(Double.pi * Double(place) / Double(length)) + 1)
      let isNoisy = cycles.map { Double(place) >= (1 - $0.noisyShare) * Double(length) } ?? true
      let amplitude =
        isNoisy ? (2 * friction * epsilon * temperature).squareRoot() : 0
      if amplitude > 0 { noise.fillNormals(&xi) }
      for i in 0..<count {
        velocity[i] =
          (1 - friction) * velocity[i] - epsilon * gain[i] * (gradient[i] + z[i])
          + (amplitude > 0 ? amplitude * gain[i].squareRoot() * xi[i] : 0)
        z[i] += velocity[i]
      }
      if isDraw(t, place, length) {
        _ = energy.evaluate(z, gradient: &gradient)
        guard z.allSatisfy(\.isFinite), energy.loss.isFinite else {
          throw InferenceError(
            .failed, "\(method) left the finite numbers at step \(t); take a smaller 'step'")
        }
        chain.draws.append(z)
        chain.precisions.append(energy.precision)
        if let drawn = posterior.precision(squares: energy.squares, random: &gibbs) {
          energy.precision = drawn
        }
      }
      if t % 100 == 99 { advance() }
    }
    chain.passes = energy.passes
    return chain
  }

  /// Whether the state after a step is kept.
  private func isDraw(_ step: Int, _ place: Int, _ length: Int) -> Bool {
    if let cycles {
      let first = Int(Double(length) * (1 - cycles.noisyShare / 2))
      return StochasticGradientChains.isKept(place - first, of: length - first, cycles.draws)
    }
    return StochasticGradientChains.isKept(step - burnIn, of: steps - burnIn, draws)
  }

  /// Whether an index is one of `kept` that are spread evenly over a range, its end included.
  static func isKept(_ index: Int, of count: Int, _ kept: Int) -> Bool {
    guard index >= 0 else { return false }
    return (index + 1) * kept / count > index * kept / count
  }
}
