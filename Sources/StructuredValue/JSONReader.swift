/// Reads JSON straight into typed values: one pass, no tree in between.
///
/// Foundation's decoder takes a tenth of a second for the record of a thousand instances, which is
/// most of a `diff`; this takes a tenth of that. It accepts what that decoder accepts: a number
/// that is whole is an integer however it is written, of members with one name the first counts in
/// a map, and a comma may stand before a closing bracket.
public struct JSONReader {
  private let bytes: UnsafeBufferPointer<UInt8>
  private var position = 0
  /// Brackets that are open.
  private var depth = 0
  /// Whether the bracket that opened last has had no element yet, so that no comma is due.
  private var isFirst = false

  /// As deep as Foundation's decoder goes; what is deeper would only exhaust the stack.
  private static let depthLimit = 512

  private init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

  /// Reads one value that fills the bytes, but for spaces.
  ///
  /// - Parameters:
  ///   - bytes: JSON in UTF-8.
  ///   - type: What to read.
  /// - Returns: The value.
  /// - Throws: `JSONError` where the bytes are no JSON, or not of that type.
  public static func read<Content: JSONReadable>(
    _ bytes: UnsafeRawBufferPointer, as type: Content.Type
  ) throws(JSONError) -> Content {
    var reader = JSONReader(bytes.assumingMemoryBound(to: UInt8.self))
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { reader.position = 3 }
    let content = try Content(json: &reader)
    reader.skipSpaces()
    guard reader.position == bytes.count else { throw reader.expected("the end") }
    return content
  }

  /// Reads one value that fills the bytes, but for spaces.
  ///
  /// - Parameters:
  ///   - bytes: JSON in UTF-8.
  ///   - type: What to read.
  /// - Returns: The value.
  /// - Throws: `JSONError` where the bytes are no JSON, or not of that type.
  public static func read<Content: JSONReadable>(
    _ bytes: [UInt8], as type: Content.Type
  ) throws(JSONError) -> Content {
    try bytes.withUnsafeBufferPointer { (bytes) throws(JSONError) in
      try read(UnsafeRawBufferPointer(bytes), as: type)
    }
  }

  /// The error that something else was to stand where the reader is.
  public func expected(_ what: String) -> JSONError {
    guard position < bytes.count else { return JSONError(offset: position, found: nil, what) }
    return JSONError(offset: position, found: bytes[position], what)
  }

  // MARK: - Brackets

  public mutating func beginObject() throws(JSONError) {
    try begin(UInt8(ascii: "{"), "an object")
  }

  public mutating func beginList() throws(JSONError) { try begin(UInt8(ascii: "["), "a list") }

  /// The name of an object's next member, whose value must be read or skipped then; nil at the
  /// object's end.
  public mutating func nextKey() throws(JSONError) -> String? {
    guard try next(before: UInt8(ascii: "}")) else { return nil }
    let key = try string()
    try take(UInt8(ascii: ":"), "':'")
    return key
  }

  /// Whether a list has another element, which must be read or skipped then.
  public mutating func nextElement() throws(JSONError) -> Bool {
    try next(before: UInt8(ascii: "]"))
  }

  private mutating func begin(_ bracket: UInt8, _ what: String) throws(JSONError) {
    try take(bracket, what)
    depth += 1
    guard depth <= Self.depthLimit else {
      throw expected("no more than \(Self.depthLimit) brackets in each other")
    }
    isFirst = true
  }

  private mutating func next(before end: UInt8) throws(JSONError) -> Bool {
    let isFirst = isFirst
    self.isFirst = false
    if kind() != end && !isFirst { try take(UInt8(ascii: ","), "',' or the end of the bracket") }
    guard kind() == end else { return true }
    position += 1
    depth -= 1
    return false
  }

  private mutating func take(_ byte: UInt8, _ what: String) throws(JSONError) {
    skipSpaces()
    guard position < bytes.count, bytes[position] == byte else { throw expected(what) }
    position += 1
  }

  private mutating func skipSpaces() {
    while position < bytes.count {
      switch bytes[position] {
      case UInt8(ascii: " "), UInt8(ascii: "\n"), UInt8(ascii: "\r"), UInt8(ascii: "\t"):
        position += 1
      default: return
      }
    }
  }

  // MARK: - Words and numbers

  /// Whether a `null` stands here, which is read then.
  public mutating func isNull() throws(JSONError) -> Bool {
    guard kind() == UInt8(ascii: "n") else { return false }
    try word("null")
    return true
  }

  public mutating func bool() throws(JSONError) -> Bool {
    switch kind() {
    case UInt8(ascii: "t"):
      try word("true")
      return true
    case UInt8(ascii: "f"):
      try word("false")
      return false
    default: throw expected("true or false")
    }
  }

  public mutating func int() throws(JSONError) -> Int {
    let start = self
    switch try number() {
    case .int(let number): return number
    case .double: throw start.expected("an integer")
    }
  }

