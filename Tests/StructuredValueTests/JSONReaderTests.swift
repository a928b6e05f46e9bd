import Foundation
import StructuredValue
import Testing

/// Foundation's coders are the reference: they wrote and read what git and the store keep.
struct JSONReaderTests {
  private func foundation(_ json: [UInt8]) -> Value? {
    try? JSONDecoder().decode(Value.self, from: Data(json))
  }

  @Test(arguments: [
    "1", "-1", "0", "-0", "1.0", "1.5", "1e2", "1E+2", "0.1e1", "-0.0", "1e-7", "5e-324",
    "9223372036854775807", "-9223372036854775808", "9223372036854775808", "18446744073709551616",
    "123456789012345678901234567890", "1e22", "01", "-", "1.", ".5", "+1", "1e", "1e+", "1e999",
    "-01", "0x1", "NaN", "Infinity", "true", "false", "null", "tru", "nullx", "True", "", " ",
    " 1 ", "\t\r\n1", "1 2", "\u{FEFF}1", "\"\"", "\"a\"", "\"é💥\"", "\"a\\nb\"", "\"\\u00e9\"",
    "\"\\uD83D\\uDCA5\"", "\"\\ud800\"", "\"\\ud800x\"", "\"\\ud800\\u0041\"", "\"\\udc00\"",
    "\"\\u0000\"", "\"\\u12\"", "\"\\x\"", "\"a\tb\"", "\"a", "\"\\\"", "\"\\/\\b\\f\\r\\t\\\"\"",
    "[]", "[ ]", "[1]", "[1,2]", "[1,]", "[,1]", "[1 2]", "[1", "]", "[[],[[]]]", "{}", "{ }",
    "{\"a\":1}", "{\"a\" : 1 , \"b\" : [ ] }", "{\"a\":1,}", "{,}", "{\"a\"}", "{\"a\":}",
    "{a:1}", "{\"a\":1 \"b\":2}", "{\"a\":1,\"a\":2}", "{\"a\":{},\"a\":{\"x\":1}}", "{\"a\":1]",
    "{1:2}", "{\"\":0}", "[{\"a\":[{\"b\":null}]}]",
  ])
  func `reads what Foundation reads, and refuses what it refuses`(text: String) {
    #expect((try? Value(json: text)) == foundation(Array(text.utf8)))
  }

  @Test func `text that is not UTF-8 is refused`() {
    for bytes: [UInt8] in [
      [0x22, 0xFF, 0x22], [0x22, 0xC3, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22],
      [0x22, 0x5C, 0x6E, 0xC0, 0x80, 0x22],
    ] {
      #expect(throws: JSONError.self) { try Value(json: bytes) }
    }
  }

