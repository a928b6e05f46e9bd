import StructuredValue
import Testing

import SpecSyntax

@Suite struct `Plain scalars follow the core schema` {
  static let table: [(String, Value)] = [
    ("", .null), ("~", .null), ("null", .null), ("Null", .null), ("NULL", .null),
    ("nULL", "nULL"),
    ("true", true), ("True", true), ("TRUE", true), ("false", false), ("False", false),
    ("FALSE", false), ("tRUE", "tRUE"),
    // YAML 1.1 read these as booleans.
    ("no", "no"), ("No", "No"), ("yes", "yes"), ("on", "on"), ("off", "off"), ("y", "y"),
    ("n", "n"),
    ("0", 0), ("-0", 0), ("7", 7), ("+7", 7), ("-7", -7), ("012", "012"), ("-012", "-012"),
    ("00", "00"), ("01.5", "01.5"), ("1_000", "1_000"),
    ("9223372036854775807", .int(.max)), ("-9223372036854775808", .int(.min)),
    ("9223372036854775808", .double(9_223_372_036_854_775_808)),
    ("0x1f", 31), ("0x1F", 31), ("0x", "0x"), ("0xg", "0xg"), ("-0x1f", "-0x1f"),
    ("0x-1", "0x-1"), ("0x+1", "0x+1"), ("0X1f", "0X1f"),
    ("0o17", 15), ("0o18", "0o18"), ("0o-7", "0o-7"), ("0b11", "0b11"),
    ("1.5", 1.5), ("-1.5", -1.5), ("+1.5", 1.5), (".5", 0.5), ("-.5", -0.5), ("+.5", 0.5),
    ("1.", 1.0), ("1.0", 1.0), ("1e3", 1000.0), ("1E3", 1000.0), ("1e+3", 1000.0),
    ("1.5e-3", 0.0015), ("1e", "1e"), ("e1", "e1"), (".", "."), ("..", ".."), ("-", "-"),
    ("+", "+"), ("1.2.3", "1.2.3"), ("1-2", "1-2"), ("--1", "--1"), ("1e2e3", "1e2e3"),
    (".inf", .double(.infinity)), ("+.inf", .double(.infinity)), (".Inf", .double(.infinity)),
    (".INF", .double(.infinity)), ("-.inf", .double(-.infinity)), ("-.INF", .double(-.infinity)),
    ("inf", "inf"), ("nan", "nan"), ("Infinity", "Infinity"), (".iNF", ".iNF"),
    ("2026-11-23", "2026-11-23"), ("2026-11-23T10:00:00Z", "2026-11-23T10:00:00Z"),
    ("12:30", "12:30"), ("12:30:45", "12:30:45"), ("1,000", "1,000"), ("0 1", "0 1"),
    ("٣", "٣"), ("1٣", "1٣"), ("½", "½"), ("=", "="),
  ]

  @Test(arguments: table)
  func `each spelling means what the core schema says`(text: String, wanted: Value) {
    #expect(YAMLReader.plainScalar(text) == wanted)
  }

  @Test(arguments: [".nan", ".NaN", ".NAN"])
  func `not a number is a number`(text: String) {
    #expect(YAMLReader.plainScalar(text).double?.isNaN == true)
  }

  @Test(arguments: table.filter { !$0.0.isEmpty })
  func `the same text in quotes is a text`(text: String, wanted: Value) {
    for quoted in ["'\(text)'", "\"\(text)\""] {
      let (node, diagnostics) = YAMLReader.read("key: \(quoted)\n", file: "a.yaml")
      #expect(diagnostics.isEmpty)
      #expect(node?.value == ["key": .string(text)])
    }
  }

  @Test func `block scalars are texts, whatever they spell`() {
    let (node, diagnostics) = YAMLReader.read("a: |\n  12\nb: >-\n  true\n", file: "a.yaml")
    #expect(diagnostics.isEmpty)
    #expect(node?.value == ["a": "12\n", "b": "true"])
  }

  @Test func `a tag makes a plain scalar a text`() {
    let (node, _) = YAMLReader.read("a: !!str 12\nb: 12\n", file: "a.yaml")
    #expect(node?.value == ["a": "12", "b": 12])
  }
}
