import ArtifactStore
import ChangeReporting
import ContentHashing
import Foundation
import LineageReporting
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
    case "/runs", "/changes", "/lineage":
      // What they show may take a while to write; the page asks for it and says so meanwhile.
      return Answer.html(
        PageShell.html(
          of: PageShell.View(rawValue: String(request.path.dropFirst())) ?? .runs,
          isReadOnly: configuration.isReadOnly))
    case "/view/runs":
      return Answer.html(try await views.runs(before: query("before"), after: query("after")))
    case "/view/changes":
      func revision(_ name: String, _ missing: String) -> String {
        [query("\(name)-name"), query(name)].compactMap { $0 }.first { !$0.isEmpty } ?? missing
      }
      return Answer.html(
        try await views.changes(
          from: revision("before", "latest~1"), to: revision("after", "latest")))
    case "/view/lineage":
      return Answer.html(try await views.lineage(of: query("of"), in: query("run")))
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
    case "/changes.css": text = ChangePage.style
    case "/lineage.css": text = LineagePage.style
    case "/changes.js": text = ChangePage.script
    case "/views.js": text = String(decoding: PackageResources.views_js, as: UTF8.self)
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
      let wish = RunStarter.Wish(
        only: names("only"), force: names("force"), keepsGoing: body["keepGoing"]?.bool ?? false)
      try await refuseWhatIsUnderWay(wish)
      try starter.start(wish)
    case "/parameters":
      let changes = try (body["changes"]?.list ?? []).map { change in
        guard let target = change["target"].flatMap({ ParameterForm.Target($0) }),
          let was = change["was"]?.string,
          case let text = change["text"]?.string, text != nil || change["unset"]?.bool == true
        else { throw LiveError(400, "A change names a target, a text, and what it was.") }
        return ParameterEditor.Change(target: target, text: text, was: was)
      }
      do {
        try await desk.change(changes)
      } catch let error as ProjectError {
        throw LiveError(422, error.message)
      }
    case "/cancel":
      let runs = await live.going.map(\.run).filter { run in
        body["run"].map { $0.string == run } ?? true
      }
      guard runs.count(where: { starter.cancel(run: $0, store: store) }) > 0 else {
        throw LiveError(409, "Nothing is running.")
      }
    default: throw LiveError(404, "There is no \(request.path) here.")
    }
    return Answer.json("{}")
  }
}

extension LiveServer {
  /// Lets a run of other cells begin beside one that goes on, but none that would only wait for it.
  private func refuseWhatIsUnderWay(_ wish: RunStarter.Wish) async throws {
    for _ in 0..<50 {
      let going = await live.going.filter { store.process(ofRun: $0.run) != nil }
      for (run, open) in going {
        guard !wish.only.isEmpty else {
          throw LiveError(409, "Run \(run) is still going on; cancel it or wait for its end.")
        }
        let cell = wish.only.first { cell in
          open.contains { $0 == cell || $0.hasPrefix(cell + "[") }
        }
        if let cell { throw LiveError(409, "\(cell) is still to be done in run \(run).") }
      }
      // One that has just been started tells only a moment later what it will do.
      let known = Set(going.compactMap { store.process(ofRun: $0.run) })
      if starter.processes.isSubset(of: known) { return }
      try? await Task.sleep(for: .milliseconds(100))
    }
    throw LiveError(409, "A run is just beginning or ending; try again in a moment.")
  }
}

/// Responses with the headers that keep other sites out.
enum Answer {
  /// Scripts and styles come from this server's files alone, whatever a figure or a text contains;
  /// figures need styles of their own.
  private static let policy =
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    + "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; base-uri 'none'; "
    + "form-action 'self'; frame-ancestors 'none'"

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
