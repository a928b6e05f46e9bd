import ArtifactComparison
import Formats
import Foundation
import StructuredValue
import Testing

/// Whatever is damaged, a comparison must end, say that there is a difference, and name the first.
struct DamagedArtifactTests {
  static let artifacts: [(kind: String, bytes: [UInt8])] = [
    ("metrics", Array(#"{"a": 1.5, "b": {"value": 2, "direction": "lower"}, "c": null}"#.utf8)),
    ("table/csv", Array("k,v,s\na,1,x\nb,2.5,\"y, z\"\nc,,w\n".utf8)),
    (
      "figure/vega-lite",
      Array(#"{"data": {"values": [{"x": 1, "y": 2}, {"x": 3}]}, "mark": "bar"}"#.utf8)
    ),
    ("json", Array(#"{"a": [1, {"b": "c"}], "d.e": -0.5}"#.utf8)),
    ("text", Array("one\ntwo\r\nthree\n\nfour".utf8)),
    ("tensor", (try? NPY.bytes(TensorData([1.0, .nan, 3, 4], shape: [2, 2]))) ?? []),
    (
      "model",
      (try? Safetensors([
        NamedTensor(name: "w", data: TensorData([1, 2, 3, 4], shape: [2, 2])),
        NamedTensor(name: "b", data: TensorData([0.5], shape: [1])),
      ]).bytes()) ?? []
    ),
    ("file", [1, 2, 3, 4, 5]),
  ]

  @Test(arguments: DamagedArtifactTests.artifacts.indices)
  func `a damaged artifact differs at a named place`(index: Int) throws {
    let (kind, original) = DamagedArtifactTests.artifacts[index]
    #expect(!original.isEmpty)
    let scratch = try Scratch()
    let old = ArtifactContent.file(path: try scratch.file("old", original))
    var state = UInt64(index)
    func random(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % max(bound, 1)
    }
    for _ in 0..<600 {
      var bytes = original
      for _ in 0...random(3) where !bytes.isEmpty {
        let position = random(bytes.count)
        switch random(4) {
        case 0: bytes[position] = UInt8(random(256))
        case 1: bytes.remove(at: position)
        case 2: bytes.insert(bytes[random(bytes.count)], at: position)
        default: bytes[position] ^= 1 << UInt8(random(8))
        }
      }
      let new = ArtifactContent.file(path: try scratch.file("new", bytes))
      let comparison = compare(kind: kind, old: old, new: new)
      #expect(comparison.isEqual == (bytes == original))
      #expect((comparison.first == nil) == comparison.isEqual)
      #expect(!comparison.lines.isEmpty)
      #expect(comparison.value["equal"]?.bool == comparison.isEqual)
      let back = compare(kind: kind, old: new, new: old)
      #expect(back.isEqual == comparison.isEqual)
    }
  }
}
