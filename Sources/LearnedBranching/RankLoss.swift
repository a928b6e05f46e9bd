import Foundation

/// What training lowers: how far a record's scores are from ranking its candidates.
public enum RankLoss: Hashable, Sendable {
  /// Every candidate should score at least 1 above those of a lower class; candidates of one class are
  /// not ranked (Lu and Kumar 2020, section 4). All pairs count alike, those at the bottom too.
  case hinge
  /// Cross entropy between `softmax(quality / temperature)` and `softmax(score)`, which looks at the top
  /// of the ranking alone: only one candidate is split (ListNet's top-one loss, Cao et al. 2007).
  case softmax(temperature: Double)

  /// How far scores are from ranking a record's candidates.
  ///
  /// - Parameters:
  ///   - scores: One a candidate; nil for those without one, which take no part.
  ///   - record: The candidates.
  /// - Returns: The loss and its derivative by each score; nil where there is nothing to rank.
  public func value(
    _ scores: [Float?], _ record: BranchingRecord
  ) -> (loss: Double, slopes: [Float])? {
    switch self {
    case .hinge:
      RankLoss.hinge(
        scores: scores.map { $0 ?? 0 },
        classes: zip(scores, record.classes).map { $0 == nil ? nil : $1 })
    case .softmax(let temperature):
      RankLoss.softmax(scores, record.qualities, temperature)
    }
  }

  /// The mean over ordered pairs, and its derivative by each score; nil where there is no pair.
  public static func hinge(
    scores: [Float], classes: [Int?]
  ) -> (loss: Double, slopes: [Float])? {
    var (loss, pairs) = (0.0, 0)
    var slopes = [Float](repeating: 0, count: scores.count)
    for (better, high) in classes.enumerated() {
      guard let high else { continue }
      for (worse, low) in classes.enumerated() {
        guard let low, high > low else { continue }
        pairs += 1
        let gap = 1 - scores[better] + scores[worse]
        guard gap > 0 else { continue }
        loss += Double(gap)
        slopes[better] -= 1
        slopes[worse] += 1
      }
    }
    guard pairs > 0 else { return nil }
    return (loss / Double(pairs), slopes.map { $0 / Float(pairs) })
  }

  /// The divergence of the scores' distribution from that of the qualities: 0 at best.
  private static func softmax(
    _ scores: [Float?], _ qualities: [Double], _ temperature: Double
  ) -> (loss: Double, slopes: [Float])? {
    guard let top = scores.compactMap({ $0 }).max() else { return nil }
    let given = scores.map { score in score.map { exp(Double($0 - top)) } ?? 0 }
    let wanted = zip(scores, qualities).map { $0 == nil ? 0 : exp(($1 - 1) / temperature) }
    let (sum, wantedSum) = (given.reduce(0, +), wanted.reduce(0, +))
    guard wantedSum > 0, sum.isFinite else { return nil }
    var loss = 0.0
    var slopes = [Float](repeating: 0, count: scores.count)
    for index in scores.indices where scores[index] != nil {
      let (share, goal) = (given[index] / sum, wanted[index] / wantedSum)
      if goal > 0 { loss += goal * (log(goal) - log(max(share, 1e-300))) }
      slopes[index] = Float(share - goal)
    }
    return (loss, slopes)
  }
}
