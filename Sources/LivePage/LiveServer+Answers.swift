import ArtifactStore
import ContentHashing
import FlyingFox
import Foundation
import Notebook
import Projects
import StructuredValue

extension LiveServer {
  /// Answers a request, whoever sent it.
  func answer(_ request: HTTPRequest) async -> HTTPResponse {
    let gatekeeper = gatekeeper
    let verdict = gatekeeper.judge(
      Gatekeeper.Request(
        method: request.method.rawValue,
        token: request.query.first { $0.name == "token" }?.value,
        host: request.headers[.host], origin: request.headers[HTTPHeader("Origin")],
        fetchSite: request.headers[HTTPHeader("Sec-Fetch-Site")],
        cookie: request.headers[.cookie]))
    if case .refused(let status, let reason) = verdict {
      return Answer.text(reason, status: HTTPStatusCode(status, phrase: "Refused"))
    }
    do {
      var response =
        request.method.rawValue == "POST" ? try await act(request) : try await show(request)
      if verdict == .introduced { response.headers[.setCookie] = gatekeeper.cookie }
      return response
    } catch let error as LiveError where [409, 422].contains(error.status) {
      // An answer to what the user asked for, no fault of the page, whose console would call it one.
      return Answer.json(Value.map(["refusal": .string(error.message)]).json())
    } catch let error as LiveError {
      return Answer.text(error.message, status: HTTPStatusCode(error.status, phrase: "Refused"))
    } catch {
      return Answer.text("\(error)", status: .internalServerError)
    }
  }

  // MARK: - Reading

  private func show(_ request: HTTPRequest) async throws -> HTTPResponse {
    func query(_ name: String) -> String? { request.query.first { $0.name == name }?.value }
    switch request.path {
    case "/":
      let notebook = try await desk.current()
      return Answer.html(PageShell.html(notebook, isReadOnly: configuration.isReadOnly))
    case "/events":
      let given = request.headers[HTTPHeader("Last-Event-ID")] ?? query("after")
      let live = live
      return Answer.events(
        EventHub.Stream(hub: live.hub, start: live.hub.number(of: given)) {
          await live.snapshot()
        })
    case "/state": return Answer.json(await live.snapshot().json)
    case "/parts":
      let keys = query("keys")?.split(separator: ",").map {
        String($0).removingPercentEncoding ?? ""
      }
      return Answer.json(try await desk.parts(keys ?? []).json())
    case "/parameters":
      do {
        return Answer.json(try await desk.form(cell: query("cell")).json())
      } catch let error as ProjectError {
        throw LiveError(422, error.message)
      }
    case "/figure":
      guard let digest = query("digest").flatMap({ Digest($0) }), let name = query("name"),
        let identifier = query("id"),
        let html = try await desk.figure(digest, name: name, identifier: identifier)
      else { throw LiveError(404, "There is no such figure.") }
      return Answer.html(html)
    default: return try await asset(request)
    }
  }

  private func asset(_ request: HTTPRequest) async throws -> HTTPResponse {
    let text: String?
    switch request.path {
    case "/page.css": text = LiveAssets.style
    case "/live.css": text = String(decoding: PackageResources.live_css, as: UTF8.self)
    case "/page.js": text = LiveAssets.script
    case "/live.js": text = String(decoding: PackageResources.live_js, as: UTF8.self)
    case "/katex.js": text = assets.mathematics?.script
    case "/katex.css": text = assets.mathematics?.style
    case "/highlight.js":
      text = assets.highlighter(for: try await desk.current()?.languages ?? [])
    case "/vega.js": text = try await desk.figureScript()
    default: text = nil
    }
    guard let text else { throw LiveError(404, "There is no \(request.path) here.") }
    return Answer.asset(
      text, type: request.path.hasSuffix(".css") ? "text/css" : "text/javascript",
      known: request.headers[HTTPHeader("If-None-Match")])
  }

  // MARK: - Acting

  /// Bytes that a request may carry.
  private static let bodyLimit = 1 << 20

