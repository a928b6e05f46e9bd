import StructuredValue
import Testing

import SpecSyntax

private func read(_ text: String) -> (YAMLNode?, [Diagnostic]) {
  YAMLReader.read(text, file: "a.yaml")
}

private func place(_ line: Int, _ column: Int) -> SpecSyntax.SourceLocation {
  SpecSyntax.SourceLocation(file: "a.yaml", line: line, column: column)
}

@Suite struct `Reading a YAML document` {
  @Test func `nested content keeps its shape and its order`() {
    let (node, diagnostics) = read("b: [1, {x: y}]\na:\n  - 2\n  - null\n")
    #expect(diagnostics.isEmpty)
    #expect(node?.value == ["b": [1, ["x": "y"]], "a": [2, .null]])
    #expect(node?.map?.map(\.key) == ["b", "a"])
  }

  @Test func `every node and key knows its place`() throws {
    let (read, _) = read("first: 1\nsecond:\n  - ä: x\n    b: [p, q]\n")
    let root = try #require(read?.map)
    #expect(root[0].keyLocation == place(1, 1))
    #expect(root[0].value.location == place(1, 8))
    #expect(root[1].keyLocation == place(2, 1))
    let element = try #require(root[1].value.list?.first)
    #expect(element.location == place(3, 5))
    let members = try #require(element.map)
    // A column counts characters, not bytes.
    #expect(members[0].value.location == place(3, 8))
    #expect(members[1].value.list?[1].location == place(4, 12))
  }

  @Test func `places survive line ends of other systems`() throws {
    let (read, _) = read("a: 1\r\nb: 2\r\n")
    #expect(try #require(read?.map)[1].value.location == place(2, 4))
  }

  @Test(arguments: ["", "\n", "# nothing\n"])
  func `an empty file is a mistake`(text: String) {
    let (node, diagnostics) = read(text)
    #expect(node == nil)
    #expect(diagnostics.map(\.code) == ["P0101"])
    #expect(diagnostics.first?.message == "the file is empty")
  }

  @Test func `two documents in a file are a mistake`() {
    let (node, diagnostics) = read("a: 1\n---\nb: 2\n")
    #expect(node == nil)
    #expect(diagnostics.map(\.code) == ["P0101"])
    #expect(diagnostics.first?.location?.line == 2)
  }

  @Test func `an unclosed bracket is told with its place`() {
    let (node, diagnostics) = read("a: [1, 2\nb: 3\n")
    #expect(node == nil)
    #expect(diagnostics.map(\.code) == ["P0101"])
    #expect(diagnostics.first?.location?.line == 2)
  }

  @Test(arguments: ["a:\n\tb: 1\n", "a:\r\n\tb: 1\r\n", "a:\n  - x\n\t- y\n"])
  func `a tab as indent is called by its name`(text: String) {
    let (node, diagnostics) = read(text)
    #expect(node == nil)
    #expect(diagnostics.first?.message.contains("a tab indents this line") == true)
    #expect(diagnostics.first?.help == "replace the tab with spaces")
  }

  @Test func `an alias that nothing defines is a mistake`() {
    let (node, diagnostics) = read("a: *nowhere\n")
    #expect(node == nil)
    #expect(diagnostics.first?.message.contains("undefined alias") == true)
  }

  @Test func `a key that is a list is a mistake`() {
    let (_, diagnostics) = read("? [a, b]\n: 1\n")
    #expect(diagnostics.map(\.code) == ["P0104"])
  }

  @Test func `brackets nested beyond reason are refused`() {
    let depth = 100_000
    let text = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    let (node, diagnostics) = read(text)
    #expect(node == nil)
    #expect(diagnostics.map(\.code) == ["P0101"])
  }
}

@Suite struct `Duplicate keys` {
  static let cases: [(String, SpecSyntax.SourceLocation, SpecSyntax.SourceLocation)] = [
    ("a: 1\nb: 2\na: 3\n", place(1, 1), place(3, 1)),
    ("x:\n  a: 1\n  b:\n    a: 2\n  a: 3\ny: 4\n", place(2, 3), place(5, 3)),
    ("x: {a: 1, b: aa, a: 2}\n", place(1, 5), place(1, 18)),
    ("- a: 1\n  'a': 2\n", place(1, 3), place(2, 3)),
    ("\"a\": 1\na : 2\n", place(1, 1), place(2, 1)),
    ("x: {a: 1,\n    a: 2}\n", place(1, 5), place(2, 5)),
  ]

