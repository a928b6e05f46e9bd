import Formats
import Testing

struct SafetensorsTests {
  private func read(_ header: String, _ data: [UInt8]) throws -> Safetensors {
    try Safetensors(FileContent(FixtureBytes.safetensors(header, data), name: "t.safetensors"))
  }

  @Test func `a file is read`() throws {
    let file = try read(
      #"{"__metadata__":{"k":"v"},"b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]},"#
        + #""a":{"dtype":"U8","shape":[2,1],"data_offsets":[0,2]}}   "#,
      [1, 2, 0, 0, 0x80, 0x3F])
    #expect(file.tensors.map(\.name) == ["a", "b"])
    #expect(file["a"]?.shape == [2, 1] && file["a"]?.bytes == [1, 2])
    #expect(file["b"]?.floats() == [1])
    #expect(file.metadata == ["k": "v"])
  }

  @Test(arguments: ElementType.allCases)
  func `every type survives bit by bit`(type: ElementType) throws {
    let bytes = (0..<6 * type.size).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 129) }
    let tensor = NamedTensor(
      name: "w\"é", data: TensorData(type: type, shape: [2, 3], bytes: bytes))
    let empty = NamedTensor(name: "e", data: TensorData(type: type, shape: [0, 3], bytes: []))
    let file = Safetensors([tensor, empty], metadata: ["a": "1"])
    let written = try file.bytes()
    let back = try Safetensors(FileContent(written, name: "back"))
    #expect(back["w\"é"] == tensor.data && back["e"] == empty.data && back.metadata == ["a": "1"])
    #expect(try back.bytes() == written)
    #expect(try Safetensors([empty, tensor], metadata: ["a": "1"]).bytes() == written)
    #expect(written.prefix(8) == FixtureBytes.little(UInt64(written.count - 8 - bytes.count))[...])
    #expect((written.count - bytes.count) % 8 == 0)
  }

  @Test(arguments: [
    (#"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,3]}}"#, "3 bytes"),
    (#"{"a":{"dtype":"U8","shape":[5],"data_offsets":[0,5]}}"#, "data_offsets [0,5]"),
    (#"{"a":{"dtype":"U8","shape":[1],"data_offsets":[3,2]}}"#, "data_offsets [3,2]"),
    (#"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}"#, "belong to no tensor"),
    (#"{"a":{"dtype":"U8","shape":[3],"data_offsets":[1,4]}}"#, "starts at 1"),
    (
      #"{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"#
        + #""b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}"#, "starts at 2"
    ),
    (#"{"a":{"dtype":"F7","shape":[4],"data_offsets":[0,4]}}"#, "dtype F7"),
    (#"{"a":{"dtype":"U8","shape":[-4],"data_offsets":[0,4]}}"#, "shape [-4]"),
    (#"{"a":{"dtype":"U8","data_offsets":[0,4]}}"#, "shape missing"),
    (
      #"{"a":{"dtype":"F64","shape":[4611686018427387904,8],"data_offsets":[0,4]}}"#, "4 bytes"
    ),
    (#"{"a":1,"a":2}"#, "a second member 'a'"),
    (#"[1]"#, "no JSON object"),
    (#"{"__metadata__":{"a":1}}"#, "'a' of the metadata is no text"),
  ])
  func `lying headers are refused`(header: String, message: String) {
    let error = #expect(throws: FormatError.self) { try read(header, [1, 2, 3, 4]) }
    #expect(error?.description.contains(message) == true, "\(String(describing: error))")
  }

  @Test func `a header's length is checked before anything else`() {
    for length in [UInt64(100), 100_000_001, .max] {
      let bytes = FixtureBytes.little(length) + Array("{}".utf8)
      #expect(throws: FormatError.self) { try Safetensors(FileContent(bytes, name: "t")) }
    }
    #expect(throws: FormatError.self) { try Safetensors(FileContent([1, 2], name: "t")) }
  }

  @Test func `two tensors of one name cannot be written`() {
    let tensor = NamedTensor(name: "a", data: TensorData([1.0], shape: [1]))
    #expect(throws: FormatError.self) { try Safetensors([tensor, tensor]).bytes() }
  }
}