  private func act(_ request: HTTPRequest) async throws -> HTTPResponse {
    // A form of another site can send other types without asking; this one it can't.
    guard request.headers[.contentType]?.hasPrefix("application/json") ?? false else {
      throw LiveError(415, "The body must be JSON.")
    }
    guard let length = request.headers[.contentLength].flatMap({ Int($0) }),
      length <= LiveServer.bodyLimit
    else { throw LiveError(413, "The body must say its length, at most 1 MiB.") }
    guard let body = try? Value(json: try await request.bodyData), body.map != nil else {
      throw LiveError(400, "The body is no JSON object.")
    }
    func names(_ key: String) -> [String] { body[key]?.list?.compactMap(\.string) ?? [] }
    switch request.path {
    case "/run":
      if let run = await live.runningRun, store.process(ofRun: run) != nil {
        throw LiveError(409, "Run \(run) is still going on; cancel it or wait for its end.")
      }
      try starter.start(
        RunStarter.Wish(
          only: names("only"), force: names("force"),
          keepsGoing: body["keepGoing"]?.bool ?? false))
    case "/parameters":
      let changes = try (body["changes"]?.list ?? []).map { change in
        guard let target = change["target"].flatMap({ ParameterForm.Target($0) }),
          let text = change["text"]?.string, let was = change["was"]?.string
        else { throw LiveError(400, "A change names a target, a text, and what it was.") }
        return ParameterEditor.Change(target: target, text: text, was: was)
      }
      do {
        try await desk.change(changes)
      } catch let error as ProjectError {
        throw LiveError(422, error.message)
      }
    case "/cancel":
      guard let run = await live.runningRun, starter.cancel(run: run, store: store) else {
        throw LiveError(409, "Nothing is running.")
      }
    default: throw LiveError(404, "There is no \(request.path) here.")
    }
    return Answer.json("{}")
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

/// Responses with the headers that keep other sites out.
enum Answer {
  /// Scripts and styles come from this server's files alone, whatever a figure or a text contains;
  /// figures need styles of their own.
  private static let policy =
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    + "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; base-uri 'none'; "
    + "form-action 'none'; frame-ancestors 'none'"

  private static func headers(_ type: String) -> HTTPHeaders {
    var headers = HTTPHeaders()
    headers[.contentType] = type
    headers[.cacheControl] = "no-store"
    headers[HTTPHeader("Content-Security-Policy")] = policy
    headers[HTTPHeader("X-Content-Type-Options")] = "nosniff"
    headers[HTTPHeader("X-Frame-Options")] = "DENY"
    headers[HTTPHeader("Referrer-Policy")] = "no-referrer"
    headers[HTTPHeader("Cross-Origin-Opener-Policy")] = "same-origin"
    headers[HTTPHeader("Cross-Origin-Resource-Policy")] = "same-origin"
    return headers
  }

  private static func respond(
    _ text: String, _ type: String, status: HTTPStatusCode = .ok
  ) -> HTTPResponse {
    HTTPResponse(
      statusCode: status, headers: headers("\(type); charset=utf-8"),
      body: HTTPBodySequence(data: Data(text.utf8), suggestedBufferSize: 1 << 16))
  }

  static func html(_ text: String) -> HTTPResponse { respond(text, "text/html") }

  static func json(_ text: String) -> HTTPResponse { respond(text, "application/json") }

  static func text(_ text: String, status: HTTPStatusCode) -> HTTPResponse {
    respond(text + "\n", "text/plain", status: status)
  }

  /// A file that a browser may keep, but asks for each time.
  static func asset(_ text: String, type: String, known: String?) -> HTTPResponse {
    let tag = "\"\(Digest.of(text).short)\""
    var response =
      known == tag ? respond("", type, status: .notModified) : respond(text, type)
    response.headers[.cacheControl] = "no-cache"
    response.headers[.eTag] = tag
    return response
  }

  static func events(_ stream: EventHub.Stream) -> HTTPResponse {
    HTTPResponse(
      statusCode: .ok, headers: headers("text/event-stream; charset=utf-8"),
      body: HTTPBodySequence(from: stream, suggestedBufferSize: 1 << 16))
  }
}
