/// Reads and writes NumPy's array files.
public enum NPY {
  private static let magic: [UInt8] = [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59]

  /// Reads an array of versions 1 to 3, in either byte order, row- or column-major.
  ///
  /// - Throws: `FormatError`, with the code `unsupported` for arrays of objects and of records.
  public static func read(path: String) throws(FormatError) -> TensorData {
    try read(FileContent(path: path))
  }

  /// Reads an array.
  ///
  /// - Throws: `FormatError`, with the code `unsupported` for arrays of objects and of records.
  public static func read(_ content: FileContent) throws(FormatError) -> TensorData {
    try content.withReader { (reader) throws(FormatError) in
      let header = try self.header(&reader)
      guard let count = TensorData.byteCount(header.type, header.shape) else {
        throw reader.error(found: "shape \(header.shape), which no memory holds")
      }
      guard count == reader.remaining else {
        throw reader.error(
          found: "\(reader.remaining) bytes of numbers",
          expected: "\(count) for shape \(header.shape) of \(header.type)")
      }
      let stored = [UInt8](try reader.take(count, "the numbers"))
      return TensorData(
        type: header.type, shape: header.shape, stored: stored, isFortran: header.isFortran,
        isBigEndian: header.isBigEndian)
    }
  }

  private static func header(_ reader: inout ByteReader) throws(FormatError) -> NPYHeader {
    guard try reader.take(6, "the magic number").elementsEqual(magic) else {
      throw reader.error(at: 0, found: "no NumPy array", expected: "the bytes 93 'NUMPY'")
    }
    let version = try reader.byte("the version")
    _ = try reader.byte("the version")
    guard (1...3).contains(version) else {
      throw reader.error(.unsupported, at: 6, found: "version \(version)", expected: "1 to 3")
    }
    let length =
      version == 1
      ? Int(try reader.little(UInt16.self, "the header's length"))
      : Int(try reader.little(UInt32.self, "the header's length"))
    guard length <= 1 << 20 else {
      throw reader.error(.limit, found: "a header of \(length) bytes", expected: "at most 1 MiB")
    }
    let start = reader.offset
    let text = try reader.take(length, "the header")
    var parser = NPYHeaderParser(text, start: start, file: reader.file)
    return try parser.parse()
  }

  /// An array as a file of version 1: row-major, little-endian, the numbers aligned to 64 bytes.
  ///
  /// - Throws: `FormatError` for `bfloat16`, which NumPy doesn't know.
  public static func bytes(_ array: TensorData) throws(FormatError) -> [UInt8] {
    guard let code = array.type.numpyCode else {
      throw FormatError(
        .unsupported, file: "array", found: "type \(array.type)", expected: "a type NumPy has")
    }
    let order = array.type.size == 1 ? "|" : "<"
    let extents = array.shape.map(String.init).joined(separator: ", ")
    let shape = array.shape.count == 1 ? "(\(extents),)" : "(\(extents))"
    var header = "{'descr': '\(order)\(code)', 'fortran_order': False, 'shape': \(shape), }"
    header += String(repeating: " ", count: 63 - (10 + header.utf8.count) % 64) + "\n"
    var bytes = magic + [1, 0]
    withUnsafeBytes(of: UInt16(header.utf8.count).littleEndian) { bytes.append(contentsOf: $0) }
    bytes.append(contentsOf: header.utf8)
    bytes.append(contentsOf: array.bytes)
    return bytes
  }

  /// Writes an array to a file.
  ///
  /// - Throws: `FormatError` for `bfloat16`, or when the file can't be written.
  public static func write(_ array: TensorData, to path: String) throws(FormatError) {
    try Formats.write(bytes(array), to: path)
  }
}

/// A tensor in a file of several.
public struct NamedTensor: Hashable, Sendable {
  public var name: String
  public var data: TensorData

  public init(name: String, data: TensorData) {
    self.name = name
    self.data = data
  }
}

/// Reads NumPy's archives of arrays.
public enum NPZ {
  /// Reads all arrays in their order; names lose their `.npy`.
  ///
  /// - Throws: `FormatError` that names the member.
  public static func read(path: String) throws(FormatError) -> [NamedTensor] {
    try read(FileContent(path: path))
  }

