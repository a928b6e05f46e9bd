import Formats

/// A few designs that somebody measured on a new device.
///
/// As CSV: `index`, `latency` (empty where the device can't run the design), and optionally
/// `purpose`: `check` for designs drawn at random that judge, `sample` for those that adapt,
/// `candidate` for those that were measured because they may be good. Other columns are ignored.
/// Without purposes all designs are samples.
public struct DeviceMeasurements: Hashable, Sendable {
  /// Why a design was measured.
  public enum Purpose: String, CaseIterable, Sendable {
    /// It was drawn at random, and judges.
    case check
    /// It was chosen to say most about all others.
    case sample
    /// It may be one of the best.
    case candidate
  }

  public let indices: [Int]
  /// NaN where the device can't run the design.
  public let latencies: [Double]
  public let purposes: [Purpose]

  /// Reads the CSV form.
  ///
  /// - Parameter path: The file.
  /// - Throws: `FormatError` for what isn't CSV or lacks a column; `EdgeError` that names the row for
  ///   an index that occurs twice, a purpose that is none, or a latency that isn't positive and
  ///   finite.
  public init(csv path: String) throws {
    let table = try CSV.read(path: path)
    indices = try table.ints("index")
    latencies = try table.doubles("latency")
    var seen: Set<Int> = []
    for (row, index) in indices.enumerated() where !seen.insert(index).inserted {
      throw EdgeError(.badTable, "row \(row): the index \(index) occurs twice")
    }
    for (row, value) in latencies.enumerated()
    where !value.isNaN && (value <= 0 || !value.isFinite) {
      throw EdgeError(
        .badTable,
        "row \(row), index \(indices[row]): the latency \(value) is not positive and finite (leave "
          + "it empty where the device can't run the design)")
    }
    guard table["purpose"] != nil else {
      purposes = indices.map { _ in .sample }
      return
    }
    var purposes: [Purpose] = []
    for (row, text) in try table.strings("purpose").enumerated() {
      guard let purpose = Purpose(rawValue: text) else {
        let allowed = Purpose.allCases.map { "'\($0.rawValue)'" }.joined(separator: ", ")
        throw EdgeError(.badTable, "row \(row): the purpose '\(text)' is none of \(allowed)")
      }
      purposes.append(purpose)
    }
    self.purposes = purposes
  }

  /// The measured designs as positions in a table.
  ///
  /// - Parameters:
  ///   - purpose: Which of them.
  ///   - positions: The position of each index of the table.
  /// - Returns: Their positions, in the order of the file.
  /// - Throws: `EdgeError` that names the row for an index that the table lacks.
  public func designs(
    _ purpose: Purpose, in positions: [Int: Int]
  ) throws(EdgeError) -> [Int] {
    var result: [Int] = []
    for (row, index) in indices.enumerated() {
      guard let position = positions[index] else {
        throw EdgeError(
          .badTable, "row \(row): the latency table has no design with the index \(index)")
      }
      if purposes[row] == purpose { result.append(position) }
    }
    return result
  }
}
