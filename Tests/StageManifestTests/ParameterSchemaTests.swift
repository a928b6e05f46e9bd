import SpecSyntax
import StageManifest
import StructuredValue
import Testing

struct ParameterSchemaTests {
  private static let place = SourceLocation(file: "p", line: 1, column: 1)

  private func resolve(_ params: String, _ given: [String: Value]) throws -> (
    values: [String: Value], problems: [String]
  ) {
    let (read, found) = Manifest.read(
      text: "stage: s\nversion: 1\nparams:\n" + params, file: "stage.yaml")
    let manifest = try #require(read, "\(found.map(\.message))")
    let (values, problems) = manifest.parameters.resolve(
      given: given.mapValues { Located($0, at: Self.place) }, cell: Located("c", at: Self.place))
    return (values, problems.map(\.message))
  }

  @Test(
    arguments: [
      ("{type: integer}", 3, 3), ("{type: integer}", 3.0, 3), ("{type: number}", 3, 3.0),
      ("{type: number, maximum: 3}", 3, 3.0), ("{type: number, exclusiveMaximum: 3}", 2.5, 2.5),
      ("{type: string}", "x", "x"), ("{type: boolean}", false, false), ("{}", [1, "x"], [1, "x"]),
      ("{type: array, minItems: 2, items: {type: number}}", [1, 2.5], [1.0, 2.5]),
      (
        "{type: object, properties: {a: {type: number, default: 1}, b: {type: string}}}",
        ["b": "x"], ["a": 1.0, "b": "x"]
      ),
      ("{type: object}", ["any": 1], ["any": 1]),
      ("{type: integer, default: null}", .null, .null), ("{enum: [1, two]}", "two", "two"),
    ] as [(String, Value, Value)])
  func `what fits is taken, with the type that the schema names`(
    schema: String, given: Value, wanted: Value
  ) throws {
    let (values, problems) = try resolve("  x: \(schema)\n", ["x": given])
    #expect(problems.isEmpty)
    #expect(values == ["x": wanted])
  }

  @Test(
    arguments: [
      ("{type: integer, maximum: 3}", 4, "'x' is 4, but must be at most 3"),
      ("{type: number, exclusiveMaximum: 0.5}", 0.5, "but must be less than 0.5"),
      ("{type: number}", "1", "'x' is string \"1\", where number is needed"),
      ("{type: string}", 1, "where string is needed"),
      ("{type: array}", "x", "where array is needed"),
      ("{type: array, minItems: 2}", [1], "'x' has 1 elements, at least 2 are needed"),
      ("{type: array, items: {type: integer, minimum: 0}}", [1, -1], "'x[1]' is -1"),
      ("{type: object}", [1], "where object is needed"),
      ("{type: object, properties: {a: {required: true}}}", [:], "'x' lacks 'a'"),
      (
        "{type: object, properties: {rate: {type: number}}}", ["rte": 1],
        "'x' has no member 'rte'; did you mean 'rate'?"
      ),
      ("{type: integer}", .null, "where integer is needed"),
    ] as [(String, Value, String)])
  func `what does not fit is told with its place in the value`(
    schema: String, given: Value, words: String
  ) throws {
    let (_, problems) = try resolve("  x: \(schema)\n", ["x": given])
    #expect(problems.count == 1)
    #expect(problems.first?.contains(words) == true, "\(problems)")
  }

  @Test(arguments: [
    ("default: 5", 1), ("default: 2, minimum: 3", 0), ("type: array, items: 3", 0),
    ("minimum: low", 0), ("kind: integer", 0),
  ])
  func `a schema is checked, too`(schema: String, good: Int) {
    let type = schema.contains("type") ? "" : "type: integer, "
    let (manifest, problems) = Manifest.read(
      text:
        "stage: s\nversion: 1\nparams: {x: {\(type)\(schema)}}",
      file: "stage.yaml")
    #expect((manifest != nil) == (good == 1), "\(problems.map(\.message))")
    #expect(problems.isEmpty == (good == 1))
  }

  @Test(arguments: [
    ("1", "1.0.0"), ("1.2", "1.2.0"), ("1.2.3", "1.2.3"), ("", nil), ("1.2.3.4", nil),
    ("1..2", nil), ("-1.0", nil), ("v1", nil), ("1.x", nil),
  ])
  func `versions have one to three numbers`(text: String, wanted: String?) {
    #expect(Version(text)?.description == wanted)
  }

  @Test func `the JSON Schema says what the manifest says`() throws {
    let (read, _) = Manifest.read(
      text: """
        stage: s
        version: 1.0.0
        params:
          rate: {type: number, minimum: 0, exclusiveMaximum: 1, default: 0.1, unit: 1/s, doc: Step}
          list: {type: array, items: {type: integer}, required: true}
        """, file: "f")
    let schema = try #require(read).parameters.jsonSchema
    #expect(schema["required"] == ["list"])
    #expect(
      schema["properties"] == [
        "rate": [
          "type": ["number", "string"], "minimum": 0.0, "exclusiveMaximum": 1.0, "default": 0.1,
          "description": "Step (1/s)",
        ],
        "list": ["type": ["array", "string"], "items": ["type": ["integer", "string"]]],
      ])
  }
}
