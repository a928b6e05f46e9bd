import Testing

@testable import LivePage

struct GatekeeperTests {
  private let gate = Gatekeeper(token: "secret", port: 8080, isReadOnly: false)

  private func request(
    _ method: String = "GET", token: String? = nil, host: String? = "127.0.0.1:8080",
    origin: String? = nil, site: String? = nil, cookie: String? = "pipeline-8080=secret"
  ) -> Gatekeeper.Request {
    Gatekeeper.Request(
      method: method, token: token, host: host, origin: origin, fetchSite: site, cookie: cookie)
  }

  private func status(_ request: Gatekeeper.Request, _ gate: Gatekeeper? = nil) -> Int? {
    if case .refused(let status, _) = (gate ?? self.gate).judge(request) { status } else { nil }
  }

  @Test func `the token lets in and sets a cookie that then suffices`() {
    #expect(gate.judge(request(token: "secret", cookie: nil)) == .introduced)
    #expect(gate.judge(request()) == .admitted)
    #expect(gate.judge(request(cookie: "a=b; pipeline-8080=secret; c=d")) == .admitted)
    #expect(gate.cookie.contains("HttpOnly") && gate.cookie.contains("SameSite=Strict"))
    #expect(gate.judge(request(host: "localhost:8080", site: "none")) == .admitted)
    #expect(
      gate.judge(request("POST", origin: "http://127.0.0.1:8080", site: "same-origin"))
        == .admitted)
  }

  @Test func `nobody else gets in`() {
    #expect(status(request(cookie: nil)) == 401)
    #expect(status(request(token: "secre", cookie: nil)) == 401)
    #expect(status(request(token: "secrets", cookie: nil)) == 401)
    #expect(status(request(cookie: "pipeline-8081=secret")) == 401, "a server beside this one")
    #expect(status(request(cookie: "pipeline-8080=")) == 401)
  }

  @Test(arguments: [nil, "evil.example:8080", "127.0.0.1", "127.0.0.1:80", "evil.example"])
  func `a request under another name is refused, the cookie notwithstanding`(host: String?) {
    #expect(status(request(host: host)) == 421)
  }

  @Test func `other sites can neither read nor act`() {
    let evil = "http://evil.example"
    #expect(status(request(origin: evil)) == 403)
    #expect(status(request(site: "cross-site")) == 403)
    #expect(status(request(site: "same-site")) == 403, "another port of this machine")
    #expect(status(request("POST", origin: evil)) == 403)
    #expect(status(request("POST", origin: nil)) == 403, "a POST must say where it comes from")
    #expect(status(request("POST", origin: "null")) == 403)
    #expect(status(request("POST", origin: "http://127.0.0.1:8081")) == 403)
    // The token in a URL never acts.
    #expect(
      status(request("POST", token: "secret", origin: "http://127.0.0.1:8080", cookie: nil)) == 401)
  }

  @Test func `other methods and, when told so, all acts are refused`() {
    for method in ["PUT", "DELETE", "OPTIONS", "HEAD"] { #expect(status(request(method)) == 405) }
    let reader = Gatekeeper(token: "secret", port: 8080, isReadOnly: true)
    #expect(status(request("POST", origin: "http://127.0.0.1:8080"), reader) == 403)
    #expect(reader.judge(request()) == .admitted)
  }

  @Test func `tokens are long and differ`() {
    let tokens = Set((0..<100).map { _ in Gatekeeper.newToken() })
    #expect(tokens.count == 100)
    #expect(tokens.allSatisfy { $0.count == 32 })
  }
}

struct WebRequestTests {
  private func request(_ text: String) throws -> WebRequest {
    try WebRequest(head: Array(text.replacing("\n", with: "\r\n").utf8))
  }

  @Test func `a request is read as it was written`() throws {
    let request = try request(
      "GET /figure?name=a%20b+c&empty&x=1=2 HTTP/1.1\nHost: h\nCookie:  a=b; c=d \nX-Y:")
    #expect(request.method == "GET")
    #expect(request.path == "/figure")
    #expect(request.query == ["name": "a b c", "empty": "", "x": "1=2"])
    #expect(request.headers == ["host": "h", "cookie": "a=b; c=d", "x-y": ""])
    #expect(try request.bodyLength() == 0)
    #expect(request.keepsConnection)
  }

  @Test(
    arguments: [
      "", "GET", "GET /", "GET  / HTTP/1.1", "GET x HTTP/1.1", "GET http://a/ HTTP/1.1",
      "GET / HTTP/2", "GET / HTTP/1.1\nno colon", "GET / HTTP/1.1\n: x",
      "GET / HTTP/1.1\nHost : x", "GET / HTTP/1.1\nHost: a\nhost: b",
      "POST / HTTP/1.1\nContent-Length: 1\nContent-Length: 2",
    ])
  func `what is no request is refused`(text: String) {
    #expect(throws: LiveError.self) { try request(text) }
  }

  @Test(
    arguments: [
      ("Content-Length: -1", 400), ("Content-Length: +1", 400), ("Content-Length: 1e3", 400),
      ("Content-Length: 99999999999999999999", 400), ("Content-Length: 1048577", 413),
      ("Transfer-Encoding: chunked", 411),
    ])
  func `a body must say how long it is, within bounds`(header: String, status: Int) throws {
    let request = try request("POST / HTTP/1.1\n\(header)")
    let error = #expect(throws: LiveError.self) { try request.bodyLength() }
    #expect(error?.status == status)
  }
}
