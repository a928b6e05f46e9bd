import ContentHashing
import Fetching
import Foundation
import Testing

struct SourceTests {
  private let file: String
  private let mirror: String

  init() throws {
    let folder = try scratchFolder()
    file = folder + "/out/file"
    mirror = folder + "/mirror"
    for name in ["out", "mirror/a.example/d", "secret"] {
      try FileManager.default.createDirectory(
        atPath: "\(folder)/\(name)", withIntermediateDirectories: true)
    }
    for (name, text) in [
      ("mirror/a.example/d/right", "right"), ("mirror/a.example/d/wrong", "wrong"),
      ("secret/right", "right"),
    ] {
      try Data(text.utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
    }
  }

  private func fetch(_ sources: String..., size: Int? = nil) throws(FetchError) -> String {
    try Fetcher(mirrors: [mirror], isOffline: true).fetch(
      FetchRequest(sources: sources, sha256: .of("right"), size: size), to: file)
  }

  private func left() throws -> [String] {
    try FileManager.default.contentsOfDirectory(
      atPath: (file as NSString).deletingLastPathComponent)
  }

  @Test(arguments: [
    "https://a.example/d/right", "http://a.example/d/right", "https://A.Example/d/right",
    "https://a.example/d/%72ight", "https://user:pass@a.example/d/right?token=1#top",
  ])
  func `a URL names a file of the mirror`(url: String) throws {
    let source = try fetch(url)
    #expect(source == mirror + "/a.example/d/right")
    #expect(FileManager.default.contents(atPath: file) == Data("right".utf8))
    #expect(try left() == ["file"])
  }

  @Test(arguments: [
    "https://a.example/../../secret/right", "https://a.example/%2e%2e/%2e%2e/secret/right",
    "https://a.example/..%2f..%2fsecret/right", "https://../secret/right",
    "https://a.example%2f..%2f..%2fsecret/right", "https://a.example/d/right%00",
    "https://a.example//d/right",
  ])
  func `no URL names a file outside of the mirror`(url: String) throws {
    #expect(throws: FetchError.self) { try fetch(url) }
    #expect(try left().isEmpty)
  }

  @Test func `a folder of the mirror is no file`() throws {
    let error = #expect(throws: FetchError.self) { try fetch("https://a.example/d") }
    #expect(error?.code == .offline, "\(error?.message ?? "")")
  }

  @Test func `a wrong file of the mirror is passed over for a right one`() throws {
    let source = try fetch("https://a.example/d/wrong", "https://a.example/d/right")
    #expect(source.hasSuffix("/right"))
    #expect(try left() == ["file"])
  }

  @Test func `a wrong file of the mirror is named with both digests`() throws {
    let error = #expect(throws: FetchError.self) { try fetch("https://a.example/d/wrong") }
    #expect(error?.code == .mismatch)
    for text in [Digest.of("right").hex, Digest.of("wrong").hex, mirror] {
      #expect(error?.message.contains(text) == true, "\(error?.message ?? "")")
    }
    #expect(try left().isEmpty)
  }

  @Test func `a wrong size in the mirror is said`() throws {
    let error = #expect(throws: FetchError.self) {
      try fetch("https://a.example/d/right", size: 7)
    }
    #expect(error?.code == .mismatch)
    #expect(error?.message.contains("5 bytes instead of 7") == true, "\(error?.message ?? "")")
  }

  @Test func `a wrong file of the mirror does not touch a part from the network`() throws {
    try Data("ri".utf8).write(to: URL(fileURLWithPath: file + ".part"))
    #expect(throws: FetchError.self) { try fetch("https://a.example/d/wrong") }
    #expect(FileManager.default.contents(atPath: file + ".part") == Data("ri".utf8))
  }

  @Test(arguments: [
    "", "a", "/etc/passwd", "file:///etc/passwd", "ftp://user:secret@a.example/x",
    "https://", "https:///x", "https://a.example:99999/x", "https://a.example/a b",
    "https://a.example/a\nb", "user:secret@a.example/x", "scp://user:secret@a.example/x",
  ])
  func `what is no URL of the web is refused and shows no password`(url: String) throws {
    let request = FetchRequest(sources: [url], sha256: .of(""))
    let error = #expect(throws: FetchError.self) { try request.check() }
    #expect(error?.message.contains("no https or http URL") == true, "\(error?.message ?? "")")
    #expect(error?.message.contains("secret") == false)
    #expect(throws: FetchError.self) { try fetch(url) }
  }
}

/// The files that the project's pipelines fetch, where a copy lies beside the project.
struct RealMirrorTests {
  private static let mirror: String = {
    if let named = ProcessInfo.processInfo.environment["PIPELINE_MIRROR"] { return named }
    let root = (0..<3).reduce(URL(fileURLWithPath: #filePath)) { url, _ in
      url.deletingLastPathComponent()
    }
    return root.deletingLastPathComponent().path + "/shared/mirror"
  }()

  @Test(
    .enabled(
      if: FileManager.default.fileExists(atPath: mirror),
      "no mirror: name one by PIPELINE_MIRROR"))
  func `a published table comes from the mirror with its digest`() throws {
    // Size and digest as the pipeline of edge optimisation names them.
    let digest = try #require(
      Digest("e185be53421b6addd872e3a4fb4d2ad2a55bf8c06eb50c0213d4b921bde9343f"))
    let commit = "e3c9b2c65113e16f1208988287810b283674f4de"
    let request = FetchRequest(
      sources: ["https://raw.githubusercontent.com/Ren-Research/OneProxy/\(commit)/encode.pickle"],
      sha256: digest, size: 131_970)
    let file = try scratchFolder() + "/encode.pickle"
    let source = try Fetcher(mirrors: [Self.mirror], isOffline: true).fetch(request, to: file)
    #expect(source.hasPrefix(Self.mirror))
    #expect(FileManager.default.contents(atPath: file).map { Digest.of(Array($0)) } == digest)
  }
}
