import Foundation

#if canImport(Glibc)
  import Glibc
#endif

/// The bytes of a file, memory-mapped where that pays, or bytes already in memory.
///
/// A mapped file must not be cut short while it is read; small files are copied, so that this
/// concerns only files over a mebibyte.
public final class FileContent: Sendable {
  /// What error messages call the file.
  public let name: String
  // Immutable after `init` and owned by this object, hence safe to share.
  nonisolated(unsafe) private let bytes: UnsafeRawBufferPointer
  private let isMapped: Bool

  private static let mappedFrom = 1 << 20

  /// Opens a regular file.
  ///
  /// - Throws: `FormatError` with the code `unreadable` when there is none, or it can't be read.
  public init(path: String) throws(FormatError) {
    name = path
    func failure() -> FormatError {
      FormatError(.unreadable, file: path, found: String(cString: strerror(errno)))
    }
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw failure() }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw failure() }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw FormatError(.unreadable, file: path, found: "not a regular file")
    }
    let size = Int(status.st_size)
    if size >= FileContent.mappedFrom {
      guard let start = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), start != MAP_FAILED
      else { throw failure() }
      bytes = UnsafeRawBufferPointer(start: start, count: size)
      isMapped = true
      return
    }
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: max(size, 1), alignment: 16)
    var filled = 0
    while filled < size {
      let count = read(descriptor, copy.baseAddress.map { $0 + filled }, size - filled)
      if count < 0 && errno == EINTR { continue }
      if count < 0 {
        copy.deallocate()
        throw failure()
      }
      if count == 0 { break }
      filled += count
    }
    bytes = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(copy)[..<filled])
    isMapped = false
  }

  /// Takes bytes in memory, under the name that error messages give them.
  public init(_ content: some Collection<UInt8>, name: String) {
    self.name = name
    let copy = UnsafeMutableRawBufferPointer.allocate(
      byteCount: max(content.count, 1), alignment: 16)
    copy.copyBytes(from: content)
    bytes = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(copy)[..<content.count])
    isMapped = false
  }

  deinit {
    guard let start = UnsafeMutableRawPointer(mutating: bytes.baseAddress) else { return }
    if isMapped { munmap(start, bytes.count) } else { start.deallocate() }
  }

  public var count: Int { bytes.count }

  /// Lends the bytes to a closure; they must not escape from it.
  public func withBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    defer { withExtendedLifetime(self) {} }
    return try body(bytes)
  }

  /// Gives back the memory of bytes that were read, where the file is mapped.
  ///
  /// They are read again when they are asked for. Pages that reach beyond the range stay.
  public func release(_ range: Range<Int>) {
    guard isMapped, let start = bytes.baseAddress else { return }
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let first = (range.lowerBound + page - 1) / page * page
    let last = range.upperBound == bytes.count ? bytes.count : range.upperBound / page * page
    guard first < last else { return }
    madvise(UnsafeMutableRawPointer(mutating: start + first), last - first, MADV_DONTNEED)
  }

  /// Whether the file starts with these bytes.
  public func starts(with prefix: [UInt8]) -> Bool { withBytes { $0.starts(with: prefix) } }

  func withReader<Result>(
    _ body: (inout ByteReader) throws(FormatError) -> Result
  ) throws(FormatError) -> Result {
    defer { withExtendedLifetime(self) {} }
    var reader = ByteReader(bytes, file: name)
    return try body(&reader)
  }
}

/// Writes a file at once: under a temporary name first, so that nobody sees half of it.
package func write(_ bytes: some Sequence<UInt8>, to path: String) throws(FormatError) {
  do {
    try Data(bytes).write(to: URL(fileURLWithPath: path), options: .atomic)
  } catch {
    throw FormatError(.unreadable, file: path, found: "cannot be written: \(error)")
  }
}
