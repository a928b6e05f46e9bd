/// A table of named, typed columns of one length.
public struct Table: Hashable, Sendable {
  /// A column's cells.
  public enum Column: Hashable, Sendable {
    case ints([Int])
    case doubles([Double])
    case bools([Bool])
    case strings([String])

    public var count: Int {
      switch self {
      case .ints(let cells): cells.count
      case .doubles(let cells): cells.count
      case .bools(let cells): cells.count
      case .strings(let cells): cells.count
      }
    }

    public var type: ColumnType {
      switch self {
      case .ints: .int
      case .doubles: .double
      case .bools: .bool
      case .strings: .string
      }
    }

    /// The cells as doubles, or nil for strings and booleans.
    public var doubles: [Double]? {
      switch self {
      case .ints(let cells): cells.map { Double($0) }
      case .doubles(let cells): cells
      case .bools, .strings: nil
      }
    }

    /// A cell as a CSV file holds it: doubles in their shortest form that reads back to the same
    /// bits.
    public func text(_ row: Int) -> String {
      switch self {
      case .ints(let cells): String(cells[row])
      case .doubles(let cells): cells[row].description
      case .bools(let cells): cells[row] ? "true" : "false"
      case .strings(let cells): cells[row]
      }
    }
  }

  /// What a column's cells are.
  public enum ColumnType: String, Hashable, Sendable {
    case int, double, bool, string
  }

  /// What error messages call the table: its file.
  public var name: String
  public private(set) var columnNames: [String] = []
  public private(set) var columns: [Column] = []
  /// Where each column is: a hostile file may have a million.
  private var positions: [String: Int] = [:]

  /// An empty table.
  public init(name: String = "table") { self.name = name }

  /// The number of rows, without the header.
  public var rowCount: Int { columns.first?.count ?? 0 }

  /// Adds a column, as long as those before it, under a new name.
  public mutating func append(_ column: Column, named name: String) {
    precondition(
      columns.isEmpty || column.count == rowCount,
      "column '\(name)' has \(column.count) cells, the table \(rowCount) rows")
    precondition(positions[name] == nil, "column '\(name)' exists already")
    positions[name] = columns.count
    columnNames.append(name)
    columns.append(column)
  }

  /// The column of a name, or nil where there is none.
  public subscript(name: String) -> Column? {
    positions[name].map { columns[$0] }
  }

  /// The column of a name.
  ///
  /// - Throws: `FormatError` that lists the columns there are.
  public func column(_ name: String) throws(FormatError) -> Column {
    if let column = self[name] { return column }
    throw FormatError(
      file: self.name, found: "no column '\(name)'",
      expected: "one of \(columnNames.map { "'\($0)'" }.joined(separator: ", "))")
  }

  /// A numeric column's cells; integers are converted.
  ///
  /// - Throws: `FormatError` where there is no such column or it isn't numeric.
  public func doubles(_ name: String) throws(FormatError) -> [Double] {
    let column = try column(name)
    guard let cells = column.doubles else { throw wrongType(name, column, "numbers") }
    return cells
  }

  /// An integer column's cells.
  ///
  /// - Throws: `FormatError` where there is no such column or it holds anything but integers.
  public func ints(_ name: String) throws(FormatError) -> [Int] {
    let column = try column(name)
    guard case .ints(let cells) = column else { throw wrongType(name, column, "integers") }
    return cells
  }

  /// A column's cells as text, whatever their type.
  ///
  /// - Throws: `FormatError` where there is no such column.
  public func strings(_ name: String) throws(FormatError) -> [String] {
    let column = try column(name)
    if case .strings(let cells) = column { return cells }
    return (0..<rowCount).map { column.text($0) }
  }

  private func wrongType(_ name: String, _ column: Column, _ expected: String) -> FormatError {
    FormatError(
      file: self.name, found: "column '\(name)' of type \(column.type)", expected: expected)
  }
}
