import ContentHashing
import Fetching
import Foundation
import Testing

@Suite(
  .serialized,
  .enabled(
    if: LoopbackServer.isReachable, "a proxy is set that 127.0.0.1 is not excepted from (no_proxy)"),
  .timeLimit(.minutes(2)))
struct FetcherTests {
  /// What the server gives: 1 MiB.
  private static let content = Array(repeating: Array(UInt8.min...UInt8.max), count: 4096)
    .flatMap { $0 }
  private static let digest = Digest.of(content)

  private func fetch(
    _ path: String, digest: Digest = FetcherTests.digest, size: Int? = nil,
    change: (inout Fetcher) -> Void = { _ in }
  ) async throws -> (server: FaultyServer, file: String) {
    let server = try FaultyServer()
    let file = temporaryFolder() + "/file"
    var fetcher = Fetcher()
    fetcher.backoff = 0.01
    change(&fetcher)
    let request = FetchRequest(sources: [server.url(path)], sha256: digest, size: size)
    try fetcher.fetch(request, to: file)
    return (server, file)
  }

  private func check(_ file: String) {
    #expect(FileManager.default.contents(atPath: file).map { Array($0) } == Self.content)
    #expect(!FileManager.default.fileExists(atPath: file + ".part"))
  }

  @Test(arguments: ["/plain", "/moved", "/busy", "/later", "/cut", "/changes", "/norange"])
  func `a file arrives whole through passing failures`(path: String) async throws {
    let (server, file) = try await fetch(path)
    check(file)
    if path == "/cut" {
      #expect(try server.text("/count/resumed") == "300000", "continued where it broke off")
    }
  }

  @Test func `a wrong digest keeps nothing and names both`() async throws {
    let wanted = Digest.of("something else")
    let file = temporaryFolder() + "/file"
    let server = try FaultyServer()
    let error = #expect(throws: FetchError.self) {
      try Fetcher().fetch(FetchRequest(sources: [server.url("/plain")], sha256: wanted), to: file)
    }
    #expect(error?.code == .mismatch)
    #expect(error?.message.contains(wanted.hex) == true)
    #expect(error?.message.contains(Self.digest.hex) == true)
    #expect(!FileManager.default.fileExists(atPath: file))
    #expect(!FileManager.default.fileExists(atPath: file + ".part"))
  }

  @Test(arguments: [
    ("/missing", "answers 404"), ("/loop", "redirects"), ("/escape", "rotocol"),
  ])
  func `a lasting failure is said at once`(path: String, words: String) async throws {
    let error = await #expect(throws: FetchError.self) { try await fetch(path) }
    #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
  }

  @Test func `a transfer without a byte is given up`() async throws {
    let start = ContinuousClock.now
    let error = await #expect(throws: FetchError.self) {
      try await fetch("/stall") {
        $0.stallTimeout = 1
        $0.retries = 0
      }
    }
    #expect(error?.message.contains("run again to continue") == true, "\(error?.message ?? "")")
    // libcurl averages the speed over some past seconds, so that the limit of one takes about seven.
    #expect(ContinuousClock.now - start < .seconds(30), "the server holds on for a minute")
  }

  @Test func `a file over the limit is refused while it comes`() async throws {
    let error = await #expect(throws: FetchError.self) {
      try await fetch("/plain") { $0.sizeLimit = 1000 }
    }
    #expect(error?.message.contains("more than 1000 bytes") == true)
  }

  @Test func `a wrong size is refused`() async throws {
    let error = await #expect(throws: FetchError.self) { try await fetch("/plain", size: 5) }
    #expect(error?.message.contains("instead of 5") == true)
  }

  @Test func `sources are tried in turn and all failures named`() throws {
    let server = try FaultyServer()
    let file = temporaryFolder() + "/file"
    let both = FetchRequest(
      sources: [server.url("/missing"), server.url("/plain")], sha256: Self.digest)
    try Fetcher().fetch(both, to: file)
    check(file)
    let none = FetchRequest(
      sources: [server.url("/missing"), server.url("/gone")], sha256: Self.digest)
    let error = #expect(throws: FetchError.self) { try Fetcher().fetch(none, to: file + "2") }
    #expect(error?.message.contains("/missing") == true)
    #expect(error?.message.contains("/gone") == true)
  }

  @Test func `a mirror's folder is looked into first`() throws {
    let mirror = temporaryFolder()
    try FileManager.default.createDirectory(
      atPath: mirror + "/a.example/x", withIntermediateDirectories: true)
    try Data("hello".utf8).write(to: URL(fileURLWithPath: mirror + "/a.example/x/y z"))
    let file = temporaryFolder() + "/file"
    let request = FetchRequest(
      sources: ["https://a.example/x/y%20z"], sha256: .of("hello"), size: 5)
    try Fetcher(mirrors: [mirror], isOffline: true).fetch(request, to: file)
    #expect(FileManager.default.contents(atPath: file) == Data("hello".utf8))
  }

  @Test func `offline without a mirror says where the file belongs`() {
    let request = FetchRequest(
      sources: ["https://user:secret@a.example/x/y"], sha256: .of("hello"))
    let error = #expect(throws: FetchError.self) {
      try Fetcher(isOffline: true).fetch(request, to: temporaryFolder() + "/file")
    }
    #expect(error?.code == .offline)
    #expect(error?.message.contains("MIRROR/a.example/x/y") == true)
    #expect(error?.message.contains("secret") == false)
  }

  @Test(arguments: ["https://a.example/../etc/passwd", "https://a.example/a//b"])
  func `a path that climbs is not looked up in a mirror`(url: String) {
    let error = #expect(throws: FetchError.self) {
      try Fetcher(mirrors: ["/"], isOffline: true).fetch(
        FetchRequest(sources: [url], sha256: .of("")), to: temporaryFolder() + "/file")
    }
    #expect(error?.code == .offline)
  }
}

/// The server of `server.py`, which lives as long as this object.
final class FaultyServer: Sendable {
  private let port: String
  private let input: Pipe

  init() throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appending(path: "server.py").path
    process.arguments = ["python3", script]
    let output = Pipe()
    input = Pipe()
    process.standardOutput = output
    process.standardInput = input
    try process.run()
    let line = output.fileHandleForReading.availableData
    port = String(decoding: line, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
  }

  deinit { try? input.fileHandleForWriting.close() }

  func url(_ path: String) -> String { "http://127.0.0.1:\(port)\(path)" }

  func text(_ path: String) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [
      "python3", "-c",
      "import sys,urllib.request; print(urllib.request.urlopen(sys.argv[1]).read().decode())",
      url(path),
    ]
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
  }
}

func temporaryFolder() -> String {
  let path = NSTemporaryDirectory() + "fetching-" + UUID().uuidString
  try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  return path
}
