import ArtifactComparison
import Formats
import Foundation
import StructuredValue
import Testing

/// Compares two texts as files of one kind.
func compareTexts(
  _ kind: String, _ old: String, _ new: String, _ options: ComparisonOptions = .init()
) throws -> Comparison {
  let scratch = try Scratch()
  let paths = (try scratch.file("old", old), try scratch.file("new", new))
  return compare(
    kind: kind, old: .file(path: paths.0), new: .file(path: paths.1), options: options)
}

struct CompareTests {
  @Test(arguments: ["metrics", "table/csv", "json", "text", "tensor", "model", "file", "odd"])
  func `equal bytes are equal as any kind`(kind: String) throws {
    let comparison = try compareTexts(kind, "\u{1}same", "\u{1}same")
    #expect(comparison.isEqual && comparison.first == nil)
    #expect(comparison.lines == ["no difference"])
  }

  @Test(arguments: [
    ("metrics", "row 1, column 2: 'b'; expected a name in quotes"),
    ("json", "row 1, column 2: 'b'; expected a name in quotes"),
    ("figure/vega-lite", "row 1, column 2: 'b'; expected a name in quotes"),
    ("table/csv", "row 1, column 1: bytes that are not UTF-8"),
    ("text", "text that is not UTF-8"),
    ("tensor", "byte 0: a header of"),
  ])
  func `what cannot be parsed is compared as bytes with the reason`(
    kind: String, reason: String
  ) throws {
    let scratch = try Scratch()
    let old = try scratch.file("old", Array("{bad\u{1}\u{1}\u{1}\u{1}\u{1}".utf8) + [0xFF])
    let new = try scratch.file("new", Array("{bad\u{1}\u{1}\u{1}\u{1}\u{1}".utf8) + [0xFE])
    let comparison = compare(kind: kind, old: .file(path: old), new: .file(path: new))
    #expect(comparison.fallbackReason?.contains(reason) == true, "\(comparison)")
    #expect(comparison.first?.description == "byte 9: 0xff → 0xfe")
    #expect(comparison.value["fallback"]?.string == comparison.fallbackReason)
  }

  @Test func `content that is equal as its kind but not as bytes is said to be so`() throws {
    let comparison = try compareTexts("json", "{\"a\": 1}", "{\"a\":1}")
    #expect(!comparison.isEqual)
    #expect(comparison.fallbackReason == "the content is equal as json, only its bytes differ")
    #expect(comparison.first?.place == "byte 5")
  }

