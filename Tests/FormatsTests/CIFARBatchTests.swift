import Formats
import Testing

struct CIFARBatchTests {
  /// `{'labels': [3, 9], 'data': <uint8 array of shape (2, 3072)>}` as Python 2 pickles it.
  private func batch(pixels: [UInt8]) -> [UInt8] {
    func text(_ text: String) -> [UInt8] { [0x55, UInt8(text.utf8.count)] + Array(text.utf8) }
    var code: [UInt8] = [0x80, 2, 0x7D, 0x28] + text("labels") + [0x5D, 0x28]
    code += [0x4B, 3, 0x4B, 9, 0x65] + text("data")
    code += Array("cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK".utf8)
    code += [0, 0x85, 0x55, 1, 0x62, 0x87, 0x52, 0x28, 0x4B, 1, 0x4B, 2, 0x4D, 0x00, 0x0C, 0x86]
    code += Array("cnumpy\ndtype\n".utf8) + text("u1") + [0x4B, 0, 0x4B, 1, 0x87, 0x52, 0x28]
    code += [0x4B, 3] + text("|") + [0x4E, 0x4E, 0x4E, 0x4A, 255, 255, 255, 255]
    code += [0x4A, 255, 255, 255, 255, 0x4B, 0, 0x74, 0x62, 0x89, 0x54]
    return code + FixtureBytes.little(UInt32(6144)) + pixels + [0x74, 0x62, 0x75, 0x2E]
  }

  @Test func `a whole batch and one that is cut off give the same labels`() throws {
    let pixels = (0..<6144).map { UInt8(truncatingIfNeeded: $0 / 7) }
    let file = batch(pixels: pixels)
    let whole = try CIFARBatch(FileContent(file, name: "whole"))
    #expect(whole.labels == [3, 9])
    #expect(whole.images == TensorData(type: .uint8, shape: [2, 3072], bytes: pixels))
    let cut = try CIFARBatch(FileContent(file.dropLast(1000), name: "cut"))
    #expect(cut.labels == [3, 9])
    #expect(
      cut.images == TensorData(type: .uint8, shape: [1, 3072], bytes: Array(pixels.prefix(3072))))
    #expect(throws: FormatError.self) {
      try Pickle.read(FileContent(file.dropLast(1000), name: "c"))
    }
  }

  @Test func `anything else is refused`() {
    let file = batch(pixels: [UInt8](repeating: 0, count: 6144))
    var wrongLabel = file
    wrongLabel[16] = 10
    for bytes in [wrongLabel, Array(file.prefix(40)), [0x80, 2, 0x7D, 0x2E], []] {
      #expect(throws: FormatError.self) { try CIFARBatch(FileContent(bytes, name: "t")) }
    }
  }

  @Test(.enabled(if: Mirror.isPresent, "\(Mirror.isMissing)"))
  func `the mirrored test batch has all labels and 1017 images`() throws {
    let path = Mirror.path(.cifarBatches, "data/cifar-10-batches-py/test_batch")
    let batch = try CIFARBatch(path: path)
    #expect(batch.labels.count == 10000)
    #expect((0..<10).allSatisfy { label in batch.labels.count { $0 == label } == 1000 })
    #expect(batch.images.shape == [1017, 3072])
    let content = try FileContent(path: path)
    let start = content.withBytes { Array($0[20217..<20217 + 3072]) }
    #expect(Array(batch.images.bytes.prefix(3072)) == start)
  }
}
