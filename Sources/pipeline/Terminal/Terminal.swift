import Foundation

/// Writing to the terminal: results to standard output, progress to standard error.
enum Terminal {
  /// Whether people look at standard error.
  static let isInteractive =
    isatty(STDERR_FILENO) == 1 && ProcessInfo.processInfo.environment["TERM"] != "dumb"

  /// Whether colour is wanted there.
  static let isColoured =
    isInteractive && ProcessInfo.processInfo.environment["NO_COLOR"] == nil

  static func print(_ text: String) { write(text + "\n", to: STDOUT_FILENO) }

  static func note(_ text: String) { write(text + "\n", to: STDERR_FILENO) }

  static func write(_ text: String, to descriptor: Int32) {
    var text = text
    text.withUTF8 { bytes in
      var sent = 0
      while sent < bytes.count {
        let count = Foundation.write(
          descriptor, bytes.baseAddress.map { $0 + sent }, bytes.count - sent)
        if count < 0 && errno == EINTR { continue }
        // Nobody reads any more (`pipeline log | head`): there is nobody to tell either.
        if count <= 0 { return }
        sent += count
      }
    }
  }

  /// Columns of the terminal.
  static var width: Int {
    var size = winsize()
    guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
    return Int(size.ws_col)
  }

  /// Rows of the terminal.
  static var height: Int {
    var size = winsize()
    guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_row > 0 else { return 24 }
    return Int(size.ws_row)
  }

  enum Style: String {
    case bold = "1"
    case dim = "2"
    case red = "31"
    case green = "32"
    case yellow = "33"
    case cyan = "36"
  }

  static func styled(_ text: String, _ style: Style) -> String {
    isColoured ? "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m" : text
  }

  /// A text as one line of at most so many characters, without anything that moves the cursor.
  static func fitted(_ text: String, _ width: Int) -> String {
    let plain = String(
      text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? " " : Character($0) })
    return plain.count <= width ? plain : String(plain.prefix(max(0, width - 1))) + "…"
  }
}

/// A duration for people: `0.42 s`, `12.3 s`, `3 min 20 s`, `2 h 05 min`.
func durationText(_ seconds: Double) -> String {
  func fixed(_ value: Double, _ digits: Int) -> String { String(format: "%.\(digits)f", value) }
  if seconds < 9.995 { return fixed(seconds, 2) + " s" }
  if seconds < 99.95 { return fixed(seconds, 1) + " s" }
  // A record that somebody else wrote may say anything.
  let whole = Int(min(seconds, 1e15).rounded())
  if whole < 3600 { return "\(whole / 60) min \(whole % 60) s" }
  return "\(whole / 3600) h \(String(format: "%02d", whole / 60 % 60)) min"
}

/// A size for people: `2.1 GiB`.
func sizeText(_ bytes: Int) -> String {
  let units = ["B", "KiB", "MiB", "GiB", "TiB"]
  var size = Double(bytes)
  var unit = 0
  while size >= 1024 && unit < units.count - 1 {
    size /= 1024
    unit += 1
  }
  return unit == 0
    ? "\(bytes) B" : String(format: size < 10 ? "%.1f" : "%.0f", size) + " " + units[unit]
}

/// A number with its noun: `1 stage`, `2 stages`.
func counted(_ number: Int, _ noun: String) -> String {
  "\(number) \(noun)\(number == 1 ? "" : "s")"
}

/// That nothing is to do: `the stage is cached`, `all 2 stages are cached`.
func allCached(_ count: Int) -> String {
  switch count {
  case 0: "there is no stage"
  case 1: "the stage is cached"
  default: "all \(count) stages are cached"
  }
}

/// Rows as aligned columns.
func columns(_ rows: [[String]], right: Set<Int> = []) -> [String] {
  let count = rows.map(\.count).max() ?? 0
  let widths = (0..<count).map { column in
    rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
  }
  return rows.map { row in
    let cells = row.enumerated().map { column, text in
      let padding = String(repeating: " ", count: widths[column] - text.count)
      return right.contains(column) ? padding + text : text + padding
    }
    var line = cells.joined(separator: "  ")
    while line.last == " " { line.removeLast() }
    return line
  }
}
