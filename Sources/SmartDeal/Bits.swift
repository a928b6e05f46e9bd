/// Writes fields of bits, each with its low bit first, from the low bit of each byte on.
struct BitWriter {
  private(set) var bytes: [UInt8] = []
  private(set) var count = 0
  private var pending: UInt64 = 0
  private var pendingCount: UInt64 = 0

  init(capacity bits: Int) { bytes.reserveCapacity(bits / 8 + 16) }

  /// Appends a field of at most 32 bits.
  @inline(__always)
  mutating func write(_ value: UInt64, bits: Int) {
    pending |= value << pendingCount
    pendingCount += UInt64(bits)
    count += bits
    while pendingCount >= 8 {
      bytes.append(UInt8(truncatingIfNeeded: pending))
      pending >>= 8
      pendingCount -= 8
    }
  }

  /// All bytes, the last filled with zeros.
  func finished() -> [UInt8] {
    pendingCount > 0 ? bytes + [UInt8(truncatingIfNeeded: pending)] : bytes
  }
}

/// Reads fields of bits out of borrowed bytes; beyond their end it reads zeros.
struct BitCursor {
  private let bytes: UnsafeRawBufferPointer
  /// The next field's place, in bits.
  private(set) var position: Int

  init(_ bytes: UnsafeRawBufferPointer, at position: Int) {
    self.bytes = bytes
    self.position = position
  }

  /// Up to 56 bits from the present place on, in the low bits; what follows them is arbitrary.
  @inline(__always)
  func peek() -> UInt64 {
    let byte = position >> 3
    let shift = UInt64(position & 7)
    if byte + 8 <= bytes.count {
      return bytes.loadUnaligned(fromByteOffset: byte, as: UInt64.self).littleEndian >> shift
    }
    var word: UInt64 = 0
    for index in 0..<8 where byte + index < bytes.count {
      word |= UInt64(bytes[byte + index]) << UInt64(8 * index)
    }
    return word >> shift
  }

  @inline(__always)
  mutating func skip(_ bits: Int) { position += bits }

  /// Takes a field of at most 32 bits.
  @inline(__always)
  mutating func take(_ bits: Int) -> UInt64 {
    let value = peek() & ((1 << UInt64(bits)) - 1)
    position += bits
    return value
  }

  /// The set bits among so many from a place on.
  static func ones(_ bytes: UnsafeRawBufferPointer, bits: Int) -> Int {
    var cursor = BitCursor(bytes, at: 0)
    var ones = 0
    var left = bits
    while left > 0 {
      let step = min(left, 32)
      ones += cursor.take(step).nonzeroBitCount
      left -= step
    }
    return ones
  }
}
