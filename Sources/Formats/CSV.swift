/// Reads and writes comma-separated values as RFC 4180 describes them.
///
/// Quotes, line feeds inside quotes, CRLF and a byte-order mark are understood. Empty lines are
/// skipped. A row with more or fewer cells than the header is an error.
public enum CSV {
  /// How a file is to be read.
  public struct Options: Hashable, Sendable {
    /// A single ASCII character between cells.
    public var separator: Character = ","
    /// Names for the columns of a file without header; nil takes them from its first row.
    public var columnNames: [String]?
    /// Types of columns by name; those of the others follow from their cells.
    ///
    /// A column is `int`, `double`, `bool` or `string`, the first that fits all cells. An empty
    /// cell is NaN among numbers. Digits after a leading zero are text: `000123` is a code.
    public var types: [String: Table.ColumnType] = [:]

    public init(
      separator: Character = ",", columnNames: [String]? = nil,
      types: [String: Table.ColumnType] = [:]
    ) {
      self.separator = separator
      self.columnNames = columnNames
      self.types = types
    }
  }

  /// Reads a file.
  ///
  /// - Throws: `FormatError` with row and column.
  public static func read(path: String, _ options: Options = Options()) throws(FormatError)
    -> Table
  {
    try read(FileContent(path: path), options)
  }

  /// Reads a file's content.
  ///
  /// - Throws: `FormatError` with row and column.
  public static func read(
    _ content: FileContent, _ options: Options = Options()
  ) throws(FormatError) -> Table {
    guard let separator = options.separator.asciiValue, separator != UInt8(ascii: "\""),
      separator >= 0x20 || separator == 9
    else {
      throw FormatError(
        file: content.name, found: "separator '\(options.separator)'",
        expected: "one ASCII character other than a quote")
    }
    return try content.withReader { (reader) throws(FormatError) in
      var cells = CellGrid(reader.bytes, file: reader.file)
      try cells.readSeparated(by: separator)
      return try cells.table(names: options.columnNames, types: options.types)
    }
  }

  /// Reads numbers or words between spaces and tabs, a row a line, without header.
  ///
  /// Columns without given names are called `column1`, `column2`, ….
  ///
  /// - Throws: `FormatError` with row and column.
  public static func readWhitespaceSeparated(
    _ content: FileContent, columnNames: [String]? = nil,
    types: [String: Table.ColumnType] = [:]
  ) throws(FormatError) -> Table {
    try content.withReader { (reader) throws(FormatError) in
      var cells = CellGrid(reader.bytes, file: reader.file)
      try cells.readWords()
      let names = columnNames ?? (0..<cells.width).map { "column\($0 + 1)" }
      return try cells.table(names: names, types: types)
    }
  }

  /// Writes a table: a header, LF line ends, quotes only where they are needed, doubles in their
  /// shortest form that reads back to the same bits.
  public static func text(_ table: Table) -> String {
    var text = ""
    let isLone = table.columns.count == 1
    for (index, name) in table.columnNames.enumerated() {
      append(name, index, isLone, to: &text)
    }
    text += "\n"
    for row in 0..<table.rowCount {
      for (index, column) in table.columns.enumerated() {
        append(column.text(row), index, isLone, to: &text)
      }
      text += "\n"
    }
    return text
  }

  /// Writes a table to a file.
  ///
  /// - Throws: `FormatError` when the file can't be written.
  public static func write(_ table: Table, to path: String) throws(FormatError) {
    try Formats.write(text(table).utf8, to: path)
  }

  private static func append(
    _ cell: String, _ index: Int, _ isLone: Bool, to text: inout String
  ) {
    if index > 0 { text += "," }
    // A lone empty cell would be an empty line, which is skipped.
    let isSpecial =
      cell.utf8.contains { $0 == 0x22 || $0 == 0x2C || $0 == 0x0A || $0 == 0x0D }
      || cell.isEmpty && isLone || index == 0 && cell.hasPrefix("\u{FEFF}")
    guard isSpecial else {
      text += cell
      return
    }
    text += "\""
    for scalar in cell.unicodeScalars {
      if scalar == "\"" { text += "\"" }
      text.unicodeScalars.append(scalar)
    }
    text += "\""
  }
}
