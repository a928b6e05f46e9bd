/// Images and labels of CIFAR-10 as its Python version holds them: a pickled dictionary.
///
/// A file whose end is missing still gives all labels, which come first, and the images that are
/// whole: a mirrored copy in wide use is cut off at 3 MiB.
public struct CIFARBatch: Hashable, Sendable {
  /// Bytes per image: red, green and blue planes of 32 × 32.
  public static let imageSize = 3072

  /// One class from 0 to 9 per image of the whole batch.
  public let labels: [Int]
  /// Of shape (images, 3072); fewer images than labels where the file is cut off.
  public let images: TensorData

  /// Reads a batch.
  ///
  /// - Throws: `FormatError` where the file is no such batch.
  public init(path: String) throws(FormatError) { try self.init(FileContent(path: path)) }

  /// Reads a batch.
  ///
  /// - Throws: `FormatError` where the file is no such batch.
  public init(_ content: FileContent) throws(FormatError) {
    self = try content.withReader { (reader) throws(FormatError) in
      let (graph, cut) = try PickleMachine.runToCut(&reader)
      let value = try PickleTree.value(graph, file: reader.file)
      guard let cut else { return try CIFARBatch(whole: value, reader) }
      guard let stack = value.list,
        let key = stack.firstIndex(of: .string("labels")), key + 1 < stack.count,
        let labels = CIFARBatch.labels(stack[key + 1]),
        cut.length == labels.count * CIFARBatch.imageSize
      else { throw CIFARBatch.failure(reader) }
      let count = cut.range.count / CIFARBatch.imageSize
      let start = cut.range.lowerBound
      let pixels = [UInt8](reader.bytes[start..<start + count * CIFARBatch.imageSize])
      return CIFARBatch(labels: labels, pixels: pixels)
    }
  }

  private init(whole value: PickledValue, _ reader: ByteReader) throws(FormatError) {
    guard let labels = value["labels"].flatMap(CIFARBatch.labels), let data = value["data"]?.array,
      data.type == .uint8, data.shape == [labels.count, CIFARBatch.imageSize]
    else { throw CIFARBatch.failure(reader) }
    self.init(labels: labels, pixels: data.bytes)
  }

  private init(labels: [Int], pixels: [UInt8]) {
    self.labels = labels
    let count = pixels.count / CIFARBatch.imageSize
    images = TensorData(type: .uint8, shape: [count, CIFARBatch.imageSize], bytes: pixels)
  }

  private static func labels(_ value: PickledValue) -> [Int]? {
    guard let list = value.list else { return nil }
    let labels = list.compactMap(\.int)
    return labels.count == list.count && labels.allSatisfy { (0...9).contains($0) } ? labels : nil
  }

  private static func failure(_ reader: ByteReader) -> FormatError {
    FormatError(
      file: reader.file, found: "no CIFAR-10 batch",
      expected: "a pickled dictionary of labels and 3072 bytes per image")
  }
}
