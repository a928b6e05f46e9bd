/// Decides who may speak with the server.
///
/// It listens on the loopback interface only, but any page in any browser of this machine can send
/// requests there. So a request must name this server as its host (else another site's name, pointed
/// at 127.0.0.1, could read the page: DNS rebinding), must not come from another site (`Origin`,
/// `Sec-Fetch-Site`), and must bring the token, which only who started the server has seen.
struct Gatekeeper: Sendable {
  /// Random; stands in the URL that the server prints.
  let token: String
  let port: UInt16
  let isReadOnly: Bool

  /// What is known of a request before it is answered.
  struct Request {
    var method: String
    /// Of the URL.
    var token: String?
    var host: String?
    var origin: String?
    var fetchSite: String?
    var cookie: String?
  }

  enum Verdict: Hashable {
    /// By the cookie.
    case admitted
    /// By the token in the URL: the answer sets the cookie.
    case introduced
    case refused(status: Int, reason: String)
  }

  func judge(_ request: Request) -> Verdict {
    guard let host = request.host, hosts.contains(host) else {
      return .refused(status: 421, reason: "This server answers only as 127.0.0.1:\(port).")
    }
    guard ["GET", "POST"].contains(request.method) else {
      return .refused(status: 405, reason: "Only GET and POST are understood.")
    }
    let isPost = request.method == "POST"
    if isPost || request.origin != nil, request.origin != "http://\(host)" {
      return .refused(status: 403, reason: "Requests from other sites are refused.")
    }
    // A browser says so when another site sent the request; `none` is a link typed by hand.
    if let site = request.fetchSite, site != "same-origin", site != "none", request.token == nil {
      return .refused(status: 403, reason: "Requests from other sites are refused.")
    }
    if isPost, isReadOnly {
      return .refused(status: 403, reason: "The server was started with --read-only.")
    }
    if let given = cookieToken(request.cookie), isEqual(given, token) { return .admitted }
    if !isPost, let given = request.token, isEqual(given, token) { return .introduced }
    return .refused(
      status: 401, reason: "Open the address that `pipeline serve` printed; it holds the token.")
  }

  private var hosts: [String] { ["127.0.0.1:\(port)", "localhost:\(port)"] }

  /// Cookies know no ports, so each server has a name of its own.
  private var cookieName: String { "pipeline-\(port)" }

  /// What `Set-Cookie` says: unreadable for scripts, and never sent along from other sites.
  var cookie: String { "\(cookieName)=\(token); Path=/; HttpOnly; SameSite=Strict" }

  private func cookieToken(_ header: String?) -> String? {
    for pair in (header ?? "").split(separator: ";") {
      let sides = pair.split(separator: "=", maxSplits: 1)
      if sides.count == 2, sides[0].trimmingPrefix(while: { $0 == " " }) == cookieName {
        return String(sides[1])
      }
    }
    return nil
  }

  /// Compares all characters whatever they are, so that the time tells nothing.
  private func isEqual(_ given: String, _ wanted: String) -> Bool {
    let (given, wanted) = (Array(given.utf8), Array(wanted.utf8))
    guard given.count == wanted.count else { return false }
    return zip(given, wanted).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
  }

  /// 192 random bits.
  static func newToken() -> String {
    var generator = SystemRandomNumberGenerator()
    let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    return String((0..<32).map { _ in letters[Int.random(in: 0..<64, using: &generator)] })
  }
}
