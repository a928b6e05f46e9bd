import Foundation
import Statistics
import Tensors

/// What samplers by noisy gradient steps have in common: chains, batches, schedules, noise.
///
/// The momentum form of Chen, Fox and Guestrin (ICML 2014), equation 15; a friction of 1 is Langevin
/// dynamics (Welling and Teh, ICML 2011).
struct StochasticGradientChains {
  var chains: Int
  /// Steps of a chain, of which the burn-in is left out.
  var steps: Int
  var burnIn: Int
  var draws: Int
  /// The step on U; nil takes `stability` over the largest curvature at the mode.
  var step: Double?
  /// Instead the step on the mean loss as a function of θ, ε = rate / N, as published experiments give
  /// it.
  ///
  /// Chains then start where networks are trained from, not at a mode.
  var learningRate: Double?
  /// The share of the burn-in that has no noise.
  var quietShare: Double
  var stability: Double
  /// γ of steps that fall as (1 + t/b)^−γ, with b a tenth of all steps; 0 is a constant step.
  ///
  /// Draws are then spread evenly over the sum of the steps instead of their number, which weighs each
  /// state by its step (Welling and Teh 2011, equation 10).
  var decay: Double
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
    learningRate = try options.positive("learning-rate")
    quietShare = isCyclical ? 0 : try options.number("quiet-share", 0, in: 0...1)
    self.stability = try options.number("stability", stability, in: 1e-6...2)
    decay = isCyclical ? 0 : try options.number("step-decay", 0, in: 0...1)
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
    var stepPrecision = Double.infinity

    /// What a checkpoint keeps of it and of what it draws from.
    func state(_ key: String, _ places: [Int], _ batches: [Int]) -> ChainState {
      var state = ChainState()
      state.mark(key)
      state.set("draws", lists: draws)
      state["precisions"] = precisions
      state["step"] = [step, stepPrecision]
      state.set("places", integers: places)
      state.set("batches", integers: batches)
      return state
    }

