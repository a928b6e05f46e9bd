import CZlib

/// Makes bytes smaller for a page, whose browser can unpack them.
enum Packing {
  /// Deflated in zlib's wrapper (RFC 1950), which browsers call `deflate`; nil where that fails.
  static func deflated(_ bytes: [UInt8]) -> [UInt8]? {
    var size = compressBound(UInt(bytes.count))
    let packed = [UInt8](unsafeUninitializedCapacity: Int(size)) { buffer, count in
      let status = compress2(buffer.baseAddress, &size, bytes, UInt(bytes.count), 9)
      count = status == Z_OK ? Int(size) : 0
    }
    return packed.isEmpty ? nil : packed
  }
}