  @Test func `added, removed, mixed and unreadable artifacts are named`() throws {
    let scratch = try Scratch()
    let file = try scratch.file("f/a.txt", "four")
    let folder = ArtifactContent.folder(path: scratch.path + "/f")
    #expect(compare(kind: "text", old: nil, new: .file(path: file)).lines == ["added: 4 bytes"])
    #expect(
      compare(kind: "folder", old: folder, new: nil).lines == [
        "removed: folder of 1 files, 4 bytes"
      ])
    #expect(
      compare(kind: "x", old: .file(path: file), new: folder).lines == [
        "size: 4 bytes → folder of 1 files, 4 bytes",
        "first difference: artifact: 4 bytes → folder of 1 files, 4 bytes",
      ])
    let missing = compare(
      kind: "text", old: .file(path: file), new: .file(path: scratch.path + "/none"))
    #expect(!missing.isEqual)
    #expect(missing.fallbackReason?.hasSuffix("No such file or directory") == true)
    #expect(compare(kind: "x", old: nil, new: nil).isEqual)
  }

  @Test func `the first differing byte is found in files of several mebibytes`() throws {
    let scratch = try Scratch()
    var bytes = [UInt8](repeating: 7, count: 3_000_000)
    let old = try scratch.file("old", bytes)
    bytes[2_345_678] = 8
    let new = try scratch.file("new", bytes)
    let first = FirstDifference.find(kind: "file", old: .file(path: old), new: .file(path: new))
    #expect(first?.description == "byte 2345678: 0x07 → 0x08")
    let longer = try scratch.file("longer", bytes + [1])
    let end = FirstDifference.find(kind: "file", old: .file(path: new), new: .file(path: longer))
    #expect(end?.description == "byte 3000000: the end → 0x01")
  }

  @Test(arguments: [Int.min, -1, 0, 1, Int.max])
  func `any limit is safe`(limit: Int) throws {
    var options = ComparisonOptions(limit: limit)
    options.limit = limit
    for (kind, old, new) in [
      ("table/csv", "k,v\na,1\nb,2\n", "k,v\na,2\nc,2\n"), ("json", "[1]", "[2]"),
      ("text", "a", "b"),
    ] {
      #expect(try compareTexts(kind, old, new, options).first != nil)
    }
  }

  // MARK: - Metrics

  @Test func `metrics are judged by their direction`() throws {
    let comparison = try compareTexts(
      "metrics",
      #"{"accuracy": {"value": 0.5, "direction": "higher", "unit": "%"}, "gone": 1, "same": 2,"#
        + #" "loss": {"value": 4, "direction": "min"}, "plain": 0, "none": null}"#,
      #"{"accuracy": {"value": 0.4, "direction": "higher", "unit": "%"}, "come": 3, "same": 2,"#
        + #" "loss": {"value": 3, "direction": "min"}, "plain": 1, "none": {"value": null}}"#)
    #expect(
      comparison.lines == [
        "accuracy: 0.5 → 0.4, Δ -0.1 (-20 %) %, worse", "come: missing → 3", "gone: 1 → missing",
        "loss: 4 → 3, Δ -1 (-25 %), better", "plain: 0 → 1, Δ +1",
      ])
    #expect(comparison.first?.description == "metric 'accuracy': 0.5 → 0.4")
    let loss = comparison.value["content"]?.list?[3]
    #expect(loss?["relativeDelta"]?.double == -0.25 && loss?["better"]?.bool == true)
  }

  @Test func `a tolerance hides noise`() throws {
    let old = #"{"a": 100, "b": 1}"#
    let new = #"{"a": 100.9, "b": 1.1}"#
    let comparison = try compareTexts("metrics", old, new, .init(tolerance: 0.01))
    #expect(comparison.lines == ["b: 1 → 1.1, Δ +0.1 (+10 %)"])
    #expect(try compareTexts("metrics", old, new, .init(tolerance: 0.2)).isEqual)
  }

  // MARK: - JSON and figures

  @Test func `JSON is compared by path`() throws {
    let comparison = try compareTexts(
      "json", #"{"a": {"b": [1, 2, 3]}, "x.y": true, "old": 1}"#,
      #"{"a": {"b": [1, 4]}, "x.y": false, "new": null}"#)
    #expect(
      comparison.lines == [
        "a.b[1]: 2 → 4, Δ +2 (+100 %)", "a.b[2]: 3 → missing", "new: missing → null",
        "old: 1 → missing", "[\"x.y\"]: true → false",
      ])
    #expect(comparison.first?.description == "a.b[1]: 2 → 4")
    let few = try compareTexts("json", "[1,2,3]", "[4,5,6]", .init(limit: 1))
    #expect(few.lines == ["[0]: 1 → 4, Δ +3 (+300 %)", "and 2 more changes"])
  }

  @Test func `a figure's data and its drawing are told apart`() throws {
    func figure(_ rows: String, _ mark: String) -> String {
      #"{"layer": [{"data": {"values": [\#(rows)]}, "mark": "\#(mark)"}]}"#
    }
    let comparison = try compareTexts(
      "figure/vega-lite", figure(#"{"x": 1, "y": 2}, {"x": 2, "y": 3}"#, "point"),
      figure(#"{"x": 1, "y": 2}, {"x": 2, "y": 5}"#, "line"))
    #expect(
      comparison.lines == [
        "layer[0].data: 2 → 2 rows, 1 removed, 1 added",
        "  [1].y: 3 → 5, Δ +2 (+66.67 %)",
        "drawing: layer[0].mark: \"point\" → \"line\"",
      ])
    #expect(comparison.first?.description == "layer[0].data[1].y: 3 → 5")
    let longer = try compareTexts(
      "figure/vega-lite", figure(#"{"x": 1}"#, "point"), figure(#"{"x": 2}, {"x": 1}"#, "point"))
    #expect(longer.lines == ["layer[0].data: 1 → 2 rows, 0 removed, 1 added"])
  }

  // MARK: - Folders

  @Test func `folders are compared file by file, with renames`() throws {
    let (old, new) = (try Scratch(), try Scratch())
    for scratch in [old, new] { try scratch.file("deep/same.txt", "same") }
    try old.file("a/metrics.json", #"{"m": 1}"#)
    try new.file("a/metrics.json", #"{"m": 2}"#)
    try old.file("moved.bin", [1, 2, 3, 4])
    try new.file("elsewhere.bin", [1, 2, 3, 4])
    try old.file("gone.bin", [9, 9, 9, 9])
    try new.file("come.txt", "hello")
    let comparison = compare(
      kind: "folder", old: .folder(path: old.path), new: .folder(path: new.path))
    #expect(
      comparison.lines == [
        "1 changed, 1 added, 1 removed, 1 renamed, 1 equal", "- gone.bin (4 bytes)",
        "+ come.txt (5 bytes)", "moved.bin → elsewhere.bin", "a/metrics.json (metrics)",
        "  m: 1 → 2, Δ +1 (+100 %)",
      ])
    #expect(comparison.first?.description == "a/metrics.json, metric 'm': 1 → 2")
    #expect(
      compare(kind: "folder", old: .folder(path: old.path), new: .folder(path: old.path)).isEqual)
  }

  @Test func `a comparison is valid JSON for programs`() throws {
    let comparison = try compareTexts("table/csv", "k,v\na,1\n", "k,v\na,nan\nb,2\n")
    let text = comparison.value.json()
    let value = try JSONText.read(FileContent(text.utf8, name: "comparison"))
    #expect(value["kind"]?.string == "table/csv" && value["equal"]?.bool == false)
    #expect(value["content"]?["addedRows"]?.int == 1)
  }
}