  @Test func `brackets are limited as Foundation limits them`() {
    for depth in [500, 512, 513, 100_000] {
      let text = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
      #expect(((try? Value(json: text)) != nil) == (depth <= 512))
    }
    #expect(throws: JSONError.self) {
      try Value(json: String(repeating: "{\"a\":", count: 100_000))
    }
  }

  @Test func `an error says where and what`() {
    let error = #expect(throws: JSONError.self) { try Value(json: "[1, x]") }
    #expect(error?.description == "byte 4 of the JSON: found 'x' instead of a value")
    #expect(error?.offset == 4)
    let end = #expect(throws: JSONError.self) { try Value(json: "[1") }
    #expect(
      end?.description
        == "byte 2 of the JSON: found the end instead of ',' or the end of the bracket")
  }

  @Test(arguments: 0..<200) func `writes what Foundation writes`(seed: UInt64) throws {
    var draw = ValueDraw(seed: seed)
    let value = draw.value(depth: 4)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let reference = Array(try encoder.encode(value))
    #expect(value.jsonBytes == reference)
    #expect(try Value(json: reference) == foundation(reference))
    // The other form escapes more and keeps fractions, and means the same.
    #expect(try Value(json: value.json()) == foundation(reference))
    #expect(try Value(json: value.json(indented: true)) == foundation(reference))
  }

  @Test(arguments: 0..<200) func `a value is stepped over whole, and taken as text as it stands`(
    seed: UInt64
  ) throws {
    var draw = ValueDraw(seed: seed)
    let value = draw.value(depth: 4).jsonBytes
    let json = Array("{\"a\": ".utf8) + value + Array(" , \"b\":7}".utf8)
    let (text, number) = try JSONReader.read(json, as: Second.self).members
    #expect(text == value)
    #expect(number == 7)
    for end in 0..<json.count {
      #expect(throws: JSONError.self) { try JSONReader.read(Array(json[..<end]), as: Second.self) }
    }
  }

  @Test(arguments: ["[}", "{]", "[\"]", "[[]", "[\"\\\"]", "\"a", "tru", "[\"\\"])
  func `what has no end is not stepped over`(text: String) {
    #expect(throws: JSONError.self) {
      try JSONReader.read(Array("{\"a\":\(text),\"b\":7}".utf8), as: Second.self)
    }
  }

  @Test(arguments: 0..<300) func `no change of a byte makes it trap`(seed: UInt64) {
    var draw = ValueDraw(seed: seed)
    var json = draw.value(depth: 4).jsonBytes
    for _ in 0..<20 {
      let position = Int.random(in: 0..<json.count, using: &draw)
      switch Int.random(in: 0..<3, using: &draw) {
      case 0:
        json[position] =
          "\"\\{}[],:0123e-.nt \u{1}u"
          .utf8.randomElement(using: &draw) ?? 0
      case 1: json.remove(at: position)
      default: json.insert(UInt8.random(in: 0...255, using: &draw), at: position)
      }
      if json.isEmpty { return }
      #expect(
        (try? Value(json: json)) == foundation(json), "\(String(decoding: json, as: UTF8.self))")
    }
  }
}

/// Draws values, among them everything that is awkward to write as JSON (SplitMix64).
struct ValueDraw: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = (state ^ state >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return mixed ^ mixed >> 31
  }

  mutating func text() -> String {
    let characters = Array(
      "abcXYZ019._-/ \"\\\n\r\t\u{0}\u{1}\u{8}\u{C}\u{1F}\u{7F}<>&é\u{2028}\u{301}💥")
    return String(
      (0..<Int.random(in: 0..<24, using: &self)).map { _ in
        characters.randomElement(using: &self) ?? "a"
      })
  }

  mutating func value(depth: Int) -> Value {
    switch Int.random(in: 0..<(depth > 0 ? 9 : 6), using: &self) {
    case 0: return .null
    case 1: return .bool(Bool.random(using: &self))
    case 2: return .int(Int(truncatingIfNeeded: next()) >> Int.random(in: 0..<64, using: &self))
    case 3: return .double(Double(Int.random(in: -9...9, using: &self)))
    case 4:
      let number = Double(bitPattern: next())
      return .double(number.isNaN ? 0.1 : number)
    case 5: return .string(text())
    case 6:
      return .list((0..<Int.random(in: 0..<5, using: &self)).map { _ in value(depth: depth - 1) })
    default:
      let members = (0..<Int.random(in: 0..<6, using: &self)).map { _ in
        (text(), value(depth: depth - 1))
      }
      return .map(Dictionary(members) { first, _ in first })
    }
  }
}

/// An object's member `a` as it stands, and its member `b`.
private struct Second: JSONReadable {
  var members: ([UInt8], Int)

  init(json reader: inout JSONReader) throws(JSONError) {
    var skipped = reader
    try skipped.beginObject()
    _ = try skipped.nextKey()
    try skipped.skip()
    try reader.beginObject()
    _ = try reader.nextKey()
    let text = try reader.text()
    guard try reader.nextKey() == "b", try skipped.nextKey() == "b" else {
      throw reader.expected("b")
    }
    members = (text, try reader.int())
    guard try skipped.int() == members.1, try reader.nextKey() == nil else {
      throw reader.expected("the end")
    }
  }
}
