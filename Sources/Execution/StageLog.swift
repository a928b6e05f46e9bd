import Foundation

/// The log of one attempt: every line of standard output and error and every log message, with the
/// seconds since the attempt started.
final class StageLog {
  let path: String
  private var file: Int32 = -1
  private var buffer: [UInt8] = []
  private var written = 0
  private(set) var tail: [String] = []
  let mask: SecretMask

  /// What a log may hold; a stage that prints more loses its middle, not its end.
  static let limit = 256 << 20
  static let tailLength = 20
  /// Characters of a line in a failure's excerpt, which the record and every page repeat.
  static let tailWidth = 2000

  init(path: String, mask: SecretMask) {
    self.path = path
    self.mask = mask
  }

  deinit { if file >= 0 { close(file) } }

  var isEmpty: Bool { written == 0 && buffer.isEmpty }

  /// Adds a line.
  ///
  /// - Returns: The line as it may be shown.
  func append(_ line: [UInt8], source: String, seconds: Double) -> String {
    // Terminals overwrite a line after a carriage return; of a progress bar only the end matters.
    let carriageReturn = UInt8(ascii: "\r")
    var shown = line[...]
    while shown.last == carriageReturn { shown.removeLast() }
    if let last = shown.lastIndex(of: carriageReturn) { shown = shown[(last + 1)...] }
    let text = mask.hide(String(decoding: shown, as: UTF8.self))
    tail.append(text.utf8.count > Self.tailWidth ? text.prefix(Self.tailWidth) + "…" : text)
    if tail.count > StageLog.tailLength { tail.removeFirst() }
    if written + buffer.count < StageLog.limit {
      let thousandths = Int(seconds * 1000)
      let whole = String(thousandths / 1000)
      let fraction = String(thousandths % 1000 + 1000).dropFirst()
      let padding = String(repeating: " ", count: max(0, 5 - whole.count))
      buffer += Array("\(padding)\(whole).\(fraction) \(source) \(text)\n".utf8)
      if buffer.count > 1 << 16 { flush() }
    }
    return text
  }

  /// Writes what is buffered; a full disk loses log lines, never the run.
  func flush() {
    guard !buffer.isEmpty else { return }
    if file < 0 { file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644) }
    if file >= 0 {
      let count = buffer.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
      written += max(0, count)
    }
    buffer.removeAll(keepingCapacity: true)
  }
}
