import CArchive
import Foundation

/// Unpacks archives without ever writing outside of their folder.
public enum Archive {
  /// What an archive may contain.
  public struct Limits: Sendable {
    public var entries = 200_000
    /// Bytes in all.
    public var size = 64 << 30
    /// How many times larger than the archive the whole may be; small wholes are exempt.
    public var ratio = 1000
    /// Folders that may lie in each other.
    public var depth = 64
    public init() {}
  }

  /// Unpacks zip, tar (plain, gz, bz2, xz, zst), and single files under gz, bz2, xz or zst.
  ///
  /// Only files and folders come out, with plain permissions, so that equal archives give equal
  /// folders. A failure leaves nothing behind.
  ///
  /// - `folder`: Must not exist yet.
  /// - `singleName`: What a compressed single file is called; without it the archive's own name
  ///   less its last suffix.
  /// - Throws: `FetchError` naming the entry that must not be unpacked.
  public static func unpack(
    _ path: String, into folder: String, singleName: String? = nil, limits: Limits = Limits()
  ) throws(FetchError) {
    guard mkdir(folder, 0o755) == 0 else {
      throw FetchError(
        .archive, "'\(folder)' cannot be made: \(String(cString: strerror(errno)))")
    }
    do {
      try extract(path, into: folder, singleName ?? rawName(path), limits)
    } catch {
      try? FileManager.default.removeItem(atPath: folder)
      throw error
    }
  }

  private static func extract(
    _ path: String, into folder: String, _ singleName: String, _ limits: Limits
  ) throws(FetchError) {
    // libarchive translates names through the thread's locale, and "C" knows ASCII only.
    let locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", nil)
    let before = locale.map { uselocale($0) }
    defer {
      if let locale {
        uselocale(before ?? nil)
        freelocale(locale)
      }
    }
    guard let archive = archive_read_new() else { throw FetchError(.archive, "out of memory") }
    defer { archive_read_free(archive) }
    // Not all that there are: for some, libarchive starts a program that it finds in PATH.
    archive_read_support_filter_gzip(archive)
    archive_read_support_filter_bzip2(archive)
    archive_read_support_filter_xz(archive)
    archive_read_support_filter_zstd(archive)
    archive_read_support_format_zip(archive)
    archive_read_support_format_tar(archive)
    // A compressed single file; it fits anything, so the others are tried first.
    archive_read_support_format_raw(archive)
    guard archive_read_open_filename(archive, path, 1 << 20) == ARCHIVE_OK else {
      throw problem(archive, path)
    }
    let packed = ((try? FileManager.default.attributesOfItem(atPath: path))?[.size] as? Int) ?? 0
    var state = Progress(packedSize: packed, limits: limits)
    while true {
      var entry: OpaquePointer?
      let status = archive_read_next_header(archive, &entry)
      if status == ARCHIVE_EOF { break }
      guard status == ARCHIVE_OK || status == ARCHIVE_WARN, let entry else {
        throw problem(archive, path)
      }
      let isRaw = archive_format(archive) == ARCHIVE_FORMAT_RAW
      if isRaw, archive_filter_count(archive) < 2 {
        throw FetchError(.archive, "'\(path)' is no archive that this program can unpack")
      }
      guard let name = isRaw ? singleName : name(of: entry) else {
        throw FetchError(.archive, "'\(path)' holds a name that is not valid UTF-8")
      }
      try unpack(entry, archive, name: name, into: folder, path, &state)
    }
    guard state.entries > 0 else { throw FetchError(.archive, "'\(path)' holds nothing") }
  }

  private struct Progress {
    let packedSize: Int
    let limits: Limits
    var entries = 0
    var size = 0

    /// Why so many bytes more are too many; nil where they are not.
    func excess(of count: Int) -> String? {
      let (whole, isTooLarge) = size.addingReportingOverflow(max(0, count))
      if isTooLarge || whole > limits.size {
        return "makes the whole larger than \(limits.size) bytes"
      }
      // Small wholes are exempt: a megabyte of zeros is no attack.
      guard whole > 64 << 20, whole / max(1, packedSize) > limits.ratio else { return nil }
      return "makes the whole larger than \(limits.ratio) times the archive"
    }
  }

