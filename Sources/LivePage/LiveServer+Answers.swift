import ArtifactStore
import ContentHashing
import Foundation
import Notebook
import Projects
import StructuredValue

extension LiveServer {
  /// Answers a request, whoever sent it.
  func answer(_ request: WebRequest) async -> WebResponse {
    let gatekeeper = gatekeeper
    let verdict = gatekeeper.judge(
      Gatekeeper.Request(
        method: request.method,
        token: request.query["token"],
        host: request.headers["host"], origin: request.headers["origin"],
        fetchSite: request.headers["sec-fetch-site"], cookie: request.headers["cookie"]))
    if case .refused(let status, let reason) = verdict {
      return Answer.text(reason, status: status)
    }
    do {
      var response =
        request.method == "POST" ? try await act(request) : try await show(request)
      if verdict == .introduced { response.headers.append(("Set-Cookie", gatekeeper.cookie)) }
      return response
    } catch let error as LiveError where [409, 422].contains(error.status) {
      // An answer to what the user asked for, no fault of the page, whose console would call it one.
      return Answer.json(Value.map(["refusal": .string(error.message)]).json())
    } catch let error as LiveError {
      return Answer.text(error.message, status: error.status)
    } catch {
      return Answer.text("\(error)", status: 500)
    }
  }

  // MARK: - Reading

  private func show(_ request: WebRequest) async throws -> WebResponse {
    func query(_ name: String) -> String? { request.query[name] }
    switch request.path {
    case "/":
      let notebook = try await desk.current()
      return Answer.html(PageShell.html(notebook, isReadOnly: configuration.isReadOnly))
    case "/events":
      let given = request.headers["last-event-id"] ?? query("after")
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

  private func asset(_ request: WebRequest) async throws -> WebResponse {
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
      known: request.headers["if-none-match"])
  }

  // MARK: - Acting

  private func act(_ request: WebRequest) async throws -> WebResponse {
    // A form of another site can send other types without asking; this one it can't.
    guard request.headers["content-type"]?.hasPrefix("application/json") ?? false else {
      throw LiveError(415, "The body must be JSON.")
    }
    guard let body = try? Value(json: request.body), body.map != nil else {
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

/// Responses with the headers that keep other sites out.
enum Answer {
  /// Scripts and styles come from this server's files alone, whatever a figure or a text contains;
  /// figures need styles of their own.
  private static let policy =
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    + "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; base-uri 'none'; "
    + "form-action 'none'; frame-ancestors 'none'"

  private static func respond(_ type: String, _ body: WebResponse.Body, status: Int = 200)
    -> WebResponse
  {
    WebResponse(
      status: status,
      headers: [
        ("Content-Type", "\(type); charset=utf-8"), ("Cache-Control", "no-store"),
        ("Content-Security-Policy", policy), ("X-Content-Type-Options", "nosniff"),
        ("X-Frame-Options", "DENY"), ("Referrer-Policy", "no-referrer"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
      ], body: body)
  }

  static func html(_ text: String) -> WebResponse { respond("text/html", .bytes(Array(text.utf8))) }

  static func json(_ text: String) -> WebResponse {
    respond("application/json", .bytes(Array(text.utf8)))
  }

  static func text(_ text: String, status: Int) -> WebResponse {
    respond("text/plain", .bytes(Array((text + "\n").utf8)), status: status)
  }

  /// A file that a browser may keep, but asks for each time.
  static func asset(_ text: String, type: String, known: String?) -> WebResponse {
    let tag = "\"\(Digest.of(text).short)\""
    var response =
      known == tag
      ? respond(type, .bytes([]), status: 304) : respond(type, .bytes(Array(text.utf8)))
    response.headers.removeAll { $0.name == "Cache-Control" }
    response.headers += [("Cache-Control", "no-cache"), ("ETag", tag)]
    return response
  }

  static func events(_ stream: EventHub.Stream) -> WebResponse {
    respond("text/event-stream", .events(stream))
  }
}