  /// Reads all arrays in their order; names lose their `.npy`.
  ///
  /// - Throws: `FormatError` that names the member.
  public static func read(_ content: FileContent) throws(FormatError) -> [NamedTensor] {
    let archive = try ZipArchive(content)
    var tensors: [NamedTensor] = []
    for member in archive.members {
      let file = "\(content.name)!\(member.name)"
      let array = try NPY.read(FileContent(try archive.bytes(of: member), name: file))
      let isArray = member.name.hasSuffix(".npy")
      let name = isArray ? String(member.name.dropLast(4)) : member.name
      tensors.append(NamedTensor(name: name, data: array))
    }
    return tensors
  }
}

private struct NPYHeader {
  var type: ElementType
  var isBigEndian: Bool
  var isFortran: Bool
  var shape: [Int]
}

/// Parses the one Python literal that such a header is.
private struct NPYHeaderParser {
  private let text: UnsafeRawBufferPointer
  private let start: Int
  private let file: String
  private var position = 0

  init(_ text: UnsafeRawBufferPointer, start: Int, file: String) {
    self.text = text
    self.start = start
    self.file = file
  }

  private func failure(
    _ found: String, expected: String = "", _ code: FormatError.Code = .malformed
  ) -> FormatError {
    FormatError(code, file: file, at: .offset(start + position), found: found, expected: expected)
  }

  mutating func parse() throws(FormatError) -> NPYHeader {
    var type: String?
    var isFortran: Bool?
    var shape: [Int]?
    try expect("{")
    while !skip("}") {
      let key = try string()
      try expect(":")
      switch key {
      case "descr" where type == nil: type = try string()
      case "fortran_order" where isFortran == nil: isFortran = try flag()
      case "shape" where shape == nil: shape = try tuple()
      default:
        throw failure("key '\(key)' in the header", expected: "descr, fortran_order, shape once")
      }
      if !skip(",") {
        try expect("}")
        break
      }
    }
    skipSpaces()
    guard position == text.count else { throw failure("text after the header") }
    guard let type, let isFortran, let shape else {
      throw failure("an incomplete header", expected: "descr, fortran_order and shape")
    }
    guard let element = ElementType(numpyCode: String(type.dropFirst())),
      let order = type.first, "<>|=".contains(order)
    else {
      throw failure(
        "type '\(type)'", expected: "numbers such as '<f8', '|u1' or '>i4'", .unsupported)
    }
    return NPYHeader(
      type: element, isBigEndian: order == ">", isFortran: isFortran, shape: shape)
  }

  private mutating func skipSpaces() {
    while position < text.count && [0x20, 0x0A, 0x0D, 9].contains(text[position]) {
      position += 1
    }
  }

  private mutating func skip(_ character: Unicode.Scalar) -> Bool {
    skipSpaces()
    guard position < text.count && text[position] == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func expect(_ character: Unicode.Scalar) throws(FormatError) {
    guard skip(character) else { throw failure("a malformed header", expected: "'\(character)'") }
  }

  private mutating func string() throws(FormatError) -> String {
    skipSpaces()
    guard position < text.count, text[position] == 0x27 || text[position] == 0x22 else {
      throw failure("a malformed header", expected: "a name in quotes", .unsupported)
    }
    let quote = text[position]
    guard let end = text[(position + 1)...].firstIndex(of: quote) else {
      throw failure("a name that doesn't end")
    }
    defer { position = end + 1 }
    return String(decoding: text[(position + 1)..<end], as: UTF8.self)
  }

  private mutating func flag() throws(FormatError) -> Bool {
    skipSpaces()
    for (word, value) in [("True", true), ("False", false)]
    where text[position...].starts(with: word.utf8) {
      position += word.utf8.count
      return value
    }
    throw failure("a malformed header", expected: "True or False")
  }

  private mutating func tuple() throws(FormatError) -> [Int] {
    var extents: [Int] = []
    try expect("(")
    while !skip(")") {
      skipSpaces()
      let digits = text[position...].prefix { (0x30...0x39).contains($0) }
      guard let extent = Int(String(decoding: digits, as: UTF8.self)), extents.count < 64 else {
        throw failure("a malformed shape", expected: "up to 64 integers")
      }
      position += digits.count
      // Python 2 wrote some extents as `3L`.
      if position < text.count && text[position] == UInt8(ascii: "L") { position += 1 }
      extents.append(extent)
      if !skip(",") {
        try expect(")")
        break
      }
    }
    return extents
  }
}
