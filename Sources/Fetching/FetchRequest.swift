public import ContentHashing
import Foundation

/// A file to fetch: where it may be had, and what it must be.
public struct FetchRequest: Sendable {
  /// URLs, tried in turn.
  public var sources: [String]
  public var sha256: Digest
  /// Bytes, where they are known.
  public var size: Int?

  public init(sources: [String], sha256: Digest, size: Int? = nil) {
    self.sources = sources
    self.sha256 = sha256
    self.size = size
  }
}

/// A source's URL, checked.
struct SourceURL {
  let text: String
  let host: String
  /// Decoded, without its leading slash.
  let path: String

  /// - Throws: `FetchError` where the text is no http or https URL.
  init(_ text: String) throws(FetchError) {
    guard let components = URLComponents(string: text),
      let scheme = components.scheme?.lowercased(),
      let host = components.host, !host.isEmpty
    else { throw FetchError(.failed, "'\(SourceURL.masked(text))' is not a URL") }
    guard scheme == "https" || scheme == "http" else {
      throw FetchError(
        .failed,
        "'\(SourceURL.masked(text))' has the scheme '\(scheme)'; only https and http are fetched")
    }
    self.text = text
    self.host = components.port.map { "\(host):\($0)" } ?? host
    path = String(components.path.drop { $0 == "/" })
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
    guard let scheme = text.range(of: "://") else { return text }
    let rest = text[scheme.upperBound...]
    let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
    guard let at = authority.lastIndex(of: "@") else { return text }
    return String(text[..<scheme.upperBound]) + "•••@" + rest[rest.index(after: at)...]
  }
}
