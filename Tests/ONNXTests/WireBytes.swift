/// Protobuf written byte by byte, so that the tests don't lean on what they test.
enum Wire {
  static func varint(_ number: UInt64) -> [UInt8] {
    var bytes: [UInt8] = []
    var rest = number
    while rest >= 0x80 {
      bytes.append(UInt8(rest & 0x7F) | 0x80)
      rest >>= 7
    }
    return bytes + [UInt8(rest)]
  }

  static func int(_ field: UInt64, _ number: Int) -> [UInt8] {
    varint(field << 3) + varint(UInt64(bitPattern: Int64(number)))
  }

  static func ints(_ field: UInt64, _ numbers: [Int]) -> [UInt8] {
    numbers.flatMap { int(field, $0) }
  }

  static func packed(_ field: UInt64, _ numbers: [Int]) -> [UInt8] {
    bytes(field, numbers.flatMap { varint(UInt64(bitPattern: Int64($0))) })
  }

  static func float(_ field: UInt64, _ number: Float) -> [UInt8] {
    varint(field << 3 | 5) + little(number.bitPattern)
  }

  static func bytes(_ field: UInt64, _ bytes: [UInt8]) -> [UInt8] {
    varint(field << 3 | 2) + varint(UInt64(bytes.count)) + bytes
  }

  static func text(_ field: UInt64, _ text: String) -> [UInt8] { bytes(field, Array(text.utf8)) }

  static func little<Integer: FixedWidthInteger>(_ number: Integer) -> [UInt8] {
    withUnsafeBytes(of: number.littleEndian) { Array($0) }
  }

  // MARK: - Messages of ONNX

  static func tensor(
    _ name: String, type: Int = 1, dims: [Int], _ content: [UInt8]
  ) -> [UInt8] {
    ints(1, dims) + int(2, type) + text(8, name) + content
  }

  static func floats(_ name: String, _ numbers: [Float]) -> [UInt8] {
    tensor(name, dims: [numbers.count], bytes(9, numbers.flatMap { little($0.bitPattern) }))
  }

  /// A value of a type of elements with extents; nil leaves one open.
  static func value(_ name: String, type: Int = 1, dims: [Int?] = [2]) -> [UInt8] {
    let shape = dims.flatMap { bytes(1, $0.map { int(1, $0) } ?? []) }
    return text(1, name) + bytes(2, bytes(1, int(1, type) + bytes(2, shape)))
  }

  static func attribute(_ name: String, type: Int?, _ content: [UInt8]) -> [UInt8] {
    text(1, name) + content + (type.map { int(20, $0) } ?? [])
  }

  static func node(
    _ operator: String, _ inputs: [String], _ outputs: [String], name: String = "",
    attributes: [[UInt8]] = [], domain: String = ""
  ) -> [UInt8] {
    inputs.flatMap { text(1, $0) } + outputs.flatMap { text(2, $0) } + text(3, name)
      + text(4, `operator`) + attributes.flatMap { bytes(5, $0) } + text(7, domain)
  }

  static func graph(
    nodes: [[UInt8]] = [], initializers: [[UInt8]] = [], inputs: [[UInt8]] = [value("x")],
    outputs: [[UInt8]] = [value("y")], more: [UInt8] = []
  ) -> [UInt8] {
    nodes.flatMap { bytes(1, $0) } + text(2, "g") + initializers.flatMap { bytes(5, $0) }
      + inputs.flatMap { bytes(11, $0) } + outputs.flatMap { bytes(12, $0) } + more
  }

  static func model(_ graph: [UInt8], ir: Int = 7, opset: Int = 13) -> [UInt8] {
    int(1, ir) + bytes(7, graph) + bytes(8, int(2, opset))
  }
}
