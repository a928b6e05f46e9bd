/// A log as text for reading: without the terminal's colours and without overwritten lines.
struct LogText {
  /// The last lines.
  let lines: [String]
  let isCut: Bool

  /// - Parameters:
  ///   - bytes: Standard output and error as they came; what isn't UTF-8 becomes U+FFFD.
  ///   - count: How many lines to keep, each of at most 2,000 characters.
  init(_ bytes: [UInt8], last count: Int) {
    // A page needs the end only; 400 bytes a line are plenty to find it.
    let limit = max(count, 1) * 400
    let tail = bytes.suffix(limit)
    let text = LogText.plain(String(decoding: tail, as: UTF8.self))
    var found = text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      // Progress bars overwrite their line: what stood there last counts.
      String((line.split(separator: "\r").last ?? "").prefix(2000))
    }
    if found.last == "" { found.removeLast() }
    if tail.count < bytes.count, found.count > 1 { found.removeFirst() }
    isCut = tail.count < bytes.count || found.count > count
    lines = Array(found.suffix(count))
  }

  /// Without ANSI escape sequences.
  static func plain(_ text: String) -> String {
    guard text.unicodeScalars.contains("\u{1B}") else { return text }
    var result = String.UnicodeScalarView()
    var iterator = text.unicodeScalars.makeIterator()
    while let scalar = iterator.next() {
      guard scalar == "\u{1B}" else {
        result.append(scalar)
        continue
      }
      guard let kind = iterator.next() else { break }
      if kind == "[" {
        while let next = iterator.next(), !("@"..."~").contains(next) {}
      } else if kind == "]" {
        while let next = iterator.next(), next != "\u{7}", next != "\u{1B}" {}
      }
    }
    return String(result)
  }
}
