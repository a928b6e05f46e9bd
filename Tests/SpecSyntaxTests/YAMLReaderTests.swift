import SpecSyntax
import StructuredValue
import Testing

struct YAMLReaderTests {
  /// YAML 1.2.2, section 10.3.2; what YAML 1.1 would have read otherwise comes first.
  @Test(
    arguments: [
      ("no", .string("no")), ("on", .string("on")), ("012", .string("012")),
      ("1_000", .string("1_000")), ("2026-11-23", .string("2026-11-23")), ("1:30", .string("1:30")),
      ("true", .bool(true)), ("~", .null), ("", .null), ("0x1f", .int(31)), ("0o17", .int(15)),
      ("-7", .int(-7)), ("1.0", .double(1)), ("1e3", .double(1000)), ("-.5", .double(-0.5)),
      (".inf", .double(.infinity)), ("1.2.3", .string("1.2.3")), ("-", .string("-")),
      ("99999999999999999999", .double(1e20)), ("e5", .string("e5")),
    ] as [(String, Value)])
  func `plain scalars follow the core schema`(text: String, value: Value) {
    #expect(YAMLReader.plainScalar(text) == value)
  }

  @Test func `quoted scalars are texts`() {
    let (node, problems) = YAMLReader.read("a: '1'\nb: \"true\"\nc: |\n  2\nd: 3\n", file: "x")
    #expect(problems.isEmpty)
    #expect(node?.value == ["a": "1", "b": "true", "c": "2\n", "d": 3])
  }

  @Test func `places count from one and survive anchors and merges`() {
    let text = "base: &b {k: 1, l: 2}\nuse:\n  <<: *b\n  l: 3\n"
    let (node, problems) = YAMLReader.read(text, file: "f.yaml")
    #expect(problems.isEmpty)
    #expect(node?.value["use"] == ["k": 1, "l": 3])
    let use = node?.map?.first { $0.key == "use" }
    let merged = use?.value.map?.first { $0.key == "k" }
    #expect(merged?.keyLocation == SourceLocation(file: "f.yaml", line: 1, column: 11))
  }

  @Test func `a duplicate key names both places`() {
    let (_, problems) = YAMLReader.read("a: 1\nb: 2\na: 3\n", file: "f")
    #expect(problems.map(\.code) == ["P0102"])
    #expect(problems.first?.location?.line == 3)
    #expect(problems.first?.notes.first?.location.line == 1)
  }

  @Test(arguments: ["a: [1", "a: b: c", "\"", "a:\n\t- 1", "%bad", "a: *none", "? [a]: 1"])
  func `what is no YAML is an error with a place`(text: String) {
    let (_, problems) = YAMLReader.read(text, file: "f")
    #expect(!problems.isEmpty)
    #expect(problems.allSatisfy { $0.location != nil })
  }

  @Test func `a name is guessed when it is near or cut short`() {
    #expect(nearest("parmas", among: ["params", "inputs"]) == "params")
    #expect(nearest("sha", among: ["url", "sha256"]) == "sha256")
    #expect(nearest("zebra", among: ["params", "inputs"]) == nil)
    #expect(nearest("x", among: []) == nil)
  }

  @Test func `a diagnostic shows its line and a caret`() {
    let diagnostic = Diagnostic(
      code: "P0103", message: "unknown key 'parmas'",
      location: SourceLocation(file: "p.yaml", line: 2, column: 3), help: "did you mean 'params'?")
    #expect(
      diagnostic.rendered { _ in "a:\n  parmas: 1\n" } == """
        p.yaml:2:3: error P0103: unknown key 'parmas'
          2 |   parmas: 1
            |   ^
          help: did you mean 'params'?
        """)
    #expect(
      diagnostic.rendered { _ in "" }.hasPrefix("p.yaml:2:3: error P0103: unknown key 'parmas'"))
  }

  @Test func `at most twenty diagnostics are shown, by place`() {
    let many = (1...30).reversed().map {
      Diagnostic(
        code: "P", message: "m\($0)", location: SourceLocation(file: "f", line: $0, column: 1))
    }
    let lines = Diagnostic.rendered(many) { _ in nil }.split(separator: "\n")
    #expect(lines.count == 21)
    #expect(lines.first?.hasPrefix("f:1:1") == true)
    #expect(lines.last == "… and 10 more")
  }
}
