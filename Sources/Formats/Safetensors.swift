import StructuredValue

/// Named tensors with free text beside them, as a safetensors file holds them.
///
/// The format: a header's length (8 bytes, little-endian), the header (JSON), the numbers.
public struct Safetensors: Hashable, Sendable {
  public var tensors: [NamedTensor]
  public var metadata: [String: String]

  public init(_ tensors: [NamedTensor], metadata: [String: String] = [:]) {
    self.tensors = tensors
    self.metadata = metadata
  }

  public subscript(name: String) -> TensorData? { tensors.first { $0.name == name }?.data }

  private static let headerLimit = 100_000_000

  // MARK: - Reading

  /// Reads a file; tensors come in the order of their numbers.
  ///
  /// - Throws: `FormatError` for offsets that overlap, leave gaps, or don't fit a shape.
  public init(path: String) throws(FormatError) { try self.init(FileContent(path: path)) }

  /// Reads a file's content; tensors come in the order of their numbers.
  ///
  /// - Throws: `FormatError` for offsets that overlap, leave gaps, or don't fit a shape.
  public init(_ content: FileContent) throws(FormatError) {
    self = try content.withReader { (reader) throws(FormatError) in
      let header = try Safetensors.header(&reader)
      var tensors: [NamedTensor] = []
      for entry in header.entries {
        let bytes = [UInt8](try reader.take(entry.range.count, "tensor '\(entry.name)'"))
        tensors.append(
          NamedTensor(
            name: entry.name,
            data: TensorData(type: entry.type, shape: entry.shape, bytes: bytes)))
      }
      return Safetensors(tensors, metadata: header.metadata)
    }
  }

  /// Where a tensor lies in a file.
  struct Entry: Hashable, Sendable {
    var name: String
    var type: ElementType
    var shape: [Int]
    /// Its bytes, from the end of the header on.
    var range: Range<Int>
  }

  /// Reads the header; the entries come in the order of their numbers, without gap, to the end.
  static func header(
    _ reader: inout ByteReader
  ) throws(FormatError) -> (metadata: [String: String], entries: [Entry]) {
    let length = try reader.length("the header's length")
    guard length <= Safetensors.headerLimit else {
      throw reader.error(
        .limit, at: 0, found: "a header of \(length) bytes",
        expected: "at most \(Safetensors.headerLimit)")
    }
    let text = try reader.take(length, "the header")
    guard text.first == UInt8(ascii: "{") else {
      throw reader.error(at: 8, found: "a header that is no JSON object")
    }
    let file = "\(reader.file) (header)"
    guard case .map(let members) = try JSONText.read(text, file: file) else {
      throw reader.error(at: 8, found: "a header that is no JSON object")
    }
    let base = reader.offset
    var metadata: [String: String] = [:]
    var entries: [Entry] = []
    for (name, member) in members {
      if name == "__metadata__" {
        metadata = try self.metadata(member, reader)
        continue
      }
      func failure(_ found: String, _ expected: String) -> FormatError {
        reader.error(at: 8, found: "tensor '\(name)': \(found)", expected: expected)
      }
      guard let code = member["dtype"]?.string, let type = type(code) else {
        throw failure(
          "dtype \(member["dtype"]?.text ?? "missing")",
          "BOOL, I8-I64, U8-U64, F16, BF16, F32 or F64")
      }
      guard let shape = integers(member["shape"]), shape.allSatisfy({ $0 >= 0 }) else {
        throw failure("shape \(member["shape"]?.text ?? "missing")", "a list of integers from 0")
      }
      guard let offsets = integers(member["data_offsets"]), offsets.count == 2, offsets[0] >= 0,
        offsets[0] <= offsets[1], offsets[1] <= reader.count - base
      else {
        throw failure(
          "data_offsets \(member["data_offsets"]?.text ?? "missing")",
          "[start, end] within the file's \(reader.count - base) bytes")
      }
      guard TensorData.byteCount(type, shape) == offsets[1] - offsets[0] else {
        throw failure(
          "\(offsets[1] - offsets[0]) bytes", "those of shape \(shape) of \(type)")
      }
      entries.append(Entry(name: name, type: type, shape: shape, range: offsets[0]..<offsets[1]))
    }
    entries.sort {
      ($0.range.lowerBound, $0.range.upperBound, $0.name)
        < ($1.range.lowerBound, $1.range.upperBound, $1.name)
    }
    var end = 0
    for entry in entries {
      guard entry.range.lowerBound == end else {
        throw reader.error(
          at: base + end, found: "tensor '\(entry.name)' starts at \(entry.range.lowerBound)",
          expected: "\(end), without overlap or gap")
      }
      end = entry.range.upperBound
    }
    guard base + end == reader.count else {
      throw reader.error(
        at: base + end, found: "\(reader.count - base - end) bytes that belong to no tensor")
    }
    return (metadata, entries)
  }

