public import Formats
import StructuredValue

/// How two tables differ: in columns, rows and cells.
public struct TableDifference: Hashable, Sendable {
  /// How rows were matched.
  public enum Matching: Hashable, Sendable {
    case key([String])
    /// Without a key: equal rows cancel out, whatever their order.
    case multiset
  }

  /// A cell that both tables have.
  public struct Cell: Hashable, Sendable {
    /// The row's key, its cells joined by a comma.
    public var key: String
    /// Counted from 1, in the new table, without the header.
    public var row: Int
    public var column: String
    public var old: String
    public var new: String
    /// New minus old, for numbers.
    public var delta: Double?
  }

  /// How a numeric column that both tables have differs.
  public struct ColumnStatistics: Hashable, Sendable {
    public var name: String
    /// Cells of matched rows that differ; 0 without a key.
    public var changed: Int
    /// The largest magnitude of a change, and the mean change over all matched rows.
    public var largestDelta: Double
    public var meanDelta: Double
    /// Over all rows, NaN left out.
    public var oldMean: Double
    public var newMean: Double
  }

  public var matching: Matching
  public var addedColumns: [String] = []
  public var removedColumns: [String] = []
  /// Names with the old and the new type.
  public var retypedColumns: [String] = []
  public var isColumnOrderChanged = false
  public var oldRowCount: Int
  public var newRowCount: Int
  public var addedRows = 0
  public var removedRows = 0
  public var changedRows = 0
  public var changedCells = 0
  /// The keys, or the rows, of the first few of each.
  public var addedKeys: [String] = []
  public var removedKeys: [String] = []
  public var columns: [ColumnStatistics] = []
  /// The largest changes of numbers, then other changes.
  public var cells: [Cell] = []
  public var firstCell: Cell?

  /// Compares two tables; nil where nothing differs but, at most, the order of rows.
  public init?(old: Table, new: Table, options: ComparisonOptions = ComparisonOptions()) {
    oldRowCount = old.rowCount
    newRowCount = new.rowCount
    addedColumns = new.columnNames.filter { old[$0] == nil }
    removedColumns = old.columnNames.filter { new[$0] == nil }
    let common = old.columnNames.filter { new[$0] != nil }
    isColumnOrderChanged = common != new.columnNames.filter { old[$0] != nil }
    for name in common {
      guard let before = old[name]?.type, let after = new[name]?.type, before != after else {
        continue
      }
      retypedColumns.append("\(name): \(before) → \(after)")
    }
    let key = TableDifference.key(old, new, common, options)
    matching = key.map { .key($0) } ?? .multiset
    let pairs = TableDifference.Pairs(old, new, common, options)
    if let key {
      match(pairs, by: key, options)
    } else {
      countRows(pairs, options)
    }
    if isEmpty { return nil }
  }

  private var isEmpty: Bool {
    addedColumns.isEmpty && removedColumns.isEmpty && retypedColumns.isEmpty
      && !isColumnOrderChanged && addedRows == 0 && removedRows == 0 && changedCells == 0
  }

  private static func key(
    _ old: Table, _ new: Table, _ common: [String], _ options: ComparisonOptions
  ) -> [String]? {
    func isKey(_ names: [String]) -> Bool {
      [old, new].allSatisfy { table in
        let keys = rowTexts(table, names)
        return Set(keys).count == keys.count
      }
    }
    let chosen = options.keyColumns
    if !chosen.isEmpty {
      return chosen.allSatisfy { common.contains($0) } && isKey(chosen) ? chosen : nil
    }
    // Measured numbers name nothing, even where they happen to differ from row to row.
    guard let first = old.columnNames.first, first == new.columnNames.first,
      let types = old[first].map({ [$0.type, new[first]?.type] }),
      types.allSatisfy({ $0 == .int || $0 == .string }), isKey([first])
    else { return nil }
    return [first]
  }

  /// Stands between the cells of a row's key, where a comma would be ambiguous.
  private static let separator = "\u{1F}"

  private static func shown(_ key: String) -> String {
    key.replacing(separator, with: ", ")
  }

  /// Each row's cells of some columns, joined.
  fileprivate static func rowTexts(_ table: Table, _ names: [String]) -> [String] {
    let columns = names.compactMap { table[$0] }
    return (0..<table.rowCount).map { row in
      columns.map { $0.text(row) }.joined(separator: separator)
    }
  }

  // MARK: - With a key

  /// The columns that both tables have, side by side.
  fileprivate struct Pairs {
    let names: [String]
    let old: Table
    let new: Table
    let columns: [(old: Table.Column, new: Table.Column)]
    let numbers: [(old: [Double], new: [Double])?]

    init(_ old: Table, _ new: Table, _ names: [String], _ options: ComparisonOptions) {
      self.names = names
      self.old = old
      self.new = new
      columns = names.compactMap { name in
        guard let before = old[name], let after = new[name] else { return nil }
        return (before, after)
      }
      numbers = columns.map { before, after in
        guard let one = before.doubles, let two = after.doubles else { return nil }
        return (one, two)
      }
    }
  }

