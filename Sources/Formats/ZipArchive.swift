/// A ZIP archive, read through its central directory.
///
/// Local headers may leave out the sizes, so only their lengths are used. Stored and deflated
/// members and ZIP64 are understood; encryption and several disks aren't.
public struct ZipArchive: Sendable {
  /// A file in the archive.
  public struct Member: Hashable, Sendable {
    public var name: String
    public var isDeflated: Bool
    /// Bytes once unpacked.
    public var size: Int
    public var crc32: UInt32
    var packed: Range<Int>
  }

  public let content: FileContent
  /// In the order of the central directory.
  public let members: [Member]
  private let positions: [String: Int]

  /// Reads the central directory.
  ///
  /// - Throws: `FormatError` for a damaged directory, two members of one name, or overlapping ones.
  public init(_ content: FileContent) throws(FormatError) {
    self.content = content
    let members = try content.withReader { (reader) throws(FormatError) in
      var directory = ZipDirectory(reader)
      return try directory.members()
    }
    self.members = members
    positions = Dictionary(
      zip(members.map(\.name), members.indices), uniquingKeysWith: { first, _ in first })
  }

  public subscript(name: String) -> Member? { positions[name].map { members[$0] } }

  /// A member's bytes, unpacked, with its checksum verified.
  ///
  /// - Throws: `FormatError` that names the member.
  public func bytes(of member: Member) throws(FormatError) -> [UInt8] {
    let file = "\(content.name)!\(member.name)"
    let bytes = try content.withReader { (reader) throws(FormatError) in
      let packed = UnsafeRawBufferPointer(rebasing: reader.bytes[member.packed])
      guard member.isDeflated else { return [UInt8](packed) }
      return try Inflation.inflate(packed, .none, size: member.size, file: file)
    }
    let checksum = bytes.withUnsafeBytes { Inflation.crc32($0) }
    guard checksum == member.crc32 else {
      throw FormatError(
        file: file, found: "checksum \(String(checksum, radix: 16)): the member is damaged",
        expected: String(member.crc32, radix: 16))
    }
    return bytes
  }
}

private struct ZipDirectory {
  private var reader: ByteReader
  private var end = 0

  init(_ reader: ByteReader) { self.reader = reader }

  mutating func members() throws(FormatError) -> [ZipArchive.Member] {
    let count = try openDirectory()
    var members: [ZipArchive.Member] = []
    var extents: [Range<Int>] = []
    var names: Set<String> = []
    let start = reader.offset
    for _ in 0..<count {
      let (member, header) = try next(before: start)
      guard names.insert(member.name).inserted else {
        throw reader.error(found: "a second member '\(member.name)'")
      }
      members.append(member)
      extents.append(header..<member.packed.upperBound)
    }
    guard reader.offset == end else {
      throw reader.error(found: "\(end - reader.offset) bytes too many in the directory")
    }
    extents.sort { $0.lowerBound < $1.lowerBound }
    for (one, next) in zip(extents, extents.dropFirst()) where one.upperBound > next.lowerBound {
      throw reader.error(at: next.lowerBound, found: "members that overlap")
    }
    return members
  }

  /// Goes to the directory's first entry and returns how many there are.
  private mutating func openDirectory() throws(FormatError) -> Int {
    let position = try endRecord()
    try reader.seek(to: position + 4, for: "the end record")
    let disk = try reader.little(UInt16.self, "the end record")
    let firstDisk = try reader.little(UInt16.self, "the end record")
    let here = try reader.little(UInt16.self, "the end record")
    var count = Int(try reader.little(UInt16.self, "the end record"))
    var size = Int(try reader.little(UInt32.self, "the end record"))
    var offset = Int(try reader.little(UInt32.self, "the end record"))
    end = position
    if count == 0xFFFF || size == 0xFFFF_FFFF || offset == 0xFFFF_FFFF {
      (count, size, offset, end) = try wideEndRecord(before: position)
    } else if disk != 0 || firstDisk != 0 || Int(here) != count {
      throw reader.error(.unsupported, at: position, found: "an archive on several disks")
    }
    // PyTorch puts ZIP64's end record behind the directory even where nobody needs it.
    guard offset <= end, size <= end - offset, count <= size / 46 else {
      throw reader.error(
        at: position, found: "a directory of \(count) members in \(size) bytes at byte \(offset)",
        expected: "one that ends at byte \(end)")
    }
    end = offset + size
    try reader.seek(to: offset, for: "the directory")
    return count
  }

  private func endRecord() throws(FormatError) -> Int {
    let bytes = reader.bytes
    var position = bytes.count - 22
    let lowest = max(0, position - 0xFFFF)
    while position >= lowest && position >= 0 {
      if bytes[position] == 0x50 && bytes[position + 1] == 0x4B && bytes[position + 2] == 5
        && bytes[position + 3] == 6
      {
        let comment = Int(bytes[position + 20]) | Int(bytes[position + 21]) << 8
        if position + 22 + comment == bytes.count { return position }
      }
      position -= 1
    }
    throw reader.error(at: 0, found: "no end record: this is no ZIP archive or it is cut off")
  }

