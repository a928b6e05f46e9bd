import PipelineSpec
import SpecSyntax
import StructuredValue
import Testing

private struct Missing: Error, CustomStringConvertible {
  var description: String
}

private func read(
  _ files: [String: String], file: String = "paper.yaml", profile: String? = nil,
  set overrides: [(path: String, text: String)] = []
) -> ReadPipeline {
  PipelineReader.read(
    file: file, options: SpecOptions(profile: profile, overrides: overrides)
  ) { path in
    guard let text = files[path] else {
      throw Missing(description: "there is no file '\(path)'")
    }
    return text
  }
}

/// The cells in brief: a stage's id, a text's first word.
private func outline(_ read: ReadPipeline) -> [String] {
  (read.pipeline?.cells ?? []).map { cell in
    switch cell {
    case .stage(let stage): stage.id.value
    case .text(let text): "text:\(text.markdown.value.prefix { $0 != "\n" })"
    case .claim(let claim): "claim:\(claim.measured.value)"
    }
  }
}

struct PipelineFileTests {
  @Test func `the head of a file is read`() {
    let found = read([
      "paper.yaml":
        "pipeline: v1\nname: n\ntitle: T\nauthors: [A, B]\nseed: 7\nsalt: s\nparams: {a: 1}\ncells: []\n"
    ])
    #expect(found.diagnostics.isEmpty, "\(found.diagnostics.map(\.message))")
    #expect(found.pipeline?.name == "n" && found.pipeline?.title == "T")
    #expect(found.pipeline?.seed == 7 && found.pipeline?.salt == "s")
    #expect(found.pipeline?.params == ["a": 1])
    #expect(found.files.map(\.path) == ["paper.yaml"])
  }

  @Test func `a file without a name is named after itself`() {
    let found = read(["a/edge.paper.yaml": "pipeline: v1\ncells: []\n"], file: "a/edge.paper.yaml")
    #expect(found.pipeline?.name == "edge" && found.pipeline?.title == "edge")
    #expect(found.pipeline?.seed == 0)
  }

  @Test func `a seed may come from the parameters, and is no negative number`() {
    let head = "pipeline: v1\ncells: []\nparams: {s: 5}\n"
    #expect(read(["paper.yaml": head + "seed: ${params.s}\n"]).pipeline?.seed == 5)
    for text in ["-1", "x", "1.5"] {
      let found = read(["paper.yaml": head + "seed: \(text)\n"])
      #expect(found.diagnostics.map(\.code) == ["P0104"])
    }
  }

  @Test(arguments: [
    ("cells: []\n", "does not start with 'pipeline: v1'"),
    ("pipeline: v1\n", "the pipeline has no cells"),
    ("pipeline: v1\ncells: {a: 1}\n", "where a list of cells is needed"),
    ("pipeline: v1\ncells: [x]\n", "a cell is string, where a map is needed"),
    ("pipeline: v1\ncells: [{text: a, stage: b}]\n", "either of text and stage, not both"),
    ("pipeline: v1\ncells: [{claim: c}]\n", "lacks 'measured'"),
    ("pipeline: v1\ncells: [{claim: c, measured: a.m}]\n", "lacks 'holds'"),
    (
      "pipeline: v1\ncells: [{claim: c, measured: a.m, holds: within 5% of published}]\n",
      "needs a number as published value"
    ),
    ("pipeline: v1\nparams: [1]\ncells: []\n", "where a map is needed"),
    (
      "pipeline: v1\ncells: [{stage: a, run: x}, {stage: a, run: y}]\n",
      "the stage 'a' stands here twice"
    ),
  ])
  func `a wrong file is refused with the reason`(text: String, words: String) {
    let found = read(["paper.yaml": text])
    #expect(
      found.diagnostics.contains { $0.message.contains(words) },
      "\(found.diagnostics.map(\.message))")
  }

  @Test func `a claim has a published value with its source, or a bare one`() throws {
    let found = read([
      "paper.yaml": """
      pipeline: v1
      cells:
        - claim: c
          published: {value: 0.9, source: Fig. 5}
          measured: a.m
          holds: ">= 0.5"
          note: n
        - {claim: d, published: 3, measured: "a[x=1].m", holds: within 2 of published}
      """
    ])
    #expect(found.diagnostics.isEmpty, "\(found.diagnostics.map(\.message))")
    var claims: [ClaimCell] = []
    for case .claim(let claim) in found.pipeline?.cells ?? [] { claims.append(claim) }
    try #require(claims.count == 2)
    #expect(claims[0].claim == "c" && claims[0].published == 0.9 && claims[0].source == "Fig. 5")
    #expect(claims[0].condition.description == ">= 0.5" && claims[0].note == "n")
    #expect(claims[1].published == 3 && claims[1].source == nil)
    #expect(claims[1].condition.needsPublished)
  }

  @Test func `a text stands in the file or in one of its own`() throws {
    let found = read(
      [
        "a/paper.yaml": "pipeline: v1\ncells:\n  - text: |\n      # Hi\n  - text: intro.md\n",
        "a/intro.md": "# Intro\nmore\n",
      ], file: "a/paper.yaml")
    #expect(outline(found) == ["text:# Hi", "text:# Intro"])
    guard case .text(let inline)? = found.pipeline?.cells.first,
      case .text(let own)? = found.pipeline?.cells.last
    else { return #expect(Bool(false)) }
    #expect(inline.markdown.location.line == 4, "the line of its first word")
    #expect(own.markdown.location == SourceLocation(file: "a/intro.md", line: 1, column: 1))
    #expect(found.files.map(\.path) == ["a/paper.yaml", "a/intro.md"])
  }
}

