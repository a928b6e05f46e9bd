public import EdgeOptimization
import Foundation

/// What is known of a device: the latencies of a few reference designs on it.
public struct DeviceProfile: Hashable, Sendable {
  /// The mean log latency of the reference designs, which carries the device's speed.
  public let offset: Double
  /// The reference designs' log latencies less their mean, over ``scale``: what kind of device it is.
  public let features: [Double]

  /// Half a unit of natural logarithms makes the features of real devices about 1 in size.
  public static let scale = 0.5

  /// Takes the latencies of the reference designs, in any unit, in one order for all devices.
  ///
  /// - Throws: `EdgeError` for fewer than two, or one that is not above 0.
  public init(referenceLatencies: [Double]) throws(EdgeError) {
    guard referenceLatencies.count > 1 else {
      throw EdgeError(.badTable, "a device's profile needs two or more reference designs")
    }
    for (index, latency) in referenceLatencies.enumerated()
    where !(latency > 0 && latency.isFinite) {
      throw EdgeError(
        .badTable, "reference design \(index) has latency \(latency); latencies are above 0")
    }
    let logarithms = referenceLatencies.map { log($0) }
    let mean = logarithms.reduce(0, +) / Double(logarithms.count)
    offset = mean
    features = logarithms.map { ($0 - mean) / DeviceProfile.scale }
  }

  /// A latency, in the unit of the reference latencies, as a number that is alike for all devices.
  func normalized(_ latency: Double) -> Double { (log(latency) - offset) / DeviceProfile.scale }

  /// The latency of a normalised one.
  func latency(_ normalized: Double) -> Double { exp(normalized * DeviceProfile.scale + offset) }
}
