/// Writes JSON as Foundation's encoder does with `sortedKeys` and `withoutEscapingSlashes`, which
/// wrote the records that git keeps: members must be given in the order of their names.
public struct JSONWriter {
  /// What has been written.
  public private(set) var bytes: [UInt8] = []
  /// Whether something stands before the next member or element.
  private var needsComma = false

  /// - Parameter capacity: How many bytes will be written, about.
  public init(capacity: Int = 0) { bytes.reserveCapacity(capacity) }

  // MARK: - Brackets

  public mutating func beginObject() { begin(UInt8(ascii: "{")) }
  public mutating func endObject() { end(UInt8(ascii: "}")) }
  public mutating func beginList() { begin(UInt8(ascii: "[")) }
  public mutating func endList() { end(UInt8(ascii: "]")) }

  /// Writes a member's name; its value must follow.
  public mutating func key(_ name: String) {
    string(name)
    bytes.append(UInt8(ascii: ":"))
    needsComma = false
  }

  /// Writes a member.
  @inlinable
  public mutating func member(_ name: String, _ content: some JSONRepresentable) {
    key(name)
    content.write(to: &self)
  }

  /// Writes a member where there is one.
  @inlinable
  public mutating func member(_ name: String, _ content: (some JSONRepresentable)?) {
    if let content { member(name, content) }
  }

  private mutating func begin(_ bracket: UInt8) {
    separate()
    bytes.append(bracket)
    needsComma = false
  }

  private mutating func end(_ bracket: UInt8) {
    bytes.append(bracket)
    needsComma = true
  }

  private mutating func separate() {
    if needsComma { bytes.append(UInt8(ascii: ",")) }
    needsComma = true
  }

  // MARK: - Scalars

  public mutating func null() { plain("null") }
  public mutating func bool(_ value: Bool) { plain(value ? "true" : "false") }
  public mutating func int(_ value: Int) { plain(String(value)) }

  /// Writes a number without a fraction where it is whole; what is not finite becomes a string,
  /// since JSON has no such numbers.
  public mutating func double(_ value: Double) {
    guard value.isFinite else { return string(value.jsonName) }
    let text = value.description
    plain(text.hasSuffix(".0") ? text.dropLast(2) : text[...])
  }

  private mutating func plain(_ text: some StringProtocol) {
    separate()
    bytes.append(contentsOf: text.utf8)
  }

  public mutating func string(_ text: String) {
    separate()
    bytes.append(UInt8(ascii: "\""))
    var text = text
    text.withUTF8 { text in
      var plain = plainPrefix(of: text).count
      // Nearly every text, and several times as fast as by slices.
      if plain == text.count { return bytes.append(contentsOf: text) }
      var rest = text[...]
      while true {
        plain = plainPrefix(of: UnsafeBufferPointer(rebasing: rest)).count
        bytes.append(contentsOf: rest.prefix(plain))
        guard plain < rest.count else { break }
        escape(rest[rest.startIndex + plain])
        rest = rest.dropFirst(plain + 1)
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }

  private mutating func escape(_ byte: UInt8) {
    bytes.append(UInt8(ascii: "\\"))
    switch byte {
    case 0x08: bytes.append(UInt8(ascii: "b"))
    case 0x09: bytes.append(UInt8(ascii: "t"))
    case 0x0A: bytes.append(UInt8(ascii: "n"))
    case 0x0C: bytes.append(UInt8(ascii: "f"))
    case 0x0D: bytes.append(UInt8(ascii: "r"))
    case 0..<0x20:
      bytes.append(contentsOf: (byte < 16 ? "u000" : "u001").utf8)
      bytes.append(contentsOf: String(byte & 15, radix: 16).utf8)
    default: bytes.append(byte)
    }
  }
}
