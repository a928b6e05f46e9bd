public import Formats
import StructuredValue

/// The lines in which two texts differ, by Myers' algorithm (1986, "An O(ND) difference algorithm
/// and its variations", greedy form).
public struct TextDifference: Hashable, Sendable {
  /// A line of one text that the other doesn't have.
  public struct Change: Hashable, Sendable {
    public var isAdded: Bool
    /// Counted from 1, in the text that has the line.
    public var number: Int
    public var text: String
  }

  public var changes: [Change]
  public var added: Int
  public var removed: Int
  private var limit: Int

  /// Beyond this many differing lines the middle is given as replaced altogether.
  static let editLimit = 2000

  /// Compares two UTF-8 texts; nil where all lines are equal.
  ///
  /// - Throws: `FormatError` where one is no UTF-8.
  public init?(
    old: FileContent, new: FileContent, options: ComparisonOptions = ComparisonOptions()
  ) throws(FormatError) {
    self.init(
      old: try TextDifference.lines(old), new: try TextDifference.lines(new),
      limit: options.limit)
  }

  init?(old: [ArraySlice<UInt8>], new: [ArraySlice<UInt8>], limit: Int) {
    var start = 0
    let shorter = min(old.count, new.count)
    while start < shorter && old[start] == new[start] { start += 1 }
    var end = 0
    while end < shorter - start && old[old.count - 1 - end] == new[new.count - 1 - end] {
      end += 1
    }
    let (before, after) = (old[start..<old.count - end], new[start..<new.count - end])
    if before.isEmpty && after.isEmpty { return nil }
    let edits = TextDifference.edits(before, after)
    changes = edits.map { isAdded, index in
      Change(
        isAdded: isAdded, number: index + 1,
        text: String(decoding: isAdded ? new[index] : old[index], as: UTF8.self))
    }
    added = changes.count { $0.isAdded }
    removed = changes.count - added
    self.limit = limit
  }

  private static func lines(_ content: FileContent) throws(FormatError) -> [ArraySlice<UInt8>] {
    // As bytes, since Swift takes strings for equal that differ in their Unicode normalisation.
    let bytes = content.withBytes { Array($0) }
    guard String(validating: bytes, as: UTF8.self) != nil else {
      throw FormatError(file: content.name, found: "text that is not UTF-8")
    }
    return bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
  }

  /// The removed indices of `old` and the added ones of `new`, in order.
  private static func edits(
    _ old: ArraySlice<ArraySlice<UInt8>>, _ new: ArraySlice<ArraySlice<UInt8>>
  ) -> [(isAdded: Bool, index: Int)] {
    // Numbers instead of lines, so that the inner loop compares integers.
    var numbers: [ArraySlice<UInt8>: Int] = [:]
    func number(_ line: ArraySlice<UInt8>) -> Int {
      if let number = numbers[line] { return number }
      let number = numbers.count
      numbers[line] = number
      return number
    }
    let (a, b) = (old.map(number), new.map(number))
    guard let path = shortestPath(a, b) else {
      return old.indices.map { (false, $0) } + new.indices.map { (true, $0) }
    }
    return path.map { isAdded, index in
      (isAdded, index + (isAdded ? new.startIndex : old.startIndex))
    }
  }

  /// Nil where more than `editLimit` edits are needed.
  private static func shortestPath(
    _ a: [Int], _ b: [Int]
  ) -> [(isAdded: Bool, index: Int)]? {
    let limit = min(a.count + b.count, editLimit)
    // furthest[k + limit + 1] is the furthest x on diagonal k = x - y.
    var furthest = [Int](repeating: 0, count: 2 * limit + 3)
    var trace: [[Int]] = []
    for depth in 0...limit {
      trace.append(Array(furthest[(limit + 1 - depth)...(limit + 1 + depth)]))
      for k in stride(from: -depth, through: depth, by: 2) {
        let center = k + limit + 1
        let isDown = k == -depth || k != depth && furthest[center - 1] < furthest[center + 1]
        var x = isDown ? furthest[center + 1] : furthest[center - 1] + 1
        while x < a.count && x - k < b.count && x - k >= 0 && a[x] == b[x - k] { x += 1 }
        furthest[center] = x
        if x >= a.count && x - k >= b.count { return walkBack(trace, a.count, b.count) }
      }
    }
    return nil
  }

  private static func walkBack(
    _ trace: [[Int]], _ width: Int, _ height: Int
  ) -> [(isAdded: Bool, index: Int)] {
    var edits: [(isAdded: Bool, index: Int)] = []
    var (x, y) = (width, height)
    for depth in stride(from: trace.count - 1, to: 0, by: -1) {
      // The row of `depth` was saved before that round, so it holds the round before.
      func furthest(_ k: Int) -> Int { abs(k) > depth ? 0 : trace[depth][k + depth] }
      let k = x - y
      let isDown = k == -depth || k != depth && furthest(k - 1) < furthest(k + 1)
      let previous = isDown ? k + 1 : k - 1
      let (fromX, fromY) = (furthest(previous), furthest(previous) - previous)
      edits.append(isDown ? (true, fromY) : (false, fromX))
      (x, y) = (fromX, fromY)
    }
    return edits.reversed()
  }

  var lines: [String] {
    let shown = changes.prefix(4 * limit).map {
      "\($0.isAdded ? "+" : "-")\($0.number): \($0.text)"
    }
    let rest = changes.count - shown.count
    return ["\(removed) lines removed, \(added) added"] + shown
      + (rest > 0 ? ["and \(rest) more lines"] : [])
  }

  var value: Value {
    [
      "added": .int(added), "removed": .int(removed),
      "changes": .list(
        changes.prefix(4 * limit).map {
          ["added": .bool($0.isAdded), "line": .int($0.number), "text": .string($0.text)]
        }),
    ]
  }

  var first: FirstDifference? {
    guard let change = changes.first else { return nil }
    let other = changes.first { $0.isAdded != change.isAdded && $0.number == change.number }
    let texts = [change.text, other?.text].map { $0.map(NumberFormat.clip) ?? "missing" }
    return FirstDifference(
      place: "line \(change.number)", old: texts[change.isAdded ? 1 : 0],
      new: texts[change.isAdded ? 0 : 1])
  }
}
