import Formats

/// What was measured after each epoch: a column for each measure.
public struct EpochTable: Hashable, Sendable {
  /// The measures' names; `epoch` is the first.
  public let columns: [String]
  /// From the first epoch on; a measure that does not exist in an epoch is not a number.
  public private(set) var rows: [[Double]] = []

  public init(_ columns: [String]) { self.columns = ["epoch"] + columns }

  /// Adds an epoch's measures, in the order of the columns.
  mutating func append(_ measures: [Double]) {
    precondition(measures.count == columns.count - 1, "\(measures.count) measures")
    rows.append([Double(rows.count + 1)] + measures)
  }

  /// A measure's last value.
  public func last(_ column: String) -> Double? {
    guard let place = columns.firstIndex(of: column) else { return nil }
    return rows.last?[place]
  }

  /// Comma-separated, with a header; empty where a measure does not exist.
  public func csv() -> String {
    let lines = rows.map { row in
      row.enumerated().map { place, value in
        !value.isFinite ? "" : place == 0 ? "\(Int(value))" : "\(value)"
      }.joined(separator: ",")
    }
    return ([columns.joined(separator: ",")] + lines).joined(separator: "\n") + "\n"
  }

  var data: TensorData { TensorData(rows.flatMap(\.self), shape: [rows.count, columns.count]) }

  mutating func restore(_ data: TensorData?) -> Bool {
    guard let data, data.type == .float64, data.shape.count == 2, data.shape[1] == columns.count
    else { return false }
    let numbers = data.doubles()
    rows = (0..<data.shape[0]).map { Array(numbers[$0 * columns.count..<($0 + 1) * columns.count]) }
    return true
  }
}