  @Test(arguments: cases)
  func `are told with both places`(
    text: String, first: SpecSyntax.SourceLocation, second: SpecSyntax.SourceLocation
  ) {
    let (_, diagnostics) = read(text)
    #expect(diagnostics.map(\.code) == ["P0102"])
    #expect(diagnostics.first?.message == "the key 'a' stands here twice")
    #expect(diagnostics.first?.location == second)
    #expect(diagnostics.first?.notes.map(\.location) == [first])
  }

  @Test func `the same key in two maps is fine`() {
    #expect(read("a: {k: 1}\nb: {k: 1}\n").1.isEmpty)
  }
}

@Suite struct `Anchors and merge keys` {
  @Test func `an alias stands for its anchor's content`() {
    let (node, diagnostics) = read("a: &x {p: 1}\nb: *x\n")
    #expect(diagnostics.isEmpty)
    #expect(node?.value == ["a": ["p": 1], "b": ["p": 1]])
  }

  @Test func `a map's own keys win over merged ones, and the first merged map wins`() {
    let text = """
      x: &x {p: 1, q: 1}
      y: &y {q: 2, r: 2}
      z:
        <<: [*x, *y]
        p: 3
      """
    let (node, diagnostics) = read(text)
    #expect(diagnostics.isEmpty)
    #expect(node?.value["z"] == ["p": 3, "q": 1, "r": 2])
  }

  @Test func `a quoted merge key is an ordinary key`() {
    #expect(read("'<<': {a: 1}\n").0?.value == ["<<": ["a": 1]])
  }

  @Test func `merging what is no map is a mistake`() {
    let (_, diagnostics) = read("a:\n  <<: 5\n  b: 1\n")
    #expect(diagnostics.map(\.code) == ["P0104"])
    #expect(diagnostics.first?.location == place(2, 7))
  }

  private func bomb(levels: Int, merging: Bool = false) -> String {
    var text = "l0: &l0 [x, x, x, x, x, x, x, x, x, x]\n"
    for level in 1..<levels {
      let aliases = Array(repeating: "*l\(level - 1)", count: 10).joined(separator: ", ")
      text += "l\(level): &l\(level) [\(aliases)]\n"
    }
    return text
  }

  @Test(.timeLimit(.minutes(1))) func `a bomb of aliases fails quickly`() {
    let clock = ContinuousClock()
    var diagnostics: [Diagnostic] = []
    let time = clock.measure { diagnostics = read(bomb(levels: 10)).1 }
    #expect(diagnostics.map(\.code) == ["P0101"])
    #expect(diagnostics.first?.message == "the aliases of the file add more than 10000 nodes")
    #expect(time < .seconds(2))
  }

  @Test(.timeLimit(.minutes(1))) func `a bomb of merged maps fails quickly`() {
    var text = "m0: &m0 {a: 1, b: 2, c: 3}\n"
    for level in 1..<20 {
      let merged = Array(repeating: "*m\(level - 1)", count: 10).joined(separator: ", ")
      text += "m\(level): &m\(level)\n  <<: [\(merged)]\n"
    }
    #expect(read(text).1.map(\.code) == ["P0101"])
  }

  @Test func `a few thousand aliased nodes are fine`() {
    let (node, diagnostics) = read(bomb(levels: 3))
    #expect(diagnostics.isEmpty)
    #expect(node?.value["l2"]?.list?.count == 10)
  }

  @Test(.timeLimit(.minutes(1))) func `a long file without aliases meets only the larger limit`() {
    let list = "[" + Array(repeating: "1", count: 30_000).joined(separator: ",") + "]"
    #expect(read(list).1.isEmpty)
    // A key is no node beside its value.
    #expect(read((0..<120_000).map { "k\($0): 0\n" }.joined()).1.isEmpty)
    let longer = "[" + Array(repeating: "1", count: 200_001).joined(separator: ",") + "]"
    #expect(read(longer).1.map(\.message) == ["the file has more than 200000 nodes"])
  }
}
