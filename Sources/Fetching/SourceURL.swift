import Foundation

/// A source's URL, checked.
struct SourceURL {
  let text: String
  let host: String
  /// Decoded, without its leading slash.
  let path: String

  /// - Throws: `FetchError` where the text is no http or https URL.
  init(_ text: String) throws(FetchError) {
    func wrong(_ reason: String) -> FetchError {
      FetchError(.failed, "'\(SourceURL.masked(text))' is no https or http URL\(reason)")
    }
    if let odd = text.unicodeScalars.first(where: { $0.value <= 0x20 || $0.value == 0x7F }) {
      let code = String(odd.value, radix: 16, uppercase: true)
      throw wrong(
        ": it holds a blank or control character (write it as %\(code.count < 2 ? "0" : "")\(code))"
      )
    }
    guard let components = URLComponents(string: text), let scheme = components.scheme,
      ["http", "https"].contains(scheme.lowercased())
    else { throw wrong("") }
    // A host is a folder's name in a mirror; decoded, it could hold a path.
    guard let host = components.host?.lowercased(), !host.isEmpty, !host.hasPrefix("."),
      !host.unicodeScalars.contains(where: { "/\\%@?#\0".unicodeScalars.contains($0) })
    else { throw wrong(": it names no host") }
    if let port = components.port, !(1...65535).contains(port) {
      throw wrong(": there is no port \(port)")
    }
    self.text = text
    self.host = components.port.map { "\(host):\($0)" } ?? host
    path = String(components.path.dropFirst())
  }

  /// The place of the file below a mirror's folder: HOST/PATH; nil where the path climbs out of it.
  var mirrorPath: String? {
    let steps = path.split(separator: "/", omittingEmptySubsequences: false)
    guard !steps.contains(where: { $0 == ".." || $0 == "." || $0.isEmpty }), !path.contains("\0")
    else { return nil }
    return "\(host)/\(path)"
  }

  /// The URL without a user's name and password.
  var shown: String { SourceURL.masked(text) }

  static func masked(_ text: String) -> String {
    let start = text.range(of: "://")?.upperBound ?? text.startIndex
    let authority = text[start...].prefix { $0 != "/" && $0 != "?" && $0 != "#" }
    guard let at = authority.lastIndex(of: "@") else { return text }
    return String(text[..<start]) + "•••@" + text[text.index(after: at)...]
  }
}
