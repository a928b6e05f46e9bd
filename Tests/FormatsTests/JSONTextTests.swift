import Formats
import StructuredValue
import Testing

struct JSONTextTests {
  private func value(_ text: String) throws -> Value {
    try JSONText.read(FileContent(text.utf8, name: "t.json"))
  }

  @Test func `values of all types are read`() throws {
    let text =
      #" {"a": [1, -2.5, 1e3, true, false, null], "b": "\u00e9\n\ud83d\ude00\"/", "": {}} "#
    #expect(
      try value(text) == [
        "a": [1, -2.5, 1000.0, true, false, nil], "b": "é\n😀\"/", "": [:],
      ])
    #expect(try value("12345678901234567890") == 12345678901234567890.0)
  }

  @Test func `what is written reads back`() throws {
    let original: Value = ["x": [0.1, 1, "<\u{2028}\u{1}"], "é": ["k": nil]]
    #expect(try value(original.json()) == original)
    #expect(try value(original.json(indented: true)) == original)
  }

  @Test(arguments: [
    "", "{", "[1,]", "[1 2]", "{\"a\":1,}", "{a:1}", "\"x", "\"\n\"", "01", "1.", ".5", "-", "+1",
    "1e", "nul", "[1]]", "\"\\x\"", "\"\\u12\"", "\"\\ud800\"", "{\"a\":1,\"a\":2}", "NaN", "1e400",
    "\"\\u-001\"", "1.e3", "--1",
  ])
  func `anything else is refused`(text: String) {
    #expect(throws: FormatError.self) { try value(text) }
  }

  @Test func `an error has line and column`() {
    let error = #expect(throws: FormatError.self) { try value("{\n  \"a\": x}") }
    #expect(error?.description == "t.json: row 2, column 8: 'x'; expected a value")
  }

  @Test func `deep nesting is refused`() {
    let error = #expect(throws: FormatError.self) {
      try value(String(repeating: "[", count: 100_000))
    }
    #expect(error?.code == .limit)
  }
}
