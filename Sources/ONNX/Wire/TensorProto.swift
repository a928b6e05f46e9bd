internal import Formats
internal import Foundation

extension ElementType {
  /// The standard's codes for types of elements.
  private static let codes: [(code: Int32, type: ElementType)] = [
    (1, .float32), (2, .uint8), (3, .int8), (4, .uint16), (5, .int16), (6, .int32), (7, .int64),
    (9, .bool), (10, .float16), (11, .float64), (12, .uint32), (13, .uint64), (16, .bfloat16),
  ]

  init?(onnxCode: Int32) {
    guard let type = ElementType.codes.first(where: { $0.code == onnxCode })?.type else {
      return nil
    }
    self = type
  }

  var onnxCode: Int32 { ElementType.codes.first { $0.type == self }?.code ?? 0 }

  /// What error messages call a type that `TensorData` doesn't hold.
  static func onnxName(_ code: Int32) -> String {
    switch code {
    case 0: "no type of elements"
    case 8: "texts as elements"
    case 14, 15: "complex numbers as elements"
    case 17...20: "elements of 8-bit floats (type \(code))"
    default: "elements of type \(code)"
    }
  }
}

extension Onnx_TensorProto {
  init(_ tensor: TensorData, name: String? = nil) {
    self.init()
    dims = tensor.shape.map(Int64.init)
    dataType = tensor.type.onnxCode
    rawData = Data(tensor.bytes)
    if let name { self.name = name }
  }

  /// The numbers, from wherever in the message they are.
  ///
  /// - Parameters:
  ///   - label: What errors call the tensor.
  ///   - file: The file's name.
  ///   - payload: Where `raw_data` is that was cut out of the message.
  /// - Returns: Numbers in memory, or in the file where they were cut out.
  /// - Throws: `FormatError` where they do not fit the shape.
  func tensor(
    _ label: @autoclosure () -> String, file: String,
    payload: (content: FileContent, place: Range<Int>)? = nil
  ) throws(FormatError) -> TensorData {
    let reader = TensorReader(label: label(), file: file)
    return try reader.tensor(self, payload)
  }
}

private struct TensorReader {
  let label: String
  let file: String

  private func failure(
    _ found: String, expected: String = "", _ code: FormatError.Code = .malformed
  ) -> FormatError {
    FormatError(code, file: file, found: "\(label): \(found)", expected: expected)
  }

  func tensor(
    _ message: Onnx_TensorProto, _ payload: (content: FileContent, place: Range<Int>)?
  ) throws(FormatError) -> TensorData {
    if message.dataLocation != 0 || !message.externalData.isEmpty {
      let place = message.externalData.first { $0.key == "location" }?.value ?? ""
      throw failure(
        "its numbers are in another file, '\(place)'",
        expected: "a model in one file, saved without external data", .unsupported)
    }
    guard let type = ElementType(onnxCode: message.dataType) else {
      throw failure(
        ElementType.onnxName(message.dataType),
        expected: "bool, integers of 8 to 64 bits, float16, bfloat16, float32 or float64",
        .unsupported)
    }
    let shape = message.dims.map { Int($0) }
    guard let byteCount = TensorData.byteCount(type, shape) else {
      throw failure("shape \(shape), which no memory holds", expected: "extents from 0")
    }
    let lists = [
      ("raw_data", payload?.place.count ?? message.rawData.count),
      ("float_data", message.floatData.count),
      ("int32_data", message.int32Data.count), ("int64_data", message.int64Data.count),
      ("double_data", message.doubleData.count), ("uint64_data", message.uint64Data.count),
    ].filter { $0.1 > 0 }
    guard lists.count <= 1 else {
      throw failure(
        "numbers in \(lists.map(\.0).joined(separator: " and "))", expected: "one of them")
    }
    guard let (list, count) = lists.first else {
      try check(0, "bytes", byteCount, shape, type)
      return TensorData(type: type, shape: shape, bytes: [])
    }
    if list == "raw_data" {
      try check(count, "bytes of raw_data", byteCount, shape, type)
      guard let payload else {
        return TensorData(type: type, shape: shape, bytes: [UInt8](message.rawData))
      }
      return TensorData(type: type, shape: shape, in: payload.content, at: payload.place)
    }
    try check(count, "numbers of \(list)", byteCount / type.size, shape, type)
    let bytes: [UInt8]? =
      switch (list, type) {
      case ("float_data", .float32): message.floatData.withUnsafeBytes { Array($0) }
      case ("double_data", .float64): message.doubleData.withUnsafeBytes { Array($0) }
      case ("int64_data", .int64): message.int64Data.withUnsafeBytes { Array($0) }
      case ("uint64_data", .uint64): message.uint64Data.withUnsafeBytes { Array($0) }
      case ("uint64_data", .uint32): try narrowed(message.uint64Data, UInt32.self, list)
      case ("int32_data", .int32): message.int32Data.withUnsafeBytes { Array($0) }
      case ("int32_data", .int16): try narrowed(message.int32Data, Int16.self, list)
      case ("int32_data", .int8): try narrowed(message.int32Data, Int8.self, list)
      case ("int32_data", .uint8), ("int32_data", .bool):
        try narrowed(message.int32Data, UInt8.self, list)
      case ("int32_data", .uint16), ("int32_data", .float16), ("int32_data", .bfloat16):
        try narrowed(message.int32Data, UInt16.self, list)
      default: nil
      }
    guard let bytes else {
      throw failure(
        "\(type) numbers in \(list)", expected: "raw_data, or the list that the standard names")
    }
    return TensorData(type: type, shape: shape, bytes: bytes)
  }

  private func check(
    _ count: Int, _ what: String, _ wanted: Int, _ shape: [Int], _ type: ElementType
  ) throws(FormatError) {
    guard count != wanted else { return }
    throw failure("\(count) \(what)", expected: "\(wanted) for shape \(shape) of \(type)")
  }

  private func narrowed<Wide: FixedWidthInteger, Narrow: FixedWidthInteger>(
    _ numbers: [Wide], _ type: Narrow.Type, _ list: String
  ) throws(FormatError) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(numbers.count * MemoryLayout<Narrow>.size)
    for number in numbers {
      guard let narrow = Narrow(exactly: number) else {
        throw failure("\(number) in \(list)", expected: "\(Narrow.min) to \(Narrow.max)")
      }
      withUnsafeBytes(of: narrow.littleEndian) { bytes.append(contentsOf: $0) }
    }
    return bytes
  }
}
