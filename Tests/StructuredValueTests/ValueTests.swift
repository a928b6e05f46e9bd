import StructuredValue
import Testing

struct ValueTests {
  @Test func `JSON has sorted keys, escapes and whole doubles`() throws {
    let value: Value = ["b": [1, 2.0, 1e-7, nil], "a": "<\"\\\n\u{1}é", "c": .double(.infinity)]
    let text = value.json()
    #expect(
      text == #"{"a":"\u003c\"\\\n\u0001é","b":[1,2.0,1e-07,null],"c":"Infinity"}"#)
    #expect(try Value(json: text)["a"] == value["a"])
    #expect(try Value(json: text)["c"]?.double == .infinity)
    #expect(try Value(json: value.json(indented: true))["b"]?.list?.count == 4)
  }

  @Test func `broken JSON is an error`() {
    for text in ["", "{", "nul", "{\"a\" 1}"] {
      #expect(throws: (any Error).self) { try Value(json: text) }
    }
  }

  @Test func `paths reach into maps`() {
    let value: Value = ["train": ["lr": 0.1]]
    #expect(value.value(at: "train.lr") == 0.1)
    #expect(value.value(at: "train.missing") == nil)
    #expect(value.value(at: "") == nil)
  }
}
