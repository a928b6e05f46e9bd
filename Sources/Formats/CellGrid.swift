/// Where in a text file each cell of a table stands; the text itself is not copied.
struct CellGrid {
  private struct Cell {
    var start: UInt32
    var length: UInt32
    /// Whether the text holds doubled quotes.
    var isEscaped = false
  }

  private let bytes: UnsafeRawBufferPointer
  private let file: String
  private var cells: [Cell] = []
  /// The line, counted from 1, on which each row starts.
  private var lines: [Int] = []
  private(set) var width = 0
  private var line = 1

  init(_ bytes: UnsafeRawBufferPointer, file: String) {
    self.bytes = bytes
    self.file = file
  }

  private var height: Int { lines.count }

  private func failure(
    _ found: String, column: Int? = nil, expected: String = "", row: Int? = nil
  ) -> FormatError {
    FormatError(
      file: file, at: .row(row ?? height + 1, column: column), found: found, expected: expected)
  }

  // MARK: - Reading

  private func start() throws(FormatError) -> Int {
    guard bytes.count < UInt32.max else {
      throw FormatError(
        .limit, file: file, found: "\(bytes.count) bytes of text",
        expected: "less than 4 gibibytes")
    }
    return bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
  }

  mutating func readSeparated(by separator: UInt8) throws(FormatError) {
    var position = try start()
    while position < bytes.count {
      if let next = lineEnd(at: position) {
        position = next
        line += 1
        continue
      }
      let rowLine = line
      let first = cells.count
      while true {
        position = try readCell(at: position, separator, column: cells.count - first + 1)
        guard position < bytes.count, bytes[position] == separator else { break }
        position += 1
      }
      try close(rowFrom: first, line: rowLine)
    }
  }

  /// The position behind a line end, or nil where none starts here.
  private func lineEnd(at position: Int) -> Int? {
    if bytes[position] == 0x0A { return position + 1 }
    guard bytes[position] == 0x0D else { return nil }
    if position + 1 == bytes.count { return position + 1 }
    return bytes[position + 1] == 0x0A ? position + 2 : nil
  }

  private mutating func close(rowFrom first: Int, line: Int) throws(FormatError) {
    let count = cells.count - first
    if height == 0 {
      width = count
    } else if count != width {
      throw failure("\(count) cells on line \(line)", expected: "\(width), as in the first row")
    }
    lines.append(line)
  }

  private mutating func readCell(
    at start: Int, _ separator: UInt8, column: Int
  ) throws(FormatError) -> Int {
    if start < bytes.count && bytes[start] == 0x22 {
      return try readQuotedCell(at: start, separator, column: column)
    }
    var position = start
    while position < bytes.count {
      let byte = bytes[position]
      if byte == separator || byte == 0x0A { break }
      if byte == 0x0D {
        guard lineEnd(at: position) != nil else {
          throw failure("a carriage return inside a cell", column: column, expected: "quotes")
        }
        break
      }
      if byte == 0x22 {
        throw failure(
          "a quote inside a cell that does not start with one", column: column,
          expected: "the whole cell in quotes, and quotes in it doubled")
      }
      position += 1
    }
    cells.append(Cell(start: UInt32(start), length: UInt32(position - start)))
    return position
  }

  private mutating func readQuotedCell(
    at start: Int, _ separator: UInt8, column: Int
  ) throws(FormatError) -> Int {
    var position = start + 1
    var isEscaped = false
    while position < bytes.count {
      if bytes[position] == 0x0A { line += 1 }
      if bytes[position] == 0x22 {
        guard position + 1 < bytes.count && bytes[position + 1] == 0x22 else { break }
        isEscaped = true
        position += 1
      }
      position += 1
    }
    guard position < bytes.count else {
      throw failure("a quoted cell that never ends", column: column, expected: "a closing quote")
    }
    cells.append(
      Cell(
        start: UInt32(start + 1), length: UInt32(position - start - 1), isEscaped: isEscaped))
    position += 1
    if position < bytes.count, bytes[position] != separator, lineEnd(at: position) == nil {
      throw failure(
        "text after a closing quote", column: column, expected: "a separator or the line's end")
    }
    return position
  }