  public mutating func double() throws(JSONError) -> Double {
    switch try number() {
    case .int(let number): Double(number)
    case .double(let number): number
    }
  }

  /// The first byte of what comes next; 0 at the end.
  private mutating func kind() -> UInt8 {
    skipSpaces()
    return position < bytes.count ? bytes[position] : 0
  }

  private mutating func word(_ word: StaticString) throws(JSONError) {
    let end = position + word.utf8CodeUnitCount
    guard end <= bytes.count,
      bytes[position..<end].elementsEqual(
        UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount))
    else { throw expected("\(word)") }
    position = end
  }

  private enum Number {
    case int(Int)
    case double(Double)
  }

  private mutating func number() throws(JSONError) -> Number {
    skipSpaces()
    let start = position
    let isNegative = position < bytes.count && bytes[position] == UInt8(ascii: "-")
    if isNegative { position += 1 }
    let digits = position
    var whole = 0
    var fits = true
    while let digit = digit() {
      // Negative all along, since the least integer has no positive counterpart.
      let (product, tooBig) = whole.multipliedReportingOverflow(by: 10)
      let (sum, tooBigNow) = product.subtractingReportingOverflow(digit)
      fits = fits && !tooBig && !tooBigNow
      whole = sum
      position += 1
    }
    guard position > digits, bytes[digits] != UInt8(ascii: "0") || position == digits + 1 else {
      position = start
      throw expected("a number")
    }
    var isDecimal = false
    if position < bytes.count, bytes[position] == UInt8(ascii: ".") {
      isDecimal = true
      position += 1
      try skipDigits()
    }
    if position < bytes.count, bytes[position] | 0x20 == UInt8(ascii: "e") {
      isDecimal = true
      position += 1
      if position < bytes.count, [UInt8(ascii: "+"), UInt8(ascii: "-")].contains(bytes[position]) {
        position += 1
      }
      try skipDigits()
    }
    if !isDecimal, fits, isNegative || whole != .min { return .int(isNegative ? whole : -whole) }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    guard let number = Double(text), number.isFinite else {
      position = start
      throw expected("a number that a double can hold")
    }
    return Int(exactly: number).map { .int($0) } ?? .double(number)
  }

  private func digit() -> Int? {
    guard position < bytes.count else { return nil }
    let digit = bytes[position] &- UInt8(ascii: "0")
    return digit < 10 ? Int(digit) : nil
  }

  private mutating func skipDigits() throws(JSONError) {
    guard digit() != nil else { throw expected("a digit") }
    while digit() != nil { position += 1 }
  }

  // MARK: - Strings

  public mutating func string() throws(JSONError) -> String {
    try take(UInt8(ascii: "\""), "a string")
    let start = position
    let isASCII = skipPlain()
    guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else {
      position = start
      return try escapedString()
    }
    let plain = UnsafeBufferPointer(rebasing: bytes[start..<position])
    position += 1
    if isASCII {
      // Several times as fast as to validate, which is generic inside.
      return String(unsafeUninitializedCapacity: plain.count) {
        $0.initialize(fromContentsOf: plain)
      }
    }
    guard let text = String(validating: plain, as: UTF8.self) else {
      position = start
      throw expected("valid UTF-8")
    }
    return text
  }

  /// The bytes of a string that has no escapes, without a copy; nil for another, which is read, too.
  ///
  /// - Parameter parse: Makes something of the bytes, which are not checked to be UTF-8.
  /// - Returns: What `parse` made.
  /// - Throws: `JSONError` where no string stands here.
  @inlinable
  public mutating func plainString<Content>(
    _ parse: (UnsafeBufferPointer<UInt8>) -> Content?
  ) throws(JSONError) -> Content? {
    guard let plain = try plainBytes() else {
      _ = try string()
      return nil
    }
    return parse(plain)
  }

  @usableFromInline
  mutating func plainBytes() throws(JSONError) -> UnsafeBufferPointer<UInt8>? {
    let before = self
    try take(UInt8(ascii: "\""), "a string")
    let start = position
    skipPlain()
    guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else {
      self = before
      return nil
    }
    position += 1
    return UnsafeBufferPointer(rebasing: bytes[start..<position - 1])
  }

  /// Skips to the next quote, backslash or control character.
  ///
  /// - Returns: Whether all that it skipped is ASCII.
  @discardableResult
  private mutating func skipPlain() -> Bool {
    let (count, isASCII) = plainPrefix(of: UnsafeBufferPointer(rebasing: bytes[position...]))
    position += count
    return isASCII
  }

  /// Reads a string's rest where it has escapes.
  private mutating func escapedString() throws(JSONError) -> String {
    let beginning = position
    var text: [UInt8] = []
    while true {
      let start = position
      skipPlain()
      text.append(contentsOf: bytes[start..<position])
      guard position < bytes.count, bytes[position] >= 0x20 else {
        throw expected("the end of the string")
      }
      position += 1
      if bytes[position - 1] == UInt8(ascii: "\"") { break }
      try escape(into: &text)
    }
    guard let string = String(validating: text, as: UTF8.self) else {
      position = beginning
      throw expected("valid UTF-8")
    }
    return string
  }

  /// Reads what follows a backslash.
  private mutating func escape(into text: inout [UInt8]) throws(JSONError) {
    guard position < bytes.count else { throw expected("an escape") }
    switch bytes[position] {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(bytes[position])
    case UInt8(ascii: "n"): text.append(0x0A)
    case UInt8(ascii: "r"): text.append(0x0D)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "b"): text.append(0x08)
    case UInt8(ascii: "f"): text.append(0x0C)
    case UInt8(ascii: "u"):
      position += 1
      text.append(contentsOf: String(try scalar()).utf8)
      return
    default: throw expected("an escape")
    }
    position += 1
  }

  /// Reads the digits of `\uXXXX`, and of the second one of a surrogate pair.
  private mutating func scalar() throws(JSONError) -> Unicode.Scalar {
    let start = position
    let high = try unit()
    if let scalar = Unicode.Scalar(high) { return scalar }
    let isPaired =
      position + 1 < bytes.count && bytes[position] == UInt8(ascii: "\\")
      && bytes[position + 1] == UInt8(ascii: "u")
    if UTF16.isLeadSurrogate(UInt16(high)), isPaired {
      position += 2
      let low = try unit()
      if UTF16.isTrailSurrogate(UInt16(low)),
        let scalar = Unicode.Scalar(0x10000 + (high - 0xD800) << 10 + (low - 0xDC00))
      {
        return scalar
      }
    }
    position = start
    throw expected("a whole surrogate pair")
  }

  /// Reads four hexadecimal digits.
  private mutating func unit() throws(JSONError) -> UInt32 {
    var unit: UInt32 = 0
    for _ in 0..<4 {
      guard position < bytes.count,
        let digit = Character(Unicode.Scalar(bytes[position])).hexDigitValue
      else { throw expected("four hexadecimal digits") }
      unit = unit << 4 | UInt32(digit)
      position += 1
    }
    return unit
  }

  // MARK: - Anything

  /// Steps over a value, of which only strings and brackets are looked at.
  public mutating func skip() throws(JSONError) {
    guard [UInt8(ascii: "{"), UInt8(ascii: "[")].contains(kind()) else {
      _ = try value()
      return
    }
    let start = position
    var open = 0
    repeat {
      guard position < bytes.count else { throw expected("the end of a bracket") }
      let byte = bytes[position]
      position += 1
      switch byte {
      case UInt8(ascii: "{"), UInt8(ascii: "["): open += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"): open -= 1
      case UInt8(ascii: "\""): try skipString()
      default: break
      }
    } while open > 0
    // What a careless look takes for a value must not end with the wrong bracket.
    guard bytes[position - 1] == bytes[start] + 2 else {
      throw expected("the other bracket before this")
    }
  }

  /// Steps over the rest of a string and its closing quote; its bytes are not checked to be UTF-8.
  private mutating func skipString() throws(JSONError) {
    while true {
      skipPlain()
      guard position < bytes.count, bytes[position] >= 0x20 else {
        throw expected("the end of the string")
      }
      position += 1
      if bytes[position - 1] == UInt8(ascii: "\"") { return }
      // The byte after a backslash is no quote that ends the string, whatever it is.
      guard position < bytes.count else { throw expected("an escape") }
      position += 1
    }
  }

  /// The JSON of the value that comes next.
  public mutating func text() throws(JSONError) -> [UInt8] {
    skipSpaces()
    let start = position
    try skip()
    return Array(bytes[start..<position])
  }

  /// Reads any value.
  public mutating func value() throws(JSONError) -> Value {
    switch kind() {
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "{"): return .map(try [String: Value](json: &self))
    case UInt8(ascii: "["): return .list(try [Value](json: &self))
    case UInt8(ascii: "t"), UInt8(ascii: "f"): return .bool(try bool())
    case UInt8(ascii: "n"):
      try word("null")
      return .null
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
      switch try number() {
      case .int(let number): return .int(number)
      case .double(let number): return .double(number)
      }
    default: throw expected("a value")
    }
  }
}

/// What is wrong with some JSON, and where.
public struct JSONError: Error, Hashable, Sendable, CustomStringConvertible {
  /// Bytes before the place.
  public var offset: Int
  public var description: String

  /// - Parameters:
  ///   - offset: Bytes before the place.
  ///   - found: The byte there; nil at the end.
  ///   - expected: What would be right.
  init(offset: Int, found: UInt8?, _ expected: String) {
    self.offset = offset
    let shown =
      switch found {
      case nil: "the end"
      case let byte? where (0x21..<0x7F).contains(byte): "'\(Unicode.Scalar(byte))'"
      case let byte?: "byte \(byte)"
      }
    description = "byte \(offset) of the JSON: found \(shown) instead of \(expected)"
  }
}
