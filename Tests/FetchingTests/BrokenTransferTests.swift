import ContentHashing
import Fetching
import Foundation
import Testing

@Suite(
  .serialized,
  .enabled(
    if: LoopbackServer.isReachable, "a proxy is set that 127.0.0.1 is not excepted from (no_proxy)"),
  .timeLimit(.minutes(2)))
struct BrokenTransferTests {
  private static let digest = Digest.of(LoopbackServer.content)
  private let server: LoopbackServer
  private let file: String

  init() throws {
    server = try LoopbackServer()
    file = try scratchFolder() + "/file"
  }

  private func fetch(
    _ path: String, size: Int? = nil, sha256: Digest = BrokenTransferTests.digest,
    change: (inout Fetcher) -> Void = { _ in }
  ) throws(FetchError) {
    var fetcher = Fetcher()
    fetcher.backoff = 0.01
    change(&fetcher)
    try fetcher.fetch(
      FetchRequest(sources: [server.url(path)], sha256: sha256, size: size), to: file)
  }

  /// What an earlier process left.
  private func leave(_ part: [UInt8]) throws {
    try Data(part).write(to: URL(fileURLWithPath: file + ".part"))
    try Data("\"v1\"".utf8).write(to: URL(fileURLWithPath: file + ".part.validator"))
  }

  private func expectWhole() throws {
    #expect(FileManager.default.contents(atPath: file).map { Array($0) } == LoopbackServer.content)
    #expect(try left() == ["file"])
  }

  private func left() throws -> [String] {
    try FileManager.default.contentsOfDirectory(
      atPath: (file as NSString).deletingLastPathComponent
    ).sorted()
  }

  // MARK: - Continuing

  @Test func `a part is continued by its date where the ETag is weak`() throws {
    try fetch("/weak")
    try expectWhole()
    #expect(server.requests() == ["/weak -", "/weak bytes=100000-"])
  }

  @Test func `a part is continued by a later request`() throws {
    let error = #expect(throws: FetchError.self) { try fetch("/weak") { $0.retries = 0 } }
    #expect(error?.isRetryable == true)
    #expect(try left() == ["file.part", "file.part.validator"])
    try fetch("/weak")
    try expectWhole()
    #expect(server.requests() == ["/weak -", "/weak bytes=100000-"])
  }

  @Test(arguments: ["/shifted", "/swapped", "/liar"])
  func `a wrong continuation starts over instead of failing`(path: String) throws {
    try fetch(path)
    try expectWhole()
    #expect(server.requests() == ["\(path) -", "\(path) bytes=100000-", "\(path) -"])
  }

  @Test func `a part whose bytes are damaged is fetched anew`() throws {
    try leave(Array(repeating: 0, count: 1000))
    try fetch("/liar")
    try expectWhole()
  }

  @Test func `an early end is noticed where the size is known`() throws {
    try fetch("/unnamed", size: LoopbackServer.content.count)
    try expectWhole()
    #expect(server.requests() == ["/unnamed -", "/unnamed bytes=100000-"])
  }

  @Test func `a part that only lacks its name is not fetched again`() throws {
    try leave(LoopbackServer.content)
    try fetch("/complete")
    try expectWhole()
    #expect(server.requests() == ["/complete bytes=262144-"])
  }

  @Test func `a part of the named size is not asked for`() throws {
    try leave(LoopbackServer.content)
    try fetch("/complete", size: LoopbackServer.content.count)
    try expectWhole()
    #expect(server.requests().isEmpty)
  }

  @Test func `a file that is there already is not fetched again`() throws {
    try Data(LoopbackServer.content).write(to: URL(fileURLWithPath: file))
    try fetch("/plain")
    try expectWhole()
    #expect(server.requests().isEmpty)
  }

  @Test func `an empty file replaces a part`() throws {
    try leave([1, 2, 3])
    try fetch("/empty", sha256: .of(""))
    #expect(FileManager.default.contents(atPath: file) == Data())
    #expect(try left() == ["file"])
  }

  // MARK: - Trying again

  @Test(arguments: ["/odd", "/page", "/moved"])
  func `a passing failure is waited out`(path: String) throws {
    try fetch(path)
    try expectWhole()
  }

  @Test(arguments: ["/seconds", "/date"])
  func `a server that names a wait is not asked before`(path: String) throws {
    let start = ContinuousClock.now
    try fetch(path)
    // The server says two; a date is cut to whole seconds on either side.
    #expect(ContinuousClock.now - start >= .seconds(1), "the fetcher's own wait is 10 ms")
    #expect(server.requests().count == 2)
  }

