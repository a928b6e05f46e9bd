public import StructuredValue

extension Digest {
  /// The digest of a value in canonical form.
  ///
  /// The form is type-tagged and length-prefixed, maps are sorted by the UTF-8 bytes of their keys,
  /// integers and doubles are distinct, doubles count by bit pattern with `-0.0` and NaN
  /// normalised, and strings are their UTF-8 bytes without Unicode normalisation. It starts with
  /// the record's type name, so that no two kinds of record can collide.
  ///
  /// - `type`: The kind of record, with its version, such as `action/v1`.
  public static func canonical(_ type: String, _ value: Value) -> Digest {
    var form: [UInt8] = []
    append(tag: "T", bytes: type.utf8, to: &form)
    append(value, to: &form)
    return of(form)
  }

  private static func append(_ value: Value, to form: inout [UInt8]) {
    switch value {
    case .null: form.append(UInt8(ascii: "n"))
    case .bool(let flag): form.append(UInt8(ascii: flag ? "t" : "f"))
    case .int(let number): append(tag: "i", number: UInt64(bitPattern: Int64(number)), to: &form)
    case .double(let number):
      let normal = number.isNaN ? Double.nan : number == 0 ? 0 : number
      append(tag: "d", number: normal.bitPattern, to: &form)
    case .string(let text): append(tag: "s", bytes: text.utf8, to: &form)
    case .list(let elements):
      append(tag: "l", number: UInt64(elements.count), to: &form)
      for element in elements { append(element, to: &form) }
    case .map(let members):
      append(tag: "m", number: UInt64(members.count), to: &form)
      let sorted = members.sorted { $0.key.precedesInBytes($1.key) }
      for (key, value) in sorted {
        append(tag: "k", bytes: key.utf8, to: &form)
        append(value, to: &form)
      }
    }
  }

  private static func append(tag: Unicode.Scalar, number: UInt64, to form: inout [UInt8]) {
    form.append(UInt8(ascii: tag))
    withUnsafeBytes(of: number.bigEndian) { form.append(contentsOf: $0) }
  }

  private static func append(tag: Unicode.Scalar, bytes: String.UTF8View, to form: inout [UInt8]) {
    append(tag: tag, number: UInt64(bytes.count), to: &form)
    form.append(contentsOf: bytes)
  }
}
