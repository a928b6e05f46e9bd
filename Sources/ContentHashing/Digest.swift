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
    var parts: [UInt64] = [0, 0, 0, 0]
    for (index, byte) in bytes.enumerated() {
      parts[index / 8] = parts[index / 8] << 8 | UInt64(byte)
    }
    words = (parts[0], parts[1], parts[2], parts[3])
  }

  /// Reads 64 hexadecimal digits, with or without the prefix `sha256:`.
  public init?(_ text: some StringProtocol) {
    let digits = Array((text.hasPrefix("sha256:") ? text.dropFirst(7) : text[...]).utf8)
    guard digits.count == 64 else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(32)
    for index in stride(from: 0, to: 64, by: 2) {
      guard let high = Digest.nibble(digits[index]), let low = Digest.nibble(digits[index + 1])
      else { return nil }
      bytes.append(high << 4 | low)
    }
    self.init(bytes: bytes)
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
      let digits = StaticString("0123456789abcdef").utf8Start
      for (index, byte) in bytes.enumerated() {
        buffer[2 * index] = digits[Int(byte >> 4)]
        buffer[2 * index + 1] = digits[Int(byte & 15)]
      }
      return 64
    }
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
