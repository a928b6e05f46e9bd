import Formats
import Foundation
import ONNX
import Testing

struct ONNXMappingTests {
  private func content(_ bytes: [UInt8]) -> FileContent { FileContent(bytes, name: "n.onnx") }

  private func tensor(
    _ name: String, dims: [Int], _ numbers: [Float], before: [UInt8] = [], after: [UInt8] = []
  ) -> [UInt8] {
    Wire.tensor(
      name, dims: dims,
      before + Wire.bytes(9, numbers.flatMap { Wire.little($0.bitPattern) }) + after)
  }

  /// Numbers as bytes, with fields around them, as a list, none, and once in two halves.
  private var sample: [UInt8] {
    let initializers = [
      tensor("w", dims: [2, 150], (0..<300).map(Float.init), after: Wire.text(12, "a remark")),
      Wire.tensor("list", dims: [2], Wire.float(4, 1) + Wire.float(4, 2)),
      tensor("b", dims: [2], [-1, 3], before: Wire.text(12, "first")),
      Wire.tensor("none", dims: [0], []),
      Wire.tensor(
        "twice", dims: [1],
        Wire.bytes(9, Wire.little(1 as UInt32)) + Wire.bytes(9, Wire.little(2 as UInt32))),
    ]
    return Wire.model(
      Wire.graph(
        nodes: [Wire.node("Gemm", ["x", "w", "b"], ["y"])], initializers: initializers,
        inputs: [Wire.value("x", dims: [1, 2])], outputs: [Wire.value("y", dims: [1, nil])]))
      + Wire.text(2, "tool")
  }

  @Test func `numbers that stay in the file make the same model`() throws {
    let file = content(sample)
    let model = try ONNXModel(file)
    let mapped = try ONNXModel(mapping: file)
    #expect(mapped == model && mapped.hashValue == model.hashValue)
    #expect(try mapped.bytes() == model.bytes())
    let isInFile = mapped.graph.initializers.map { $0.data.place != nil }
    #expect(isInFile == [true, false, true, false, false])
    #expect(model.graph.initializers.allSatisfy { $0.data.place == nil })
    let data = mapped.graph.initializers[0].data
    data.release()
    #expect(data.floats() == (0..<300).map(Float.init) && data.count == 300)
    #expect(mapped.graph.initializers[2].data.bytes == model.graph.initializers[2].data.bytes)
    #expect(mapped != (try ONNXModel(content(Array(sample.dropLast(6))))))
  }

  @Test func `a patched copy differs in the numbers that were replaced, and nowhere else`() throws {
    let path = NSTemporaryDirectory() + "patch-\(UUID().uuidString).onnx"
    let file = content(sample)
    let model = try ONNXModel(mapping: file)
    let patch = try ONNXPatch(copying: file, to: path)
    #expect(!FileManager.default.fileExists(atPath: path))
    let new = (0..<300).map { -Float($0) }
    try patch.replace(
      model.graph.initializers[0].data, with: TensorData(new, shape: [2, 150]))
    try patch.finish()
    var wanted = model
    wanted.graph.initializers[0].data = TensorData(new, shape: [2, 150])
    #expect(try ONNXModel(path: path) == wanted)
    let written = try Data(contentsOf: URL(fileURLWithPath: path))
    let place = try #require(model.graph.initializers[0].data.place)
    #expect(written.count == sample.count)
    #expect(written[..<place.lowerBound].elementsEqual(sample[..<place.lowerBound]))
    #expect(written[place.upperBound...].elementsEqual(sample[place.upperBound...]))
  }

  @Test func `a patch that does not end leaves no file`() throws {
    let folder = NSTemporaryDirectory() + "patch-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    do { _ = try ONNXPatch(copying: content(sample), to: "\(folder)/n.onnx") }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
    #expect(throws: FormatError.self) {
      try ONNXPatch(copying: content(sample), to: "\(folder)/no/n.onnx")
    }
  }

  @Test func `numbers that do not fit their shape are refused alike`() throws {
    for bad in [
      Wire.tensor("w", dims: [3], Wire.bytes(9, [0, 0, 0, 0])),
      Wire.tensor("w", dims: [1], Wire.bytes(9, [0, 0, 0, 0]) + Wire.float(4, 1)),
      Wire.tensor("w", type: 8, dims: [1], Wire.bytes(9, [0, 0, 0, 0])),
    ] {
      let bytes = Wire.model(
        Wire.graph(
          nodes: [Wire.node("Add", ["x", "w"], ["y"])], initializers: [bad],
          inputs: [Wire.value("x")]))
      let plain = #expect(throws: FormatError.self) { try ONNXModel(content(bytes)) }
      let mapped = #expect(throws: FormatError.self) { try ONNXModel(mapping: content(bytes)) }
      #expect(plain == mapped && plain != nil)
    }
  }

  /// Each cut and each changed byte gives the same model or error as reading all of the file.
  @Test func `damaged files read alike, whether numbers stay in the file or not`() throws {
    let whole = sample
    func result(_ bytes: [UInt8], _ read: (FileContent) throws -> ONNXModel) -> String {
      do {
        return try "\(read(content(bytes)).hashValue)"
      } catch {
        return "\(error)"
      }
    }
    var damaged = (0..<200).map { Array(whole.prefix(whole.count * $0 / 200)) }
    for place in stride(from: 0, to: whole.count, by: 3) {
      for change: UInt8 in [1, 0x80, 0x7F] {
        var bytes = whole
        bytes[place] ^= change
        damaged.append(bytes)
      }
    }
    for bytes in damaged {
      #expect(result(bytes) { try ONNXModel($0) } == result(bytes) { try ONNXModel(mapping: $0) })
    }
  }
}
