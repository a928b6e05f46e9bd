import Foundation

/// A request as HTTP/1.1 frames it (RFC 9112).
struct WebRequest: Sendable {
  var method: String
  /// Without the query.
  var path: String
  var query: [String: String]
  /// By lower-case names.
  var headers: [String: String]
  var body: [UInt8] = []

  /// Bytes that the lines before the body may have.
  static let headLimit = 64 << 10
  static let bodyLimit = 1 << 20

  /// Reads the lines before the body.
  ///
  /// - Parameter head: Up to the blank line, without it.
  /// - Throws: `LiveError` where they are no request that this server answers.
  init(head: some Collection<UInt8>) throws {
    guard let text = String(validating: head, as: UTF8.self) else {
      throw LiveError(400, "The request is no text.")
    }
    let lines = text.components(separatedBy: "\r\n")
    let words = lines[0].split(separator: " ", omittingEmptySubsequences: false)
    guard words.count == 3, words[1].hasPrefix("/"), words[2].hasPrefix("HTTP/1.") else {
      throw LiveError(400, "The request line is none.")
    }
    method = String(words[0])
    let target = words[1].split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    path = String(target[0])
    query = [:]
    for pair in target.count > 1 ? target[1].split(separator: "&") : [] {
      let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        .map { $0.replacing("+", with: " ").removingPercentEncoding ?? "" }
      query[sides[0]] = sides.count > 1 ? sides[1] : ""
    }
    headers = [:]
    for line in lines.dropFirst() {
      guard let colon = line.firstIndex(of: ":"), colon != line.startIndex,
        !line[..<colon].contains(where: \.isWhitespace)
      else { throw LiveError(400, "A header is none.") }
      let name = line[..<colon].lowercased()
      let value = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
      // Two hosts, or two lengths, are how requests are smuggled.
      guard headers.updateValue(value, forKey: name) == nil || name == "cookie" else {
        throw LiveError(400, "The header '\(name)' stands twice.")
      }
    }
  }

  /// Bytes of the body.
  ///
  /// - Returns: 0 where it has none.
  /// - Throws: `LiveError` for what is too long, or does not say how long it is.
  func bodyLength() throws -> Int {
    guard headers["transfer-encoding"] == nil else {
      throw LiveError(411, "The body must say its length.")
    }
    guard let text = headers["content-length"] else { return 0 }
    guard text.utf8.allSatisfy({ (48...57).contains($0) }), let length = Int(text) else {
      throw LiveError(400, "The length of the body is no number.")
    }
    guard length <= WebRequest.bodyLimit else { throw LiveError(413, "The body is over 1 MiB.") }
    return length
  }

  var keepsConnection: Bool { headers["connection"]?.lowercased() != "close" }
}

/// What is sent back.
struct WebResponse: Sendable {
  var status: Int
  var headers: [(name: String, value: String)]
  var body: Body

  enum Body: Sendable {
    case bytes([UInt8])
    /// As long as the page listens.
    case events(EventHub.Stream)
  }

  /// The lines before the body, with the blank one.
  var head: [UInt8] {
    let phrases = [
      200: "OK", 304: "Not Modified", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden",
      404: "Not Found", 405: "Method Not Allowed", 411: "Length Required",
      413: "Content Too Large", 415: "Unsupported Media Type", 421: "Misdirected Request",
    ]
    var text = "HTTP/1.1 \(status) \(phrases[status] ?? "Refused")\r\n"
    for (name, value) in headers { text += "\(name): \(value)\r\n" }
    switch body {
    case .bytes(let bytes): text += "Content-Length: \(bytes.count)\r\n"
    // Its end is the connection's.
    case .events: text += "Connection: close\r\n"
    }
    return Array((text + "\r\n").utf8)
  }
}

/// A request that can't be met, and why.
struct LiveError: Error {
  var status: Int
  var message: String

  init(_ status: Int, _ message: String) {
    self.status = status
    self.message = message
  }
}