    /// - Returns: The step to go on with.
    mutating func resume(
      _ state: ChainState, _ noise: inout RandomStream, _ gibbs: inout RandomStream,
      _ order: inout BatchOrder
    ) -> Int {
      (draws, precisions) = (state.lists("draws"), state["precisions"])
      let places = state.integers("places")
      noise.resume(at: places[1])
      gibbs.resume(at: places[2])
      order.resume(state.integers("batches"))
      return places[0]
    }
  }

  /// Runs the chains, each from a mode of its own.
  ///
  /// - Throws: ``InferenceError`` where a chain leaves the finite numbers.
  func sample(
    _ method: String, _ posterior: Posterior, _ context: FitContext
  ) async throws -> ApproximatePosterior {
    let counter = ProgressCounter(total: chains * steps / 100, context.progress)
    let results = try await context.run(chains) { chain, random in
      try run(
        method, posterior, random,
        ChainStore(checkpoints: context.checkpoints, name: "chain-\(chain)", steps: steps)
      ) { counter.advance() }
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
    if let sampled = try result.judgeChains(posterior),
      sampled.differs(from: result.temperature, tolerance: Self.temperatureTolerance)
    {
      result.warnings.append(
        "unreliable: the draws have the temperature \(sampled.value), not \(result.temperature)")
    }
    return result
  }

  /// The share of the temperature by which that of the draws may be off before they are flagged.
  private static let temperatureTolerance = 0.25

  /// What a chain starts from.
  private struct Start {
    var z: [Double]
    /// The largest ε.
    var step: Double
    /// A factor of each parameter's steps; nil is 1.
    var gains: [Double]?
    /// The noise precision that the step was found at; infinite where the step was given.
    var precision = Double.infinity

    /// The largest ε at another noise precision, with which the curvature grows: of few rows it may come to
    /// be many times what it was at the mode, and the chain would leave the finite numbers.
    func step(at precision: Double) -> Double {
      step * min(1, 2 * self.precision / precision)
    }
  }

  private func gains(_ posterior: Posterior) -> [Double] {
    posterior.priorDeviations.map { 1 / ($0 * $0) }
  }

  private func start(_ energy: Energy, _ random: RandomStream) throws -> Start {
    let posterior = energy.posterior
    let count = posterior.parameterCount
    var start = random.child("start")
    if let learningRate {
      let theta = GradientTraining.start(posterior.network, &start)
      // A step on θ itself is one on z with the gain 1/σ².
      return Start(
        z: zip(theta, posterior.priorDeviations).map { $0 / $1 },
        step: learningRate / Double(posterior.rows.count), gains: gains(posterior))
    }
    // At a mode the burn-in is short, and the curvature there tells which steps are stable.
    let z = try ModeSearch.mode(from: start.normals(count), energy, iterations: 500)
    if let step { return Start(z: z, step: step) }
    var curvature = ModeSearch.largestCurvature(z, energy, start: start.normals(count))
    // Gradients of a stationary chain have the curvature as variance, so gains are near N/√curvature.
    if preconditioner != nil { curvature = Double(posterior.rows.count) * curvature.squareRoot() }
    return Start(z: z, step: stability / curvature, precision: energy.precision)
  }

  /// The step and the noise's amplitude at a step of the chain.
  private func schedule(_ t: Int, largest: Double, length: Int, rows: Int) -> (
    step: Double, amplitude: Double
  ) {
    let place = t % length
    let temperature =
      self.noise == .ursabench ? self.temperature / Double(rows) : self.temperature
    let epsilon =
      cycles == nil
      ? largest * share(t) : largest / 2 * (cos(Double.pi * Double(place) / Double(length)) + 1)
    let isNoisy =
      cycles.map { Double(place) >= (1 - $0.noisyShare) * Double(length) }
      ?? (Double(t) >= quietShare * Double(burnIn))
    return (epsilon, isNoisy ? (2 * friction * epsilon * temperature).squareRoot() : 0)
  }

  /// Where a chain keeps its state.
  private struct ChainStore {
    var checkpoints: Checkpoints?
    var name: String
    var steps: Int

    func isDue(_ step: Int) -> Bool { step % Checkpoints.interval(steps) == 0 }
  }

  private func run(
    _ method: String, _ posterior: Posterior, _ random: RandomStream, _ store: ChainStore,
    advance: () -> Void
  ) throws -> Chain {
    let energy = Energy(posterior)
    let key = "\(method) \(store.name) \(steps) \(posterior.parameterCount) \(random.stream)"
    let saved = try store.checkpoints?.load(store.name).map { try ChainState($0, key: key) }
    let start =
      try saved.map {
        Start(
          z: $0["z"], step: $0["step"][0], gains: learningRate.map { _ in gains(posterior) },
          precision: $0["step"][1])
      } ?? start(energy, random)
    if energy.single != nil {
      return try runSingle(
        method, energy, start, random, store, key: key, saved, advance: advance)
    }
    let count = posterior.parameterCount
    var (noise, gibbs) = (random.child("noise"), random.child("precision"))
    var z = start.z
    let offset = preconditioner.map { $0.offset ?? 1 / Double(posterior.rows.count) } ?? 0
    var chain = Chain(step: start.step, stepPrecision: start.precision)
    let rows = posterior.rows.count
    var order = BatchOrder(rows: rows, batch: batch, random: random.child("order"))
    var velocity = [Double](repeating: 0, count: count)
    var gradient = velocity
    var xi = velocity
    var squared = velocity
    var gain = start.gains ?? [Double](repeating: 1, count: count)
    let length = cycles.map { (steps + $0.count - 1) / $0.count } ?? steps
    let interval = noiseInterval(length)
    let learnsNoise = posterior.likelihood.noisePrior != nil
    var first = 0
    if let saved {
      (velocity, squared) = (saved["velocity"], saved["squares"])
      first = chain.resume(saved, &noise, &gibbs, &order)
      (energy.precision, energy.passes) = (saved["sums"][0], saved["sums"][1])
      for _ in 0..<first / 100 { advance() }
    }
    for t in first..<steps {
      if store.isDue(t) {
        let places = [t, noise.align(), gibbs.align()]
        let batches = order.state()
        store.checkpoints?.save(store.name) {
          var state = chain.state(key, places, batches)
          state["z"] = z
          state["velocity"] = velocity
          state["squares"] = squared
          state["sums"] = [energy.precision, energy.passes]
          return state.file
        }
      }
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
      let (epsilon, amplitude) = schedule(
        t, largest: start.step(at: energy.precision), length: length, rows: rows)
      if amplitude > 0 { noise.fillNormals(&xi) }
      for i in 0..<count {
        velocity[i] =
          (1 - friction) * velocity[i] - epsilon * gain[i] * (gradient[i] + z[i])
          + (amplitude > 0 ? amplitude * gain[i].squareRoot() * xi[i] : 0)
        z[i] += velocity[i]
      }
      let isDraw = isDraw(t, t % length, length)
      guard isDraw || learnsNoise && (t + 1) % interval == 0 else {
        if t % 100 == 99 { advance() }
        continue
      }
      _ = energy.evaluate(z, gradient: &gradient)
      guard z.allSatisfy(\.isFinite), energy.loss.isFinite else { throw diverged(method, t) }
      if isDraw {
        chain.draws.append(z)
        chain.precisions.append(energy.precision)
      }
      if let drawn = posterior.precision(squares: energy.squares, random: &gibbs) {
        energy.precision = drawn
      }
      if t % 100 == 99 { advance() }
    }
    chain.passes = energy.passes
    return chain
  }

  /// The same in float32.
  private func runSingle(
    _ method: String, _ energy: Energy, _ start: Start, _ random: RandomStream,
    _ store: ChainStore, key: String, _ saved: ChainState?, advance: () -> Void
  ) throws -> Chain {
    guard let single = energy.single else { return Chain() }
    let posterior = energy.posterior
    let rows = posterior.rows.count
    var (noise, gibbs) = (random.child("noise"), random.child("precision"))
    single.precision = energy.precision
    let sampler = SingleSampler(
      single, start.z, gains: start.gains,
      preconditioner: preconditioner.map { ($0.decay, $0.offset ?? 1 / Double(rows)) },
      friction: friction, key: noise.next())
    var chain = Chain(step: start.step, stepPrecision: start.precision)
    var order = BatchOrder(rows: rows, batch: batch, random: random.child("order"))
    let length = cycles.map { (steps + $0.count - 1) / $0.count } ?? steps
    let interval = noiseInterval(length)
    let learnsNoise = posterior.likelihood.noisePrior != nil
    var first = 0
    if let saved {
      sampler.resume(
        z: saved.floats("packed"), velocity: saved.floats("velocity"),
        squares: saved.floats("squares"))
      first = chain.resume(saved, &noise, &gibbs, &order)
      (single.precision, energy.passes) = (saved["sums"][0], saved["sums"][1])
      for _ in 0..<first / 100 { advance() }
    }
    for t in first..<steps {
      if store.isDue(t) {
        let places = [t, 0, gibbs.align()]
        let batches = order.state()
        store.checkpoints?.save(store.name) {
          var state = chain.state(key, places, batches)
          state["z"] = sampler.coordinates
          state.set("packed", floats: sampler.z)
          state.set("velocity", floats: sampler.velocity)
          state.set("squares", floats: sampler.squares)
          state["sums"] = [single.precision, energy.passes]
          return state.file
        }
      }
      let (epsilon, amplitude) = schedule(
        t, largest: start.step(at: single.precision), length: length, rows: rows)
      sampler.step(
        t, batch: order.takesAll ? nil : order.next(), size: epsilon, amplitude: amplitude)
      let isDraw = isDraw(t, t % length, length)
      if isDraw || learnsNoise && (t + 1) % interval == 0 {
        let z = sampler.coordinates
        guard z.allSatisfy(\.isFinite) else { throw diverged(method, t) }
        if isDraw {
          chain.draws.append(z)
          chain.precisions.append(single.precision)
        }
        if learnsNoise,
          let drawn = posterior.precision(squares: sampler.squaredErrors(), random: &gibbs)
        {
          single.precision = drawn
        }
      }
      if t % 100 == 99 { advance() }
    }
    chain.passes = energy.passes + Double(steps) * Double(order.batch) / Double(rows)
    return chain
  }

  private func diverged(_ method: String, _ step: Int) -> InferenceError {
    InferenceError(
      .failed,
      "\(method) left the finite numbers at step \(step); take a smaller 'step' or 'learning-rate'")
  }

  /// The steps after which a learned noise precision is drawn anew, in the burn-in as later: a mode's own
  /// precision is that of a fit that may be far too close.
  private func noiseInterval(_ length: Int) -> Int {
    max(cycles.map { length / (2 * $0.draws) } ?? (steps - burnIn) / draws, 1)
  }

  /// Whether the state after a step is kept.
  private func isDraw(_ step: Int, _ place: Int, _ length: Int) -> Bool {
    if let cycles {
      let first = Int(Double(length) * (1 - cycles.noisyShare / 2))
      return StochasticGradientChains.isKept(place - first, of: length - first, cycles.draws)
    }
    guard decay > 0 else {
      return StochasticGradientChains.isKept(step - burnIn, of: steps - burnIn, draws)
    }
    guard step >= burnIn else { return false }
    let place = { (step: Int) in
      (summed(step) - summed(burnIn)) / (summed(steps) - summed(burnIn)) * Double(draws)
    }
    return place(step + 1).rounded(.down) > place(step).rounded(.down) || step + 1 == steps
  }

  /// A step's size as a share of the first one's.
  private func share(_ t: Int) -> Double {
    decay > 0 ? power(1 + 10 * Double(t) / Double(steps), -decay) : 1
  }

  /// The sum of the sizes of so many first steps, up to a factor: its integral.
  private func summed(_ t: Int) -> Double {
    let place = 1 + 10 * Double(t) / Double(steps)
    return decay == 1 ? logarithm(place) : power(place, 1 - decay)
  }

  /// Whether an index is one of `kept` that are spread evenly over a range, its end included.
  static func isKept(_ index: Int, of count: Int, _ kept: Int) -> Bool {
    guard index >= 0 else { return false }
    return (index + 1) * kept / count > index * kept / count
  }
}
