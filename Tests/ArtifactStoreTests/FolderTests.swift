import ContentHashing
import Foundation
import StructuredValue
import Testing

@testable import ArtifactStore

/// A store and a folder of files beside it.
struct FolderTests {
  private let folder: String
  private let store: ArtifactStore

  init() throws {
    folder = NSTemporaryDirectory() + "folders-" + UUID().uuidString
    try FileManager.default.createDirectory(
      atPath: folder + "/data", withIntermediateDirectories: true)
    store = try ArtifactStore.open(at: folder + "/Artifacts")
  }

  private func write(_ name: String, _ text: String) throws {
    let path = "\(folder)/data/\(name)"
    try FileManager.default.createDirectory(
      atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    try text.write(toFile: path, atomically: false, encoding: .utf8)
  }

  private func leftovers() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: store.path + "/tmp")
  }

  private func digest() throws -> Digest { try store.digest(ofPath: folder + "/data").digest }

  // MARK: Storing

  @Test(arguments: [true, false])
  func `many files are stored at once, equal ones among them`(consuming: Bool) throws {
    for index in 0..<90 { try write("d\(index % 3)/f\(index)", "content \(index % 40)") }
    let wanted = try digest()
    let content = try store.store(fileOrFolder: folder + "/data", consuming: consuming)
    #expect(content.digest == wanted && content.isTree)
    #expect(content.size == (0..<90).reduce(0) { $0 + "content \($1 % 40)".count })
    #expect(try leftovers().isEmpty)
    #expect(try store.check().isEmpty)
    #expect(store.contains(content.digest, isTree: true))
    try store.materialize(content, at: folder + "/out", readOnly: true, mode: .copy)
    #expect(try store.digest(ofPath: folder + "/out").digest == wanted)
  }

  @Test func `a folder with one bad entry leaves nothing behind`() throws {
    for index in 0..<40 { try write("f\(index)", "\(index)") }
    mkfifo(folder + "/data/z-fifo", 0o644)
    let error = #expect(throws: StoreError.self) {
      try store.store(fileOrFolder: folder + "/data", consuming: false)
    }
    #expect(error?.message.contains("z-fifo") == true)
    #expect(try leftovers().isEmpty)
  }

  @Test func `a failure in the middle takes away what was begun`() throws {
    for index in 0..<40 { try write("f\(index)", "\(index)") }
    // A file where a folder of the store has to be made.
    let digest = Digest.of("39")
    try "in the way".write(
      toFile: "\(store.path)/blob/\(digest.hex.prefix(2))", atomically: false, encoding: .utf8)
    #expect(throws: StoreError.self) {
      try store.store(fileOrFolder: folder + "/data", consuming: false)
    }
    #expect(try leftovers().isEmpty)
  }

  @Test func `a truncated object is replaced when its content comes again`() throws {
    try write("f", "content")
    let content = try store.store(fileOrFolder: folder + "/data/f", consuming: false)
    let blob = store.path(ofBlob: content.digest)
    chmod(blob, 0o644)
    truncate(blob, 3)
    _ = try store.store(fileOrFolder: folder + "/data/f", consuming: false)
    #expect(try store.bytes(of: content.digest) == Array("content".utf8))
    chmod(blob, 0o644)
    truncate(blob, 3)
    _ = try store.store(bytes: Array("content".utf8))
    #expect(try store.bytes(of: content.digest) == Array("content".utf8))
  }

  @Test func `a list of a folder is JSON by the line, with sorted keys`() throws {
    let digest = Digest.of("x")
    let entries = [
      TreeEntry(name: "b\n\"<é", kind: .file(digest, isExecutable: false), size: 3),
      TreeEntry(name: "run", kind: .file(digest, isExecutable: true), size: 0),
      TreeEntry(name: "a", kind: .folder(digest), size: 7),
      TreeEntry(name: "l", kind: .link("../x \"y\""), size: 0),
      TreeEntry(name: "Z", kind: .folder(digest), size: 1),
    ]
    let text = TreeListing.text(entries)
    let lines = text.split(separator: "\n")
    #expect(lines.first == "tree/v1")
    for line in lines.dropFirst() {
      #expect(try Value(json: String(line)).json() == line)
    }
    #expect(
      TreeListing.read(Array(text.utf8))
        == entries.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) })
  }

  @Test(arguments: [
    "", "tree/v2\n", "tree/v1\n{}\n", "tree/v1\n{\"link\":\"x\",\"name\":\"..\",\"size\":0}\n",
    "tree/v1\n{\"link\":\"x\",\"name\":\"a/b\",\"size\":0}\n",
    "tree/v1\n{\"file\":\"12\",\"name\":\"a\",\"size\":0}\n", "tree/v1\n{\"link\":\"x\"",
  ])
  func `a list that is damaged is no list`(text: String) {
    #expect(TreeListing.read(Array(text.utf8)) == nil)
  }

  @Test func `a name that is not UTF-8 is refused with its folder`() throws {
    let bytes: [CChar] = Array((folder + "/data/x").utf8CString.dropLast()) + [-1, 0]
    let file = bytes.withUnsafeBufferPointer { pointer in
      pointer.baseAddress.map { open($0, O_CREAT | O_WRONLY, 0o644) } ?? -1
    }
    try #require(file >= 0)
    close(file)
    let error = #expect(throws: StoreError.self) { try digest() }
    #expect(error?.message.contains("not valid UTF-8") == true)
  }

  @Test func `a socket is refused`() throws {
    let server = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(server) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    // Its name may have only some hundred bytes.
    let path = "/tmp/s-\(UInt32.random(in: 0...UInt32.max))"
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let status = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(server, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    try #require(status == 0)
    defer { unlink(path) }
    let error = #expect(throws: StoreError.self) { try store.digest(ofPath: path) }
    #expect(error?.message.contains("neither a file nor a folder") == true)
  }

  @Test func `names are sorted by their bytes, whatever their script`() throws {
    for name in ["z", "é", "e\u{301}x", "Z", "😀", "\u{FB01}"] { try write(name, name) }
    let content = try store.store(fileOrFolder: folder + "/data", consuming: false)
    let names = try store.tree(content.digest).map(\.name)
    #expect(names == names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
    #expect(names.count == 6)
  }

  // MARK: Looking again

  static let changes: [(String, @Sendable (String) -> Void)] = [
    (
      "the content, with the old size and time",
      { path in
        var info = stat()
        stat(path + "/a/f1", &info)
        let file = open(path + "/a/f1", O_WRONLY)
        pwrite(file, "TWO", 3, 0)
        futimens(file, [info.st_atim, info.st_mtim])
        close(file)
      }
    ),
    ("a name", { rename($0 + "/a/f1", $0 + "/a/f2") }),
    ("a new file", { close(open($0 + "/a/g", O_CREAT | O_WRONLY, 0o644)) }),
    ("a lost file", { unlink($0 + "/a/f1") }),
    ("a new folder", { mkdir($0 + "/a/h", 0o755) }),
    ("the right to execute", { chmod($0 + "/a/f1", 0o755) }),
    (
      "a link",
      {
        unlink($0 + "/link"); symlink("b", $0 + "/link")
      }
    ),
    ("a file for another of the same size", { rename($0 + "/a/f1", $0 + "/b/f1") }),
  ]

  @Test(arguments: changes.indices)
  func `each change below a folder shows`(index: Int) throws {
    try write("a/f1", "one")
    try write("b/f1", "two")
    symlink("a", folder + "/data/link")
    let before = try digest()
    // So old that the index trusts what it sees.
    usleep(1_200_000)
    #expect(try digest() == before)
    store.flushIndex()
    let again = try ArtifactStore.open(at: store.path)
    #expect(try again.digest(ofPath: folder + "/data").digest == before)
    Self.changes[index].1(folder + "/data")
    let fresh = try ArtifactStore.open(at: folder + "/Other")
    let wanted = try fresh.digest(ofPath: folder + "/data").digest
    #expect(wanted != before, "\(Self.changes[index].0)")
    #expect(try again.digest(ofPath: folder + "/data").digest == wanted)
  }

  @Test func `a folder's own times do not count, so adding and removing is no change`() throws {
    try write("f", "one")
    let before = try digest()
    usleep(1_200_000)
    #expect(try digest() == before)
    try write("g", "x")
    unlink(folder + "/data/g")
    let look = try Look(at: folder + "/data")
    let stamp = try #require(look.folder).stamp.hex
    #expect(store.index.digest(of: folder + "/data", "folder \(stamp)") == before)
  }

  // MARK: What is trusted

  @Test func `a young file is not remembered, an old one is`() throws {
    try write("f", "one")
    let path = folder + "/data/f"
    _ = try store.digest(ofPath: path)
    let facts = try FileFacts(of: path, followingLinks: true)
    #expect(store.index.digest(of: path, facts.signature) == nil)
    usleep(1_200_000)
    _ = try store.digest(ofPath: path)
    #expect(store.index.digest(of: path, facts.signature) == .of("one"))
    #expect(store.index.digest(of: path, facts.signature + "0") == nil)
  }

  @Test func `a file that changes within a second of its look is young`() {
    #expect(FileFacts.isRacy(5_000_000_000, at: 5_000_000_000))
    #expect(FileFacts.isRacy(5_000_000_000, at: 6_000_000_000))
    #expect(!FileFacts.isRacy(5_000_000_000, at: 6_000_000_001))
    // A clock that was set back makes nothing trusted.
    #expect(FileFacts.isRacy(5_000_000_000, at: 1))
  }

  @Test(arguments: ["gone", "no database", "cut", "scrambled"])
  func `a lost or damaged index is made again`(damage: String) throws {
    for index in 0..<200 { try write("f\(index)", "\(index)") }
    usleep(1_200_000)
    let before = try digest()
    store.flushIndex()
    let file = store.path + "/index.sqlite"
    let size = try #require(FileManager.default.contents(atPath: file)).count
    switch damage {
    case "gone": unlink(file)
    case "no database": try "garbage".write(toFile: file, atomically: false, encoding: .utf8)
    case "cut": truncate(file, size / 2)
    default:
      let handle = try #require(FileHandle(forUpdatingAtPath: file))
      try handle.seek(toOffset: 4096)
      handle.write(Data(repeating: 0xA5, count: size - 4096))
      try handle.close()
    }
    let look = try #require(Look(at: folder + "/data").folder)
    for _ in 0..<2 {
      let again = try ArtifactStore.open(at: store.path)
      #expect(try again.digest(ofPath: folder + "/data").digest == before)
      again.flushIndex()
    }
    let last = try ArtifactStore.open(at: store.path)
    #expect(
      last.index.digest(of: folder + "/data", "folder \(look.stamp.hex)") == before,
      "the index works again")
  }

  @Test func `an index that cannot be had costs only hashing`() throws {
    try write("f", "one")
    try FileManager.default.createDirectory(
      atPath: store.path + "/index.sqlite", withIntermediateDirectories: true)
    #expect(try store.digest(ofPath: folder + "/data/f").digest == .of("one"))
    store.flushIndex()
  }

  @Test func `what was looked at is known with its signature`() throws {
    try write("a/f", "one")
    _ = try digest()
    store.observe(folder + "/nothing")
    let observed = store.observed
    #expect(
      Set(observed.keys)
        == Set(["/data", "/data/a", "/data/a/f", "/nothing"].map { folder + $0 }))
    #expect(observed[folder + "/nothing"] == "absent")
    for path in ["/data", "/data/a", "/data/a/f"] {
      #expect(observed[folder + path] == ArtifactStore.signature(of: folder + path))
    }
  }

  // MARK: The store as a whole

  @Test func `a store of a newer program is refused`() throws {
    try "2\n".write(toFile: store.path + "/format", atomically: false, encoding: .utf8)
    let error = #expect(throws: StoreError.self) { try ArtifactStore.open(at: store.path) }
    #expect(error?.code == .newer)
    #expect(error?.message.contains("format 2") == true)
  }

  @Test func `a store cannot be made where a file stands`() throws {
    try write("f", "x")
    let error = #expect(throws: StoreError.self) {
      try ArtifactStore.open(at: folder + "/data/f/Artifacts")
    }
    #expect(error?.isInfrastructure == true)
  }

  @Test func `many tasks store the same folder at once`() async throws {
    for index in 0..<50 { try write("f\(index)", "content \(index)") }
    let store = store
    let source = folder + "/data"
    let digests = try await withThrowingTaskGroup(of: Digest.self) { group in
      for _ in 0..<8 {
        group.addTask { try store.store(fileOrFolder: source, consuming: false).digest }
      }
      return try await group.reduce(into: Set()) { $0.insert($1) }
    }
    #expect(digests == [try digest()])
    #expect(try store.check().isEmpty)
    #expect(try leftovers().isEmpty)
  }

  @Test func `a damaged list of a folder is found and put aside`() throws {
    try write("a/f", "one")
    let content = try store.store(fileOrFolder: folder + "/data", consuming: false)
    let list = store.path(of: content.digest, isTree: true)
    chmod(list, 0o644)
    truncate(list, 20)
    #expect(throws: StoreError.self) { try store.tree(content.digest) }
    #expect(!store.contains(content.digest, isTree: true))
    let corrupt = try store.check()
    #expect(corrupt.map(\.space) == ["tree"])
    #expect(FileManager.default.fileExists(atPath: corrupt.first?.quarantine ?? ""))
    _ = try store.store(fileOrFolder: folder + "/data", consuming: false)
    #expect(store.contains(content.digest, isTree: true))
  }
}
