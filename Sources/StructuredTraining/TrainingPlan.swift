import Foundation

/// How long and how fast stochastic gradient descent with momentum moves.
public struct TrainingPlan: Hashable, Sendable {
  /// The rate over epochs, as a factor of the base rate.
  public enum Schedule: Hashable, Sendable {
    case constant
    /// Times `factor` after each of these numbers of epochs.
    case steps([Int], factor: Double)
    /// 1 for half of the training, on a line to `final` at nine tenths, then `final`: the public code
    /// of SmartDeal, from that of stochastic weight averaging.
    case plateau(final: Double)

    /// The factor in an epoch, from 0.
    public func factor(_ epoch: Int, of epochs: Int) -> Double {
      switch self {
      case .constant: return 1
      case .steps(let milestones, let factor):
        return Foundation.pow(factor, Double(milestones.count { $0 <= epoch }))
      case .plateau(let final):
        let part = Double(epoch) / Double(max(epochs, 1))
        if part <= 0.5 { return 1 }
        return part <= 0.9 ? 1 - (1 - final) * (part - 0.5) / 0.4 : final
      }
    }
  }

  public var epochs: Int
  /// Pictures in a step.
  public var batch: Int
  public var rate: Double
  public var momentum: Double
  /// λ of the penalty λ/2 · |w|².
  public var weightDecay: Double
  public var schedule: Schedule

  public init(
    epochs: Int, batch: Int = 64, rate: Double, momentum: Double = 0.9, weightDecay: Double = 5e-4,
    schedule: Schedule = .constant
  ) {
    self.epochs = epochs
    self.batch = batch
    self.rate = rate
    self.momentum = momentum
    self.weightDecay = weightDecay
    self.schedule = schedule
  }

  /// The rate in an epoch, from 0.
  public func rate(in epoch: Int) -> Double { rate * schedule.factor(epoch, of: epochs) }

  /// Refuses what has no meaning.
  ///
  /// - Throws: ``TrainingError`` that names the option, its value and its range.
  public func check() throws(TrainingError) {
    func require(_ holds: Bool, _ name: String, _ value: some Any, _ range: String)
      throws(TrainingError)
    {
      guard holds else {
        throw TrainingError(.badPlan, "\(name) is \(value); it must be \(range)")
      }
    }
    try require(epochs >= 1, "epochs", epochs, "at least 1")
    try require(batch >= 1, "batch", batch, "at least 1")
    try require(rate.isFinite && rate > 0, "rate", rate, "a number above 0")
    try require((0..<1).contains(momentum), "momentum", momentum, "from 0 to below 1")
    try require(
      weightDecay.isFinite && weightDecay >= 0, "weight decay", weightDecay, "a number from 0")
    switch schedule {
    case .constant: break
    case .steps(_, let factor):
      try require(factor.isFinite && factor > 0, "factor", factor, "a number above 0")
    case .plateau(let final):
      try require(final.isFinite && final > 0, "final", final, "a number above 0")
    }
  }

  /// Refuses a running average that starts in no epoch.
  ///
  /// - Throws: ``TrainingError`` with the epoch, from 1, and how many there are.
  func check(averageFrom first: Int?) throws(TrainingError) {
    guard let first, !(1...epochs).contains(first) else { return }
    throw TrainingError(
      .badPlan, "the average starts in epoch \(first); there are \(epochs) epochs")
  }
}
