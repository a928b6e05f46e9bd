import ContentHashing
import Foundation

/// A file that is not yet complete, as `NAME.part`, with what is needed to continue it.
final class PartialFile {
  private let target: String
  private let path: String
  private var file: UnsafeMutablePointer<FILE>?
  private(set) var size = 0

  init(_ target: String) throws(FetchError) {
    self.target = target
    path = target + ".part"
    file = fopen(path, "ab")
    guard let file else {
      throw FetchError(
        .failed, "'\(path)' cannot be written: \(String(cString: strerror(errno)))")
    }
    fseek(file, 0, SEEK_END)
    size = ftell(file)
  }

  deinit { if let file { fclose(file) } }

  /// What the server called this version of the file: an ETag or a date.
  var validator: String? {
    get { try? String(contentsOfFile: path + ".validator", encoding: .utf8) }
    set {
      if let newValue {
        try? newValue.write(toFile: path + ".validator", atomically: true, encoding: .utf8)
      } else {
        unlink(path + ".validator")
      }
    }
  }

  func append(_ bytes: UnsafeRawBufferPointer) throws(FetchError) {
    guard let file, fwrite(bytes.baseAddress, 1, bytes.count, file) == bytes.count else {
      throw FetchError(
        .failed, "'\(path)' cannot be written: \(String(cString: strerror(errno)))")
    }
    size += bytes.count
  }

  /// Throws away what is there.
  func discard() {
    if let file {
      fflush(file)
      ftruncate(fileno(file), 0)
    }
    size = 0
    validator = nil
  }

  /// Checks the whole and gives it its name, or throws it away.
  func finish(_ request: FetchRequest, from source: String) throws(FetchError) {
    if let file {
      fflush(file)
      fclose(file)
    }
    file = nil
    let found = digest()
    validator = nil
    guard found == request.sha256, request.size ?? size == size else {
      unlink(path)
      let sizes = request.size.map { $0 == size ? "" : ", \(size) bytes instead of \($0)" } ?? ""
      throw FetchError(
        .mismatch,
        "'\(source)' has the SHA-256 \(found?.hex ?? "?") where \(request.sha256.hex) is wanted"
          + "\(sizes); nothing is kept. Either the file has changed, or the pipeline names the wrong "
          + "digest")
    }
    guard rename(path, target) == 0 else {
      throw FetchError(
        .failed, "'\(target)' cannot be written: \(String(cString: strerror(errno)))")
    }
  }

  private func digest() -> Digest? {
    guard let input = fopen(path, "rb") else { return nil }
    defer { fclose(input) }
    let hasher = SHA256()
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
    defer { buffer.deallocate() }
    while true {
      let count = fread(buffer.baseAddress, 1, buffer.count, input)
      if count == 0 { return hasher.finish() }
      hasher.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
    }
  }
}
