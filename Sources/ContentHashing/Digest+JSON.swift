public import StructuredValue

extension Digest: JSONRepresentable {
  public init(json reader: inout JSONReader) throws(JSONError) {
    guard let digest = try reader.plainString({ Digest(digits: $0) }) else {
      throw reader.expected("a SHA-256 digest of 64 digits before this")
    }
    self = digest
  }

  public func write(to writer: inout JSONWriter) { writer.string(hex) }
}
