import StructuredValue
import Testing

import SpecSyntax

private func diagnostic(_ line: Int, _ column: Int) -> Diagnostic {
  Diagnostic(
    code: "P0103", message: "wrong",
    location: SpecSyntax.SourceLocation(file: "a.yaml", line: line, column: column))
}

@Suite struct `Rendering a diagnostic` {
  @Test func `shows place, sentence, line, caret, notes and help`() {
    var diagnostic = diagnostic(2, 3)
    diagnostic.help = "do this"
    diagnostic.notes = [
      Diagnostic.Note(
        message: "and here", location: SpecSyntax.SourceLocation(file: "a.yaml", line: 1, column: 1)
      )
    ]
    #expect(
      diagnostic.rendered { _ in "first\n  bad: 1\n" } == """
        a.yaml:2:3: error P0103: wrong
          2 |   bad: 1
            |   ^
          a.yaml:1:1: and here
          1 | first
            | ^
          help: do this
        """)
  }

  @Test func `keeps tabs before the caret`() {
    #expect(
      diagnostic(1, 4).rendered { _ in "\ta:\tb" }
        == "a.yaml:1:4: error P0103: wrong\n  1 | \ta:\tb\n    | \t  ^")
  }

  @Test func `aligns the caret below numbers of several digits`() {
    let text = String(repeating: "x\n", count: 11) + "abc"
    #expect(
      diagnostic(12, 2).rendered { _ in text }
        == "a.yaml:12:2: error P0103: wrong\n  12 | abc\n     |  ^")
  }

  @Test func `shows the empty line at the end of a file`() {
    #expect(
      diagnostic(2, 1).rendered { _ in "a\n" }
        == "a.yaml:2:1: error P0103: wrong\n  2 | \n    | ^")
  }

  @Test func `splits lines of other systems`() {
    #expect(
      diagnostic(2, 1).rendered { _ in "a\r\nb\r\n" }
        == "a.yaml:2:1: error P0103: wrong\n  2 | b\n    | ^")
  }

  @Test(arguments: [(0, 1), (9, 1)])
  func `leaves the line out where there is none`(line: Int, column: Int) {
    #expect(
      diagnostic(line, column).rendered { _ in "a\nb" }
        == "a.yaml:\(line):1: error P0103: wrong")
  }

  @Test func `leaves the line out where the text is not at hand`() {
    #expect(diagnostic(1, 1).rendered { _ in nil } == "a.yaml:1:1: error P0103: wrong")
  }

  @Test func `a column beyond the line's end puts the caret behind it`() {
    #expect(diagnostic(1, 99).rendered { _ in "ab" }.hasSuffix("  1 | ab\n    |   ^"))
  }

  @Test func `a long line is cut around the caret`() throws {
    let text = String(repeating: "a", count: 500) + "X" + String(repeating: "b", count: 500)
    let lines = diagnostic(1, 501).rendered { _ in text }.split(separator: "\n")
    #expect(lines.count == 3)
    #expect(lines[1].count < 180)
    let caret = try #require(lines[2].firstIndex(of: "^"))
    let column = lines[2].distance(from: lines[2].startIndex, to: caret)
    #expect(lines[1][lines[1].index(lines[1].startIndex, offsetBy: column)] == "X")
    #expect(lines[1].contains("…"))
  }

  @Test func `many come in the order of their places, those without one first`() {
    var nowhere = diagnostic(1, 1)
    nowhere.location = nil
    let text = Diagnostic.rendered(
      [diagnostic(2, 1), diagnostic(1, 5), diagnostic(1, 2), nowhere], source: { _ in nil })
    #expect(
      text.split(separator: "\n").map { $0.split(separator: " ")[0] }
        == ["error", "a.yaml:1:2:", "a.yaml:1:5:", "a.yaml:2:1:"])
  }

  @Test func `only twenty are shown, and the rest are counted`() {
    let lines = Diagnostic.rendered((1...23).map { diagnostic($0, 1) }, source: { _ in nil })
      .split(separator: "\n")
    #expect(lines.count == 21)
    #expect(lines.last == "… and 3 more")
  }
}

