import StructuredValue

/// A YAML text as it looks: where each value begins and ends.
///
/// The reader tells where nodes begin; where they end is found by scanning. Places are indices of
/// Unicode scalars, as the reader counts columns in them.
struct YAMLSurface {
  var scalars: [Unicode.Scalar]
  private let root: YAMLNode
  /// Where each line begins.
  private let lines: [Int]
  let file: String

  var text: String {
    var view = String.UnicodeScalarView()
    view.append(contentsOf: scalars)
    return String(view)
  }

  init(_ text: String, file: String) throws(YAMLEditError) {
    self.file = file
    scalars = Array(text.unicodeScalars)
    let (root, problems) = YAMLReader.read(text, file: file)
    guard let root else {
      throw YAMLEditError(problems.first?.rendered { _ in nil } ?? "\(file) is no YAML")
    }
    self.root = root
    var lines = [0]
    for (index, scalar) in scalars.enumerated() where scalar == "\n" { lines.append(index + 1) }
    self.lines = lines
  }

  // MARK: - Finding

  /// A node with the range of its text.
  struct Place {
    var node: YAMLNode
    var range: Range<Int>
    /// Whether it stands inside `[…]` or `{…}`.
    var isInFlow: Bool
    /// Spaces before the key or dash that it belongs to; -1 for the whole file.
    var indent: Int
  }

  /// The whole file.
  var whole: Place {
    Place(node: root, range: 0..<scalars.count, isInFlow: false, indent: -1)
  }

  mutating func set(
    _ path: [YAMLEditor.Step], to value: Value, spelling: String?, after neighbours: [String]
  ) throws(YAMLEditError) {
    var place = whole
    for (depth, step) in path.enumerated() {
      if let next = try self.place(step, in: place) {
        place = next
        continue
      }
      guard case .key(let key) = step else { throw missing(path) }
      // What is missing is made as one value.
      var new = value
      for case .key(let inner) in path[(depth + 1)...].reversed() { new = [inner: new] }
      let isLast = depth == path.count - 1
      return try insert(
        key, new, isLast ? spelling : nil, into: place, after: neighbours)
    }
    replace(place, by: value, spelling)
  }

  func missing(_ path: [YAMLEditor.Step]) -> YAMLEditError {
    YAMLEditError("\(file): there is no place '\(YAMLEditor.words(path))'")
  }

  /// What a step leads to; nil where a map lacks the key.
  func place(_ step: YAMLEditor.Step, in place: Place) throws(YAMLEditError) -> Place? {
    switch (step, place.node.content) {
    case (.key(let key), .map(let members)):
      guard scalars[safe: place.range.lowerBound] != "*" else {
        throw YAMLEditError("\(file): '\(key)' stands in a map that an alias shares; edit by hand")
      }
      let isInFlow = place.isInFlow || isBracket(at: place.range.lowerBound)
      guard let member = members.first(where: { $0.key == key && !$0.isMerged }) else { return nil }
      return try value(
        member.value, ofKeyAt: try index(of: member.keyLocation), isInFlow: isInFlow)
    case (.key, .scalar): return nil
    case (.index(let index), .list(let list)):
      guard let element = list[safe: index] else { return nil }
      let start = try self.index(of: element.location)
      let isInFlow = place.isInFlow || isBracket(at: place.range.lowerBound)
      // The element's keys, if any, are indented by its own column.
      let indent = element.location.column - 2
      let begin = skipProperties(from: start)
      return Place(
        node: element,
        range: begin..<end(of: element, from: begin, isInFlow: isInFlow, indent: indent),
        isInFlow: isInFlow, indent: indent)
    default: return nil
    }
  }

  func isBracket(at index: Int) -> Bool {
    scalars[safe: index] == "{" || scalars[safe: index] == "["
  }

  func index(of place: SourceLocation) throws(YAMLEditError) -> Int {
    guard lines.indices.contains(place.line - 1),
      lines[place.line - 1] + place.column - 1 <= scalars.count
    else { throw YAMLEditError("\(file): a value's place was not found; edit the file by hand") }
    return lines[place.line - 1] + place.column - 1
  }

  /// Spaces (or dashes of lists) before a place in its line.
  func column(of index: Int) -> Int {
    var start = index
    while start > 0, scalars[start - 1] != "\n" { start -= 1 }
    return index - start
  }

