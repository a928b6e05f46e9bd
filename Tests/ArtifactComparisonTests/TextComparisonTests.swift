import ArtifactComparison
import Testing

struct TextComparisonTests {
  @Test func `lines are shown with their numbers`() throws {
    let comparison = try compareTexts("text", "a\nb\nc\nd\n", "a\nc\nx\nd\n")
    #expect(comparison.lines == ["1 lines removed, 1 added", "-2: b", "+3: x"])
    #expect(comparison.first?.description == "line 2: b → missing")
    #expect(try compareTexts("text", "a\nb", "a\nc").first?.description == "line 2: b → c")
    #expect(try compareTexts("text", "a\r\n", "a\n").lines.contains("-1: a\r"))
    // The same letter, composed and decomposed.
    #expect(try compareTexts("text", "\u{E9}", "e\u{301}").fallbackReason == nil)
  }

  @Test(arguments: 0..<200)
  func `edits turn one text into the other and are as few as can be`(seed: Int) throws {
    var state = UInt64(seed)
    func random(_ bound: UInt64) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int((state >> 33) % bound)
    }
    let old = (0..<random(12)).map { _ in "\(random(3))" }
    let new = (0..<random(12)).map { _ in "\(random(3))" }
    let comparison = try compareTexts(
      "text", old.joined(separator: "\n"), new.joined(separator: "\n"))
    let oldLines = old.isEmpty ? [""] : old
    let newLines = new.isEmpty ? [""] : new
    guard case .text(let text) = comparison.difference else {
      #expect(oldLines == newLines)
      return
    }
    let removed = Set(text.changes.filter { !$0.isAdded }.map { $0.number - 1 })
    var result = oldLines.indices.filter { !removed.contains($0) }.map { oldLines[$0] }
    for change in text.changes where change.isAdded {
      result.insert(change.text, at: change.number - 1)
    }
    #expect(result == newLines)
    #expect(text.removed + text.added == fewestEdits(oldLines, newLines))
  }

  /// By dynamic programming over all pairs of prefixes.
  private func fewestEdits(_ old: [String], _ new: [String]) -> Int {
    var above = Array(0...new.count)
    for (row, line) in old.enumerated() {
      var current = [row + 1]
      for column in new.indices {
        let edited = min(above[column + 1], current[column]) + 1
        current.append(line == new[column] ? min(above[column], edited) : edited)
      }
      above = current
    }
    return above[new.count]
  }

  @Test func `texts with nothing in common are replaced altogether`() throws {
    let old = (0..<3000).map { "a\($0)" }.joined(separator: "\n")
    let new = (0..<3000).map { "b\($0)" }.joined(separator: "\n")
    let comparison = try compareTexts("text", old, new, .init(limit: 1))
    #expect(comparison.lines.first == "3000 lines removed, 3000 added")
    #expect(comparison.lines.last == "and 5996 more lines")
  }
}
