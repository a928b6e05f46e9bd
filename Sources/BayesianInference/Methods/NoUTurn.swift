import Foundation
import Tensors

/// The No-U-Turn sampler with multinomial sampling along the trajectory.
///
/// Hoffman and Gelman (JMLR 2014); Betancourt, "A conceptual introduction to Hamiltonian Monte Carlo"
/// (2017), appendix A, with the criterion on the sum of momenta.
public struct NoUTurn: InferenceMethod {
  public static let name = "nuts"
  public static let summary =
    "No-U-Turn sampler (Hoffman and Gelman 2014), multinomial (Betancourt 2017)"

  private let chains: HamiltonianChains
  private let depth: Int

  public init(options: inout MethodOptions) throws {
    chains = HamiltonianChains(
      chains: try options.integer("chains", 4, in: 1...1000),
      warmup: try options.integer("warmup", 500, in: 10...1_000_000),
      draws: try options.integer("draws", 500, in: 1...1_000_000),
      targetAcceptance: try options.number("acceptance", 0.8, in: 0.1...0.99))
    depth = try options.integer("depth", 10, in: 1...15)
  }

  public func fit(
    _ posterior: Posterior, _ context: FitContext
  ) async throws -> ApproximatePosterior {
    let depth = depth
    return try await chains.sample(Self.name, posterior, context) { point, step, energy, random in
      var trajectory = Trajectory(step: step, start: point.hamiltonian)
      return trajectory.run(&point, energy, &random, depth: depth)
    }
  }

  /// A stretch of the trajectory: its ends, the sum of its momenta, and a point drawn from it.
  private struct Subtree {
    var left: PhasePoint
    var right: PhasePoint
    var momenta: [Double]
    var chosen: PhasePoint
    /// The log of the sum of its points' weights.
    var logWeight: Double
    var isComplete: Bool

    /// Whether both ends still move apart.
    var isOpen: Bool {
      dot(momenta, left.momentum) > 0 && dot(momenta, right.momentum) > 0
    }
  }

  private struct Trajectory {
    let step: Double
    let start: Double
    var acceptance = 0.0
    var count = 0.0
    var isDivergent = false

    mutating func run(
      _ point: inout PhasePoint, _ energy: Energy, _ random: inout RandomStream, depth: Int
    ) -> TransitionReport {
      var tree = Subtree(
        left: point, right: point, momenta: point.momentum, chosen: point, logWeight: 0,
        isComplete: true)
      for level in 0..<depth {
        let goesRight = random.uniform() < 0.5
        let part = build(goesRight ? tree.right : tree.left, goesRight, level, energy, &random)
        guard part.isComplete else { break }
        // Biased progressive sampling: the new half is preferred.
        if log(1 - random.uniform()) < part.logWeight - tree.logWeight { tree.chosen = part.chosen }
        tree = joined(tree, part, goesRight, chosen: tree.chosen)
        if !tree.isOpen { break }
      }
      point = tree.chosen
      return TransitionReport(acceptance: acceptance / max(count, 1), isDivergent: isDivergent)
    }

    private mutating func build(
      _ from: PhasePoint, _ goesRight: Bool, _ level: Int, _ energy: Energy,
      _ random: inout RandomStream
    ) -> Subtree {
      if level == 0 {
        var next = from
        next.leapfrog(goesRight ? step : -step, energy)
        let error = next.hamiltonian - start
        count += 1
        acceptance += error.isFinite ? min(1, exp(-error)) : 0
        let isFine = error.isFinite && error <= 1000
        if !isFine { isDivergent = true }
        return Subtree(
          left: next, right: next, momenta: next.momentum, chosen: next,
          logWeight: isFine ? -error : -.infinity, isComplete: isFine)
      }
      let first = build(from, goesRight, level - 1, energy, &random)
      guard first.isComplete else { return first }
      let second = build(
        goesRight ? first.right : first.left, goesRight, level - 1, energy, &random)
      guard second.isComplete else { return second }
      let total = logSumExp([first.logWeight, second.logWeight])
      let takesSecond = log(1 - random.uniform()) < second.logWeight - total
      var tree = joined(
        first, second, goesRight, chosen: takesSecond ? second.chosen : first.chosen)
      tree.isComplete = tree.isOpen
      return tree
    }

    private func joined(
      _ old: Subtree, _ new: Subtree, _ goesRight: Bool, chosen: PhasePoint
    ) -> Subtree {
      Subtree(
        left: goesRight ? old.left : new.left, right: goesRight ? new.right : old.right,
        momenta: zip(old.momenta, new.momenta).map { $0 + $1 }, chosen: chosen,
        logWeight: logSumExp([old.logWeight, new.logWeight]), isComplete: true)
    }
  }
}
