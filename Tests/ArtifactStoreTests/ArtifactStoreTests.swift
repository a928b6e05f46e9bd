import ArtifactStore
import ContentHashing
import Foundation
import StructuredValue
import Synchronization
import Testing

struct ArtifactStoreTests {
  private let folder: String
  private let store: ArtifactStore

  init() throws {
    folder = NSTemporaryDirectory() + "store-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    store = try ArtifactStore.open(at: folder + "/Artifacts")
  }

  private func write(_ name: String, _ text: String) throws -> String {
    let path = "\(folder)/\(name)"
    try FileManager.default.createDirectory(
      atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    try text.write(toFile: path, atomically: false, encoding: .utf8)
    return path
  }

  @Test(arguments: [true, false])
  func `a file comes back as it was`(consuming: Bool) throws {
    let path = try write("a.txt", "hello")
    let content = try store.store(fileOrFolder: path, consuming: consuming)
    #expect(content.digest == .of("hello") && content.size == 5 && !content.isTree)
    #expect(FileManager.default.fileExists(atPath: path) == !consuming)
    #expect(try store.bytes(of: content.digest) == Array("hello".utf8))
    for (mode, name) in [(MaterializeMode.link, "l"), (.copy, "c")] {
      try store.materialize(content, at: "\(folder)/\(name)", readOnly: true, mode: mode)
      #expect(try String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8) == "hello")
    }
  }

  @Test func `a folder keeps names, bits, links and emptiness`() throws {
    _ = try write("d/x/é\u{301} \n.txt", "1")
    let script = try write("d/run.sh", "echo")
    chmod(script, 0o755)
    try FileManager.default.createDirectory(
      atPath: folder + "/d/empty", withIntermediateDirectories: true)
    symlink("x", folder + "/d/link")
    let content = try store.store(fileOrFolder: folder + "/d", consuming: false)
    #expect(try store.digest(ofPath: folder + "/d").digest == content.digest)
    #expect(store.contains(content.digest, isTree: true))
    try store.materialize(content, at: folder + "/e", readOnly: false, mode: .copy)
    #expect(try store.digest(ofPath: folder + "/e").digest == content.digest)
    #expect(access(folder + "/e/run.sh", X_OK) == 0)
    #expect(
      try FileManager.default.destinationOfSymbolicLink(atPath: folder + "/e/link") == "x")
    chmod(script, 0o644)
    #expect(try store.digest(ofPath: folder + "/d").digest != content.digest)
  }

