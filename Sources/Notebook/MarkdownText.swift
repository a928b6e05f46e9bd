/// Writes Markdown as GitHub reads it.
package enum MarkdownText {
  /// A text that shows as itself, on one line.
  package static func escape(_ text: some StringProtocol) -> String {
    var result = ""
    for character in text {
      if character.isNewline {
        result += " "
        continue
      }
      if "\\`*_[]<>|#~$".contains(character) { result += "\\" }
      result.append(character)
    }
    return result
  }

  /// A table; its cells are texts.
  package static func table(_ header: [String], _ rows: [[String]]) -> String {
    func line(_ cells: [String]) -> String {
      "| " + cells.map { escape($0) }.joined(separator: " | ") + " |"
    }
    let rule = "|" + String(repeating: " --- |", count: header.count)
    return ([line(header), rule] + rows.map(line)).joined(separator: "\n")
  }

  /// A code block whose fence is longer than any in the text.
  package static func fenced(_ text: String, _ language: String) -> String {
    var longest = 0
    var current = 0
    for character in text {
      current = character == "`" ? current + 1 : 0
      longest = max(longest, current)
    }
    let fence = String(repeating: "`", count: max(3, longest + 1))
    return "\(fence)\(language)\n\(text)\n\(fence)"
  }
}
