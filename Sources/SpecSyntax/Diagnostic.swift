/// A place in a file, counted from 1.
public struct SourceLocation: Hashable, Sendable, Comparable {
  public var file: String
  public var line: Int
  public var column: Int

  public init(file: String, line: Int, column: Int) {
    self.file = file
    self.line = line
    self.column = column
  }

  public static func < (left: SourceLocation, right: SourceLocation) -> Bool {
    (left.file, left.line, left.column) < (right.file, right.line, right.column)
  }
}

/// A value with the place where it was written.
public struct Located<Content> {
  public var value: Content
  public var location: SourceLocation

  public init(_ value: Content, at location: SourceLocation) {
    self.value = value
    self.location = location
  }
}

extension Located: Sendable where Content: Sendable {}
extension Located: Equatable where Content: Equatable {}
extension Located: Hashable where Content: Hashable {}

/// A mistake in a file, or something that its author should know.
public struct Diagnostic: Error, Hashable, Sendable {
  /// Stable, such as `P0103`.
  public var code: String
  public var severity: Severity
  public var message: String
  public var location: SourceLocation?
  /// What to do.
  public var help: String?
  /// Further places that belong to it.
  public var notes: [Note]

  public enum Severity: String, Sendable { case error, warning, hint }

  public struct Note: Hashable, Sendable {
    public var message: String
    public var location: SourceLocation
    public init(message: String, location: SourceLocation) {
      self.message = message
      self.location = location
    }
  }

  public init(
    code: String, severity: Severity = .error, message: String, location: SourceLocation?,
    help: String? = nil, notes: [Note] = []
  ) {
    self.code = code
    self.severity = severity
    self.message = message
    self.location = location
    self.help = help
    self.notes = notes
  }
}

extension Diagnostic {
  /// The diagnostic as a user reads it: place, sentence, the line with a caret, help.
  ///
  /// - `source`: Gives the text of a file, where it is at hand.
  public func rendered(source: (String) -> String?) -> String {
    let place = location.map { "\($0.file):\($0.line):\($0.column): " } ?? ""
    // A value that is quoted may be a book.
    let shown =
      message.count > 500 ? message.prefix(400) + " … " + message.suffix(90) : message[...]
    var text = "\(place)\(severity.rawValue) \(code): \(shown)"
    if let location, let line = excerpt(location, source) { text += "\n" + line }
    for note in notes {
      let place = "\(note.location.file):\(note.location.line):\(note.location.column)"
      text += "\n  \(place): \(note.message)"
      if let line = excerpt(note.location, source) { text += "\n" + line }
    }
    if let help { text += "\n  help: \(help)" }
    return text
  }

  private func excerpt(_ location: SourceLocation, _ source: (String) -> String?) -> String? {
    guard let lines = source(location.file)?.lines, lines.indices.contains(location.line - 1)
    else { return nil }
    let (line, column) = window(lines[location.line - 1], around: location.column)
    let number = String(location.line)
    let padding = String(repeating: " ", count: number.count)
    // Tabs stay tabs before the caret, so that it stands under its place.
    let lead = String(line.prefix(max(0, column - 1)).map { $0 == "\t" ? "\t" : " " })
    return "  \(number) | \(line)\n  \(padding) | \(lead)^"
  }

  /// The part of a line that fits on a screen, and the column's place in it.
  private func window(_ line: Substring, around column: Int) -> (String, column: Int) {
    let width = 160
    guard line.count > width else { return (String(line), column) }
    let start = max(0, min(column - width / 2, line.count - width))
    let shown = line.dropFirst(start).prefix(width)
    let text = (start > 0 ? "…" : "") + shown + (start + width < line.count ? "…" : "")
    return (text, column - start + (start > 0 ? 1 : 0))
  }

  /// Many diagnostics in the order of their places, at most twenty.
  public static func rendered(_ diagnostics: [Diagnostic], source: (String) -> String?) -> String {
    let sorted = diagnostics.enumerated().sorted { left, right in
      switch (left.element.location, right.element.location) {
      case (let first?, let second?): first == second ? left.offset < right.offset : first < second
      case (nil, _?): true
      case (_?, nil): false
      default: left.offset < right.offset
      }
    }.map(\.element)
    var parts = sorted.prefix(20).map { $0.rendered(source: source) }
    if sorted.count > 20 { parts.append("… and \(sorted.count - 20) more") }
    return parts.joined(separator: "\n")
  }
}

/// The candidate that a misspelt name most likely means; nil where none is near.
public func nearest(_ name: String, among candidates: some Sequence<String>) -> String? {
  let limit = max(1, (name.count + 1) / 3)
  var best: (distance: Int, name: String)?
  for candidate in candidates {
    let distance = editDistance(Array(name.lowercased()), Array(candidate.lowercased()))
    if distance <= limit, distance < best?.distance ?? .max { best = (distance, candidate) }
  }
  if let best { return best.name }
  // A name cut short is no matter of letters.
  guard name.count >= 3 else { return nil }
  return candidates.first { $0.lowercased().hasPrefix(name.lowercased()) }
}

/// Insertions, deletions, replacements and swaps of neighbours that turn one name into another.
private func editDistance(_ first: [Character], _ second: [Character]) -> Int {
  var beforeLast: [Int] = []
  var last = Array(0...second.count)
  for row in 0..<first.count {
    var current = [row + 1]
    for column in 0..<second.count {
      var cost = min(
        last[column + 1] + 1, current[column] + 1,
        last[column] + (first[row] == second[column] ? 0 : 1))
      if row > 0, column > 0, first[row] == second[column - 1], first[row - 1] == second[column] {
        cost = min(cost, beforeLast[column - 1] + 1)
      }
      current.append(cost)
    }
    beforeLast = last
    last = current
  }
  return last[second.count]
}

extension String {
  /// The lines without their ends, whichever system wrote them.
  fileprivate var lines: [Substring] {
    // A Character of Swift holds the whole of "\r\n".
    split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" || $0 == "\r" }
  }
}
