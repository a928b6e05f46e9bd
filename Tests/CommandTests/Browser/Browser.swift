import Foundation
import StructuredValue
import Testing

/// A headless Chromium, driven over its DevTools protocol.
///
/// It talks through two pipes (`--remote-debugging-pipe`), so that no port is open and nobody else can
/// drive it. Replies come on a thread of their own; that is why it may be unchecked, with a lock.
final class Browser: @unchecked Sendable {
  private let process = Process()
  private let folder: String
  private let commands: Int32
  private let replies: Int32
  private let condition = NSCondition()
  private var answered: [Int: Value] = [:]
  private var heard: [String: [Value]] = [:]
  private var nextCommand = 0
  private var isOver = false

  /// How long anything may take, on a machine that is busy with other things.
  static let patience: TimeInterval = 60

  static let program = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]
    .first { FileManager.default.isExecutableFile(atPath: $0) }

  init() throws {
    let program = try #require(
      Browser.program, "there is no Chromium; `make setup` with the package 'chromium' installs it")
    folder = NSTemporaryDirectory() + "browser-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for name in ["commands", "replies"] { #expect(mkfifo("\(folder)/\(name)", 0o600) == 0) }
    // Opened for both, so that opening waits for nobody.
    commands = Foundation.open("\(folder)/commands", O_RDWR | O_CLOEXEC)
    replies = Foundation.open("\(folder)/replies", O_RDWR | O_CLOEXEC)
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = [
      "-c", "exec \"$0\" \"$@\" 3<commands 4>replies", program, "--headless=new", "--no-sandbox",
      "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-pipe",
      "--user-data-dir=\(folder)/profile", "about:blank",
    ]
    process.currentDirectoryURL = URL(fileURLWithPath: folder)
    process.standardError = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    Thread { [self] in listen() }.start()
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  /// Ends the browser; to be called in the end, since its thread keeps it alive.
  func close() {
    condition.lock()
    isOver = true
    condition.unlock()
    process.terminate()
    process.waitUntilExit()
    // Wakes the listening thread.
    _ = write(replies, "\0", 1)
  }

  private func listen() {
    var rest: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = read(replies, &buffer, buffer.count)
      condition.lock()
      let ends = isOver
      condition.unlock()
      guard count > 0, !ends else { break }
      rest += buffer[..<count]
      while let end = rest.firstIndex(of: 0) {
        if let message = try? Value(json: Array(rest[..<end])) { take(message) }
        rest.removeSubrange(...end)
      }
    }
    Foundation.close(commands)
    Foundation.close(replies)
  }

  private func take(_ message: Value) {
    condition.lock()
    defer { condition.unlock() }
    if let id = message["id"]?.int {
      answered[id] = message
    } else if let session = message["sessionId"]?.string {
      heard[session, default: []].append(message)
    }
    condition.broadcast()
  }

  /// Sends a command and waits for what comes of it.
  @discardableResult
  func send(_ method: String, _ parameters: Value = [:], session: String? = nil) throws -> Value {
    condition.lock()
    defer { condition.unlock() }
    nextCommand += 1
    let id = nextCommand
    var message: [String: Value] = [
      "id": .int(id), "method": .string(method), "params": parameters,
    ]
    if let session { message["sessionId"] = .string(session) }
    let bytes = Array(Value.map(message).json().utf8) + [0]
    var sent = 0
    while sent < bytes.count {
      let count = bytes.withUnsafeBytes { write(commands, $0.baseAddress! + sent, $0.count - sent) }
      guard count > 0 else { throw BrowserError("the browser takes no commands") }
      sent += count
    }
    let limit = Date().addingTimeInterval(Browser.patience)
    while answered[id] == nil {
      guard condition.wait(until: limit) else { throw BrowserError("no answer to \(method)") }
    }
    let answer = answered.removeValue(forKey: id) ?? .null
    if let error = answer["error"] { throw BrowserError("\(method): \(error.json())") }
    return answer["result"] ?? .null
  }

  /// The events of a session so far.
  func events(_ session: String) -> [Value] {
    condition.lock()
    defer { condition.unlock() }
    return heard[session] ?? []
  }

  /// Opens an address in a tab of its own.
  func open(_ address: String, width: Int = 1280, height: Int = 900) throws -> BrowserPage {
    let target = try send("Target.createTarget", ["url": "about:blank"])["targetId"] ?? .null
    let session = try send("Target.attachToTarget", ["targetId": target, "flatten": true])
    let page = BrowserPage(browser: self, session: session["sessionId"]?.string ?? "")
    for domain in ["Page", "Runtime", "Log", "Network"] { try page.send("\(domain).enable") }
    try page.send(
      "Emulation.setDeviceMetricsOverride",
      [
        "width": .int(width), "height": .int(height), "deviceScaleFactor": 1,
        "mobile": .bool(width < 600),
      ])
    try page.send("Page.navigate", ["url": .string(address)])
    return page
  }
}