@Suite struct `The nearest name` {
  static let cases: [(String, [String], String?)] = [
    ("sampels", ["samples", "seed"], "samples"),  // two neighbours swapped
    ("Samples", ["samples"], "samples"),
    ("sed", ["seed", "salt"], "seed"),
    ("inputss", ["inputs", "outputs"], "inputs"),
    ("xyz", ["samples", "seed"], nil),
    ("a", ["b"], "b"),
    ("", ["a"], "a"),
    ("", [], nil),
    ("abc", [], nil),
    // The first of those equally near.
    ("bat", ["cat", "rat"], "cat"),
  ]

  @Test(arguments: cases)
  func `is one that differs little`(name: String, candidates: [String], wanted: String?) {
    #expect(nearest(name, among: candidates) == wanted)
  }
}

@Suite struct `Reading a map of known keys` {
  private func reader(_ text: String, keys: [String] = ["a", "b"]) throws -> MapReader {
    let (node, diagnostics) = YAMLReader.read(text, file: "a.yaml")
    return MapReader(
      try #require(node, "\(diagnostics.map(\.message))"), subject: "the thing", keys: keys)
  }

  @Test func `an unknown key is told with its place and a suggestion`() throws {
    let found = try reader("inptus: 1\n", keys: ["inputs"]).diagnostics
    #expect(found.map(\.message) == ["unknown key 'inptus' in the thing"])
    #expect(found.first?.help == "did you mean 'inputs'?")
    let far = try reader("zzzzzz: 1\n", keys: ["inputs", "run"]).diagnostics
    #expect(far.first?.help == "the keys are inputs, run")
  }

  @Test func `what is no map is told once`() throws {
    let reader = try reader("[1]\n")
    #expect(reader.diagnostics.map(\.message) == ["the thing is list, where a map is needed"])
    #expect(reader.string("a") == nil)
    #expect(reader.diagnostics.count == 1)
  }

  @Test func `null counts as absent`() throws {
    let reader = try reader("a: null\nb:\n")
    #expect(reader.node("a") == nil && reader.node("b") == nil)
    #expect(reader.has("a"))
    #expect(reader.diagnostics.isEmpty)
  }

  @Test func `a whole number may stand for a text, other values may not`() throws {
    #expect(try reader("a: 12\n").string("a")?.value == "12")
    let bad = try reader("a: true\n")
    #expect(bad.string("a") == nil)
    #expect(
      bad.diagnostics.map(\.message)
        == ["'a' in the thing is boolean true, where a text is needed"])
  }

  @Test func `integers have a lower limit`() throws {
    #expect(try reader("a: 2\n").int("a", atLeast: 1) == 2)
    #expect(try reader("a: 2.0\n").int("a") == 2)
    let low = try reader("a: 0\n")
    #expect(low.int("a", atLeast: 1) == nil)
    #expect(
      low.diagnostics.map(\.message)
        == ["'a' in the thing is integer 0, where an integer of at least 1 is needed"])
  }

  @Test func `booleans are true and false and nothing else`() throws {
    #expect(try reader("a: true\n").bool("a") == true)
    let bad = try reader("a: yes\n")
    #expect(bad.bool("a") == nil)
    #expect(bad.diagnostics.count == 1)
  }

  @Test func `a single text counts as a list of one`() throws {
    #expect(try reader("a: x\n").strings("a").map(\.value) == ["x"])
    #expect(try reader("a: [x, 1, true]\n").strings("a").map(\.value) == ["x", "1", "true"])
    let bad = try reader("a: [x, [y]]\n")
    #expect(bad.strings("a").map(\.value) == ["x"])
    #expect(bad.diagnostics.count == 1)
  }

  @Test func `a map where a list stands is a mistake`() throws {
    let bad = try reader("a: [1]\n")
    #expect(bad.map("a").isEmpty)
    #expect(
      bad.diagnostics.map(\.message) == ["'a' in the thing is a list, where a map is needed"])
  }
}
