import ContentHashing
import Foundation
import Provenance
import RunRecord
import Testing

struct ProvenanceLogTests {
  @Test func `a run is recorded, is read back, and leaves everything of the user alone`() throws {
    let repository = try TestRepository()
    try repository.write("one\n", to: "a.txt")
    let commit = try repository.commit("First")
    let before = try repository.userFiles()
    let log = try repository.log()
    let source = try log.sourceState(snapshotDirty: true)
    #expect(source.commit == commit)
    #expect(source.tree == (try repository.git(["rev-parse", "HEAD^{tree}"])))
    #expect(source.branch == "main")
    #expect(!source.dirty && source.snapshot == nil && source.remote == nil)
    let record = sampleRecord("20261123-163417-3f9a2c", source: source)
    let id = try log.append(record)

    #expect(id == (try repository.git(["rev-parse", "refs/pipeline/log"])))
    #expect(try log.record(run: record.id) == record)
    #expect(try log.runs(limit: 5) == [RunSummary(of: record)])
    #expect(
      try repository.git(["log", "--format=%an %s", "refs/pipeline/log"])
        == "pipeline Run 20261123-163417-3f9a2c of 'paper' succeeded: 3 executed, 1 cached, "
        + "1 of 1 claim holds")
    let shown = try repository.git(["show", "refs/pipeline/log:runs/2c/\(record.id)/record.json"])
    #expect(shown.contains(#""id":"\#(record.id)""#))
    #expect(
      try repository.git([
        "rev-parse", "refs/pipeline/log:by-source/\(commit.prefix(2))/\(commit)/\(record.id)",
      ])
        == repository.git(["rev-parse", "refs/pipeline/log:runs/2c/\(record.id)"]))
    let note = try repository.git(["notes", "--ref=pipeline", "show", commit])
    #expect(
      note.contains(#""id":"20261123-163417-3f9a2c""#) && note.hasPrefix(#"{"claims":{"holds":1}"#))
    #expect(try repository.userFiles() == before)
    #expect(try repository.git(["status", "--porcelain"]) == "")
    #expect(try repository.git(["fsck", "--strict", "--no-dangling"]) == "")
  }

  @Test func `an object of git that is cut short is named, and never waited for`() throws {
    let repository = try TestRepository()
    try repository.commit()
    let record = sampleRecord("20261123-163417-3f9a2c")
    _ = try repository.log().append(record)
    var messages: Set<String> = []
    for line in try repository.git(["rev-list", "--objects", "refs/pipeline/log"])
      .split(separator: "\n")
    {
      let id = line.prefix(40)
      let file = URL(
        fileURLWithPath: "\(repository.path)/.git/objects/\(id.prefix(2))/\(id.dropFirst(2))")
      let bytes = try Data(contentsOf: file)
      // Where libgit2 itself would not come back is after the header, before the content's end.
      for length in Set([0, 1, 2, 10, 12, 14, 20, bytes.count / 2, bytes.count - 1])
      where length < bytes.count {
        try FileManager.default.removeItem(at: file)
        try bytes.prefix(length).write(to: file)
        do {
          #expect(try repository.log().record(run: record.id) == record)
        } catch {
          messages.insert("\(error)")
          #expect("\(error)".contains(id), "\(error)")
        }
      }
      try FileManager.default.removeItem(at: file)
      try bytes.write(to: file)
    }
    #expect(messages.count > 4)
    #expect(messages.contains { $0.contains("git's object") && $0.contains("is damaged") })
    #expect(try repository.log().record(run: record.id) == record)
  }

  @Test func `a log that a power cut has damaged goes on from the last sound run`() throws {
    let repository = try TestRepository()
    let head = try repository.commit()
    let source = try repository.log().sourceState(snapshotDirty: true)
    let first = sampleRecord("20261123-000001-aaaaaa", source: source)
    // With the same parts, so that what git has of them counts as written.
    let later = ["20261123-000002-bbbbbb", "20261123-000003-cccccc"].map {
      sampleRecord($0, source: source, seed: 2)
    }
    _ = try repository.log().append(first)
    func objects() throws -> [String] {
      try FileManager.default.subpathsOfDirectory(atPath: "\(repository.path)/.git/objects")
        .filter { $0.utf8.count == 41 }
    }
    let known = Set(try objects())
    let tips = try ["log", "notes"].map { name in
      let ref = name == "log" ? "refs/pipeline/log" : "refs/notes/pipeline"
      return (ref, try repository.git(["rev-parse", ref]))
    }
    _ = try repository.log().append(later[0])
    let second = try objects().filter { !known.contains($0) }
    #expect(second.count > 8)
    let after = try tips.map { ($0.0, try repository.git(["rev-parse", $0.0])) }
    // Each alone, then all at once, then everything.
    for lost in second.map({ [$0] }) + [second, try objects()] {
      var bytes: [String: Data] = [:]
      for name in lost {
        let file = URL(fileURLWithPath: "\(repository.path)/.git/objects/\(name)")
        bytes[name] = try Data(contentsOf: file)
        try FileManager.default.removeItem(at: file)
        try Data().write(to: file)
      }
      let log = try repository.log()
      // As a run does before it starts.
      _ = try? log.pastRun()
      _ = try log.append(later[1])
      #expect(try repository.log().record(run: later[1].id) == later[1])
      let runs = try repository.log().runs(limit: 9).map(\.id)
      #expect(runs.first == later[1].id)
      if lost.count <= second.count { #expect(runs.last == first.id) }
      let note = try repository.git(["notes", "--ref=pipeline", "show", head])
      #expect(note.contains(later[1].id))
      // Git itself finds everything.
      try repository.git(["rev-list", "--objects"] + tips.map(\.0))
      for (name, bytes) in bytes {
        let file = URL(fileURLWithPath: "\(repository.path)/.git/objects/\(name)")
        try FileManager.default.removeItem(at: file)
        try bytes.write(to: file)
      }
      // What this round has recorded, which the next could go on from.
      for name in try objects() where !known.contains(name) && !second.contains(name) {
        try FileManager.default.removeItem(atPath: "\(repository.path)/.git/objects/\(name)")
      }
      for (ref, commit) in after { try repository.git(["update-ref", ref, commit]) }
    }
  }

  @Test func `a record that only a newer version understands is no damage`() throws {
    let repository = try TestRepository()
    try repository.commit()
    let first = sampleRecord("20261123-000001-aaaaaa")
    _ = try repository.log().append(first)
    try repository.git(["worktree", "add", "--quiet", "--detach", "newer", "refs/pipeline/log"])
    try repository.write("newer", to: "newer/runs/aa/\(first.id)/instances/0000.json")
    try repository.git(["commit", "--quiet", "-a", "-C", "HEAD"], in: "\(repository.path)/newer")
    let newer = try repository.git(["rev-parse", "HEAD"], in: "\(repository.path)/newer")
    try repository.git(["update-ref", "refs/pipeline/log", newer])
    let log = try repository.log()
    #expect(throws: ProvenanceError.self) { try log.record(run: first.id) }
    _ = try log.append(sampleRecord("20261123-000002-bbbbbb"))
    #expect(log.warning == nil)
    #expect(try repository.git(["rev-parse", "refs/pipeline/log^"]) == newer)
  }

  @Test func `a run adds only the parts of its record that no earlier run has`() throws {
    let repository = try TestRepository()
    try repository.commit()
    let log = try repository.log()
    func hundred(_ id: String, changing changed: Int?) -> RunRecord {
      var record = sampleRecord(id)
      let cell = record.instances[0]
      record.instances = (0..<100).map { index in
        var instance = cell
        instance.name = "stage-\(index)"
        if index == changed { instance.seconds += 1 }
        return instance
      }
      return record
    }
    _ = try log.append(hundred("20261123-000001-aaaaaa", changing: nil))
    let second = hundred("20261123-000002-bbbbbb", changing: 40)
    _ = try log.append(second)
    #expect(try log.record(run: second.id) == second)
    let changes = try repository.git([
      "diff", "--name-only", "refs/pipeline/log:runs/aa/20261123-000001-aaaaaa",
      "refs/pipeline/log:runs/bb/20261123-000002-bbbbbb",
    ])
    #expect(changes == "instances/0001.json\nrecord.json")
    #expect(try log.pastRun()?.instances.count == 100)
  }

  @Test func `a record that an earlier version kept as one file is read`() throws {
    let repository = try TestRepository()
    try repository.commit()
    let log = try repository.log()
    let record = sampleRecord("20261123-000001-aaaaaa")
    _ = try log.append(record)
    try repository.write(
      String(decoding: try record.canonicalBytes(), as: UTF8.self), to: "whole.json")
    let blob = try repository.git(["hash-object", "-w", "whole.json"])
    try repository.git([
      "update-index", "--add", "--cacheinfo",
      "100644,\(blob),runs/\(record.id.suffix(2))/\(record.id)/record.json",
    ])
    let root = try repository.git(["write-tree"])
    let message = try repository.git(["log", "-1", "--format=%B", "refs/pipeline/log"])
    let commit = try repository.git(["commit-tree", root, "-m", message])
    try repository.git(["update-ref", "refs/pipeline/log", commit])
    #expect(try log.record(run: record.id) == record)
    #expect(try log.pastRun()?.instances.count == record.instances.count)
  }

  @Test func `the log's only parent is the log, and later runs of a commit share its note`() throws
  {
    let repository = try TestRepository()
    let commit = try repository.commit()
    let log = try repository.log()
    let source = try log.sourceState(snapshotDirty: true)
    let first = try log.append(sampleRecord("20261123-000001-aaaaaa", source: source))
    _ = try log.append(sampleRecord("20261123-000002-bbbbbb", source: source))
    #expect(
      try repository.git(["rev-list", "--parents", "-1", "refs/pipeline/log"]).hasSuffix(
        " \(first)"))
    #expect(try repository.git(["rev-list", "--count", "refs/pipeline/log"]) == "2")
    let lines = try repository.git(["notes", "--ref=pipeline", "show", commit]).split(
      separator: "\n")
    #expect(lines.count == 2 && lines == lines.sorted())
    #expect(try log.runs(limit: 1).map(\.id) == ["20261123-000002-bbbbbb"])
    #expect(
      try log.runs(limit: 9).map(\.id) == ["20261123-000002-bbbbbb", "20261123-000001-aaaaaa"])
  }

  @Test func `a dirty work tree is kept as a tree without its ignored, stored and huge files`()
    throws
  {
    let repository = try TestRepository()
    for name in ["same", "changed", "removed", "becomes", "staged"] {
      try repository.write("old \(name)\n", to: name)
    }
    try repository.write("*.log\n", to: ".gitignore")
    try repository.commit()
    try repository.write("new\n", to: "changed")
    try repository.write("new\n", to: "staged")
    try repository.git(["add", "staged"])
    try FileManager.default.removeItem(atPath: "\(repository.path)/removed")
    try FileManager.default.removeItem(atPath: "\(repository.path)/becomes")
    try repository.write("inner\n", to: "becomes/a folder")
    try repository.write("x", to: "noise.log")
    try repository.write("x", to: "Artifacts/store")
    try repository.write(String(repeating: "x", count: (10 << 20) + 1), to: "huge")
    try repository.write("#!/bin/sh\n", to: "run.sh")
    try FileManager.default.setAttributes(
      [.posixPermissions: 0o755], ofItemAtPath: "\(repository.path)/run.sh")
    try FileManager.default.createSymbolicLink(
      atPath: "\(repository.path)/link", withDestinationPath: "nowhere")
    let before = try repository.userFiles()
    let status = try repository.git(["status", "--porcelain"])
    let log = try repository.log()
    let source = try log.sourceState(snapshotDirty: true)
    let tree = try #require(source.snapshot)
    #expect(source.dirty)
    #expect(log.leftOut == ["huge"])
    let modes = try repository.git(["ls-tree", "-r", "--format=%(objectmode) %(path)", tree])
    #expect(
      modes.split(separator: "\n") == [
        "100644 .gitignore", "100644 becomes/a folder", "100644 changed", "120000 link",
        "100755 run.sh", "100644 same", "100644 staged",
      ])
    #expect(try repository.git(["show", "\(tree):changed"]) == "new")
    #expect(try repository.git(["rev-parse", "refs/pipeline/snapshots/\(tree)"]) == tree)
    #expect(try log.sourceState(snapshotDirty: true).snapshot == tree)
    #expect(try repository.userFiles() == before)
    #expect(try repository.git(["status", "--porcelain"]) == status)
    #expect(try repository.git(["fsck", "--strict", "--no-dangling"]) == "")
  }

  @Test func `only the store's folder does not make a work tree dirty`() throws {
    let repository = try TestRepository()
    try repository.commit()
    try repository.write("x", to: "Artifacts/objects/aa")
    #expect(try !repository.log().sourceState(snapshotDirty: true).dirty)
    try repository.write("x", to: "other/Artifacts")
    let source = try repository.log().sourceState(snapshotDirty: false)
    #expect(source.dirty && source.snapshot == nil)
  }

  @Test func `runs are recorded before the first commit and on a detached HEAD`() throws {
    let repository = try TestRepository()
    try repository.write("x", to: "a")
    let log = try repository.log()
    let unborn = try log.sourceState(snapshotDirty: true)
    #expect(unborn.commit == nil && unborn.tree == nil && unborn.branch == "main")
    #expect(unborn.dirty && unborn.snapshot != nil)
    _ = try log.append(sampleRecord("20261123-000001-aaaaaa", source: unborn))
    let commit = try repository.commit()
    try repository.git(["checkout", "--quiet", "--detach"])
    let detached = try log.sourceState(snapshotDirty: true)
    #expect(detached.commit == commit && detached.branch == nil && !detached.dirty)
    _ = try log.append(sampleRecord("20261123-000002-bbbbbb", source: detached))
    #expect(try log.runs(limit: 9).count == 2)
  }

  @Test func `linked work trees share the log, and bare, shallow and nested ones have theirs`()
    throws
  {
    let repository = try TestRepository()
    try repository.write("x", to: "a")
    try repository.commit()
    try repository.commit()
    let log = try repository.log()
    let record = sampleRecord(
      "20261123-000001-aaaaaa", source: try log.sourceState(snapshotDirty: true))
    _ = try log.append(record)
    let other = try TestRepository(nil)
    try repository.git(["worktree", "add", "--quiet", "\(other.path)/linked"])
    let linked = try #require(try ProvenanceLog.open(containing: "\(other.path)/linked"))
    let source = try linked.sourceState(snapshotDirty: true)
    #expect(source.branch == "linked" && !source.dirty)
    _ = try linked.append(sampleRecord("20261123-000002-bbbbbb", source: source))
    #expect(try log.runs(limit: 9).count == 2)

    try other.git(["clone", "--quiet", "--mirror", repository.path, "bare"])
    let bare = try #require(try ProvenanceLog.open(containing: "\(other.path)/bare"))
    #expect(try bare.record(run: record.id) == record)
    #expect(try !bare.sourceState(snapshotDirty: true).dirty)

    try other.git(["clone", "--quiet", "--depth=1", "file://\(repository.path)", "shallow"])
    let shallow = try #require(try ProvenanceLog.open(containing: "\(other.path)/shallow"))
    #expect(try shallow.sync(remote: "origin").fetched == 2)
    _ = try shallow.append(
      sampleRecord("20261123-000003-cccccc", source: try shallow.sourceState(snapshotDirty: true)))
    #expect(try shallow.runs(limit: 9).count == 3)

    try repository.git(["submodule", "--quiet", "add", "\(other.path)/shallow", "module"])
    let module = try #require(try ProvenanceLog.open(containing: "\(repository.path)/module"))
    #expect(try module.runs(limit: 9).isEmpty)
    _ = try module.append(sampleRecord("20261123-000004-dddddd"))
    #expect(try module.runs(limit: 9).count == 1)
    try repository.write("y", to: "module/a")
    #expect(try log.sourceState(snapshotDirty: true).snapshot != nil)
  }

  @Test func `runs that end at once are all recorded, with their notes`() async throws {
    let repository = try TestRepository()
    let commit = try repository.commit()
    let path = repository.path
    try await withThrowingTaskGroup { group in
      for worker in 1...6 {
        group.addTask {
          let log = try #require(try ProvenanceLog.open(containing: path))
          let source = try log.sourceState(snapshotDirty: true)
          for run in 1...5 {
            _ = try log.append(sampleRecord("20261123-00000\(run)-00000\(worker)", source: source))
            #expect(log.warning == nil)
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(try repository.log().runs(limit: 99).count == 30)
    let lines = try repository.git(["notes", "--ref=pipeline", "show", commit]).split(
      separator: "\n")
    #expect(lines.count == 30)
    #expect(
      try repository.git(["ls-tree", "-r", "--name-only", "refs/pipeline/log", "runs/"])
        .split(separator: "\n").count { $0.hasSuffix("/record.json") } == 30)
    #expect(try repository.git(["fsck", "--strict", "--no-dangling"]) == "")
  }

  @Test func `revisions name runs by id, prefix, branch, tag, commit and age`() throws {
    let repository = try TestRepository()
    try repository.commit("First")
    try repository.git(["tag", "v1"])
    let log = try repository.log()
    let first = try log.sourceState(snapshotDirty: true)
    let runs = [
      sampleRecord("20261123-000001-aaaaaa", source: first),
      sampleRecord("20261123-000002-bbbbbb", source: first),
    ]
    for run in runs { _ = try log.append(run) }
    let second = try repository.commit("Second")
    for name in ["latest", "v1", "main~1", "20261123-000002-bbbbbb", "20261123-000002"] {
      #expect(try log.resolve(name).id == runs[1].id, "\(name)")
    }
    #expect(try log.resolve("latest~1").id == runs[0].id)
    #expect(try log.resolve("refs/pipeline/log~1").id == runs[0].id)
    let missing = #expect(throws: ProvenanceError.self) { try log.resolve("main") }
    #expect(missing?.code == .missingRecord)
    #expect(missing?.message.contains(second.prefix(12)) == true)
    #expect(missing?.message.contains("'Second'") == true)
    let unclear = #expect(throws: ProvenanceError.self) { try log.resolve("20261123-") }
    #expect(unclear?.message.contains("any of 2 runs") == true)
    #expect(throws: ProvenanceError.self) { try log.resolve("nothing") }
    #expect(throws: ProvenanceError.self) { try log.resolve("latest~2") }
    #expect(throws: ProvenanceError.self) { try log.resolve("") }
  }

  @Test(arguments: [
    ("https://ada:secret@example.org/a.git", "https://example.org/a.git"),
    ("https://token@example.org/a.git?access_token=1", "https://example.org/a.git"),
    ("ssh://git:secret@example.org:22/a", "ssh://git@example.org:22/a"),
    ("git@example.org:a/b.git", "git@example.org:a/b.git"),
    ("https://ada:a@b@example.org", "https://example.org"), ("../other", "../other"),
  ])
  func `a remote's URL is recorded without credentials`(url: String, clean: String) throws {
    let repository = try TestRepository()
    try repository.git(["remote", "add", "origin", url])
    #expect(try repository.log().sourceState(snapshotDirty: false).remote == clean)
  }

  @Test func `a repository that can't be written does not lose the run`() throws {
    let repository = try TestRepository()
    try repository.commit()
    // A file where a folder must be stops even the superuser.
    try repository.write("", to: ".git/refs/pipeline")
    let log = try repository.log()
    let record = sampleRecord(
      "20261123-000001-aaaaaa", source: try log.sourceState(snapshotDirty: true))
    let error = #expect(throws: ProvenanceError.self) { try log.append(record) }
    #expect(error?.code == .notWritable)
    let folder = RecordFolder(path: "\(repository.path)/Artifacts/runs")
    let kept = try folder.keep(record, log: log)
    #expect(kept.commit == nil && kept.warning?.contains("is kept in") == true)
    #expect(try folder.record(run: record.id) == record)
  }

  @Test func `no repository is no error, and one that can't be read says why`() throws {
    let folder = try TestRepository(nil)
    #expect(try ProvenanceLog.open(containing: folder.path) == nil)
    try folder.git(["init", "--quiet", "--object-format=sha256"])
    let error = #expect(throws: ProvenanceError.self) {
      try ProvenanceLog.open(containing: folder.path)
    }
    #expect(error?.message.contains("SHA-256") == true)
  }

  @Test(.enabled(if: geteuid() == 0, "only the superuser can give a folder away"))
  func `a repository of another user is refused with a way out`() throws {
    let repository = try TestRepository()
    for name in ["", "/.git"] { #expect(chown(repository.path + name, 4321, 4321) == 0) }
    let error = #expect(throws: ProvenanceError.self) {
      try ProvenanceLog.open(containing: repository.path)
    }
    #expect(error?.message.contains("safe.directory") == true)
  }

  @Test(arguments: ["", "../../etc", "a/b", "abc", ".git"])
  func `an id that is no file name is refused`(id: String) throws {
    let repository = try TestRepository()
    let error = #expect(throws: ProvenanceError.self) {
      try repository.log().append(sampleRecord(id))
    }
    #expect(error?.code == .badRecord)
  }
}
