extension Table {
  /// Takes a pickled pandas `DataFrame` (block layout 0.14.1, which pandas 0.14 to 1.2 wrote).
  ///
  /// Columns of objects become integers, numbers (None is NaN) or booleans where all their cells
  /// are, and text otherwise: None is empty there, and booleans are `True` and `False` as in
  /// Python. The index is left out.
  ///
  /// - Throws: `FormatError` where the value is no such frame.
  public init(dataFrame value: PickledValue, name: String) throws(FormatError) {
    func failure(_ found: String) -> FormatError {
      FormatError(file: name, found: found, expected: "a pickled pandas DataFrame")
    }
    guard let frame = value.object, frame.type == "pandas.core.frame DataFrame" else {
      throw failure(value.typeName)
    }
    guard let state = frame.state?["_data"]?.object?.state?.list?.last?["0.14.1"],
      let axes = state["axes"]?.list, let header = axes.first, let blocks = state["blocks"]?.list,
      case .objectArray(_, let titles)? = header.object?.arguments.last?["data"]
    else { throw failure("a frame without blocks") }
    var columns = [Column?](repeating: nil, count: titles.count)
    for block in blocks {
      guard let values = block["values"], let places = block["mgr_locs"].flatMap(Table.places),
        let cells = Table.columns(values), cells.count == places.count
      else { throw failure("a malformed block of columns") }
      for (place, column) in zip(places, cells) {
        guard columns.indices.contains(place), columns[place] == nil else {
          throw failure("a column \(place) that is there twice or beyond \(titles.count)")
        }
        columns[place] = column
      }
    }
    self.init(name: name)
    for (title, column) in zip(titles, columns) {
      guard let text = title.string, let column, self[text] == nil,
        columnNames.isEmpty || column.count == rowCount
      else { throw failure("a column without a name of its own or of another length") }
      append(column, named: text)
    }
  }

  /// Which columns a block holds: `slice(start, stop, step)` or an array.
  private static func places(_ value: PickledValue) -> [Int]? {
    if let array = value.array { return array.integers() }
    guard let slice = value.object, slice.type.hasSuffix(" slice"), slice.arguments.count == 3,
      let start = slice.arguments[0].int, let stop = slice.arguments[1].int, start >= 0,
      stop >= start, stop < 1 << 20
    else { return nil }
    let step = slice.arguments[2].int ?? 1
    guard step > 0 else { return nil }
    return Array(Swift.stride(from: start, to: stop, by: min(step, 1 << 20)))
  }

  /// A block's columns, each of which is a row of its values.
  private static func columns(_ values: PickledValue) -> [Column]? {
    switch values {
    case .array(let array):
      guard array.shape.count == 2, let width = array.shape.last else { return nil }
      if array.type.isFloatingPoint {
        return rows(array.doubles(), array.shape[0], width).map { .doubles($0) }
      }
      guard let integers = array.integers() else { return nil }
      let parts = rows(integers, array.shape[0], width)
      return array.type == .bool
        ? parts.map { .bools($0.map { $0 != 0 }) } : parts.map { .ints($0) }
    case .objectArray(let shape, let elements):
      guard shape.count == 2 else { return nil }
      return rows(elements, shape[0], shape[1]).map { column($0) }
    default: return nil
    }
  }

  private static func rows<Element>(
    _ elements: [Element], _ height: Int, _ width: Int
  ) -> [[Element]] {
    // With no cells there is nothing that would bound the number of columns.
    guard !elements.isEmpty else { return [] }
    return (0..<height).map { Array(elements[$0 * width..<($0 + 1) * width]) }
  }

  private static func column(_ cells: [PickledValue]) -> Column {
    let flags = cells.compactMap { if case .bool(let flag) = $0 { flag } else { nil } }
    if flags.count == cells.count { return .bools(flags) }
    if flags.isEmpty {
      let integers = cells.compactMap { cell -> Int? in
        switch cell {
        case .int(let number): number
        case .scalar(let scalar) where !scalar.type.isFloatingPoint: scalar.int
        default: nil
        }
      }
      if integers.count == cells.count { return .ints(integers) }
      let numbers = cells.compactMap { $0 == .none ? .nan : $0.double }
      if numbers.count == cells.count { return .doubles(numbers) }
    }
    return .strings(cells.map { text($0) })
  }

  private static func text(_ cell: PickledValue) -> String {
    switch cell {
    case .none: ""
    case .bool(let flag): flag ? "True" : "False"
    case .string(let text): text
    case .int(let number): String(number)
    default: cell.double?.description ?? cell.typeName
    }
  }
}