  private mutating func match(_ pairs: Pairs, by key: [String], _ options: ComparisonOptions) {
    let oldKeys = TableDifference.rowTexts(pairs.old, key)
    let newKeys = TableDifference.rowTexts(pairs.new, key)
    var rows: [String: Int] = [:]
    for (row, key) in oldKeys.enumerated() { rows[key] = row }
    var matches: [(old: Int, new: Int)] = []
    for (row, key) in newKeys.enumerated() {
      if let before = rows.removeValue(forKey: key) {
        matches.append((before, row))
      } else {
        addedRows += 1
        if addedKeys.count < options.limit { addedKeys.append(TableDifference.shown(key)) }
      }
    }
    removedRows = rows.count
    removedKeys = oldKeys.lazy.filter { rows[$0] != nil }.prefix(options.limit)
      .map { TableDifference.shown($0) }
    compareCells(pairs, matches, newKeys, options)
  }

  private mutating func compareCells(
    _ pairs: Pairs, _ matches: [(old: Int, new: Int)], _ keys: [String],
    _ options: ComparisonOptions
  ) {
    var isChanged = [Bool](repeating: false, count: pairs.new.rowCount)
    var candidates: [Cell] = []
    // What a change must exceed to be among the largest so far.
    var threshold = -2.0
    for (index, name) in pairs.names.enumerated() {
      let (before, after) = pairs.columns[index]
      let numbers = pairs.numbers[index]
      var (changed, largest, sum) = (0, 0.0, 0.0)
      for match in matches {
        var delta: Double?
        if let numbers {
          let (one, two) = (numbers.old[match.old], numbers.new[match.new])
          if options.areEqual(one, two) { continue }
          let change = two - one
          delta = change
          changed += 1
          largest = max(largest, abs(change))
          if change.isFinite { sum += change }
        } else if before.text(match.old) == after.text(match.new) {
          continue
        }
        changedCells += 1
        isChanged[match.new] = true
        let isFirst = match.new + 1 < firstCell?.row ?? .max
        // Only what may be shown is written out as text.
        guard isFirst || TableDifference.size(delta) > threshold else { continue }
        let cell = Cell(
          key: TableDifference.shown(keys[match.new]), row: match.new + 1, column: name,
          old: before.text(match.old),
          new: after.text(match.new), delta: delta)
        if isFirst { firstCell = cell }
        candidates.append(cell)
        if candidates.count > 8 * (options.limit + 1) {
          candidates = TableDifference.largest(candidates, options)
          threshold = candidates.last.map { TableDifference.size($0.delta) } ?? .infinity
        }
      }
      guard let numbers, changed > 0 else { continue }
      var statistics = ColumnStatistics(name, numbers.old, numbers.new)
      statistics.changed = changed
      statistics.largestDelta = largest
      statistics.meanDelta = sum / Double(matches.count)
      columns.append(statistics)
    }
    changedRows = isChanged.count { $0 }
    cells = TableDifference.largest(candidates, options)
  }

  /// What decides the order: NaN and infinity first, text last.
  private static func size(_ delta: Double?) -> Double {
    guard let delta else { return -1 }
    return delta.isNaN ? .infinity : abs(delta)
  }

  private static func largest(_ cells: [Cell], _ options: ComparisonOptions) -> [Cell] {
    let sorted = cells.enumerated().sorted {
      let sizes = (size($0.element.delta), size($1.element.delta))
      return sizes.0 != sizes.1 ? sizes.0 > sizes.1 : $0.offset < $1.offset
    }
    return sorted.prefix(options.limit).map(\.element)
  }

  // MARK: - Without a key

  private mutating func countRows(_ pairs: Pairs, _ options: ComparisonOptions) {
    let oldRows = TableDifference.rowTexts(pairs.old, pairs.names)
    let newRows = TableDifference.rowTexts(pairs.new, pairs.names)
    var balance: [String: Int] = [:]
    for row in oldRows { balance[row, default: 0] += 1 }
    for row in newRows {
      if let count = balance[row], count > 0 {
        balance[row] = count - 1
      } else {
        addedRows += 1
        if addedKeys.count < options.limit { addedKeys.append(TableDifference.shown(row)) }
      }
    }
    for row in oldRows {
      guard let count = balance[row], count > 0 else { continue }
      balance[row] = count - 1
      removedRows += 1
      if removedKeys.count < options.limit { removedKeys.append(TableDifference.shown(row)) }
    }
    guard addedRows + removedRows > 0 else { return }
    for (index, name) in pairs.names.enumerated() {
      guard let numbers = pairs.numbers[index] else { continue }
      let statistics = ColumnStatistics(name, numbers.old, numbers.new)
      if !options.areEqual(statistics.oldMean, statistics.newMean) { columns.append(statistics) }
    }
  }
}

extension TableDifference.ColumnStatistics {
  fileprivate init(_ name: String, _ old: [Double], _ new: [Double]) {
    func mean(_ cells: [Double]) -> Double {
      let numbers = cells.filter { !$0.isNaN }
      return numbers.isEmpty ? .nan : numbers.reduce(0, +) / Double(numbers.count)
    }
    self.init(
      name: name, changed: 0, largestDelta: 0, meanDelta: 0, oldMean: mean(old),
      newMean: mean(new))
  }
}
