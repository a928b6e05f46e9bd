/// A SHA-256 digest: the name of some bytes.
public struct Digest: Hashable, Sendable, Comparable, Codable, CustomStringConvertible {
  private let words: (UInt64, UInt64, UInt64, UInt64)

  /// The 32 bytes.
  public var bytes: [UInt8] {
    [words.0, words.1, words.2, words.3].flatMap { word in
      (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * $0)) }
    }
  }

  /// Takes 32 bytes; nil for any other count.
  public init?(bytes: some Collection<UInt8>) {
    guard bytes.count == 32 else { return nil }
    var parts: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
    // Each byte pushes the first one of the next word up into the word before it.
    for byte in bytes {
      parts.0 = parts.0 << 8 | parts.1 >> 56
      parts.1 = parts.1 << 8 | parts.2 >> 56
      parts.2 = parts.2 << 8 | parts.3 >> 56
      parts.3 = parts.3 << 8 | UInt64(byte)
    }
    words = parts
  }

  /// Reads 64 hexadecimal digits, with or without the prefix `sha256:`.
  public init?(_ text: some StringProtocol) {
    var text = String(text)
    let digest = text.withUTF8 { digits in
      let isMarked = digits.starts(with: "sha256:".utf8)
      return Digest(digits: isMarked ? UnsafeBufferPointer(rebasing: digits[7...]) : digits)
    }
    guard let digest else { return nil }
    self = digest
  }

  /// Reads 64 hexadecimal digits.
  public init?(digits: UnsafeBufferPointer<UInt8>) {
    guard digits.count == 64 else { return nil }
    func word(_ index: Int) -> UInt64? {
      var word: UInt64 = 0
      for digit in digits[index * 16..<index * 16 + 16] {
        guard let nibble = Digest.nibble(digit) else { return nil }
        word = word << 4 | UInt64(nibble)
      }
      return word
    }
    guard let first = word(0), let second = word(1), let third = word(2), let fourth = word(3)
    else { return nil }
    words = (first, second, third, fourth)
  }

  private static func nibble(_ digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
    default: nil
    }
  }

  /// 64 lower-case hexadecimal digits, as `sha256sum` prints them.
  public var hex: String {
    String(unsafeUninitializedCapacity: 64) { buffer in
      write(digits: buffer)
      return 64
    }
  }

  /// Writes the 64 digits into room for as many.
  public func write(digits buffer: UnsafeMutableBufferPointer<UInt8>) {
    let digits = StaticString("0123456789abcdef").utf8Start
    func put(_ word: UInt64, at start: Int) {
      for index in 0..<16 {
        buffer[start + index] = digits[Int(truncatingIfNeeded: word >> (60 - 4 * index)) & 15]
      }
    }
    put(words.0, at: 0)
    put(words.1, at: 16)
    put(words.2, at: 32)
    put(words.3, at: 48)
  }

  /// The first twelve digits: enough for people to tell digests apart.
  public var short: String { String(hex.prefix(12)) }

  public var description: String { hex }

  public static func == (left: Digest, right: Digest) -> Bool { left.words == right.words }
  public static func < (left: Digest, right: Digest) -> Bool { left.words < right.words }
  public func hash(into hasher: inout Hasher) { hasher.combine(words.0) }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let digest = Digest(text) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "'\(text)' is not a SHA-256 digest of 64 digits")
    }
    self = digest
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(hex)
  }
}