  @Test func `ten redirects are followed and an eleventh is not`() throws {
    try fetch("/hops/10")
    try expectWhole()
    let before = server.requests().count
    let file = try scratchFolder() + "/file"
    let request = FetchRequest(sources: [server.url("/hops/11")], sha256: Self.digest)
    let error = #expect(throws: FetchError.self) { try Fetcher().fetch(request, to: file) }
    #expect(error?.message.contains("redirects") == true, "\(error?.message ?? "")")
    #expect(server.requests().count - before == 11, "the first request and ten redirects")
  }

  @Test func `tries that gain ground are not counted`() throws {
    try fetch("/crumbs") {
      $0.retries = 1
      $0.worthwhile = 20000
    }
    try expectWhole()
    #expect(server.requests().count == 9, "262144 bytes in steps of 30000")
  }

  @Test func `tries that gain little end`() throws {
    #expect(throws: FetchError.self) { try fetch("/crumbs") { $0.retries = 1 } }
    #expect(server.requests().count == 2)
  }

  @Test(arguments: [("/auth", "401"), ("/nothing", "404")])
  func `a lasting failure leaves nothing and is not tried again`(path: String, status: String)
    throws
  {
    let error = #expect(throws: FetchError.self) { try fetch(path) }
    #expect(error?.message.contains("answers \(status)") == true, "\(error?.message ?? "")")
    #expect(error?.isRetryable == false)
    #expect(try left().isEmpty)
    #expect(server.requests().count == 1)
  }

  @Test func `a server that does not listen is named with its port`() throws {
    var impatient = Fetcher()
    impatient.retries = 0
    let fetcher = impatient
    let request = FetchRequest(sources: ["http://127.0.0.1:9/x"], sha256: Self.digest)
    let error = #expect(throws: FetchError.self) {
      try fetcher.fetch(request, to: file)
    }
    #expect(error?.message.contains("port 9") == true, "\(error?.message ?? "")")
    #expect(try left().isEmpty)
  }

  // MARK: - Limits

  @Test(arguments: ["/huge", "/endless"])
  func `more than the named size is refused as soon as it shows`(path: String) throws {
    let start = ContinuousClock.now
    let error = #expect(throws: FetchError.self) { try fetch(path, size: 1000) }
    #expect(error?.code == .mismatch)
    #expect(error?.message.contains("instead of 1000") == true, "\(error?.message ?? "")")
    #expect(ContinuousClock.now - start < .seconds(5), "the server would go on for ten seconds")
    #expect(try left().isEmpty)
  }

  @Test(arguments: ["/huge", "/endless"])
  func `more than the limit is refused as soon as it shows`(path: String) throws {
    let start = ContinuousClock.now
    let error = #expect(throws: FetchError.self) { try fetch(path) { $0.sizeLimit = 500_000 } }
    #expect(error?.code == .failed)
    #expect(error?.message.contains("500000") == true, "\(error?.message ?? "")")
    #expect(ContinuousClock.now - start < .seconds(5), "the server would go on for ten seconds")
    #expect(try left().isEmpty)
  }

  @Test func `a named size above the limit needs no transfer`() throws {
    let error = #expect(throws: FetchError.self) {
      try fetch("/plain", size: 262_144) { $0.sizeLimit = 1000 }
    }
    #expect(error?.message.contains("size-limit") == true)
    #expect(server.requests().isEmpty)
  }

  @Test func `the size that a server announces is believed`() throws {
    let error = #expect(throws: FetchError.self) { try fetch("/huge") }
    #expect(error?.message.contains("namely 1099511627776") == true, "\(error?.message ?? "")")
  }

  // MARK: - Stopping

  @Test func `a transfer stops when it is told to and keeps its part`() throws {
    let start = ContinuousClock.now
    let error = #expect(throws: FetchError.self) {
      try fetch("/drip") { $0.isCancelled = { ContinuousClock.now - start > .seconds(1) } }
    }
    #expect(error?.code == .cancelled)
    #expect(ContinuousClock.now - start < .seconds(6), "the server takes ten")
    #expect(try left().contains("file.part"))
  }

  @Test func `waiting for another try stops when it is told to`() throws {
    let start = ContinuousClock.now
    let error = #expect(throws: FetchError.self) {
      try fetch("/page") {
        $0.backoff = 30
        $0.isCancelled = { ContinuousClock.now - start > .seconds(1) }
      }
    }
    #expect(error?.code == .cancelled)
    #expect(ContinuousClock.now - start < .seconds(6))
  }
}
