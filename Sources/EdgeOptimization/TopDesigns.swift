public import Statistics

/// How well the best designs by prediction are the best by measurement.
public struct TopDesigns: Hashable, Sendable {
  /// Which values are good.
  public enum Best: String, Hashable, Sendable { case lowest, highest }

  /// The number of designs asked for.
  public let count: Int
  /// The share of the predicted best that belong to the measured best; ties with the last of those
  /// belong to them.
  public let recall: Statistic
  /// How much worse the predicted best design is than the measured best, in the values' unit; of
  /// equal predictions the earlier design counts.
  public let regret: Statistic

  /// - `count`: At least 1.
  public init(predicted: [Double], measured: [Double], count: Int, best: Best) {
    precondition(predicted.count == measured.count, "as many predictions as measured values")
    precondition(count > 0, "the best \(count) designs")
    self.count = count
    guard measured.count > count else {
      let reason = "\(measured.count) values, more than \(count) are needed"
      recall = Statistic(undefined: reason)
      regret =
        measured.isEmpty
        ? Statistic(undefined: "no values")
        : Statistic(TopDesigns.regret(predicted, measured, best))
      return
    }
    let sign = best == .lowest ? 1.0 : -1.0
    let chosen = sortedIndices(predicted.map { sign * $0 }).prefix(count)
    let limit = measured.map { sign * $0 }.sorted()[count - 1]
    recall = Statistic(Double(chosen.count { sign * measured[$0] <= limit }) / Double(count))
    regret = Statistic(TopDesigns.regret(predicted, measured, best))
  }

  private static func regret(_ predicted: [Double], _ measured: [Double], _ best: Best) -> Double {
    let sign = best == .lowest ? 1.0 : -1.0
    let first = sortedIndices(predicted.map { sign * $0 })[0]
    let least = measured.map { sign * $0 }.min() ?? 0
    return sign * measured[first] - least
  }
}