  mutating func readWords() throws(FormatError) {
    var position = try start()
    while position < bytes.count {
      let first = cells.count
      while position < bytes.count && bytes[position] != 0x0A {
        if CellGrid.isSpace(bytes[position]) {
          position += 1
          continue
        }
        let start = position
        while position < bytes.count && bytes[position] != 0x0A
          && !CellGrid.isSpace(bytes[position])
        { position += 1 }
        cells.append(Cell(start: UInt32(start), length: UInt32(position - start)))
      }
      position += 1
      if cells.count > first { try close(rowFrom: first, line: line) }
      line += 1
    }
  }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 9 || byte == 0x0D }

  // MARK: - Typing

  /// The cells as typed columns; without names the first row gives them.
  func table(
    names: [String]?, types: [String: Table.ColumnType]
  ) throws(FormatError) -> Table {
    guard height > 0 else {
      throw FormatError(file: file, found: "no rows", expected: "at least a header")
    }
    let first = names == nil ? 1 : 0
    var titles = names ?? []
    if names == nil {
      for column in 0..<width { titles.append(try text(0, column)) }
    }
    guard titles.count == width else {
      throw failure("\(width) columns", expected: "\(titles.count)", row: 1)
    }
    for name in types.keys.sorted() where !titles.contains(name) {
      throw FormatError(
        file: file, found: "no column '\(name)'",
        expected: "one of \(titles.map { "'\($0)'" }.joined(separator: ", "))")
    }
    var table = Table(name: file)
    var seen: Set<String> = []
    for (column, name) in titles.enumerated() {
      guard seen.insert(name).inserted else {
        throw failure(
          "a second column '\(name)'", column: column + 1, expected: "another name", row: 1)
      }
      let cells = try self.column(column, from: first, type: types[name])
      table.append(cells, named: name)
    }
    return table
  }

  private func raw(_ row: Int, _ column: Int) -> UnsafeRawBufferPointer {
    let cell = cells[row * width + column]
    let start = Int(cell.start)
    return UnsafeRawBufferPointer(rebasing: bytes[start..<start + Int(cell.length)])
  }

  private func text(_ row: Int, _ column: Int) throws(FormatError) -> String {
    let bytes = raw(row, column)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw failure("bytes that are not UTF-8", column: column + 1, row: row + 1)
    }
    guard cells[row * width + column].isEscaped else { return text }
    var unescaped = ""
    var isPending = false
    for scalar in text.unicodeScalars {
      isPending = scalar == "\"" && !isPending
      if !isPending { unescaped.unicodeScalars.append(scalar) }
    }
    return unescaped
  }

  private func column(
    _ column: Int, from first: Int, type: Table.ColumnType?
  ) throws(FormatError) -> Table.Column {
    switch type {
    case .int: return .ints(try all(column, first, "an integer") { NumberText.int($0) })
    case .double: return .doubles(try all(column, first, "a number", CellGrid.number))
    case .bool: return .bools(try all(column, first, "true or false", CellGrid.flag))
    case .string: return .strings(try strings(column, first))
    case nil: break
    }
    let isEmpty = (first..<height).allSatisfy { raw($0, column).isEmpty }
    if isEmpty { return .strings(try strings(column, first)) }
    if let cells = try? all(column, first, "", { NumberText.int($0) }) { return .ints(cells) }
    if let cells = try? all(column, first, "", CellGrid.number) { return .doubles(cells) }
    if let cells = try? all(column, first, "", CellGrid.flag) { return .bools(cells) }
    return .strings(try strings(column, first))
  }

  private func strings(_ column: Int, _ first: Int) throws(FormatError) -> [String] {
    var cells: [String] = []
    cells.reserveCapacity(height - first)
    for row in first..<height { cells.append(try text(row, column)) }
    return cells
  }

  private func all<Cell>(
    _ column: Int, _ first: Int, _ expected: @autoclosure () -> String,
    _ read: (UnsafeRawBufferPointer) -> Cell?
  ) throws(FormatError) -> [Cell] {
    var cells: [Cell] = []
    cells.reserveCapacity(height - first)
    for row in first..<height {
      guard let cell = read(raw(row, column)) else {
        let shown = String(decoding: raw(row, column).prefix(40), as: UTF8.self)
        throw failure("'\(shown)'", column: column + 1, expected: expected(), row: row + 1)
      }
      cells.append(cell)
    }
    return cells
  }

  private static func number(_ text: UnsafeRawBufferPointer) -> Double? {
    text.isEmpty ? .nan : NumberText.double(text)
  }

  private static func flag(_ text: UnsafeRawBufferPointer) -> Bool? {
    if text.elementsEqual("true".utf8) || text.elementsEqual("True".utf8) { return true }
    if text.elementsEqual("false".utf8) || text.elementsEqual("False".utf8) { return false }
    return nil
  }
}
