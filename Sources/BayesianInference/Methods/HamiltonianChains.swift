import Foundation
import Synchronization
import Statistics
import Tensors

/// A point of phase space with what a leapfrog step needs there.
struct PhasePoint {
  var z: [Double]
  var momentum: [Double]
  var gradient: [Double]
  var energy: Double
  /// The sum of squared errors there.
  var squares = 0.0

  /// −log of the joint density: U(z) + |p|²/2.
  var hamiltonian: Double {
    var sum = 0.0
    for p in momentum { sum += p * p }
    return energy + sum / 2
  }

  /// One leapfrog step of unit mass, backwards in time for a negative step.
  mutating func leapfrog(_ step: Double, _ energy: Energy) {
    let count = z.count
    for i in 0..<count {
      momentum[i] -= 0.5 * step * gradient[i]
      z[i] += step * momentum[i]
    }
    evaluate(energy)
    for i in 0..<count { momentum[i] -= 0.5 * step * gradient[i] }
  }

  /// Sets energy, gradient and squared errors to those at z.
  mutating func evaluate(_ energy: Energy) {
    self.energy = energy.evaluate(z, gradient: &gradient)
    squares = energy.squares
  }
}

/// What a trajectory did.
struct TransitionReport {
  /// The mean probability of acceptance, which adapts the step.
  var acceptance: Double
  var isDivergent: Bool
}

/// Nesterov's dual averaging of the step's logarithm (Hoffman and Gelman 2014, section 3.2.1).
struct DualAveraging {
  private let target: Double
  private var centre: Double
  private var errorSum = 0.0
  private var count = 0.0
  private var averaged = 0.0
  private(set) var step: Double

  init(step: Double, target: Double) {
    self.step = step
    self.target = target
    centre = log(10 * step)
  }

  /// γ = 0.05, t₀ = 10 and κ = 0.75 are the paper's.
  mutating func update(acceptance: Double) {
    count += 1
    let weight = 1 / (count + 10)
    errorSum = (1 - weight) * errorSum + weight * (target - acceptance)
    let logStep = centre - count.squareRoot() / 0.05 * errorSum
    step = exp(logStep)
    let eta = pow(count, -0.75)
    averaged = eta * logStep + (1 - eta) * averaged
  }

  /// What a checkpoint keeps.
  var state: [Double] {
    get { [errorSum, count, averaged, step, centre] }
    set {
      guard newValue.count == 5 else { return }
      (errorSum, count, averaged, step) = (newValue[0], newValue[1], newValue[2], newValue[3])
      centre = newValue[4]
    }
  }

  /// The step to go on with after the warm-up.
  var final: Double { count > 0 ? exp(averaged) : step }
}

/// What Hamiltonian Monte Carlo and the No-U-Turn sampler have in common: chains, warm-up, noise.
struct HamiltonianChains {
  var chains: Int
  var warmup: Int
  var draws: Int
  var targetAcceptance: Double

  /// A trajectory from a point with a fresh momentum; it leaves the point where the chain goes on.
  typealias Transition =
    @Sendable (
      _ point: inout PhasePoint, _ step: Double, _ energy: Energy, _ random: inout RandomStream
    ) -> TransitionReport

  private struct Chain {
    var draws: [[Double]] = []
    var precisions: [Double] = []
    var acceptance = 0.0
    var divergences = 0
    var step = 0.0
    var passes = 0.0
  }

  /// Runs the chains from draws of the prior.
  ///
  /// - Throws: ``InferenceError`` where the energy at the start isn't finite.
  func sample(
    _ method: String, _ posterior: Posterior, _ context: FitContext,
    _ transition: @escaping Transition
  ) async throws -> ApproximatePosterior {
    let total = chains * (warmup + draws)
    let counter = ProgressCounter(total: total, context.progress)
    let results = try await context.run(chains) { chain, random in
      try run(
        posterior, random, transition, checkpoints: context.checkpoints, name: "chain-\(chain)"
      ) { counter.advance() }
    }
    var result = ApproximatePosterior(
      method: method, of: posterior, chains: results.map(\.draws),
      precisions: results.map(\.precisions))
    let acceptance = results.reduce(0) { $0 + $1.acceptance } / Double(chains)
    let divergences = results.reduce(0) { $0 + $1.divergences }
    result.passes = results.reduce(0) { $0 + $1.passes }
    result.report = [
      "acceptance": acceptance, "divergences": Double(divergences),
      "step": results.reduce(0) { $0 + $1.step } / Double(chains),
    ]
    try result.judgeChains(posterior)
    if acceptance < 0.1 {
      result.warnings.append(
        "unreliable: trajectories are accepted with a probability of \(acceptance)")
    }
    if Double(divergences) > 0.1 * Double(chains * draws) {
      result.warnings.append("unreliable: \(divergences) of \(chains * draws) trajectories diverge")
    }
    return result
  }