  private func value(_ node: YAMLNode, ofKeyAt key: Int, isInFlow: Bool) throws(YAMLEditError)
    -> Place
  {
    var index = key
    switch scalars[safe: index] {
    case "\"", "'": index = endOfQuoted(from: index)
    case "?", "&", "!", "*", nil:
      throw YAMLEditError("\(file): a key is written in an unusual way; edit the file by hand")
    default:
      while index < scalars.count, !isColon(at: index, isInFlow: isInFlow) { index += 1 }
    }
    while scalars[safe: index] == " " || scalars[safe: index] == "\t" { index += 1 }
    guard scalars[safe: index] == ":" else {
      throw YAMLEditError("\(file): a key is written in an unusual way; edit the file by hand")
    }
    let colon = index + 1
    let indent = column(of: key)
    let start = skipBlank(from: colon)
    let isOnNextLine = scalars[colon..<start].contains("\n")
    let isAbsent =
      start >= scalars.count
      || (isInFlow && [",", "}", "]"].contains(scalars[start]))
      || (!isInFlow && isOnNextLine && column(of: start) <= indent && !isDash(at: start))
      || (!isInFlow && isOnNextLine && column(of: start) < indent)
    if isAbsent || (isOnNextLine && node.style == .absent) {
      return Place(node: node, range: colon..<colon, isInFlow: isInFlow, indent: indent)
    }
    let begin = skipProperties(from: start)
    return Place(
      node: node, range: begin..<end(of: node, from: begin, isInFlow: isInFlow, indent: indent),
      isInFlow: isInFlow, indent: indent)
  }

  private func isColon(at index: Int, isInFlow: Bool) -> Bool {
    guard scalars[index] == ":" else { return false }
    guard let next = scalars[safe: index + 1] else { return true }
    return isSpace(next) || (isInFlow && [",", "}", "]", "[", "{"].contains(next))
  }

  func isSpace(_ scalar: Unicode.Scalar) -> Bool {
    scalar == " " || scalar == "\t" || scalar == "\n" || scalar == "\r"
  }

  private func isDash(at index: Int) -> Bool {
    scalars[safe: index] == "-" && scalars[safe: index + 1].map(isSpace) ?? true
  }

  /// Over spaces, line ends and comments.
  private func skipBlank(from start: Int) -> Int {
    var index = start
    while let scalar = scalars[safe: index] {
      if isSpace(scalar) {
        index += 1
      } else if scalar == "#", index == 0 || isSpace(scalars[index - 1]) {
        while let next = scalars[safe: index], next != "\n" { index += 1 }
      } else {
        break
      }
    }
    return index
  }

  /// Over an anchor, which stays, as others may name it.
  private func skipProperties(from start: Int) -> Int {
    guard scalars[safe: start] == "&" else { return start }
    var index = start
    while let scalar = scalars[safe: index], !isSpace(scalar) { index += 1 }
    return skipBlank(from: index)
  }

  // MARK: - Ends

  private func end(of node: YAMLNode, from start: Int, isInFlow: Bool, indent: Int) -> Int {
    switch scalars[safe: start] {
    case "\"", "'": return endOfQuoted(from: start)
    case "[", "{": return endOfBrackets(from: start)
    case "*":
      var index = start
      while let scalar = scalars[safe: index], !isSpace(scalar), ![",", "]", "}"].contains(scalar) {
        index += 1
      }
      return index
    default: break
    }
    if node.scalar != nil, !isInFlow, node.style != .block {
      return endOfPlain(from: start, indent: indent)
    }
    if isInFlow { return endOfPlainInFlow(from: start) }
    return endOfBlock(from: start, indent: indent)
  }

  /// After the closing quote.
  private func endOfQuoted(from start: Int) -> Int {
    let quote = scalars[start]
    var index = start + 1
    while let scalar = scalars[safe: index] {
      if quote == "\"", scalar == "\\" {
        index += 2
      } else if scalar == quote {
        if quote == "'", scalars[safe: index + 1] == "'" { index += 2 } else { return index + 1 }
      } else {
        index += 1
      }
    }
    return scalars.count
  }

  /// After the closing bracket.
  private func endOfBrackets(from start: Int) -> Int {
    var depth = 0
    var index = start
    while let scalar = scalars[safe: index] {
      switch scalar {
      case "[", "{": depth += 1
      case "]", "}":
        depth -= 1
        if depth == 0 { return index + 1 }
      // A quote opens a text only where one can begin.
      case "\"", "'":
        if isSpace(scalars[index - 1]) || [",", "[", "{", ":"].contains(scalars[index - 1]) {
          index = endOfQuoted(from: index)
          continue
        }
      case "#":
        if isSpace(scalars[index - 1]) {
          index = skipBlank(from: index)
          continue
        }
      default: break
      }
      index += 1
    }
    return scalars.count
  }

  private func endOfPlainInFlow(from start: Int) -> Int {
    var index = start
    while let scalar = scalars[safe: index], ![",", "]", "}"].contains(scalar) {
      if scalar == "#", isSpace(scalars[index - 1]) { break }
      index += 1
    }
    return trimmed(start..<index)
  }

  /// A plain scalar of a block, over all lines that continue it.
  private func endOfPlain(from start: Int, indent: Int) -> Int {
    var end = endOfLineContent(from: start)
    while let next = lineAfter(end), !hasComment(between: end, and: next) {
      let content = firstContent(ofLineAt: next)
      guard let content, column(of: content) > indent, scalars[content] != "#" else { break }
      end = endOfLineContent(from: content)
    }
    return end
  }

