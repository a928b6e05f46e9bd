import ContentHashing
import Foundation

/// Libraries that go into a page only when it needs them.
struct PageAssets: Sendable {
  let katex: String
  let highlight: String

  /// KaTeX's script and style with its fonts inside; nil where it isn't installed.
  func mathematics(
    for formulas: [MathMarks.Formula], withAllFaces isComplete: Bool = false
  ) -> (script: String, style: String)? {
    guard let script = PageAssets.text("\(katex)/katex.min.js"),
      let style = PageAssets.text("\(katex)/katex.min.css")
    else { return nil }
    let tex = formulas.map(\.tex).joined(separator: "\n")
    return (
      script, embedFonts(style, needed: { isComplete || PageAssets.needs(face: $0, for: tex) })
    )
  }

  /// Replaces the files of a font face by one WOFF2 inside the style; drops faces not needed.
  private func embedFonts(_ style: String, needed: (String) -> Bool) -> String {
    var result = ""
    for (index, part) in style.components(separatedBy: "@font-face{").enumerated() {
      guard index > 0 else {
        result += part
        continue
      }
      guard let end = part.firstIndex(of: "}") else { continue }
      let rule = part[..<end]
      if let start = rule.range(of: "url(fonts/"), let stop = rule.range(of: ".woff2)"),
        case let face = String(rule[start.upperBound..<stop.lowerBound]), needed(face),
        let font = FileManager.default.contents(atPath: "\(katex)/fonts/\(face).woff2")
      {
        let source = "src:url(data:font/woff2;base64,\(font.base64EncodedString()))"
        let family = rule.prefix { $0 != ";" }
        let rest = rule.range(of: ";font-weight").map { String(rule[$0.lowerBound...]) } ?? ""
        result += "@font-face{\(family);\(source) format('woff2')\(rest)}"
      }
      result += part[part.index(after: end)...]
    }
    return result
  }

  /// The faces of rare alphabets are wanted only where a command asks for them.
  private static func needs(face: String, for tex: String) -> Bool {
    let commands: [(face: String, anyOf: [String])] = [
      ("Caligraphic", ["cal"]), ("Fraktur", ["frak"]), ("SansSerif", ["sf"]), ("Script", ["scr"]),
      ("Typewriter", ["tt", "verb", "url", "href"]), ("Math-BoldItalic", ["bold", "\\bm"]),
      ("Main-Bold", ["bf", "bold", "\\bm", "pmb"]), ("Main-Italic", ["it", "em", "text"]),
      ("Main-BoldItalic", ["bold", "\\bm"]),
    ]
    for (name, words) in commands where face == "KaTeX_\(name)" || face.hasPrefix("KaTeX_\(name)-")
    {
      if words.contains(where: tex.contains) { return true }
      return false
    }
    return true
  }

  /// highlight.js with only the languages of the page; nil where it isn't installed or knows none.
  func highlighter(for languages: Set<String>) -> String? {
    guard !languages.isEmpty, let text = PageAssets.text("\(highlight)/highlight.min.js") else {
      return nil
    }
    let mark = "hljs.registerLanguage(\""
    var wanted = Set(languages.map { PageAssets.languageNames[$0] ?? $0 })
    if !wanted.isDisjoint(with: ["c", "cpp"]) { wanted.insert("c-like") }
    let parts = text.components(separatedBy: mark)
    let chosen = parts.dropFirst().filter { wanted.contains(String($0.prefix { $0 != "\"" })) }
    guard parts.count > 1, !chosen.isEmpty else { return nil }
    return parts[0] + chosen.map { mark + $0 }.joined()
  }

  private static let languageNames = [
    "py": "python", "python3": "python", "sh": "bash", "zsh": "bash", "console": "shell",
    "yml": "yaml", "js": "javascript", "ts": "typescript", "c++": "cpp", "h": "c", "html": "xml",
    "svg": "xml", "tex": "latex", "rs": "rust", "jl": "julia", "md": "markdown", "patch": "diff",
  ]

  private static func text(_ path: String) -> String? {
    FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
  }

  /// What a content security policy calls a script: its SHA-256 in Base64.
  static func policyHash(of script: String) -> String {
    "'sha256-\(Data(Digest.of(script).bytes).base64EncodedString())'"
  }
}
