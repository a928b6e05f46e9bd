/// A target device that may be measured only so often.
///
/// The table behind it can't be read: each value is paid for, and each query is on record.
public struct MeasurementOracle: Sendable {
  private let table: [Double]
  /// Measurements that are allowed.
  public let budget: Int
  /// The designs measured, in order; a design measured again costs nothing and isn't repeated.
  public private(set) var log: [Int] = []
  private var known: Set<Int> = []

  /// - `table`: The latency of each design; NaN where the device can't run it.
  public init(table: [Double], budget: Int) {
    self.table = table
    self.budget = budget
  }

  /// The number of measurements taken.
  public var spent: Int { log.count }

  /// Measures a design.
  ///
  /// - Returns: Its latency, or nil where the device can't run it; the attempt counts all the same.
  /// - Throws: `EdgeError` when the budget is spent, or there is no such design.
  public mutating func measure(_ design: Int) throws(EdgeError) -> Double? {
    guard table.indices.contains(design) else {
      throw EdgeError(.badDesign, "no design \(design) among \(table.count)")
    }
    if known.insert(design).inserted {
      guard spent < budget else {
        known.remove(design)
        throw EdgeError(
          .overBudget, "\(spent) measurements spent of \(budget) allowed; design \(design) is more")
      }
      log.append(design)
    }
    return table[design].isNaN ? nil : table[design]
  }
}
