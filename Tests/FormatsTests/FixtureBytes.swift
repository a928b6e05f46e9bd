/// Files written byte by byte, so that tests depend on no other program.
enum FixtureBytes {
  static func little<Integer: FixedWidthInteger>(_ number: Integer) -> [UInt8] {
    withUnsafeBytes(of: number.littleEndian) { Array($0) }
  }

  static func big<Integer: FixedWidthInteger>(_ number: Integer) -> [UInt8] {
    withUnsafeBytes(of: number.bigEndian) { Array($0) }
  }

  /// The checksum of ZIP and PNG, bit by bit.
  static func crc32(_ bytes: [UInt8]) -> UInt32 {
    var checksum: UInt32 = 0xFFFF_FFFF
    for byte in bytes {
      checksum ^= UInt32(byte)
      for _ in 0..<8 { checksum = checksum >> 1 ^ (checksum & 1 == 1 ? 0xEDB8_8320 : 0) }
    }
    return ~checksum
  }

  static func adler32(_ bytes: [UInt8]) -> UInt32 {
    var (low, high): (UInt32, UInt32) = (1, 0)
    for byte in bytes {
      low = (low + UInt32(byte)) % 65521
      high = (high + low) % 65521
    }
    return high << 16 | low
  }

  /// A deflate stream of one stored block.
  static func deflated(_ bytes: [UInt8]) -> [UInt8] {
    [1] + little(UInt16(bytes.count)) + little(~UInt16(bytes.count)) + bytes
  }

  static func zlib(_ bytes: [UInt8]) -> [UInt8] {
    [0x78, 0x01] + deflated(bytes) + big(adler32(bytes))
  }

  static func gzip(_ bytes: [UInt8]) -> [UInt8] {
    [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3] + deflated(bytes) + little(crc32(bytes))
      + little(UInt32(bytes.count))
  }

  struct Member {
    var name: String
    var bytes: [UInt8]
    var isDeflated = false
    var crc32: UInt32?
  }

  /// An archive as PyTorch writes it: flag bit 3 set, no sizes in the local headers.
  static func zip(_ members: [Member]) -> [UInt8] {
    var file: [UInt8] = []
    var directory: [UInt8] = []
    for member in members {
      let packed = member.isDeflated ? deflated(member.bytes) : member.bytes
      let method: [UInt8] = member.isDeflated ? [8, 0] : [0, 0]
      let name = Array(member.name.utf8)
      let checksum = little(member.crc32 ?? crc32(member.bytes))
      directory += [0x50, 0x4B, 1, 2, 0, 0, 0, 0, 8, 8] + method + [0, 0, 0, 0] + checksum
      directory += little(UInt32(packed.count)) + little(UInt32(member.bytes.count))
      directory += little(UInt16(name.count)) + [UInt8](repeating: 0, count: 12)
      directory += little(UInt32(file.count)) + name
      file += [0x50, 0x4B, 3, 4, 0, 0, 8, 8] + method + [UInt8](repeating: 0, count: 16)
      file += little(UInt16(name.count)) + [6, 0] + name + Array("FB\u{2}\u{0}ZZ".utf8)
      file += packed
    }
    let start = UInt32(file.count)
    file += directory + [0x50, 0x4B, 5, 6, 0, 0, 0, 0]
    file += little(UInt16(members.count)) + little(UInt16(members.count))
    return file + little(UInt32(directory.count)) + little(start) + [0, 0]
  }

  static func chunk(_ type: String, _ data: [UInt8]) -> [UInt8] {
    let body = Array(type.utf8) + data
    return big(UInt32(data.count)) + body + big(crc32(body))
  }

  /// An image whose rows are given with their filter byte first.
  static func png(
    width: Int, height: Int, color: UInt8, depth: UInt8 = 8, interlace: UInt8 = 0,
    extra: [UInt8] = [], rows: [UInt8]
  ) -> [UInt8] {
    let header = big(UInt32(width)) + big(UInt32(height)) + [depth, color, 0, 0, interlace]
    return [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A] + chunk("IHDR", header) + extra
      + chunk("IDAT", zlib(rows)) + chunk("IEND", [])
  }

  static func npy(_ header: String, _ data: [UInt8], version: UInt8 = 1) -> [UInt8] {
    let length =
      version == 1 ? little(UInt16(header.utf8.count)) : little(UInt32(header.utf8.count))
    return [0x93] + Array("NUMPY".utf8) + [version, 0] + length + Array(header.utf8) + data
  }

  static func safetensors(_ header: String, _ data: [UInt8]) -> [UInt8] {
    little(UInt64(header.utf8.count)) + Array(header.utf8) + data
  }
}
