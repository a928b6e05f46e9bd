import Foundation

/// An HTTP server on 127.0.0.1 that misbehaves as its path says; lives as long as this object.
///
/// It is a script of Python's standard library and ends by itself after a minute at most.
final class LoopbackServer: Sendable {
  private let port: String
  private let input: Pipe
  private let folder: String

  init() throws {
    folder = try scratchFolder()
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3", "-c", LoopbackServer.script, folder + "/requests"]
    let output = Pipe()
    input = Pipe()
    process.standardOutput = output
    process.standardInput = input
    try process.run()
    let line = output.fileHandleForReading.availableData
    port = String(decoding: line, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
  }

  deinit { try? input.fileHandleForWriting.close() }

  /// Whether no proxy of the environment stands between a test and its server.
  static var isReachable: Bool {
    let environment = ProcessInfo.processInfo.environment
    let proxies = ["http_proxy", "all_proxy", "ALL_PROXY"].compactMap { environment[$0] }
    let excepted = environment["no_proxy"] ?? environment["NO_PROXY"] ?? ""
    return proxies.allSatisfy(\.isEmpty) || excepted.contains("127.0.0.1") || excepted == "*"
  }

  func url(_ path: String) -> String { "http://127.0.0.1:\(port)\(path)" }

  /// What was asked for so far, in order: `PATH RANGE`, with `-` for no range.
  func requests() -> [String] {
    let log = FileManager.default.contents(atPath: folder + "/requests") ?? Data()
    return String(decoding: log, as: UTF8.self).split(separator: "\n").map(String.init)
  }

  /// The body of every good answer: 256 KiB that do not repeat where a transfer may be cut.
  static let content: [UInt8] = (0..<262_144).map { UInt8(truncatingIfNeeded: $0 &* 7 ^ $0 >> 8) }

  private static let script = """
    import http.server, os, sys, threading, time
    BODY = bytes((i * 7 ^ i >> 8) & 255 for i in range(262144))
    HALF = 100000
    counts, lock = {}, threading.Lock()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *arguments):
            pass

        def handle(self):
            try:
                super().handle()
            except OSError:
                pass  # the other side is gone

        def reply(self, status, body=b"", length=0, **headers):
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            if length is not None:
                self.send_header("Content-Length", str(length or len(body)))
            self.end_headers()
            self.wfile.write(body)

        def cut(self, body=BODY, **headers):
            self.reply(200, body[:HALF], len(BODY), **headers)
            self.close_connection = True

        def rest(self, start, **headers):
            self.reply(206, BODY[start:],
                       Content_Range=f"bytes {start}-{len(BODY) - 1}/{len(BODY)}", **headers)

        def slowly(self, length, pieces, pause):
            self.send_response(200)
            if length:
                self.send_header("Content-Length", str(length))
            self.end_headers()
            for piece in pieces:
                self.wfile.write(piece)
                time.sleep(pause)
            self.close_connection = True

        def do_GET(self):
            path, asked = self.path, self.headers.get("Range")
            with lock:
                number = counts[path] = counts.get(path, 0) + 1
                with open(sys.argv[1], "a") as log:
                    log.write(f"{path} {asked or '-'}\\n")
            start = int(asked.split("=")[1].split("-")[0]) if asked else 0
            date = "Mon, 23 Nov 2026 10:00:00 GMT"
            if path == "/plain":
                self.reply(200, BODY)
            elif path == "/weak":  # a weak ETag is no good for If-Range, a date is
                if number == 1:
                    self.cut(ETag='W/"x"', Last_Modified=date)
                elif self.headers.get("If-Range") == date:
                    self.rest(start)
                else:
                    self.reply(200, BODY)
            elif path == "/shifted":  # gives another range than the one that was asked for
                if asked:
                    self.reply(206, BODY[start + 5:], ETag='"v1"',
                               Content_Range=f"bytes {start + 5}-{len(BODY) - 1}/{len(BODY)}")
                elif number == 1:
                    self.cut(ETag='"v1"')
                else:
                    self.reply(200, BODY, ETag='"v1"')
            elif path in ("/swapped", "/liar"):  # changes in between, and ignores If-Range
                tag = '"v2"' if path == "/swapped" and number > 1 else '"v1"'
                if number == 1:
                    self.cut(bytes(HALF), ETag=tag)
                elif asked:
                    self.rest(start, ETag=tag)
                else:
                    self.reply(200, BODY, ETag=tag)
            elif path == "/crumbs":  # every answer breaks off, each a little later
                end = min(start + 30000, len(BODY))
                if start == 0:
                    self.reply(200, BODY[:end], len(BODY), ETag='"v1"')
                else:
                    self.reply(206, BODY[start:end], len(BODY) - start, ETag='"v1"',
                               Content_Range=f"bytes {start}-{len(BODY) - 1}/{len(BODY)}")
                self.close_connection = True
            elif path == "/complete":  # is asked for what lies behind the end
                if start >= len(BODY):
                    self.reply(416, Content_Range=f"bytes */{len(BODY)}")
                else:
                    self.reply(200, BODY, ETag='"v1"')
            elif path == "/unnamed":  # has no length, and ends early the first time
                if number == 1:
                    self.reply(200, BODY[:HALF], None, ETag='"v1"')
                elif asked:
                    self.rest(start, ETag='"v1"')
                else:
                    self.reply(200, BODY, ETag='"v1"')
                self.close_connection = True
            elif path == "/huge":
                self.slowly(1 << 40, [BODY] * 200, 0.05)
            elif path == "/endless":
                self.slowly(0, [BODY] * 200, 0.05)
            elif path == "/drip":
                self.slowly(len(BODY), [BODY[i:i + 2622] for i in range(0, len(BODY), 2622)], 0.1)
            elif path == "/date":  # when to come again, as a date
                if number == 1:
                    self.reply(503, Retry_After=self.date_time_string(time.time() + 2))
                else:
                    self.reply(200, BODY)
            elif path == "/seconds":
                if number == 1:
                    self.reply(429, Retry_After="2")
                else:
                    self.reply(200, BODY)
            elif path.startswith("/hops/"):
                hops = int(path.split("/")[2])
                if hops > 0:
                    self.reply(302, Location=f"/hops/{hops - 1}")
                else:
                    self.reply(200, BODY)
            elif path == "/odd":
                self.reply(520 if number == 1 else 200, BODY)
            elif path == "/page":  # an error's page must not end in the file
                self.reply(*((503, b"sorry") if number == 1 else (200, BODY)))
            elif path == "/moved":  # nor must a redirect's
                self.reply(302, b"over there", Location="/plain")
            elif path == "/empty":
                self.reply(200)
            elif path == "/auth":
                self.reply(401)
            else:
                self.reply(404, b"not here")

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    print(server.server_address[1], flush=True)
    threading.Timer(60, lambda: os._exit(0)).start()
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    server.serve_forever()
    """
}

/// A new, empty folder.
func scratchFolder() throws -> String {
  let path = NSTemporaryDirectory() + "fetching-" + UUID().uuidString
  try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  return path
}
