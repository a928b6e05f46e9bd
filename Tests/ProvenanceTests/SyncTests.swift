import Foundation
import Provenance
import RunRecord
import Testing

struct SyncTests {
  @Test func `two copies that both went on have all runs and notes after a sync`() throws {
    let shared = try TestRepository(["init", "--quiet", "--bare", "--initial-branch=main"])
    let ada = try TestRepository()
    let commit = try ada.commit("First")
    try ada.git(["remote", "add", "origin", shared.path])
    try ada.git(["push", "--quiet", "origin", "main"])
    let bob = try TestRepository(nil)
    try bob.git(["clone", "--quiet", shared.path, "."])
    let (adasLog, bobsLog) = (try ada.log(), try bob.log())
    #expect(try adasLog.sync(remote: "origin") == .init(fetched: 0, pushed: 0))
    _ = try adasLog.append(
      sampleRecord("20261123-000001-aaaaaa", source: try adasLog.sourceState(snapshotDirty: true)))
    _ = try bobsLog.append(
      sampleRecord("20261123-000002-bbbbbb", source: try bobsLog.sourceState(snapshotDirty: true)))
    try ada.commit("Not to be pushed")
    let (adasFiles, bobsFiles) = (try ada.userFiles(), try bob.userFiles())
    let branches = try shared.git(["for-each-ref", "refs/heads", "refs/tags"])

    #expect(try adasLog.sync(remote: "origin") == .init(fetched: 0, pushed: 1))
    let refused = #expect(throws: ProvenanceError.self) {
      try bobsLog.sync(remote: "origin", .push)
    }
    #expect(refused?.code == .sync)
    #expect(try bobsLog.sync(remote: "origin") == .init(fetched: 1, pushed: 1))
    #expect(try adasLog.sync(remote: "origin") == .init(fetched: 1, pushed: 0))

    for (log, repository) in [(adasLog, ada), (bobsLog, bob)] {
      #expect(try log.runs(limit: 9).count == 2)
      #expect(try log.resolve("20261123-000001").id == "20261123-000001-aaaaaa")
      #expect(try log.resolve(commit).id == "20261123-000002-bbbbbb")
      let note = try repository.git(["notes", "--ref=pipeline", "show", commit])
      #expect(note.split(separator: "\n").count == 2)
      #expect(try repository.git(["fsck", "--strict", "--no-dangling"]) == "")
    }
    #expect(
      try ada.git(["rev-parse", "refs/pipeline/log", "refs/notes/pipeline"])
        == bob.git(["rev-parse", "refs/pipeline/log", "refs/notes/pipeline"]))
    #expect(try ada.userFiles() == adasFiles)
    #expect(try bob.userFiles() == bobsFiles)
    #expect(try shared.git(["for-each-ref", "refs/heads", "refs/tags"]) == branches)
    #expect(try bobsLog.sync(remote: "origin") == .init(fetched: 0, pushed: 0))
  }

  @Test func `a remote that isn't there is named in the error`() throws {
    let repository = try TestRepository()
    let log = try repository.log()
    for remote in ["nowhere", "--upload-pack=touch x"] {
      let error = #expect(throws: ProvenanceError.self) { try log.sync(remote: remote) }
      #expect(error?.code == .sync)
    }
  }
}
