/// A table read from CSV (RFC 4180) for showing.
package struct CommaSeparated {
  package var header: [String] = []
  package var rows: [[String]] = []

  /// Reads the text; rows of other lengths than the header's are kept as they are.
  package init(_ bytes: [UInt8]) {
    var records: [[String]] = []
    var record: [String] = []
    var field: [UInt8] = []
    var isQuoted = false
    var index = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    let quote = UInt8(ascii: "\"")

    func endField() {
      record.append(String(decoding: field, as: UTF8.self))
      field.removeAll(keepingCapacity: true)
    }
    func endRecord() {
      endField()
      if record != [""] { records.append(record) }
      record = []
    }
    while index < bytes.count {
      let byte = bytes[index]
      index += 1
      if isQuoted {
        if byte != quote {
          field.append(byte)
        } else if index < bytes.count, bytes[index] == quote {
          field.append(quote)
          index += 1
        } else {
          isQuoted = false
        }
      } else if byte == quote, field.isEmpty {
        isQuoted = true
      } else if byte == UInt8(ascii: ",") {
        endField()
      } else if byte == UInt8(ascii: "\n") {
        endRecord()
      } else if byte != UInt8(ascii: "\r") {
        field.append(byte)
      }
    }
    if !field.isEmpty || !record.isEmpty { endRecord() }
    header = records.first ?? []
    rows = Array(records.dropFirst())
  }
}
