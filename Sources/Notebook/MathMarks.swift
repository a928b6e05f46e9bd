/// Takes `$…$` and `$$…$$` out of Markdown before its parser sees them, so that underscores and
/// stars in TeX stay what they are, and puts them back afterwards.
///
/// Marks are numbers between two private-use characters, which are first removed from the text.
struct MathMarks {
  struct Formula: Hashable {
    var tex: String
    var isDisplay: Bool

    var source: String { isDisplay ? "$$\(tex)$$" : "$\(tex)$" }
    var html: String {
      "<span class=\"math\(isDisplay ? " display" : "")\">\(HTML.escape(source))</span>"
    }
  }

  private(set) var formulas: [Formula] = []
  private static let open: Unicode.Scalar = "\u{E000}"
  private static let close: Unicode.Scalar = "\u{E001}"

  /// The Markdown with marks in place of formulas; code is left alone.
  mutating func take(_ markdown: String) -> String {
    var scanner = Scanner(
      text: Array(
        markdown.unicodeScalars.filter { $0 != MathMarks.open && $0 != MathMarks.close }))
    return scanner.scan(into: &formulas)
  }

  /// A text with each mark replaced.
  func restore(_ text: String, with replacement: (Formula) -> String) -> String {
    guard text.unicodeScalars.contains(MathMarks.open) else { return text }
    var result = ""
    var number: String?
    for scalar in text.unicodeScalars {
      if scalar == MathMarks.open {
        number = ""
      } else if scalar == MathMarks.close {
        if let index = number.flatMap({ Int($0) }), formulas.indices.contains(index) {
          result += replacement(formulas[index])
        }
        number = nil
      } else if number != nil {
        number?.unicodeScalars.append(scalar)
      } else {
        result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  private struct Scanner {
    let text: [Unicode.Scalar]
    var position = 0
    var result = String.UnicodeScalarView()

    init(text: [Unicode.Scalar]) { self.text = text }

    mutating func scan(into formulas: inout [Formula]) -> String {
      while position < text.count {
        if atLineStart, let fence { skipFenced(fence) } else { step(&formulas) }
      }
      return String(result)
    }

    private mutating func step(_ formulas: inout [Formula]) {
      switch text[position] {
      case "\\":
        copy(min(2, text.count - position))
      case "`":
        skipCodeSpan()
      case "$":
        let length = peek(1) == "$" ? 2 : 1
        if let end = closing(length) {
          let tex = String(String.UnicodeScalarView(text[(position + length)..<end]))
          result.append(MathMarks.open)
          result.append(contentsOf: String(formulas.count).unicodeScalars)
          result.append(MathMarks.close)
          formulas.append(Formula(tex: tex, isDisplay: length == 2))
          position = end + length
        } else {
          copy(length)
        }
      default:
        copy(1)
      }
    }

    /// Pandoc's rule: no space inside the dollars, no digit after them (`$5 and $6` is money).
    private func closing(_ length: Int) -> Int? {
      let start = position + length
      guard start < text.count, length == 2 || !text[start].properties.isWhitespace else {
        return nil
      }
      var index = start
      while index < text.count {
        if text[index] == "\\" {
          index += 2
          continue
        }
        if text[index] == "\n", index + 1 < text.count, text[index + 1] == "\n" { return nil }
        if text[index] == "$" {
          if length == 2 {
            if index + 1 < text.count, text[index + 1] == "$" { return index > start ? index : nil }
          } else {
            let after = index + 1 < text.count ? text[index + 1] : " "
            let fits = !text[index - 1].properties.isWhitespace && !("0"..."9").contains(after)
            return fits && index > start ? index : nil
          }
        }
        index += 1
      }
      return nil
    }

    private func peek(_ offset: Int) -> Unicode.Scalar? {
      position + offset < text.count ? text[position + offset] : nil
    }

    private mutating func copy(_ count: Int) {
      result.append(contentsOf: text[position..<(position + count)])
      position += count
    }

    private var atLineStart: Bool { position == 0 || text[position - 1] == "\n" }

    /// The fence that opens at the start of this line, after at most three spaces.
    private var fence: (mark: Unicode.Scalar, count: Int)? {
      var index = position
      while index < text.count, text[index] == " ", index - position < 3 { index += 1 }
      guard index < text.count, text[index] == "`" || text[index] == "~" else { return nil }
      let count = run(of: text[index], at: index)
      return count >= 3 ? (text[index], count) : nil
    }

    private func run(of mark: Unicode.Scalar, at start: Int) -> Int {
      var index = start
      while index < text.count, text[index] == mark { index += 1 }
      return index - start
    }

    private mutating func skipFenced(_ fence: (mark: Unicode.Scalar, count: Int)) {
      copyLine()
      while position < text.count {
        let closes = self.fence.map { $0.mark == fence.mark && $0.count >= fence.count } ?? false
        copyLine()
        if closes { return }
      }
    }

    private mutating func copyLine() {
      let end = text[position...].firstIndex(of: "\n").map { $0 + 1 } ?? text.count
      copy(end - position)
    }

    private mutating func skipCodeSpan() {
      let count = run(of: "`", at: position)
      var index = position + count
      while index < text.count {
        guard text[index] == "`" else {
          index += 1
          continue
        }
        let length = run(of: "`", at: index)
        index += length
        if length == count {
          copy(index - position)
          return
        }
      }
      copy(count)
    }
  }
}
