import Formats
import Statistics

/// Measured values of the same designs on several devices.
///
/// As CSV: `index`, optionally `design`, `metric` and `unit`, then a column for each device; an empty
/// cell is a design that the device can't run.
public struct DeviceTables: Hashable, Sendable {
  /// Ascending and unique.
  public let indices: [Int]
  /// The designs' digits; nil where the space has no text form.
  public let designs: [String]?
  public let devices: [String]
  /// One column for each device; NaN where the design is invalid there.
  public let values: [[Double]]

  /// What was measured, such as `latency`; the same for all devices, nil where it isn't said.
  public var metric: String?
  /// In what the values are, such as `ms`; nil where it isn't said.
  public var unit: String?

  /// - Throws: `EdgeError` for rows or columns of different length, repeated names or indices, and
  ///   infinite, zero or negative values.
  public init(
    indices: [Int], designs: [String]? = nil, devices: [String], values: [[Double]],
    allowsNonPositive: Bool = false
  ) throws(EdgeError) {
    guard !devices.isEmpty, devices.count == values.count else {
      throw EdgeError(.badTable, "a table without a device column")
    }
    for (device, column) in zip(devices, values) where column.count != indices.count {
      throw EdgeError(
        .badTable, "'\(device)' has \(column.count) rows, the index \(indices.count)")
    }
    if let designs, designs.count != indices.count {
      throw EdgeError(.badTable, "\(designs.count) designs for \(indices.count) rows")
    }
    if let repeated = DeviceTables.firstRepeated(devices) {
      throw EdgeError(.badTable, "the device '\(repeated)' occurs twice")
    }
    if let repeated = DeviceTables.firstRepeated(indices) {
      throw EdgeError(.badTable, "the index \(repeated) occurs twice")
    }
    for (device, column) in zip(devices, values) {
      let wrong = column.firstIndex { value in
        !value.isNaN && (!value.isFinite || (value <= 0 && !allowsNonPositive))
      }
      if let wrong {
        throw EdgeError(
          .badTable,
          "'\(device)', index \(indices[wrong]): \(column[wrong]) is no positive finite value and "
            + "not marked as invalid (leave the cell empty, or import it with its marker)")
      }
    }
    let order = indices.indices.sorted { indices[$0] < indices[$1] }
    self.indices = order.map { indices[$0] }
    self.designs = designs.map { designs in order.map { designs[$0] } }
    self.devices = devices
    self.values = values.map { column in order.map { column[$0] } }
  }

  private static func firstRepeated<Element: Hashable>(_ elements: [Element]) -> Element? {
    var seen: Set<Element> = []
    return elements.first { !seen.insert($0).inserted }
  }

  /// Reads the CSV form.
  ///
  /// - Throws: `FormatError` for what isn't CSV or lacks the column `index`; `EdgeError` for what
  ///   is no table of measured values.
  public init(csv path: String, allowsNonPositive: Bool = false) throws {
    let content = try FileContent(path: path)
    var table = try CSV.read(content)
    let described = ["design", "metric", "unit"].filter { table[$0] != nil }
    if !described.isEmpty {
      // Digits would be read as numbers, and those of 22 layers would lose some.
      table = try CSV.read(
        content,
        CSV.Options(types: Dictionary(uniqueKeysWithValues: described.map { ($0, .string) })))
    }
    let names = table.columnNames.filter { !["index", "design", "metric", "unit"].contains($0) }
    try self.init(
      indices: try table.ints("index"),
      designs: table["design"] == nil ? nil : try table.strings("design"), devices: names,
      values: try names.map { try table.doubles($0) }, allowsNonPositive: allowsNonPositive)
    metric = try DeviceTables.single("metric", table)
    unit = try DeviceTables.single("unit", table)
  }

  /// The one value of a column that describes the whole table.
  private static func single(_ name: String, _ table: Table) throws -> String? {
    guard table[name] != nil else { return nil }
    let values = try table.strings(name)
    if let row = values.firstIndex(where: { $0 != values[0] }) {
      throw EdgeError(
        .badTable,
        "row \(row) has the \(name) '\(values[row])', row 0 '\(values[0])'; a table has one")
    }
    return values.first
  }

  /// The CSV form.
  public var csv: String {
    let about = [metric, unit].compactMap { $0.map { "," + $0 } }.joined()
    var text = "index" + (designs == nil ? "" : ",design")
    text += (metric == nil ? "" : ",metric") + (unit == nil ? "" : ",unit")
    text += devices.map { "," + $0 }.joined()
    text += "\n"
    for row in indices.indices {
      text += String(indices[row])
      if let designs { text += "," + designs[row] }
      text += about
      for column in values { text += column[row].isNaN ? "," : ",\(column[row])" }
      text += "\n"
    }
    return text
  }

  /// A device's values.
  ///
  /// - Throws: `EdgeError` that lists the devices there are.
  public func column(_ device: String) throws(EdgeError) -> [Double] {
    guard let position = devices.firstIndex(of: device) else {
      throw EdgeError(
        .badTable,
        "no device '\(device)'; the table has \(devices.map { "'\($0)'" }.joined(separator: ", "))")
    }
    return values[position]
  }

  /// The share of rows that are invalid on a device.
  public static func invalidShare(_ column: [Double]) -> Double {
    column.isEmpty ? 0 : Double(column.count(where: \.isNaN)) / Double(column.count)
  }

  /// What looks wrong although it may be right: many invalid rows, near-duplicates, mixed units.
  public func warnings() -> [String] {
    var warnings: [String] = []
    for (device, column) in zip(devices, values) where DeviceTables.invalidShare(column) > 0.2 {
      let percent = Int((100 * DeviceTables.invalidShare(column)).rounded())
      warnings.append("'\(device)': \(percent) % of the rows are invalid")
    }
    let medians = values.map { column in
      let valid = column.filter { !$0.isNaN }
      return valid.isEmpty ? Double.nan : quantile(valid, 0.5)
    }
    if let least = medians.min(), let most = medians.max(),
      let slow = medians.firstIndex(of: most), let fast = medians.firstIndex(of: least),
      (100...10_000).contains(most / least)
    {
      warnings.append(
        "the medians of '\(devices[slow])' (\(most)) and '\(devices[fast])' (\(least)) differ by "
          + "\(Int((most / least).rounded())) times: is one in ms and the other in s?")
    }
    return warnings
  }
}
