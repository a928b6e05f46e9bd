import CZlib

/// Inflates deflated bytes through zlib.
enum Inflation {
  /// What is wrapped around the deflated bytes; zlib checks the wrapper's own checksum.
  enum Wrapper: Int32 {
    case none = -15
    case zlib = 15
    case gzip = 31
  }

  /// Deflate can't make anything more than this many times smaller.
  static let largestRatio = 1032

  /// Inflates the whole source.
  ///
  /// Any other size than the one that the file promises is an error; where it promises none, no
  /// more than the limit may come out.
  static func inflate(
    _ source: UnsafeRawBufferPointer, _ wrapper: Wrapper, size: Int? = nil, limit: Int = 1 << 32,
    file: String
  ) throws(FormatError) -> [UInt8] {
    if let size, size / largestRatio > source.count {
      throw FormatError(
        .limit, file: file, found: "\(source.count) compressed bytes that should give \(size)")
    }
    var stream = z_stream()
    guard pipeline_inflate_init(&stream, wrapper.rawValue) == Z_OK else {
      throw FormatError(.limit, file: file, found: "no memory to inflate it")
    }
    defer { inflateEnd(&stream) }
    let most = size ?? limit
    var result: [UInt8] = []
    result.reserveCapacity(size ?? min(limit, source.count.multipliedReportingOverflow(by: 4).0))
    var consumed = 0
    let status = withUnsafeTemporaryAllocation(byteCount: 1 << 16, alignment: 16) { chunk in
      while true {
        let input = UnsafeRawBufferPointer(rebasing: source[consumed...].prefix(1 << 30))
        stream.next_in = UnsafeMutablePointer(
          mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
        stream.avail_in = UInt32(input.count)
        stream.next_out = chunk.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.avail_out = UInt32(chunk.count)
        let status = CZlib.inflate(&stream, Z_NO_FLUSH)
        let read = input.count - Int(stream.avail_in)
        let written = chunk.count - Int(stream.avail_out)
        consumed += read
        result.append(contentsOf: chunk[..<written])
        if result.count > most { return Z_MEM_ERROR }
        // A gzip file may be several streams, one after the other.
        if status == Z_STREAM_END && wrapper == .gzip && consumed < source.count {
          guard inflateReset(&stream) == Z_OK else { return Z_DATA_ERROR }
          continue
        }
        if status != Z_OK { return status }
        if read == 0 && written == 0 { return Z_BUF_ERROR }
      }
    }
    func failure(_ found: String) -> FormatError {
      FormatError(file: file, at: .offset(consumed), found: found)
    }
    switch status {
    case Z_STREAM_END: break
    case Z_BUF_ERROR: throw failure("the compressed bytes are cut off")
    case Z_MEM_ERROR: throw failure("compressed bytes that give more than \(most)")
    default: throw failure("damaged compressed bytes")
    }
    guard size == nil || result.count == size else {
      throw failure("compressed bytes that give \(result.count) instead of \(most)")
    }
    guard consumed == source.count else {
      throw failure("\(source.count - consumed) bytes after the compressed ones")
    }
    return result
  }

  static func crc32(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    var checksum = CZlib.crc32(0, nil, 0)
    var rest = bytes[...]
    while !rest.isEmpty {
      let part = UnsafeRawBufferPointer(rebasing: rest.prefix(1 << 30))
      checksum = CZlib.crc32(
        checksum, part.baseAddress?.assumingMemoryBound(to: UInt8.self), UInt32(part.count))
      rest = rest.dropFirst(part.count)
    }
    return UInt32(truncatingIfNeeded: checksum)
  }
}

extension FileContent {
  /// The content without gzip's compression; the same object where there is none.
  ///
  /// - Throws: `FormatError` for damaged data, or over 4 gibibytes of it.
  public func gunzipped() throws(FormatError) -> FileContent {
    guard starts(with: [0x1F, 0x8B]) else { return self }
    let bytes = try withReader { (reader) throws(FormatError) in
      try Inflation.inflate(reader.bytes, .gzip, file: reader.file)
    }
    return FileContent(bytes, name: name)
  }
}
