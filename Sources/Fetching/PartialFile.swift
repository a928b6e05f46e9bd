import ContentHashing
import Foundation

/// A file that is not yet complete, as `NAME.part`, with what is needed to continue it.
///
/// The digest is computed as the bytes pass, so that nothing is read again.
final class PartialFile {
  private let target: String
  private let path: String
  private var file: UnsafeMutablePointer<FILE>?
  private var hasher = SHA256()
  private(set) var size = 0

  init(_ target: String, suffix: String = ".part") throws(FetchError) {
    self.target = target
    path = target + suffix
    file = fopen(path, "ab")
    guard file != nil else { throw problem() }
    // What an earlier attempt left.
    size = PartialFile.read(path) { hasher.update($0) } ?? 0
  }

  deinit {
    guard let file else { return }
    fclose(file)
    if size == 0 {
      unlink(path)
      validator = nil
    }
  }

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
      throw problem()
    }
    hasher.update(bytes)
    size += bytes.count
  }

  /// Throws away what is there.
  func discard() {
    if let file {
      fflush(file)
      ftruncate(fileno(file), 0)
    }
    hasher = SHA256()
    size = 0
    validator = nil
  }

  /// Gives the whole its name if it is what it must be; else throws it away.
  func finish(_ request: FetchRequest, from source: String) throws(FetchError) {
    var complete = SHA256()
    swap(&complete, &hasher)
    let found = complete.finish()
    guard found == request.sha256, request.size ?? size == size else {
      let sizes = request.size.map { $0 == size ? "" : ", \(size) bytes instead of \($0)" } ?? ""
      discard()
      throw FetchError(
        .mismatch,
        "'\(source)' has the SHA-256 \(found.hex) where \(request.sha256.hex) is wanted\(sizes); "
          + "nothing is kept. Either the file has changed, or the wrong digest is asked for")
    }
    validator = nil
    defer { file = nil }
    guard let file, fclose(file) == 0, rename(path, target) == 0 else {
      let error = problem()
      unlink(path)
      throw error
    }
  }

  private func problem() -> FetchError {
    FetchError(.failed, "'\(path)' cannot be written: \(String(cString: strerror(errno)))")
  }

  /// Gives a file's bytes to `take`, piece by piece.
  ///
  /// - Returns: How many there were; nil where the file cannot be read to its end.
  static func read<Failure>(
    _ path: String, take: (UnsafeRawBufferPointer) throws(Failure) -> Void
  ) throws(Failure) -> Int? {
    guard let input = fopen(path, "rb") else { return nil }
    defer { fclose(input) }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
    defer { buffer.deallocate() }
    var size = 0
    while true {
      let count = fread(buffer.baseAddress, 1, buffer.count, input)
      guard count > 0 else { return ferror(input) == 0 ? size : nil }
      try take(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
      size += count
    }
  }
}
