/// Yams names only the first place of a key that stands twice; the second one is looked up in the
/// text.
func duplicate(_ key: String, first: SourceLocation, text: String) -> Diagnostic {
  let second = secondPlace(of: key, after: first, in: text)
  let note = second.map { _ in
    Diagnostic.Note(message: "it stands here, too", location: first)
  }
  return Diagnostic(
    code: "P0102", message: "the key '\(key)' stands here twice", location: second ?? first,
    notes: note.map { [$0] } ?? [])
}

/// Where a key of the same map stands again; nil where the text is too unusual to tell.
private func secondPlace(
  of key: String, after first: SourceLocation, in text: String
) -> SourceLocation? {
  let lines = text.lines
  guard lines.indices.contains(first.line - 1) else { return nil }
  let lead = lines[first.line - 1].prefix(first.column - 1)
  // In a block, the other keys of the map stand in the same column.
  let isBlock = lead.allSatisfy { " -?".contains($0) }
  for index in lines.indices.dropFirst(first.line - 1) {
    let line = lines[index]
    if isBlock {
      guard index >= first.line else { continue }
      let indent = line.prefix { $0 == " " }.count
      if line.dropFirst(indent).isEmpty || line.dropFirst(indent).hasPrefix("#") { continue }
      if indent < first.column - 1 { return nil }
      guard indent == first.column - 1, isKey(key, line.dropFirst(indent)) else { continue }
      return SourceLocation(file: first.file, line: index + 1, column: first.column)
    }
    let skipped = index == first.line - 1 ? first.column : 0
    var depth = 0
    var before: Character = index == first.line - 1 ? "x" : ","
    var position = line.index(line.startIndex, offsetBy: skipped, limitedBy: line.endIndex)
    while let place = position, place < line.endIndex {
      let character = line[place]
      if "{[".contains(character) { depth += 1 }
      if "}]".contains(character) { depth -= 1 }
      if depth == 0, before == ",", character != " ", isKey(key, line[place...]) {
        let column = line.distance(from: line.startIndex, to: place) + 1
        return SourceLocation(file: first.file, line: index + 1, column: column)
      }
      if depth < 0 { return nil }
      if character != " " { before = character }
      position = line.index(after: place)
    }
  }
  return nil
}

/// Whether a line's rest starts with a key and its colon.
private func isKey(_ key: String, _ rest: Substring) -> Bool {
  for spelling in [key, "\"\(key)\"", "'\(key)'"] where rest.hasPrefix(spelling) {
    let tail = rest.dropFirst(spelling.count).drop { $0 == " " }
    if tail.hasPrefix(":") { return true }
  }
  return false
}

extension String {
  /// The lines without their ends, whichever system wrote them.
  var lines: [Substring] {
    // A Character of Swift holds the whole of "\r\n".
    split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" || $0 == "\r" }
  }
}
