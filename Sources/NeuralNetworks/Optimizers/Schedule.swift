import Foundation

/// The learning rate of each step, as a factor of the base rate.
public enum Schedule: Hashable, Sendable {
  case constant
  /// Times `factor` at each of the steps.
  case steps([Int], factor: Double)
  /// Times `factor` each step.
  case exponential(factor: Double)
  /// Half a cosine from 1 to `floor` in `steps` steps (Loshchilov and Hutter 2017, equation 5).
  case cosine(steps: Int, floor: Double = 0)
  /// A cosine that starts anew every `period` steps (cyclical sampling: Zhang et al. 2020,
  /// equation 1).
  case cyclicalCosine(period: Int)
  /// A line from 1 to `end` in `steps` steps.
  case linear(steps: Int, end: Double = 0)
  /// A line from 0 in `steps` steps, then the other schedule from its start.
  indirect case warmup(steps: Int, then: Schedule)

  /// The factor at a step, from 0.
  public func factor(at step: Int) -> Double {
    switch self {
    case .constant: 1
    case .steps(let milestones, let factor):
      Foundation.pow(factor, Double(milestones.count { $0 <= step }))
    case .exponential(let factor): Foundation.pow(factor, Double(step))
    case .cosine(let steps, let floor):
      floor + (1 - floor) / 2 * (1 + Foundation.cos(.pi * progress(step, steps)))
    case .cyclicalCosine(let period):
      0.5 * (1 + Foundation.cos(.pi * Double(step % max(period, 1)) / Double(max(period, 1))))
    case .linear(let steps, let end): 1 + (end - 1) * progress(step, steps)
    case .warmup(let steps, let next):
      step < steps ? Double(step + 1) / Double(steps) : next.factor(at: step - steps)
    }
  }

  private func progress(_ step: Int, _ steps: Int) -> Double {
    min(1, Double(step) / Double(max(steps, 1)))
  }
}
