/// What a transfer to one device costs, beside measuring each device by itself.
public struct TransferCost: Hashable, Sendable {
  /// Measurements that check the proxy, that adapt it, and that re-measure candidates.
  public var checks: Int
  public var adaptations: Int
  public var remeasurements: Int
  /// The time of one measurement, in seconds; 20 s as in the paper's account.
  public var secondsPerMeasurement: Double
  /// The samples with which a predictor of one device alone is trained.
  public var baselineMeasurements: Int

  public init(
    checks: Int, adaptations: Int, remeasurements: Int, secondsPerMeasurement: Double = 20,
    baselineMeasurements: Int = 900
  ) {
    self.checks = checks
    self.adaptations = adaptations
    self.remeasurements = remeasurements
    self.secondsPerMeasurement = secondsPerMeasurement
    self.baselineMeasurements = baselineMeasurements
  }

  public var measurements: Int { checks + adaptations + remeasurements }
  public var seconds: Double { Double(measurements) * secondsPerMeasurement }
  public var hours: Double { seconds / 3600 }
  public var baselineHours: Double { baselineSeconds / 3600 }
  public var baselineSeconds: Double { Double(baselineMeasurements) * secondsPerMeasurement }
  /// How many times cheaper the transfer is than the baseline.
  public var saving: Double { Double(baselineMeasurements) / Double(max(measurements, 1)) }
}
