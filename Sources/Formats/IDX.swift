/// Reads IDX files, in which MNIST and its relatives are published, plain or gzipped.
public enum IDX {
  /// Reads an array of any of the format's types.
  ///
  /// - Throws: `FormatError` for an unknown magic number or a wrong length.
  public static func read(path: String) throws(FormatError) -> TensorData {
    try read(FileContent(path: path))
  }

  /// Reads an array of any of the format's types.
  ///
  /// - Throws: `FormatError` for an unknown magic number or a wrong length.
  public static func read(_ content: FileContent) throws(FormatError) -> TensorData {
    try content.gunzipped().withReader { (reader) throws(FormatError) in
      let magic = try reader.big(UInt32.self, "the magic number")
      guard magic >> 16 == 0, let type = type(UInt8(magic >> 8)), magic & 0xFF > 0 else {
        throw reader.error(
          at: 0, found: "magic number 0x\(String(magic, radix: 16))",
          expected: "0x801 for labels, 0x803 for images, or another of IDX")
      }
      var shape: [Int] = []
      for _ in 0..<(magic & 0xFF) {
        shape.append(Int(try reader.big(UInt32.self, "the extents")))
      }
      guard let count = TensorData.byteCount(type, shape), count == reader.remaining else {
        throw reader.error(
          found: "\(reader.remaining) bytes of numbers", expected: "those of shape \(shape)")
      }
      let stored = [UInt8](try reader.take(count, "the numbers"))
      return TensorData(
        type: type, shape: shape, stored: stored, isFortran: false, isBigEndian: true)
    }
  }

  private static func type(_ code: UInt8) -> ElementType? {
    switch code {
    case 0x08: .uint8
    case 0x09: .int8
    case 0x0B: .int16
    case 0x0C: .int32
    case 0x0D: .float32
    case 0x0E: .float64
    default: nil
    }
  }
}