struct BrowserError: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// A tab of the browser.
struct BrowserPage {
  let browser: Browser
  let session: String

  @discardableResult
  func send(_ method: String, _ parameters: Value = [:]) throws -> Value {
    try browser.send(method, parameters, session: session)
  }

  /// What a JavaScript expression, or the promise that it gives, comes to.
  @discardableResult
  func evaluate(_ expression: String) throws -> Value {
    let answer = try send(
      "Runtime.evaluate",
      ["expression": .string(expression), "awaitPromise": true, "returnByValue": true])
    if let problem = answer["exceptionDetails"] { throw BrowserError(problem.json()) }
    return answer["result"]?["value"] ?? .null
  }

  /// Waits until an expression is true.
  func wait(for expression: String, _ location: SourceLocation = #_sourceLocation) throws {
    let limit = Date().addingTimeInterval(Browser.patience)
    while Date() < limit {
      // While a page loads there may be nothing to ask.
      if let value = try? evaluate("Boolean(\(expression))"), value.bool == true { return }
      Thread.sleep(forTimeInterval: 0.05)
    }
    let text = (try? evaluate("document.body.innerText.slice(0, 3000)"))?.string ?? ""
    Issue.record(
      "waited in vain for \(expression); the page says: \(text)", sourceLocation: location)
    throw BrowserError("waited in vain for \(expression)")
  }

  /// Waits until what a selector finds says something.
  func wait(
    for text: String, in selector: String, _ location: SourceLocation = #_sourceLocation
  ) throws {
    let (text, selector) = (Value.string(text).json(), Value.string(selector).json())
    try wait(for: "document.querySelector(\(selector))?.textContent.includes(\(text))", location)
  }

  /// The text of what a selector finds.
  func text(_ selector: String) throws -> String {
    try evaluate("document.querySelector(\(Value.string(selector).json()))?.textContent ?? ''")
      .string ?? ""
  }

  /// Clicks as a person would: where the element is, with the mouse.
  func click(_ selector: String) throws {
    let selector = Value.string(selector).json()
    try wait(
      for: "document.querySelector(\(selector))?.checkVisibility() && "
        + "!document.querySelector(\(selector)).disabled")
    let place =
      try evaluate(
        """
        (() => { const element = document.querySelector(\(selector));
          element.scrollIntoView({block: "center", behavior: "instant"});
          const box = element.getBoundingClientRect();
          return [box.x + box.width / 2, box.y + box.height / 2]; })()
        """
      ).list ?? []
    guard place.count == 2 else { throw BrowserError("\(selector) has no place") }
    for kind in ["mousePressed", "mouseReleased"] {
      try send(
        "Input.dispatchMouseEvent",
        [
          "type": .string(kind), "x": place[0], "y": place[1], "button": "left", "clickCount": 1,
        ])
    }
  }

  /// What went wrong in the page: exceptions, errors in the console, refused requests.
  var problems: [String] {
    browser.events(session).compactMap { event in
      let details = event["params"] ?? .null
      switch event["method"]?.string {
      case "Runtime.exceptionThrown": return details.json()
      case "Runtime.consoleAPICalled":
        return ["error", "warning", "assert"].contains(details["type"]?.string ?? "")
          ? details["args"]?.json() : nil
      case "Log.entryAdded":
        return details["entry"]?["level"]?.string == "error" ? details["entry"]?.json() : nil
      default: return nil
      }
    }
  }

  /// Addresses that the page asked for.
  var requests: [String] {
    browser.events(session).compactMap { event in
      event["method"]?.string == "Network.requestWillBeSent"
        ? event["params"]?["request"]?["url"]?.string : nil
    }
  }
}
