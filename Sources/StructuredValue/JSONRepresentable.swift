/// What reads itself from JSON without Foundation's coders.
public protocol JSONReadable {
  /// Reads the value that comes next.
  init(json reader: inout JSONReader) throws(JSONError)
}

/// What reads and writes itself as JSON.
public protocol JSONRepresentable: JSONReadable {
  func write(to writer: inout JSONWriter)
}

extension JSONRepresentable {
  /// The value as JSON.
  public var jsonBytes: [UInt8] { jsonBytes(capacity: 0) }

  /// The value as JSON.
  ///
  /// - Parameter capacity: How many bytes it will be, about.
  /// - Returns: The bytes.
  public func jsonBytes(capacity: Int) -> [UInt8] {
    var writer = JSONWriter(capacity: capacity)
    write(to: &writer)
    return writer.bytes
  }
}

extension JSONReader {
  /// Reads a value that may be null.
  @inlinable
  public mutating func optional<Content: JSONReadable>() throws(JSONError) -> Content? {
    try isNull() ? nil : try Content(json: &self)
  }

  /// Takes a member that must have been there.
  ///
  /// - Parameters:
  ///   - content: What was read of it.
  ///   - name: The member's name.
  /// - Returns: The content.
  /// - Throws: Where it was not there.
  @inlinable
  public func required<Content>(_ content: Content?, _ name: String) throws(JSONError) -> Content {
    guard let content else { throw expected("an object with '\(name)'") }
    return content
  }
}

extension Bool: JSONRepresentable {
  public init(json reader: inout JSONReader) throws(JSONError) { self = try reader.bool() }
  public func write(to writer: inout JSONWriter) { writer.bool(self) }
}

extension Int: JSONRepresentable {
  public init(json reader: inout JSONReader) throws(JSONError) { self = try reader.int() }
  public func write(to writer: inout JSONWriter) { writer.int(self) }
}

extension Double: JSONRepresentable {
  public init(json reader: inout JSONReader) throws(JSONError) { self = try reader.double() }
  public func write(to writer: inout JSONWriter) { writer.double(self) }
}

extension String: JSONRepresentable {
  public init(json reader: inout JSONReader) throws(JSONError) { self = try reader.string() }
  public func write(to writer: inout JSONWriter) { writer.string(self) }
}

extension Array: JSONReadable where Element: JSONReadable {
  @inlinable
  public init(json reader: inout JSONReader) throws(JSONError) {
    self = []
    try reader.beginList()
    while try reader.nextElement() { append(try Element(json: &reader)) }
  }
}

extension Array: JSONRepresentable where Element: JSONRepresentable {
  @inlinable
  public func write(to writer: inout JSONWriter) {
    writer.beginList()
    for element in self { element.write(to: &writer) }
    writer.endList()
  }
}

extension Dictionary: JSONReadable where Key == String, Value: JSONReadable {
  @inlinable
  public init(json reader: inout JSONReader) throws(JSONError) {
    self = [:]
    try reader.beginObject()
    while let key = try reader.nextKey() {
      let value = try Value(json: &reader)
      if let first = updateValue(value, forKey: key) { self[key] = first }
    }
  }
}

extension Dictionary: JSONRepresentable where Key == String, Value: JSONRepresentable {
  @inlinable
  public func write(to writer: inout JSONWriter) {
    writer.beginObject()
    for (key, value) in sorted(by: { $0.key < $1.key }) { writer.member(key, value) }
    writer.endObject()
  }
}

extension JSONRepresentable where Self: RawRepresentable, RawValue == String {
  @inlinable
  public init(json reader: inout JSONReader) throws(JSONError) {
    let name = try reader.string()
    guard let value = Self(rawValue: name) else {
      throw reader.expected("a known word before this, not '\(name)'")
    }
    self = value
  }

  @inlinable
  public func write(to writer: inout JSONWriter) { writer.string(rawValue) }
}

extension Value: JSONRepresentable {
  public init(json reader: inout JSONReader) throws(JSONError) { self = try reader.value() }

  public func write(to writer: inout JSONWriter) {
    switch self {
    case .null: writer.null()
    case .bool(let value): writer.bool(value)
    case .int(let value): writer.int(value)
    case .double(let value): writer.double(value)
    case .string(let value): writer.string(value)
    case .list(let values): values.write(to: &writer)
    case .map(let members): members.write(to: &writer)
    }
  }
}
