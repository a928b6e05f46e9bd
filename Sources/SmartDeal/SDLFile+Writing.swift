import CZlib

extension SDLFile {
  /// The bytes of a file.
  ///
  /// - Throws: ``SmartDealError`` for a name over 65,535 bytes.
  public static func bytes(_ layers: [StoredLayer]) throws(SmartDealError) -> [UInt8] {
    var bytes = magic
    append(UInt32(layers.count), to: &bytes)
    append(UInt64(0), to: &bytes)
    for layer in layers { try append(layer, to: &bytes) }
    // The file's size, in its header, comes under the checksum too.
    withUnsafeBytes(of: UInt64(bytes.count + 4).littleEndian) { size in
      for (index, byte) in size.enumerated() { bytes[8 + index] = byte }
    }
    append(bytes.withUnsafeBytes { checksum($0) }, to: &bytes)
    return bytes
  }

  static func append(
    _ layer: StoredLayer, to bytes: inout [UInt8]
  ) throws(SmartDealError) {
    let name = Array(layer.name.utf8)
    guard let length = UInt16(exactly: name.count) else {
      throw SmartDealError(
        .badTensor, "a tensor's name has \(name.count) bytes; at most 65535 fit the file")
    }
    append(length, to: &bytes)
    bytes += name
    let kinds = TensorKind.allCases
    func header(_ kind: TensorKind) {
      bytes.append(UInt8(kinds.firstIndex(of: kind) ?? 0))
      bytes.append(UInt8(layer.shape.count))
      for extent in layer.shape { append(UInt32(truncatingIfNeeded: extent), to: &bytes) }
    }
    switch layer.content {
    case .raw(_, let weights):
      header(.raw)
      bytes += [UInt8](repeating: 0, count: 21)
      for weight in weights { append(weight.bitPattern, to: &bytes) }
    case .structured(let layout, let codes, let basis, let encoding):
      header(layout.kind)
      let coded = encoding.encode(codes, n: layout.n)
      bytes.append(UInt8(layout.n))
      append(UInt32(layout.rowsPerBlock), to: &bytes)
      append(UInt32(layout.blocks), to: &bytes)
      bytes.append(UInt8(bitPattern: Int8(coded.exponents.lowerBound)))
      bytes.append(UInt8(bitPattern: Int8(coded.exponents.upperBound)))
      bytes.append(encoding.rawValue)
      bytes.append(8)
      append(UInt64(coded.bits), to: &bytes)
      let side = layout.n * layout.n
      for block in 0..<layout.blocks {
        bytes.append(UInt8(bitPattern: basis.exponents[block]))
        for index in block * side..<(block + 1) * side {
          bytes.append(UInt8(bitPattern: basis.values[index]))
        }
      }
      bytes += coded.bytes
    }
  }

  static func append<Number: FixedWidthInteger>(_ number: Number, to bytes: inout [UInt8]) {
    withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
  }

  /// The CRC-32 of IEEE 802.3.
  static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    guard let start = bytes.bindMemory(to: UInt8.self).baseAddress else { return 0 }
    return UInt32(crc32_z(0, start, bytes.count))
  }
}
