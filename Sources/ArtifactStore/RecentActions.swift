import ContentHashing
import Foundation
import Synchronization

/// The entries of the latest actions once more, in one file.
///
/// A run asks for the entries of all its stages, and to open thousands of small files takes longer
/// than all else that it does with them. This is a cache: an entry counts only while its own file is
/// in the store, and deleting this one loses nothing.
///
/// For each entry there are three lines: its key with the time of its own file, and the two of that
/// file. They are only appended, in one write, so that several processes may do so; of a key's
/// entries the last counts.
final class RecentActions: Sendable {
  private let path: String
  /// Nil before the first question.
  private let known = Mutex<Entries?>(nil)
  /// Bytes at which the file is begun anew.
  private static let limit = 8 << 20

  private struct Entries {
    var text: [UInt8] = []
    var places: [Digest: Place] = [:]
  }

  private struct Place {
    /// When the entry's own file was written, in nanoseconds since 1970.
    var written: Int64
    var range: Range<Int>
  }

  init(path: String) { self.path = path }

  /// The result that is kept for a key; nil where none is, it is damaged, or the entry's own file
  /// is another one by now.
  ///
  /// - `file`: What the file system says of the entry's own file.
  func result(for key: Digest, file: FileFacts) -> ActionResult? {
    known.withLock { known in
      if known == nil { known = read() }
      guard let known, let place = known.places[key], place.written == file.modified,
        place.range.count == file.size
      else { return nil }
      return known.text.withUnsafeBufferPointer {
        ActionResult(text: UnsafeBufferPointer(rebasing: $0[place.range]))
      }
    }
  }

  private func read() -> Entries {
    var entries = Entries()
    guard let data = FileManager.default.contents(atPath: path) else { return entries }
    entries.text = Array(data)
    entries.text.withUnsafeBufferPointer { text in
      var key: (Digest, written: Int64)?
      var start = 0
      var line = 0
      while let end = text[line...].firstIndex(of: UInt8(ascii: "\n")) {
        let words = text[line..<end]
        if let begun = Self.key(in: words) {
          key = begun
          start = end + 1
        } else if let begun = key, line > start {
          entries.places[begun.0] = Place(written: begun.written, range: start..<(end + 1))
          key = nil
        }
        line = end + 1
      }
    }
    return entries
  }

  /// The key and the time in an entry's first line; nil for any other line.
  private static func key(in line: Slice<UnsafeBufferPointer<UInt8>>) -> (Digest, written: Int64)? {
    guard (66...90).contains(line.count), line[line.startIndex + 64] == UInt8(ascii: " "),
      let key = Digest(digits: UnsafeBufferPointer(rebasing: line.prefix(64)))
    else { return nil }
    let written = Int64(String(decoding: line.dropFirst(65), as: UTF8.self))
    return written.map { (key, $0) }
  }

  /// Keeps an entry; where that fails its own file is enough.
  func append(_ text: [UInt8], for key: Digest, file own: FileFacts) {
    known.withLock { _ = $0?.places.removeValue(forKey: key) }
    let file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
    guard file >= 0 else { return }
    defer { close(file) }
    var info = stat()
    if fstat(file, &info) == 0, info.st_size > Self.limit {
      unlink(path)
      return
    }
    let lines = Array("\(key.hex) \(own.modified)\n".utf8) + text
    _ = lines.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
  }
}