  private mutating func wideEndRecord(
    before position: Int
  ) throws(FormatError) -> (count: Int, size: Int, offset: Int, end: Int) {
    try reader.seek(to: position - 20, for: "the ZIP64 locator")
    guard try reader.little(UInt32.self, "the ZIP64 locator") == 0x0706_4B50 else {
      throw reader.error(at: position - 20, found: "no ZIP64 locator")
    }
    _ = try reader.take(4, "the ZIP64 locator")
    let start = try reader.length("the ZIP64 end record's offset")
    try reader.seek(to: start, for: "the ZIP64 locator")
    guard try reader.little(UInt32.self, "the ZIP64 end record") == 0x0606_4B50 else {
      throw reader.error(at: start, found: "no ZIP64 end record")
    }
    _ = try reader.take(28, "the ZIP64 end record")
    let count = try reader.length("the number of members")
    let size = try reader.length("the directory's size")
    let offset = try reader.length("the directory's offset")
    return (count, size, offset, start)
  }

  /// - Returns: The member and where its local header starts.
  private mutating func next(
    before directory: Int
  ) throws(FormatError) -> (ZipArchive.Member, header: Int) {
    let start = reader.offset
    guard try reader.little(UInt32.self, "the directory") == 0x0201_4B50 else {
      throw reader.error(at: start, found: "no directory entry")
    }
    _ = try reader.take(4, "a directory entry")
    let flags = try reader.little(UInt16.self, "a directory entry")
    let method = try reader.little(UInt16.self, "a directory entry")
    _ = try reader.take(4, "a directory entry")
    let crc32 = try reader.little(UInt32.self, "a directory entry")
    var packedSize = Int(try reader.little(UInt32.self, "a directory entry"))
    var size = Int(try reader.little(UInt32.self, "a directory entry"))
    let nameLength = Int(try reader.little(UInt16.self, "a directory entry"))
    let extraLength = Int(try reader.little(UInt16.self, "a directory entry"))
    let commentLength = Int(try reader.little(UInt16.self, "a directory entry"))
    _ = try reader.take(8, "a directory entry")
    var header = Int(try reader.little(UInt32.self, "a directory entry"))
    let name = try reader.text(nameLength, "a member's name")
    let extra = try reader.take(extraLength, "member '\(name)'")
    _ = try reader.take(commentLength, "member '\(name)'")
    try widen(&size, &packedSize, &header, extra, name)
    guard flags & 1 == 0 else {
      throw reader.error(.unsupported, at: start, found: "member '\(name)' is encrypted")
    }
    guard method == 0 || method == 8 else {
      throw reader.error(
        .unsupported, at: start, found: "member '\(name)' is packed by method \(method)",
        expected: "0 (stored) or 8 (deflated)")
    }
    guard method == 8 || size == packedSize else {
      throw reader.error(
        at: start, found: "stored member '\(name)' of \(packedSize) bytes that should give \(size)")
    }
    let next = reader.offset
    let data = try dataStart(header, name)
    guard data <= directory, packedSize <= directory - data else {
      throw reader.error(
        at: start, found: "member '\(name)' of \(packedSize) bytes at byte \(data)",
        expected: "an end before the directory at byte \(directory)")
    }
    try reader.seek(to: next, for: "the directory")
    let member = ZipArchive.Member(
      name: name, isDeflated: method == 8, size: size, crc32: crc32,
      packed: data..<data + packedSize)
    return (member, header)
  }

  /// Replaces numbers that don't fit 32 bits by those of the ZIP64 field.
  private func widen(
    _ size: inout Int, _ packedSize: inout Int, _ header: inout Int,
    _ extra: UnsafeRawBufferPointer, _ name: String
  ) throws(FormatError) {
    let wide = 0xFFFF_FFFF
    guard size == wide || packedSize == wide || header == wide else { return }
    var fields = ByteReader(extra, file: "\(reader.file)!\(name)")
    while !fields.isAtEnd {
      let id = try fields.little(UInt16.self, "an extra field")
      let length = Int(try fields.little(UInt16.self, "an extra field"))
      guard id == 1 else {
        _ = try fields.take(length, "an extra field")
        continue
      }
      if size == wide { size = try fields.length("the size") }
      if packedSize == wide { packedSize = try fields.length("the packed size") }
      if header == wide { header = try fields.length("the header's offset") }
      return
    }
    throw fields.error(found: "no ZIP64 field")
  }

  private mutating func dataStart(_ header: Int, _ name: String) throws(FormatError) -> Int {
    try reader.seek(to: header, for: "member '\(name)'")
    guard try reader.little(UInt32.self, "the header of '\(name)'") == 0x0403_4B50 else {
      throw reader.error(at: header, found: "no header of member '\(name)'")
    }
    _ = try reader.take(22, "the header of '\(name)'")
    let nameLength = Int(try reader.little(UInt16.self, "the header of '\(name)'"))
    let extraLength = Int(try reader.little(UInt16.self, "the header of '\(name)'"))
    let localName = try reader.take(nameLength, "the header of '\(name)'")
    guard localName.elementsEqual(name.utf8) else {
      throw reader.error(at: header, found: "a header with another name than '\(name)'")
    }
    _ = try reader.take(extraLength, "the header of '\(name)'")
    return reader.offset
  }
}
