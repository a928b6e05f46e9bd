/// Mean and population deviation of some values.
public struct Moments: Hashable, Sendable {
  public let mean: Double
  public let deviation: Double

  /// - `values`: At least one.
  public init(_ values: [Double]) {
    let count = Double(values.count)
    let mean = values.reduce(0, +) / count
    self.mean = mean
    deviation =
      (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count).squareRoot()
  }
}