  /// A block of lines that are indented more than its key, without the blank and comment lines after
  /// it.
  private func endOfBlock(from start: Int, indent: Int) -> Int {
    var end = endOfLine(from: start)
    let isText = scalars[safe: start] == "|" || scalars[safe: start] == ">"
    var next = lineAfter(end)
    while let line = next {
      next = lineAfter(line)
      guard let content = firstContent(ofLineAt: line) else { continue }
      let depth = column(of: content)
      let isItem = !isText && depth == indent && isDash(at: content) && isDash(at: start)
      if depth <= indent, !isItem {
        if scalars[content] == "#" && !isText { continue }
        break
      }
      if scalars[content] == "#", !isText { continue }
      end = endOfLine(from: content)
    }
    return trimmed(start..<end)
  }

  private func trimmed(_ range: Range<Int>) -> Int {
    var end = range.upperBound
    while end > range.lowerBound, isSpace(scalars[end - 1]) { end -= 1 }
    return end
  }

  func endOfLine(from start: Int) -> Int {
    var index = start
    while let scalar = scalars[safe: index], scalar != "\n" { index += 1 }
    return index
  }

  /// Before the comment and the spaces that end a line.
  private func endOfLineContent(from start: Int) -> Int {
    var index = start
    while let scalar = scalars[safe: index], scalar != "\n" {
      if scalar == "#", index > 0, isSpace(scalars[index - 1]) { break }
      index += 1
    }
    return trimmed(start..<index)
  }

  private func hasComment(between start: Int, and end: Int) -> Bool {
    scalars[start..<end].contains("#")
  }

  private func lineAfter(_ index: Int) -> Int? {
    let end = endOfLine(from: index)
    return end + 1 < scalars.count ? end + 1 : nil
  }

  /// Nil for a blank line.
  private func firstContent(ofLineAt start: Int) -> Int? {
    var index = start
    while let scalar = scalars[safe: index], scalar == " " || scalar == "\t" { index += 1 }
    guard let scalar = scalars[safe: index], scalar != "\n", scalar != "\r" else { return nil }
    return index
  }

  // MARK: - Changing

  private mutating func replace(_ place: Place, by value: Value, _ spelling: String?) {
    let isEmpty = place.range.isEmpty
    // Block texts stay such where the new value is a text of lines, too.
    if !place.isInFlow, let string = value.string, string.contains("\n"),
      let block = YAMLSpelling.block(string, indent: max(place.indent, 0) + 2, lineEnd: lineEnd)
    {
      return put((isEmpty ? " " : "") + block, at: place.range)
    }
    let style = isEmpty ? nil : place.node.style
    // A block collection begins on the next line; what replaces it, after the key.
    var range = place.range
    if !isEmpty, !place.isInFlow, place.node.scalar == nil, !isBracket(at: range.lowerBound) {
      var start = range.lowerBound
      while start > 0, isSpace(scalars[start - 1]) { start -= 1 }
      if scalars[safe: start - 1] == ":" { range = start..<range.upperBound }
    }
    let needsSpace = range.lowerBound > 0 && scalars[range.lowerBound - 1] == ":"
    put(
      (needsSpace ? " " : "")
        + YAMLSpelling.text(value, spelling, like: style, isInFlow: place.isInFlow),
      at: range)
  }

  mutating func put(_ text: String, at range: Range<Int>) {
    scalars.replaceSubrange(range, with: Array(text.unicodeScalars))
  }

  private var lineEnd: String { scalars.contains("\r") ? "\r\n" : "\n" }

  /// Adds a key to a map.
  private mutating func insert(
    _ key: String, _ value: Value, _ spelling: String?, into place: Place,
    after neighbours: [String]
  ) throws(YAMLEditError) {
    let name = YAMLSpelling.text(.string(key), nil, like: nil, isInFlow: true)
    guard let map = place.node.map else {
      // `params:` without anything.
      guard place.node.scalar == .null else {
        throw YAMLEditError("\(file): '\(key)' cannot be added to what is no map")
      }
      return replace(place, by: [key: value], nil)
    }
    guard scalars[safe: place.range.lowerBound] != "*" else {
      throw YAMLEditError(
        "\(file): '\(key)' would go into a map that an alias shares; edit by hand")
    }
    let isFlow = place.isInFlow || isBracket(at: place.range.lowerBound)
    let text = "\(name): \(YAMLSpelling.text(value, spelling, like: nil, isInFlow: isFlow))"
    let own = map.filter { !$0.isMerged }
    let near = neighbours.lazy.compactMap { name in own.first { $0.key == name } }.first
    guard let member = near ?? own.last else { return put("{\(text)}", at: place.range) }
    let start = try index(of: member.keyLocation)
    let neighbour = try self.value(member.value, ofKeyAt: start, isInFlow: isFlow)
    if isFlow {
      put(", \(text)", at: neighbour.range.upperBound..<neighbour.range.upperBound)
    } else {
      let end = endOfLine(from: neighbour.range.upperBound)
      let stop = end > 0 && scalars[end - 1] == "\r" ? end - 1 : end
      put(lineEnd + String(repeating: " ", count: column(of: start)) + text, at: stop..<stop)
    }
  }
}

extension Array {
  subscript(safe index: Int) -> Element? { indices.contains(index) ? self[index] : nil }
}
