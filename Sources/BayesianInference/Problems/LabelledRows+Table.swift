public import Formats

extension LabelledRows {
  /// Rows of a table: the column `y` is the target, all others are features in their order.
  ///
  /// - Throws: ``InferenceError`` without a column `y`, or where a cell isn't a finite number.
  public init(_ table: Table, target: String = "y") throws {
    guard let targets = table[target]?.doubles else {
      throw InferenceError(
        .badData,
        "\(table.name) has no column '\(target)' of numbers; its columns are "
          + table.columnNames.joined(separator: ", "))
    }
    try self.init(try Rows(table, without: target), targets)
  }
}

extension Rows {
  /// All columns of a table but one.
  ///
  /// - Throws: ``InferenceError`` where a column isn't of numbers, or there is none.
  public init(_ table: Table, without target: String = "y") throws {
    var columns: [[Double]] = []
    for name in table.columnNames where name != target {
      guard let column = table[name]?.doubles else {
        throw InferenceError(.badData, "\(table.name): the column '\(name)' isn't of numbers")
      }
      if let row = column.firstIndex(where: { !$0.isFinite }) {
        throw InferenceError(
          .badData, "\(table.name): row \(row), column '\(name)' is empty or not finite")
      }
      columns.append(column)
    }
    guard !columns.isEmpty, table.rowCount > 0 else {
      throw InferenceError(
        .badData, "\(table.name) has \(columns.count) feature columns and \(table.rowCount) rows")
    }
    self.init(
      (0..<table.rowCount).flatMap { row in columns.map { $0[row] } }, count: table.rowCount,
      width: columns.count)
  }
}

extension LabelledRows {
  /// The rows as text: x0, x1, …, y, in digits that read back to the same bits.
  public var csv: String {
    var text = (0..<inputs.width).map { "x\($0)," }.joined() + "y\n"
    for row in 0..<count {
      text += inputs[row].map { "\($0)," }.joined() + "\(targets[row])\n"
    }
    return text
  }
}
