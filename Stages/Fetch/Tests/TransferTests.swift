import ContentHashing
import FetchStage
import Foundation
import StageKit
import StageTesting
import StructuredValue
import Synchronization
import Testing

/// A server on 127.0.0.1 for some files; lives as long as this object, a minute at most.
///
/// `/slow/NAME` takes a second, `/broken/NAME` gives half of the file until a part is asked for.
private final class FileServer: Sendable {
  let folder: String
  private let port: String
  private let input: Pipe

  init() throws {
    folder = NSTemporaryDirectory() + "fetch-stage-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3", "-c", FileServer.script, folder]
    let output = Pipe()
    input = Pipe()
    process.standardOutput = output
    process.standardInput = input
    try process.run()
    let line = output.fileHandleForReading.availableData
    port = String(decoding: line, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
  }

  deinit { try? input.fileHandleForWriting.close() }

  static var isReachable: Bool {
    let environment = ProcessInfo.processInfo.environment
    let excepted = environment["no_proxy"] ?? environment["NO_PROXY"] ?? ""
    return ["http_proxy", "all_proxy", "ALL_PROXY", "PIPELINE_OFFLINE"]
      .allSatisfy { (environment[$0] ?? "").isEmpty } || excepted.contains("127.0.0.1")
  }

  func url(_ path: String) -> Value { .string("http://127.0.0.1:\(port)/\(path)") }

  /// Adds a file to what is served.
  func add(_ name: String, _ bytes: [UInt8]) throws -> Value {
    try Data(bytes).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
    return .string(Digest.of(bytes).hex)
  }

  func requests() -> [String] {
    let log = FileManager.default.contents(atPath: folder + "/.requests") ?? Data()
    return String(decoding: log, as: UTF8.self).split(separator: "\n").map(String.init)
  }

  private static let script = """
    import http.server, os, sys, threading, time
    os.chdir(sys.argv[1])
    lock = threading.Lock()
    busy, most = 0, 0

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

        def dawdle(self):
            global busy, most
            with lock:
                busy += 1
                most = max(most, busy)
                with open(".most", "w") as log:
                    log.write(str(most))
            time.sleep(1)
            with lock:
                busy -= 1

        def do_GET(self):
            asked = self.headers.get("Range")
            with lock, open(".requests", "a") as log:
                log.write(f"{self.path} {asked or '-'}\\n")
            how, _, name = self.path[1:].rpartition("/")
            if not os.path.exists(name):
                return self.send_error(404)
            with open(name, "rb") as file:
                body = file.read()
            if how == "slow":
                self.dawdle()
            start = int(asked.split("=")[1].split("-")[0]) if asked else 0
            self.send_response(206 if asked else 200)
            self.send_header("ETag", '"v1"')
            self.send_header("Content-Length", str(len(body) - start))
            if asked:
                self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
            self.end_headers()
            half = how == "broken" and not os.path.exists("mended")
            self.wfile.write(body[start:len(body) // 2 if half else None])

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    print(server.server_address[1], flush=True)
    threading.Timer(60, lambda: os._exit(0)).start()
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    server.serve_forever()
    """
}

@Suite(
  .serialized,
  .enabled(if: FileServer.isReachable, "a proxy or PIPELINE_OFFLINE keeps 127.0.0.1 away"),
  .timeLimit(.minutes(2)))
struct TransferTests {
  private let server: FileServer

  init() throws { server = try FileServer() }

  private func run(_ files: [Value]) async throws -> StageHarness<Fetch>.Outcome {
    try await StageHarness(Fetch.self).run(parameters: ["files": .list(files)])
  }

  private func tree(_ folder: String) throws -> [String] {
    try FileManager.default.subpathsOfDirectory(atPath: folder).sorted()
  }