  private static func metadata(
    _ member: Value, _ reader: ByteReader
  ) throws(FormatError) -> [String: String] {
    var texts: [String: String] = [:]
    for (key, value) in member.map ?? ["__metadata__": .null] {
      guard let text = value.string else {
        throw reader.error(at: 8, found: "'\(key)' of the metadata is no text")
      }
      texts[key] = text
    }
    return texts
  }

  private static func integers(_ value: Value?) -> [Int]? {
    guard let list = value?.list else { return nil }
    var numbers: [Int] = []
    for case .int(let number) in list { numbers.append(number) }
    return numbers.count == list.count ? numbers : nil
  }

  // MARK: - Writing

  /// The file's bytes; equal tensors and metadata give equal bytes, whatever their order.
  ///
  /// As in the reference implementation wider types come first, then names in order, and the
  /// numbers start at a multiple of 8 bytes.
  ///
  /// - Throws: `FormatError` where two tensors have one name, or one is called `__metadata__`.
  public func bytes() throws(FormatError) -> [UInt8] {
    let sorted = tensors.sorted {
      let ranks = (Safetensors.rank($0.data.type), Safetensors.rank($1.data.type))
      if ranks.0 != ranks.1 { return ranks.0 > ranks.1 }
      return $0.name.utf8.lexicographicallyPrecedes($1.name.utf8)
    }
    var header = "{"
    if !metadata.isEmpty {
      header += "\"__metadata__\":" + Value.map(metadata.mapValues { .string($0) }).json()
    }
    var offset = 0
    var names: Set<String> = ["__metadata__"]
    for tensor in sorted {
      guard names.insert(tensor.name).inserted else {
        throw FormatError(
          file: "safetensors", found: "a second tensor '\(tensor.name)'",
          expected: "different names")
      }
      let end = offset + tensor.data.bytes.count
      if header.utf8.count > 1 { header += "," }
      Value.quote(tensor.name, to: &header)
      let shape = tensor.data.shape.map(String.init).joined(separator: ",")
      header += ":{\"dtype\":\"\(Safetensors.code(tensor.data.type))\",\"shape\":[\(shape)],"
      header += "\"data_offsets\":[\(offset),\(end)]}"
      offset = end
    }
    header += "}"
    header += String(repeating: " ", count: (8 - header.utf8.count % 8) % 8)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(8 + header.utf8.count + offset)
    withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { bytes.append(contentsOf: $0) }
    bytes.append(contentsOf: header.utf8)
    for tensor in sorted { bytes.append(contentsOf: tensor.data.bytes) }
    return bytes
  }

  /// Writes the file.
  ///
  /// - Throws: `FormatError` for a name used twice, or when the file can't be written.
  public func write(to path: String) throws(FormatError) {
    try Formats.write(bytes(), to: path)
  }

  // MARK: - Types

  /// The reference implementation's order of types.
  private static let types: [(code: String, type: ElementType)] = [
    ("BOOL", .bool), ("U8", .uint8), ("I8", .int8), ("I16", .int16), ("U16", .uint16),
    ("F16", .float16), ("BF16", .bfloat16), ("I32", .int32), ("U32", .uint32), ("F32", .float32),
    ("F64", .float64), ("I64", .int64), ("U64", .uint64),
  ]

  private static func type(_ code: String) -> ElementType? {
    types.first { $0.code == code }?.type
  }

  private static func rank(_ type: ElementType) -> Int {
    types.firstIndex { $0.type == type } ?? 0
  }

  private static func code(_ type: ElementType) -> String { types[rank(type)].code }
}
