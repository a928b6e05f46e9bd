/// A safetensors file whose numbers are read when they are asked for, so that what is in memory doesn't
/// depend on the file's size.
public struct SafetensorsFile: Sendable {
  public let metadata: [String: String]
  private let entries: [String: Safetensors.Entry]
  private let content: FileContent
  /// Where the header ends.
  private let base: Int

  /// Reads the header.
  ///
  /// - Throws: `FormatError` as `Safetensors` does.
  public init(path: String) throws(FormatError) {
    let content = try FileContent(path: path)
    var base = 0
    let header = try content.withReader { (reader) throws(FormatError) in
      let header = try Safetensors.header(&reader)
      base = reader.offset
      return header
    }
    self.content = content
    self.base = base
    metadata = header.metadata
    entries = Dictionary(header.entries.map { ($0.name, $0) }) { first, _ in first }
  }

  /// A tensor's extents, or nil where there is none of that name.
  public func shape(_ name: String) -> [Int]? { entries[name]?.shape }

  /// A whole tensor.
  public func tensor(_ name: String) -> TensorData? {
    entries[name].map { entry in
      TensorData(type: entry.type, shape: entry.shape, bytes: bytes(entry.range))
    }
  }

  /// Some of a tensor's rows, the parts along its first dimension, in the order given.
  ///
  /// - `rows`: Each within the tensor.
  public func rows(_ rows: [Int], of name: String) -> TensorData? {
    guard let entry = entries[name], let count = entry.shape.first else { return nil }
    precondition(rows.allSatisfy { (0..<count).contains($0) }, "rows \(rows) of \(entry.shape)")
    let length = count > 0 ? entry.range.count / count : 0
    var bytes: [UInt8] = []
    bytes.reserveCapacity(rows.count * length)
    for row in rows {
      let start = entry.range.lowerBound + row * length
      bytes += self.bytes(start..<start + length)
    }
    return TensorData(
      type: entry.type, shape: [rows.count] + entry.shape.dropFirst(), bytes: bytes)
  }

  private func bytes(_ range: Range<Int>) -> [UInt8] {
    content.withBytes { [UInt8]($0[base + range.lowerBound..<base + range.upperBound]) }
  }
}