struct IncludeTests {
  @Test func `chapters follow the file's own cells in their order`() {
    let found = read([
      "paper.yaml":
        "pipeline: v1\ninclude: [b/two.yaml, one.yaml]\ncells: [{stage: own, run: x}]\n",
      "one.yaml": "cells: [{stage: one, run: x}]\n",
      "b/two.yaml": "include: [deep/three.yaml]\ncells: [{stage: two, run: x}]\n",
      "b/deep/three.yaml": "cells: [{stage: three, run: x}]\n",
    ])
    #expect(found.diagnostics.isEmpty, "\(found.diagnostics.map(\.message))")
    #expect(outline(found) == ["own", "two", "three", "one"])
  }

  @Test func `an include cell puts a chapter where it stands`() {
    let found = read([
      "paper.yaml":
        "pipeline: v1\ncells: [{text: a}, {include: one.yaml}, {text: b}]\n",
      "one.yaml": "cells: [{stage: one, run: x}]\n",
    ])
    #expect(outline(found) == ["text:a", "one", "text:b"])
  }

  @Test func `parameters of the including file win, the others stay`() {
    let found = read(
      [
        "paper.yaml":
          "pipeline: v1\ninclude: [one.yaml]\nparams: {a: {x: 1}}\nprofiles: {q: {c: 9}}\n",
        "one.yaml": "params: {a: {x: 0, y: 2}, c: 3}\nprofiles: {q: {a: {y: 7}}}\ncells: []\n",
      ], profile: "q")
    #expect(found.diagnostics.isEmpty, "\(found.diagnostics.map(\.message))")
    #expect(found.pipeline?.params == ["a": ["x": 1, "y": 7], "c": 9])
  }

  @Test(arguments: ["../x.yaml", "a/../../x.yaml"])
  func `a path out of the project is refused`(path: String) {
    let found = read(["paper.yaml": "pipeline: v1\ninclude: [\(path)]\n"])
    #expect(found.diagnostics.map(\.code) == ["P0122"])
    #expect(found.files.count == 1, "nothing outside is read")
  }

  @Test func `a path may go up inside the project`() {
    let found = read(
      [
        "a/paper.yaml": "pipeline: v1\ninclude: [../b/one.yaml]\n",
        "b/one.yaml": "cells: [{stage: one, run: x}]\n",
      ], file: "a/paper.yaml")
    #expect(outline(found) == ["one"])
  }

  @Test func `a chapter that is not there is told at its name`() {
    let found = read(["paper.yaml": "pipeline: v1\ninclude:\n  - gone.yaml\n"])
    #expect(found.diagnostics.map(\.code) == ["P0201"])
    #expect(found.diagnostics.first?.message == "there is no file 'gone.yaml'")
    #expect(found.diagnostics.first?.location?.line == 3)
  }

  @Test func `two chapters may include a third only once`() {
    let found = read([
      "paper.yaml": "pipeline: v1\ninclude: [a.yaml, b.yaml]\n",
      "a.yaml": "include: [c.yaml]\ncells: []\n", "b.yaml": "include: [c.yaml]\ncells: []\n",
      "c.yaml": "cells: [{stage: c, run: x}]\n",
    ])
    #expect(found.diagnostics.map(\.code) == ["P0102"])
  }
}

struct ParameterTests {
  private let file = [
    "paper.yaml": """
    pipeline: v1
    params: {n: 1, deep: {er: 0.5, list: [1, 2]}}
    profiles: {quick: {n: 2}, full: {deep: {er: 9}}, wrong: {m: 1}}
    cells: []
    """
  ]

  @Test func `a profile replaces what it names`() {
    #expect(read(file).pipeline?.params["n"] == 1)
    let full = read(file, profile: "full")
    #expect(full.pipeline?.params == ["n": 1, "deep": ["er": 9, "list": [1, 2]]])
    #expect(full.pipeline?.profile == "full")
    #expect(full.pipeline?.profiles == ["full", "quick", "wrong"])
  }

  @Test func `an unknown profile is an error with the known ones`() {
    let found = read(file, profile: "quik")
    #expect(found.diagnostics.map(\.code) == ["P0110"])
    #expect(found.diagnostics.first?.help == "the profiles are full, quick, wrong")
  }