  private func run(
    _ posterior: Posterior, _ random: RandomStream, _ transition: Transition,
    checkpoints: Checkpoints?, name: String, advance: () -> Void
  ) throws -> Chain {
    let energy = Energy(posterior)
    var (start, momenta, noise) = (
      random.child("start"), random.child("momenta"), random.child("noise")
    )
    let count = posterior.parameterCount
    var point = PhasePoint(
      z: start.normals(count), momentum: [Double](repeating: 0, count: count),
      gradient: [Double](repeating: 0, count: count), energy: 0)
    let key = "\(name) \(warmup) \(draws) \(count) \(random.stream)"
    let saved = try checkpoints?.load(name).map { try ChainState($0, key: key) }
    if let saved {
      point.z = saved["z"]
      energy.precision = saved["precision"].first ?? energy.precision
    }
    point.evaluate(energy)
    guard point.energy.isFinite else {
      throw InferenceError(
        .failed, "the energy at the start of a chain is \(point.energy); is the data standardised?")
    }
    var chain = Chain()
    var first = 0
    var adaptation: DualAveraging
    if let saved {
      adaptation = DualAveraging(step: 1, target: targetAcceptance)
      adaptation.state = saved["adaptation"]
      // In float32 a trajectory and an evaluation round an energy differently.
      (point.energy, point.squares) = (saved["energy"][0], saved["energy"][1])
      let places = saved.integers("places")
      first = places[0]
      momenta.resume(at: places[1])
      noise.resume(at: places[2])
      chain.divergences = places[3]
      chain.draws = saved.lists("draws")
      chain.precisions = saved["precisions"]
      chain.acceptance = saved["sums"][0]
      energy.passes = saved["sums"][1]
      for _ in 0..<first { advance() }
    } else {
      adaptation = DualAveraging(
        step: HamiltonianChains.reasonableStep(point, energy, &momenta), target: targetAcceptance)
    }
    let interval = Checkpoints.interval(warmup + draws)
    for iteration in first..<warmup + draws {
      if iteration % interval == 0 {
        let places = [iteration, momenta.align(), noise.align(), chain.divergences]
        checkpoints?.save(name) {
          var state = ChainState()
          state.mark(key)
          state["z"] = point.z
          state["precision"] = [energy.precision]
          state["energy"] = [point.energy, point.squares]
          state["adaptation"] = adaptation.state
          state.set("places", integers: places)
          state.set("draws", lists: chain.draws)
          state["precisions"] = chain.precisions
          state["sums"] = [chain.acceptance, energy.passes]
          return state.file
        }
      }
      let isWarm = iteration >= warmup
      let step = isWarm ? adaptation.final * (0.9 + 0.2 * momenta.uniform()) : adaptation.step
      momenta.fillNormals(&point.momentum)
      let report = transition(&point, step, energy, &momenta)
      if isWarm {
        chain.acceptance += report.acceptance
        if report.isDivergent { chain.divergences += 1 }
        chain.draws.append(point.z)
        chain.precisions.append(energy.precision)
      } else {
        adaptation.update(acceptance: report.acceptance)
      }
      if let drawn = posterior.precision(squares: point.squares, random: &noise) {
        energy.precision = drawn
        point.evaluate(energy)
      }
      advance()
    }
    chain.acceptance /= Double(draws)
    chain.step = adaptation.final
    chain.passes = energy.passes
    return chain
  }

  /// A first step whose acceptance is near one half (Hoffman and Gelman 2014, algorithm 4).
  private static func reasonableStep(
    _ point: PhasePoint, _ energy: Energy, _ random: inout RandomStream
  ) -> Double {
    var step = 0.1
    let acceptance = { (step: Double, momentum: [Double]) -> Double in
      var trial = point
      trial.momentum = momentum
      let before = trial.hamiltonian
      trial.leapfrog(step, energy)
      let change = before - trial.hamiltonian
      return change.isFinite ? change : -.infinity
    }
    let momentum = random.normals(point.z.count)
    let grows = acceptance(step, momentum) > log(0.5)
    for _ in 0..<60 {
      let change = acceptance(step, momentum)
      if (change > log(0.5)) != grows { break }
      step *= grows ? 2 : 0.5
    }
    return step
  }
}

/// Counts what concurrent chains have done.
final class ProgressCounter: Sendable {
  private let state: Mutex<Int>
  private let total: Int
  private let report: @Sendable (Int, Int) -> Void

  init(total: Int, _ report: @escaping @Sendable (Int, Int) -> Void) {
    state = Mutex(0)
    self.total = total
    self.report = report
  }

  /// Tells about every hundredth of the whole.
  func advance() {
    let done = state.withLock { done in
      done += 1
      return done
    }
    if done % max(total / 100, 1) == 0 { report(done, total) }
  }
}
