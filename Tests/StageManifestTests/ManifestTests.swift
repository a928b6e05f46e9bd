import SpecSyntax
import StageManifest
import StructuredValue
import Testing

struct ManifestTests {
  private static let place = SourceLocation(file: "p", line: 1, column: 1)

  private func read(_ params: String) throws -> Manifest {
    let (manifest, problems) = Manifest.read(
      text: "stage: s\nversion: 1.2.3\nparams:\n" + params, file: "stage.yaml")
    return try #require(manifest, "\(problems)")
  }

  private func resolve(_ params: String, _ given: [String: Value]) throws -> (
    [String: Value], [String]
  ) {
    let (values, problems) = try read(params).parameters.resolve(
      given: given.mapValues { Located($0, at: Self.place) }, cell: Located("c", at: Self.place))
    return (values, problems.map(\.message))
  }

  @Test func `every field is read`() throws {
    let (manifest, problems) = Manifest.read(
      text: """
        stage: predictor
        version: 2.1.0
        protocol: 1
        summary: Learns.
        exec: [./a.py, x]
        code: ["**"]
        inputs: {t: {kind: table/csv, required: false, many: true, doc: d}}
        outputs: {m: {kind: model, required: false}}
        metrics: {e: {direction: lower, unit: ms}}
        invariant-under: [cpus]
        deterministic: no
        tools: [python3 --version]
        passes: [HOME]
        network: true
        seeded: false
        """, file: "f")
    #expect(problems.isEmpty)
    let found = try #require(manifest)
    #expect(found.version.description == "2.1.0")
    #expect(found.isNondeterministic && found.network && !found.isSeeded)
    #expect(found.inputs["t"]?.isMany == true && found.inputs["t"]?.isRequired == false)
    #expect(found.metrics["e"]?.direction == "lower")
  }

  @Test(arguments: [
    ("version: 1.0.0", "lacks 'stage'"), ("stage: s", "lacks a version"),
    ("stage: s\nversion: x", "lacks a version"),
    ("stage: s\nversion: 1.0.0\nprotocol: 9", "speaks protocol 9"),
    ("stage: s\nversion: 1.0.0\ninput: {}", "unknown key 'input'"),
    ("stage: s\nversion: 1.0.0\nparams: {x: {type: int}}", "unknown type 'int'"),
    ("stage: s\nversion: 1.0.0\nparams: {x: {type: integer, default: a}}", "default does not fit"),
    ("stage: s\nversion: 1.0.0\nmetrics: {x: {direction: up}}", "'direction' is 'up'"),
  ])
  func `a wrong manifest is refused`(text: String, words: String) {
    let (manifest, problems) = Manifest.read(text: text, file: "f")
    #expect(manifest == nil)
    #expect(problems.contains { $0.message.contains(words) }, "\(problems.map(\.message))")
  }

  @Test func `defaults are filled in and integers become numbers`() throws {
    let (values, problems) = try resolve(
      "  lr: {type: number, default: 1}\n  n: {type: integer, default: 5}\n  opt: {type: string}\n",
      ["lr": 2])
    #expect(problems.isEmpty)
    #expect(values == ["lr": .double(2), "n": 5])
  }

  @Test(
    arguments: [
      ("  n: {type: integer, minimum: 1}\n", ["n": 0], "must be at least 1"),
      ("  n: {type: integer}\n", ["n": 1.5], "where integer is needed"),
      ("  n: {type: number, exclusiveMinimum: 0}\n", ["n": 0], "must be more than 0"),
      ("  m: {type: string, enum: [lut, ridge]}\n", ["m": "rigde"], "did you mean 'ridge'?"),
      ("  f: {type: boolean}\n", ["f": "yes"], "where boolean is needed"),
      ("  l: {type: array, items: {type: integer}}\n", ["l": [1, "x"]], "'l[1]' is string"),
      (
        "  o: {type: object, properties: {a: {type: integer, required: true}}}\n", ["o": ["b": 1]],
        "has no member 'b'"
      ),
      ("  n: {type: integer, required: true}\n", [:], "lacks the parameter 'n'"),
      ("  samples: {type: integer}\n", ["sampels": 1], "has no parameter 'sampels'"),
    ] as [(String, [String: Value], String)])
  func `a parameter that does not fit is told why`(
    schema: String, given: [String: Value], words: String
  ) throws {
    let (_, problems) = try resolve(schema, given)
    #expect(problems.contains { $0.contains(words) }, "\(problems)")
  }
}
