/// Mean and population deviation of some values.
public struct Moments: Hashable, Sendable {
  public let mean: Double
  /// Divided by the number of values.
  public let variance: Double
  public var deviation: Double { variance.squareRoot() }

  /// - `values`: At least one.
  public init(_ values: [Double]) {
    let count = Double(values.count)
    let mean = values.reduce(0, +) / count
    self.mean = mean
    variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count
  }
}
