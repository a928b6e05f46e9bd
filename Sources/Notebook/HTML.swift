/// Text of a page under construction; everything that isn't markup of ours goes through `escape`.
package enum HTML {
  /// Text as it may stand between tags and inside quoted attributes.
  package static func escape(_ text: some StringProtocol) -> String {
    var result = ""
    result.reserveCapacity(text.utf8.count)
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      // Control characters are no HTML, and bidirectional overrides let a text lie about itself.
      case "\u{0}"..."\u{8}", "\u{B}"..."\u{C}", "\u{E}"..."\u{1F}", "\u{7F}"..."\u{9F}",
        "\u{202A}"..."\u{202E}", "\u{2066}"..."\u{2069}":
        result += "\u{FFFD}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  /// An opening tag, the escaped text and the closing tag.
  package static func element(
    _ name: String, class style: String? = nil, _ text: some StringProtocol
  )
    -> String
  {
    let attribute = style.map { " class=\"\($0)\"" } ?? ""
    return "<\(name)\(attribute)>\(escape(text))</\(name)>"
  }

  /// A collapsible part; summary and content are markup.
  package static func details(
    _ summary: String, style: String = "", _ content: String, identifier: String? = nil
  ) -> String {
    "<details class=\"\(style)\"\(identifier.map { " id=\"\($0)\"" } ?? "")>"
      + "<summary>\(summary)</summary><div class=\"body\">\(content)</div></details>\n"
  }

  /// JSON as it may stand inside a script element.
  ///
  /// `<` occurs in JSON only inside strings, where the escape means the same.
  package static func scriptData(_ json: String) -> String {
    json.replacing("<", with: "\\u003c")
  }
}