  @Test func `what is no artifact is refused by name`() throws {
    mkfifo(folder + "/fifo", 0o644)
    _ = try write("f/x", "1")
    symlink("../../etc/passwd", folder + "/f/out")
    for (path, words) in [
      ("/fifo", "neither a file nor a folder"), ("/f", "leaves its folder"),
      ("/nothing", "does not exist"),
    ] {
      let error = #expect(throws: StoreError.self) {
        try store.store(fileOrFolder: folder + path, consuming: false)
      }
      #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
      #expect(error?.isInfrastructure == false)
    }
  }

  @Test func `an action is whole or absent`() throws {
    let output = try store.store(bytes: Array("out".utf8))
    var result = ActionResult(instance: "a", keyFields: ["param.x": 1.5])
    result.outputs["o"] = ActionOutput(
      kind: "text", digest: output.digest, isTree: false, size: 3)
    result.metrics = ["m": .double(.nan), "n": .null]
    let key = Digest.of("key")
    try store.save(result, for: key)
    let found = try #require(store.action(for: key))
    #expect(found.outputs == result.outputs)
    #expect(found.metrics["m"]?.double?.isNaN == true)
    // Torn in the middle.
    let file = "\(store.path)/action/\(key.hex.prefix(2))/\(key.hex)"
    let text = try String(contentsOfFile: file, encoding: .utf8)
    try text.dropLast(10).write(toFile: file, atomically: false, encoding: .utf8)
    #expect(store.action(for: key) == nil)
    try store.save(result, for: key)
    #expect(store.action(for: key) != nil)
    unlink(store.path(ofBlob: output.digest))
    #expect(store.action(for: key) == nil, "what it names is gone")
  }

  @Test func `the file of recent actions is a cache that may be damaged, lost or stale`() throws {
    let recent = "\(store.path)/recent-actions"
    func save(_ key: String, _ metric: Int, in store: ArtifactStore) throws {
      var result = ActionResult(instance: "a")
      result.metrics["m"] = .int(metric)
      try store.save(result, for: .of(key))
    }
    /// What a process that starts now is told.
    func metric(_ key: String) throws -> Value? {
      try ArtifactStore.open(at: store.path).action(for: .of(key))?.metrics["m"]
    }
    try save("one", 1, in: store)
    try save("two", 22, in: store)
    try save("one", 3, in: store)
    #expect(try metric("one") == 3 && metric("two") == 22)
    // A write that a crash tore hides at most the entry after it.
    let whole = try String(contentsOfFile: recent, encoding: .utf8)
    for length in stride(from: 0, to: whole.utf8.count, by: 43) {
      try String(whole.prefix(length)).write(toFile: recent, atomically: false, encoding: .utf8)
      try save("three", length, in: store)
      #expect(try metric("one") == 3 && metric("two") == 22 && metric("three") == .int(length))
    }
    try whole.replacingOccurrences(of: #""m":22"#, with: #""m":23"#)
      .write(toFile: recent, atomically: false, encoding: .utf8)
    #expect(try metric("two") == 22)
    unlink(recent)
    #expect(try metric("one") == 3 && metric("two") == 22)
    #expect(try String(contentsOfFile: recent, encoding: .utf8).split(separator: "\n").count == 6)
    unlink("\(store.path)/action/\(Digest.of("two").hex.prefix(2))/\(Digest.of("two").hex)")
    #expect(try metric("two") == nil, "an entry's own file decides")
  }

  @Test func `damage is found, named and put aside`() throws {
    let content = try store.store(bytes: Array("out".utf8))
    var result = ActionResult(instance: "maker", keyFields: [:])
    result.outputs["o"] = ActionOutput(
      kind: "text", digest: content.digest, isTree: false, size: 3)
    try store.save(result, for: .of("key"))
    #expect(try store.check().isEmpty)
    let path = store.path(ofBlob: content.digest)
    chmod(path, 0o644)
    try "OUT".write(toFile: path, atomically: false, encoding: .utf8)
    let copy = #expect(throws: StoreError.self) {
      try store.materialize(content, at: folder + "/copy", readOnly: false, mode: .copy)
    }
    #expect(copy?.code == .corrupt, "a copy is compared with its name on the way")
    let corrupt = try store.check()
    #expect(corrupt.map(\.name) == [content.digest.hex])
    #expect(corrupt.first?.users == ["maker"])
    #expect(store.action(for: .of("key")) == nil)
    #expect(try store.check().isEmpty)
  }

  @Test func `a lock is held by one and freed by death`() throws {
    let key = Digest.of("key")
    var first = try store.lock(action: key, wait: false)
    #expect(first != nil)
    #expect(try store.lock(action: key, wait: false) == nil)
    first = nil
    #expect(try store.lock(action: key, wait: false) != nil)
    // Another process holds it, and is killed.
    let file = "\(store.path)/locks/\(key.hex)"
    let holder = Process()
    holder.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    holder.arguments = [
      "python3", "-c",
      "import fcntl,time; f=open('\(file)','a'); fcntl.flock(f,fcntl.LOCK_EX); print('held',flush=True); time.sleep(60)",
    ]
    let pipe = Pipe()
    holder.standardOutput = pipe
    try holder.run()
    _ = pipe.fileHandleForReading.availableData
    #expect(try store.lock(action: key, wait: false) == nil)
    kill(holder.processIdentifier, SIGKILL)
    holder.waitUntilExit()
    #expect(try store.lock(action: key, wait: false) != nil)
  }

  @Test func `a run waits for its lock while somebody looks whether it is dead`() throws {
    var looking: ActionLock? = try store.lock(run: "young")
    let isLooking = withExtendedLifetime(looking) { looking != nil }
    let store = self.store
    let lock = Mutex<ActionLock?>(nil)
    let waiting = Thread { lock.withLock { $0 = try? store.lock(run: "young") } }
    waiting.start()
    Thread.sleep(forTimeInterval: 0.05)
    #expect(isLooking && !waiting.isFinished)
    looking = nil
    while !waiting.isFinished { Thread.sleep(forTimeInterval: 0.001) }
    #expect(lock.withLock { $0 } != nil)
  }

  @Test func `an abandoned run stays locked while it is cleaned up, a living one is left`() throws {
    let living = try store.lock(run: "living")
    try FileManager.default.createDirectory(
      atPath: "\(store.path)/work/dead", withIntermediateDirectories: true)
    var visited: [String] = []
    store.forEachAbandonedRun { run in
      visited.append(run)
      // A second look meanwhile finds nothing to do.
      store.forEachAbandonedRun { visited.append("again \($0)") }
    }
    #expect(visited == ["dead"])
    withExtendedLifetime(living) {}
  }

  @Test func `an unchanged file is known, a changed one is not, a young one is not trusted`() throws
  {
    let path = try write("a.txt", "one")
    #expect(try store.digest(ofPath: path).digest == .of("one"))
    // The same size in the same second: only its youth tells.
    try "two".write(toFile: path, atomically: false, encoding: .utf8)
    #expect(try store.digest(ofPath: path).digest == .of("two"))
    store.flushIndex()
    let again = try ArtifactStore.open(at: store.path)
    #expect(try again.digest(ofPath: path).digest == .of("two"))
    try "garbage".write(toFile: store.path + "/index.sqlite", atomically: false, encoding: .utf8)
    #expect(try ArtifactStore.open(at: store.path).digest(ofPath: path).digest == .of("two"))
  }

  @Test func `garbage is what no kept key needs`() throws {
    var results: [(Digest, StoredContent)] = []
    for name in ["a", "b"] {
      let path = try write("\(name)/f", name)
      let content = try store.store(
        fileOrFolder: (path as NSString).deletingLastPathComponent, consuming: false)
      var result = ActionResult(instance: name, keyFields: [:])
      result.outputs["o"] = ActionOutput(
        kind: "folder", digest: content.digest, isTree: true, size: 1)
      try store.save(result, for: .of(name))
      results.append((.of(name), content))
    }
    let young = store.garbage(keeping: [results[0].0], artifacts: [], minimumAge: 3600)
    #expect(young.paths.isEmpty)
    let garbage = store.garbage(keeping: [results[0].0], artifacts: [], minimumAge: -5)
    #expect(garbage.paths.count == 3 && garbage.kept == 3)
    var lease = try store.lease()
    #expect(try store.collect(garbage) == false, "a run uses the store")
    lease = nil
    withExtendedLifetime(lease) {}
    #expect(try store.collect(garbage))
    #expect(store.action(for: results[0].0) != nil)
    #expect(store.action(for: results[1].0) == nil)
    #expect(try store.check().isEmpty)
  }

  @Test func `a file that was cut off is no result`() throws {
    let content = try store.store(bytes: Array("output".utf8))
    var result = ActionResult(instance: "a", keyFields: [:])
    result.outputs["o"] = ActionOutput(
      kind: "text", digest: content.digest, isTree: false, size: content.size)
    try store.save(result, for: .of("key"))
    #expect(store.action(for: .of("key")) != nil)
    let path = store.path(ofBlob: content.digest)
    chmod(path, 0o644)
    truncate(path, 3)
    #expect(store.action(for: .of("key")) == nil)
  }

  @Test func `what a young action or a checkpoint names stays, however old`() throws {
    let output = try store.store(bytes: Array("old output".utf8))
    let checkpoint = try store.store(bytes: Array("half done".utf8))
    for content in [output, checkpoint] {
      var times = [timeval(tv_sec: 1, tv_usec: 0), timeval(tv_sec: 1, tv_usec: 0)]
      utimes(store.path(ofBlob: content.digest), &times)
    }
    var result = ActionResult(instance: "a", keyFields: [:])
    result.outputs["o"] = ActionOutput(
      kind: "text", digest: output.digest, isTree: false, size: output.size)
    try store.save(result, for: .of("key"))
    let folder = store.checkpointFolder(for: .of("other"))
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let note: Value = [
      "digest": .string(checkpoint.digest.hex), "isTree": false, "size": .int(checkpoint.size),
    ]
    try note.json().write(toFile: folder + "/latest.json", atomically: false, encoding: .utf8)
    let garbage = store.garbage(keeping: [], artifacts: [], minimumAge: 3600)
    #expect(garbage.paths.isEmpty, "\(garbage.paths)")
  }

  @Test func `many writers of the same content agree`() async throws {
    let store = store
    let digests = try await withThrowingTaskGroup(of: Digest.self) { group in
      for index in 0..<40 {
        group.addTask { try store.store(bytes: Array("content \(index % 4)".utf8)).digest }
      }
      return try await group.reduce(into: Set()) { $0.insert($1) }
    }
    #expect(digests.count == 4)
    #expect(try store.check().isEmpty)
    #expect(try FileManager.default.contentsOfDirectory(atPath: store.path + "/tmp").isEmpty)
  }
}