  @Test func `files come out under their names and archives as folders`() async throws {
    let plain = try server.add("a.csv", Array("x,y\n".utf8))
    // `hi\n` by gzip, without name and time.
    let packed = try server.add(
      "digits.idx.gz",
      [
        31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 203, 200, 228, 2, 0, 122, 122, 111, 237, 3, 0, 0, 0,
      ])
    let outcome = try await run([
      ["url": server.url("a.csv"), "sha256": plain, "bytes": 4],
      ["url": server.url("a.csv"), "sha256": plain, "name": "deep/b.csv"],
      [
        "urls": [server.url("none"), server.url("digits.idx.gz")], "sha256": packed,
        "name": "digits.idx.gz", "unpack": true,
      ],
      ["url": server.url("digits.idx.gz"), "sha256": packed, "name": "digits", "unpack": true],
    ])
    let folder = outcome.path("folder")
    #expect(
      try tree(folder) == [
        "a.csv", "deep", "deep/b.csv", "digits", "digits.idx.gz", "digits.idx.gz/digits.idx",
        "digits/digits",
      ])
    #expect(FileManager.default.contents(atPath: folder + "/deep/b.csv") == Data("x,y\n".utf8))
    #expect(
      FileManager.default.contents(atPath: folder + "/digits.idx.gz/digits.idx")
        == Data("hi\n".utf8))
    #expect(outcome.metrics["files"] == 4)
    #expect(outcome.metrics["bytes"] == 54)
  }

  @Test func `four files are fetched at the same time`() async throws {
    let digest = try server.add("a", [1, 2, 3])
    let files = (0..<8).map { index -> Value in
      ["url": server.url("slow/a"), "sha256": digest, "name": .string("\(index)")]
    }
    _ = try await run(files)
    let most = FileManager.default.contents(atPath: server.folder + "/.most") ?? Data()
    #expect(String(decoding: most, as: UTF8.self) == "4")
  }

  @Test func `a wrong digest names both and its source`() async throws {
    _ = try server.add("a", [1, 2, 3])
    let wanted = Digest.of("other")
    let error = await #expect(throws: StageError.self) {
      try await run([["url": server.url("a"), "sha256": .string(wanted.hex)]])
    }
    #expect(error?.code.name == "P0202")
    for text in [wanted.hex, Digest.of([1, 2, 3] as [UInt8]).hex, "127.0.0.1"] {
      #expect(error?.message.contains(text) == true, "\(error?.message ?? "")")
    }
    #expect(error?.isRetryable == false)
  }

  @Test func `the next attempt has what the failed one fetched`() async throws {
    let small = try server.add("small", [1, 2, 3])
    let large = [UInt8](repeating: 7, count: 100_000)
    let digest = try server.add("large", large)
    // No waiting: the failed attempt is the one of a runner that was killed while it waited.
    let params: Value = [
      "files": [
        ["url": server.url("small"), "sha256": small, "unpack": false],
        ["url": server.url("broken/large"), "sha256": digest, "unpack": false],
      ],
      "size-limit": 1_000_000, "timeout": 5,
    ]
    let first = try await attempt(params, checkpoint: nil)
    #expect(first.error?.isRetryable == true, "\(first.error?.message ?? "")")
    let checkpoint = try #require(first.checkpoint)
    try Data().write(to: URL(fileURLWithPath: server.folder + "/mended"))
    let before = server.requests().count
    let second = try await attempt(params, checkpoint: checkpoint)
    #expect(second.error == nil, "\(second.error?.message ?? "")")
    #expect(server.requests()[before...] == ["/broken/large bytes=50000-"])
    #expect(try tree(second.folder) == ["large", "small"])
    #expect(
      FileManager.default.contents(atPath: second.folder + "/large").map { Array($0) } == large)
  }

  /// One attempt, with what it says to the runner.
  private func attempt(_ params: Value, checkpoint: String?) async throws -> (
    error: StageError?, checkpoint: String?, folder: String
  ) {
    let folder = server.folder + "/" + UUID().uuidString
    for name in ["out", "tmp"] {
      try FileManager.default.createDirectory(
        atPath: "\(folder)/\(name)", withIntermediateDirectories: true)
    }
    let request = StageRequest(
      stage: "fetch", version: "1.0.0", action: "", attempt: "test", params: params, inputs: [:],
      outputs: ["folder": .init(path: folder + "/out/folder", kind: "folder")],
      resources: .init(cpus: 2), seed: 0, checkpoint: checkpoint, scratch: folder + "/tmp")
    let kept = Mutex<String?>(nil)
    do {
      try await StageHost.run(Fetch.self, request: request) { message in
        if case .checkpoint(let path) = message { kept.withLock { $0 = path } }
      }
      return (nil, kept.withLock { $0 }, folder + "/out/folder")
    } catch let error as StageError {
      return (error, kept.withLock { $0 }, folder + "/out/folder")
    }
  }
}

struct FileNameTests {
  private static let digest = Value.string(String(repeating: "0", count: 64))

  private static let wrong: [([Value], String)] = [
    (
      [["url": "https://a.org/x"], ["url": "https://a.org/y", "name": "x/y"]], "would lie below 'x'"
    ),
    (
      [["url": "https://a.org/x", "unpack": true], ["url": "https://a.org/y", "name": "x/y/z"]],
      "would lie below 'x'"
    ),
    ([["url": "https://a.org/a%00b"]], "cannot name a file"),
    ([["url": "https://a.org/a", "name": "a\nb"]], "cannot name a file"),
    ([["url": "https://a.org/a", "name": .string(String(repeating: "n", count: 300))]], "cannot"),
    ([["url": "https://a.org/a", "name": "/etc/passwd"]], "cannot name a file"),
    ([["url": "scp://me:secret@a.org/a"]], "has not the form that is asked for"),
    ([["url": "https://../a"]], "names no host"),
  ]

  @Test(arguments: wrong)
  func `files that could not lie beside each other are refused`(files: [Value], message: String)
    async throws
  {
    let complete = files.map { file in
      Value.map((file.map ?? [:]).merging(["sha256": Self.digest]) { given, _ in given })
    }
    let harness = try StageHarness(Fetch.self)
    let error = await #expect(throws: StageError.self) {
      try await harness.run(parameters: ["files": .list(complete)])
    }
    #expect(error?.code == .badParameter)
    #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
    #expect(error?.message.contains("secret") == false)
  }
}
