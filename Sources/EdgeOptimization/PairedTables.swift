/// Latencies and accuracies of the same designs.
public struct PairedTables: Sendable {
  /// A column for each device.
  public let latency: DeviceTables
  /// The accuracy of each design, in percent.
  public let accuracy: [Double]
  private let texts: [String]?

  /// The designs' numbers in their space.
  public var indices: [Int] { latency.indices }

  /// Takes two tables of the same designs.
  ///
  /// - Parameters:
  ///   - latency: One column or more.
  ///   - accuracy: Exactly one column.
  /// - Throws: `EdgeError` where indices or designs differ, with the first difference.
  public init(latency: DeviceTables, accuracy: DeviceTables) throws(EdgeError) {
    guard accuracy.devices.count == 1 else {
      throw EdgeError(
        .badTable,
        "the accuracy table has the columns \(accuracy.devices.joined(separator: ", ")); "
          + "it needs exactly one")
    }
    if latency.indices != accuracy.indices {
      let first = zip(latency.indices, accuracy.indices).first { $0 != $1 }
      throw EdgeError(
        .badTable,
        "the latency table has \(latency.indices.count) designs, the accuracy table "
          + "\(accuracy.indices.count)"
          + (first.map { "; the first difference is \($0) against \($1)" } ?? "")
          + "; both need the same indices")
    }
    if let left = latency.designs, let right = accuracy.designs,
      let row = left.indices.first(where: { left[$0] != right[$0] })
    {
      throw EdgeError(
        .badTable,
        "index \(latency.indices[row]) is design \(left[row]) in the latency table and "
          + "\(right[row]) in the accuracy table")
    }
    self.latency = latency
    self.accuracy = accuracy.values[0]
    texts = latency.designs ?? accuracy.designs
  }

  /// The designs as a space's decisions.
  ///
  /// - Parameter space: Their space.
  /// - Returns: The decisions of each design, in the tables' order.
  /// - Throws: `EdgeError` where no table has designs, or one is not of the space.
  public func designs(in space: SearchSpace) throws(EdgeError) -> [[Int]] {
    guard let texts else {
      throw EdgeError(
        .badTable, "neither table has a column 'design'; import one with its designs")
    }
    var designs: [[Int]] = []
    for text in texts { designs.append(try space.design(text)) }
    return designs
  }
}