  private static func unpack(
    _ entry: OpaquePointer, _ archive: OpaquePointer, name: String, into folder: String,
    _ path: String, _ state: inout Progress
  ) throws(FetchError) {
    func refuse(_ reason: String) -> FetchError {
      FetchError(.archive, "'\(path)' is not unpacked: its entry '\(name)' \(reason)")
    }
    state.entries += 1
    guard state.entries <= state.limits.entries else {
      throw refuse("is one more than the \(state.limits.entries) that are allowed")
    }
    let steps = name.split(separator: "/").map(String.init).filter { $0 != "." }
    guard !name.hasPrefix("/") else { throw refuse("has an absolute path") }
    guard !steps.contains("..") else { throw refuse("leaves the folder") }
    guard steps.count <= state.limits.depth else {
      throw refuse("lies more than \(state.limits.depth) folders deep")
    }
    // The file types of POSIX, as libarchive gives them; 0 where the format knows none.
    let type = archive_entry_filetype(entry)
    let isFolder = type == 0o040000
    let isFile = type == 0o100000 || type == 0
    guard archive_entry_hardlink(entry) == nil, isFolder || isFile else {
      throw refuse("is a link or a device; only files and folders are unpacked")
    }
    if steps.isEmpty { return }
    let target = folder + "/" + steps.joined(separator: "/")
    let parent = isFolder ? target : (target as NSString).deletingLastPathComponent
    do {
      try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
    } catch {
      throw refuse("lies below a file")
    }
    if isFolder { return }
    let file = open(target, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o644)
    guard file >= 0 else { throw refuse(errno == EEXIST ? "stands there twice" : unwritable()) }
    defer { close(file) }
    if let reason = try write(entry, archive, to: file, path, &state) { throw refuse(reason) }
  }

  /// Writes an entry's bytes.
  ///
  /// - Returns: Why it is refused; nil where it is not.
  private static func write(
    _ entry: OpaquePointer, _ archive: OpaquePointer, to file: Int32, _ path: String,
    _ state: inout Progress
  ) throws(FetchError) -> String? {
    let claimed = archive_entry_size_is_set(entry) == 0 ? 0 : Int(archive_entry_size(entry))
    if let excess = state.excess(of: claimed) { return excess }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
    defer { buffer.deallocate() }
    var size = 0
    while true {
      let count = archive_read_data(archive, buffer.baseAddress, buffer.count)
      guard count >= 0 else { throw problem(archive, path) }
      if count == 0 { break }
      if let excess = state.excess(of: count) { return excess }
      guard Foundation.write(file, buffer.baseAddress, count) == count else { return unwritable() }
      size += count
      state.size += count
    }
    // libarchive does not give the hole at the end of a sparse file.
    guard claimed > size else { return nil }
    state.size += claimed - size
    return ftruncate(file, off_t(claimed)) == 0 ? nil : unwritable()
  }

  private static func unwritable() -> String {
    "cannot be written: \(String(cString: strerror(errno)))"
  }

  /// An entry's name; nil where it is no UTF-8.
  private static func name(of entry: OpaquePointer) -> String? {
    if let name = archive_entry_pathname_utf8(entry) { return String(cString: name) }
    return archive_entry_pathname(entry).flatMap { String(validatingCString: $0) }
  }

  /// `digits.idx.gz` holds `digits.idx`.
  private static func rawName(_ path: String) -> String {
    let name = (path as NSString).lastPathComponent
    let stem = (name as NSString).deletingPathExtension
    return stem.isEmpty ? name : stem
  }

  private static func problem(_ archive: OpaquePointer, _ path: String) -> FetchError {
    let reason = archive_error_string(archive).map { String(cString: $0) } ?? "it is damaged"
    return FetchError(.archive, "'\(path)' cannot be unpacked: \(reason)")
  }
}