  @Test func `a profile may set only parameters`() {
    let found = read(file, profile: "wrong")
    #expect(found.diagnostics.map(\.code) == ["P0110"])
    #expect(found.diagnostics.first?.location?.line == 3)
  }

  @Test func `an override wins over a profile and keeps its type`() {
    let found = read(
      file, profile: "quick",
      set: [("n", "3"), ("deep.er", "'7'"), ("deep.list", "[x, 1.5]"), ("n", "4")])
    #expect(found.diagnostics.isEmpty, "\(found.diagnostics.map(\.message))")
    #expect(found.pipeline?.params == ["n": 4, "deep": ["er": "7", "list": ["x", 1.5]]])
  }

  @Test func `an override may be empty`() {
    #expect(read(file, set: [("n", "")]).pipeline?.params["n"] == "")
  }

  @Test func `an override of an unknown parameter is an error with a suggestion`() {
    let found = read(file, set: [("deep.re", "1")])
    #expect(found.diagnostics.map(\.code) == ["P0110"])
    #expect(found.diagnostics.first?.help == "did you mean 'deep.er'?")
  }
}

struct DataSetTests {
  @Test func `a data set is a stage that fetches`() throws {
    let found = read([
      "paper.yaml": """
      pipeline: v1
      datasets:
        iris: {url: "https://a.example/iris.csv", sha256: 9f2c, kind: table/csv}
      cells: []
      """
    ])
    #expect(found.diagnostics.isEmpty, "\(found.diagnostics.map(\.message))")
    guard case .stage(let stage)? = found.pipeline?.cells.first else {
      return #expect(Bool(false))
    }
    #expect(stage.id.value == "dataset:iris")
    guard case .plugin("fetch", 1) = stage.action else { return #expect(Bool(false)) }
    #expect(
      stage.params["files"]?.value == [["url": "https://a.example/iris.csv", "sha256": "9f2c"]])
  }

  @Test func `a data set without a digest is refused`() {
    let found = read([
      "paper.yaml": "pipeline: v1\ndatasets:\n  iris: {url: \"https://a.example/i\"}\ncells: []\n"
    ])
    #expect(found.diagnostics.map(\.message) == ["the data set 'iris' lacks 'sha256'"])
  }
}

struct MatrixTests {
  private static let place = SourceLocation(file: "p", line: 1, column: 1)

  private func located(_ value: Value) -> Located<Value> { Located(value, at: Self.place) }

  private func rows(_ matrix: Matrix) -> ([[String: Value]], [String]) {
    let (rows, problems) = matrix.combinations(names: ["params": ["rows": [["x": 1], ["x": 2]]]])
    let maps = rows.map { row in
      Dictionary(row.map { ($0.axis, $0.value) }) { first, _ in first }
    }
    return (maps, problems.map(\.message))
  }

  private func matrix(
    _ axes: [(name: String, values: Value)] = [], include: [Value] = [], exclude: [Value] = [],
    foreach: Value? = nil
  ) -> Matrix {
    Matrix(
      location: Self.place, axes: axes.map { ($0.name, located($0.values)) },
      include: include.map { located($0) }, exclude: exclude.map { located($0) },
      foreach: foreach.map { located($0) })
  }

  @Test func `the last axis changes fastest`() {
    let (found, problems) = rows(matrix([("a", [1, 2]), ("b", [3, 4])]))
    #expect(problems.isEmpty)
    #expect(
      found == [["a": 1, "b": 3], ["a": 1, "b": 4], ["a": 2, "b": 3], ["a": 2, "b": 4]])
  }

  @Test func `an exclusion of one axis leaves out every row with that value`() {
    let (found, _) = rows(matrix([("a", [1, 2]), ("b", [3, 4])], exclude: [["a": 1]]))
    #expect(found == [["a": 2, "b": 3], ["a": 2, "b": 4]])
  }

  @Test func `combinations may be written out, or taken from a parameter`() {
    #expect(
      rows(matrix(foreach: [["a": 1, "b": 2], ["a": 3]])).0 == [["a": 1, "b": 2], ["a": 3]])
    #expect(rows(matrix(foreach: "${params.rows}")).0 == [["x": 1], ["x": 2]])
    #expect(rows(matrix(include: [["a": 1]])).0 == [["a": 1]])
  }

  @Test func `what gives no combinations is refused`() {
    #expect(rows(matrix([("a", [])])).1 == ["the matrix axis 'a' needs a list of values"])
    #expect(rows(matrix([("a", 5)])).1 == ["the matrix axis 'a' needs a list of values"])
    #expect(rows(matrix([("a", [1, 1])])).1 == ["the matrix axis 'a' has a value twice"])
    #expect(rows(matrix(include: [3])).1 == ["a combination of the matrix must be a map"])
    #expect(rows(matrix(foreach: 3)).1 == ["'foreach' must be a list of maps"])
    #expect(rows(matrix([("a", "${params.no}")])).1.first == "there is no 'params.no'")
  }
}
