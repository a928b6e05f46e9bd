import EdgeOptimization
import Foundation

/// What an exceeded budget costs, in points of accuracy.
///
/// Of designs whose predicted latency is within the budget the one with the highest accuracy less the price
/// times the probability of exceeding it is the best. Compared with one margin for all, that
/// spends the allowed risk where it brings most (a Lagrange multiplier of the share of exceeded
/// budgets).
public struct RiskPrice: Hashable, Sendable {
  /// Points of accuracy for a budget that is exceeded for certain.
  public let points: Double
  /// The share of budgets exceeded at this price where known devices play the target.
  public let exceeded: Double

  /// A budget counts as exceeded from 2 % on.
  static let tolerance = 1.02

  /// The budget's place on the normalised scale, from where on it counts as exceeded.
  static func limit(_ budget: Double, on device: DeviceProfile) -> Double {
    device.normalized(tolerance * budget)
  }

  /// What a design is worth; those predicted to exceed the budget come after all others, the fastest first.
  func worth(
    _ accuracy: Double, _ latency: DevicePosterior.Prediction, within budget: Double,
    exceededAbove limit: Double
  ) -> Double {
    guard latency.mean <= budget else { return -1e6 - latency.mean }
    return accuracy - points * latency.probability(above: limit)
  }

  init(points: Double) { (self.points, exceeded) = (points, 0) }

  /// The least price at which known devices, each predicted without itself, exceed no more than a share of
  /// budgets: quantiles of their latencies, among the designs that are known on them.
  ///
  /// - Parameters:
  ///   - trials: The devices.
  ///   - accuracies: Predicted ones of the known designs, in percent.
  ///   - risk: The share.
  init(trials: DeviceTrials, accuracies: [Double], risk: Double) {
    let step = Foundation.log(RiskPrice.tolerance) / DeviceProfile.scale
    let budgets = (4...32).map { Double($0) / 40 }
    var last: RiskPrice?
    for points in [0.5, 1, 2, 3, 4, 6, 8, 11, 16, 22, 32, 45, 64] {
      let price = RiskPrice(points: points)
      var (exceeded, count) = (0, 0)
      for device in trials.devices {
        let ordered = device.measured.sorted()
        for share in budgets {
          let budget = ordered[min(ordered.count - 1, Int(share * Double(ordered.count)))]
          let worths = device.places.indices.map {
            price.worth(
              accuracies[device.places[$0]], device.predicted[$0], within: budget,
              exceededAbove: budget + step)
          }
          guard let chosen = worths.indices.max(by: { worths[$0] < worths[$1] }) else { continue }
          count += 1
          if device.measured[chosen] > budget + step { exceeded += 1 }
        }
      }
      let next = RiskPrice(points: points, exceeded: Double(exceeded) / Double(max(count, 1)))
      guard next.exceeded <= risk, let before = last, before.exceeded > risk else {
        last = next
        if next.exceeded <= risk { break }
        continue
      }
      // Between the last two, where the share would cross the risk on a logarithmic scale.
      let part = (before.exceeded - risk) / (before.exceeded - next.exceeded)
      last = RiskPrice(
        points: before.points * Foundation.pow(next.points / before.points, part),
        exceeded: risk)
      break
    }
    self = last ?? RiskPrice(points: 0)
  }

  private init(points: Double, exceeded: Double) {
    (self.points, self.exceeded) = (points, exceeded)
  }
}
