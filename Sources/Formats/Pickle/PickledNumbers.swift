/// The numbers of a pickle that holds nothing else, read without a tree of values in between.
public enum PickledNumbers: Hashable, Sendable {
  case list([Double])
  /// A dictionary from texts to a number or a list of them, in its order.
  case table(keys: [String], rows: [[Double]])
}

extension Pickle {
  /// Reads a file that holds one pickle.
  ///
  /// - Returns: Its numbers; nil where it holds something else, which `read` tells.
  /// - Throws: `FormatError` with the offset of the opcode that could not be followed.
  public static func numbers(path: String) throws(FormatError) -> PickledNumbers? {
    try numbers(FileContent(path: path))
  }

  /// Reads one pickle, which must fill the file.
  ///
  /// - Returns: Its numbers; nil where it holds something else, which `read` tells.
  /// - Throws: `FormatError` with the offset of the opcode that could not be followed.
  public static func numbers(_ content: FileContent) throws(FormatError) -> PickledNumbers? {
    try content.withReader { (reader) throws(FormatError) in try whole(&reader).numbers }
  }
}

extension PickleGraph {
  var numbers: PickledNumbers? {
    if let list = list(root) { return .list(list) }
    guard case .node(let index) = root, case .dict(let items) = nodes[index] else { return nil }
    var (keys, rows): ([String], [[Double]]) = ([], [])
    keys.reserveCapacity(items.count / 2)
    rows.reserveCapacity(items.count / 2)
    for place in stride(from: 0, to: items.count - 1, by: 2) {
      guard let key = text(items[place]),
        let row = list(items[place + 1]) ?? number(items[place + 1]).map({ [$0] })
      else { return nil }
      keys.append(key)
      rows.append(row)
    }
    return .table(keys: keys, rows: rows)
  }

  private func text(_ item: PickleItem) -> String? {
    switch item {
    case .text(let text): text
    case .rawString(let bytes): String(validating: bytes, as: UTF8.self)
    default: nil
    }
  }

  private func number(_ item: PickleItem) -> Double? {
    switch item {
    case .double(let number): number
    case .int(let number): Double(number)
    case .bool(let flag): flag ? 1 : 0
    case .scalar(let scalar): scalar.double
    default: nil
    }
  }

  private func list(_ item: PickleItem) -> [Double]? {
    guard case .node(let index) = item else { return nil }
    switch nodes[index] {
    case .numbers(let numbers): return numbers
    case .array(let array): return array.doubles()
    case .list(let items), .tuple(let items):
      var numbers: [Double] = []
      numbers.reserveCapacity(items.count)
      for item in items {
        guard let number = number(item) else { return nil }
        numbers.append(number)
      }
      return numbers
    default: return nil
    }
  }
}
