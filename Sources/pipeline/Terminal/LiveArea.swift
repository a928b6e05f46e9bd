import Foundation

/// Lines at the end of the terminal that are redrawn in place.
struct LiveArea {
  /// Columns that each drawn line takes.
  private var drawn: [Int] = []

  /// Replaces the lines, in one write so that nothing flickers.
  ///
  /// - `lines`: Each with its style; cut to the terminal's width.
  /// - `above`: Lines to leave above the area for good.
  mutating func draw(_ lines: [(text: String, style: Terminal.Style?)], above: [String] = []) {
    let width = Terminal.width
    let before = rows(width)
    // Lines are written over and only what is left of them is erased: some terminals keep what is
    // erased as a whole in their history.
    let end = "\u{1B}[K\n"
    var output = before > 0 ? "\u{1B}[\(before)A" : ""
    for line in above { output += line.replacing("\n", with: end) + end }
    drawn = []
    for (text, style) in lines {
      // One column less than there are: a full line would wrap in some terminals.
      let fitted = Terminal.fitted(text, width - 1)
      drawn.append(fitted.count)
      output += (style.map { Terminal.styled(fitted, $0) } ?? fitted) + end
    }
    if before > 0 { output += "\u{1B}[J" }
    guard !output.isEmpty else { return }
    Terminal.write(output, to: STDERR_FILENO)
  }

  mutating func erase() { draw([]) }

  /// Rows that the drawn lines take, also where they wrap since the terminal has become narrower.
  private func rows(_ width: Int) -> Int {
    drawn.reduce(0) { $0 + max(1, ($1 + width - 1) / max(1, width)) }
  }
}

/// A bar of eighths of a column.
func progressBar(_ fraction: Double, _ width: Int) -> String {
  let share = fraction.isFinite ? min(max(fraction, 0), 1) : 0
  let eighths = Int((share * Double(width) * 8).rounded(.down))
  let parts = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"]
  let full = String(repeating: "█", count: eighths / 8) + parts[eighths % 8]
  return full + String(repeating: "·", count: max(0, width - full.count))
}
