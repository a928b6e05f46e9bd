import Foundation
import Tensors

/// Hamiltonian Monte Carlo with trajectories of random length.
///
/// Neal, "MCMC using Hamiltonian dynamics" (2011), section 3.2; the step by dual averaging.
public struct HamiltonianMonteCarlo: InferenceMethod {
  public static let name = "hmc"
  public static let summary =
    "Hamiltonian Monte Carlo (Neal 2011), step by dual averaging (Hoffman and Gelman 2014)"

  private let chains: HamiltonianChains
  private let steps: Int

  public init(options: inout MethodOptions) throws {
    chains = HamiltonianChains(
      chains: try options.integer("chains", 4, in: 1...1000),
      warmup: try options.integer("warmup", 1000, in: 10...1_000_000),
      draws: try options.integer("draws", 1000, in: 1...1_000_000),
      targetAcceptance: try options.number("acceptance", 0.8, in: 0.1...0.99))
    steps = try options.integer("steps", 100, in: 1...10_000)
  }

  public func fit(
    _ posterior: Posterior, _ context: FitContext
  ) async throws -> ApproximatePosterior {
    let steps = steps
    return try await chains.sample(Self.name, posterior, context) { point, step, energy, random in
      HamiltonianMonteCarlo.transition(&point, step, energy, &random, meanSteps: steps)
    }
  }

  /// A trajectory of 1 to twice the mean steps, accepted by Metropolis's rule.
  static func transition(
    _ point: inout PhasePoint, _ step: Double, _ energy: Energy, _ random: inout RandomStream,
    meanSteps: Int
  ) -> TransitionReport {
    let before = point.hamiltonian
    var end = point
    let count = 1 + Int(random.uniform() * Double(2 * meanSteps))
    if let single = energy.single {
      single.precision = energy.precision
      energy.passes += Double(
        single.trajectory.run(&end, step: step, count: count, limit: before + 1000))
    } else {
      for _ in 0..<count {
        end.leapfrog(step, energy)
        // Past this no step leads back, so the rest of the trajectory is not worth its gradients.
        if !(end.energy - before < 1000) { break }
      }
    }
    let error = end.hamiltonian - before
    let uniform = random.uniform()
    guard error.isFinite, error <= 1000 else {
      return TransitionReport(acceptance: 0, isDivergent: true)
    }
    let acceptance = min(1, exp(-error))
    if uniform < acceptance { point = end }
    return TransitionReport(acceptance: acceptance, isDivergent: false)
  }
}
