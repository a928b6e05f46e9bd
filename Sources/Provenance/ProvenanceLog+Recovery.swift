import CGit2
import Foundation
import RunRecord

/// Where the log and its notes go on when their newest commits are damaged.
///
/// Git renames its objects into place without waiting for the disk, so that a power cut can leave the
/// newest ones empty. What they told is lost, the results in the store are not.
extension ProvenanceLog {
  /// Does something that writes, and if git can't be read does it once more, minding damage: what is built
  /// on is looked at first, and what is written afterwards.
  func minded<Result>(
    _ body: () throws(ProvenanceError) -> Result
  ) throws(ProvenanceError) -> Result {
    do throws(ProvenanceError) {
      return try body()
    } catch {
      guard error.code == .repository, !mindsDamage else { throw error }
      mindsDamage = true
      return try body()
    }
  }

  /// The commit that the log goes on from: its tip, unless that is damaged.
  func soundLog(_ tip: git_oid?) throws(ProvenanceError) -> git_oid? {
    guard let tip, mindsDamage, runCount(of: tip) == nil else { return tip }
    let sound = try newestSound(runCount) { RunSummary(message: $0) != nil }
    warning =
      "The log's newest commit \(tip.hex.prefix(12)) is damaged, as a power cut leaves it, so the log goes on "
      + "from \(sound.map { runCount(of: $0) ?? 0 } ?? 0) of the runs before; no result is lost."
    return sound
  }

  /// The commit that the notes go on from.
  func soundNotes(_ tip: git_oid?) throws(ProvenanceError) -> git_oid? {
    guard let tip, mindsDamage, noteCount(of: tip) == nil else { return tip }
    return try newestSound(noteCount) { RunSummary(message: $0) == nil }
  }

  /// Commits are looked for among all objects, since a damaged one no longer names its parent.
  ///
  /// Of the newest sound ones that with the most runs is taken: a run that lost a race has left a commit
  /// that was never on the log.
  private func newestSound(
    _ count: (git_oid) -> Int?, isWanted: (String) -> Bool
  ) throws(ProvenanceError) -> git_oid? {
    var best: (commit: git_oid, count: Int)?
    var seen = 0
    for commit in try ownCommits(where: isWanted) {
      guard let count = count(commit) else { continue }
      if count > best?.count ?? 0 { best = (commit, count) }
      seen += 1
      if seen == 32 { break }
    }
    return best?.commit
  }

  /// The runs in a commit's tree; nil where something that later runs build on can't be read.
  private func runCount(of commit: git_oid) -> Int? {
    guard let root = (try? tree(ofCommit: commit)) ?? nil else { return nil }
    defer { git_tree_free(root) }
    var id = commit
    do throws(ProvenanceError) {
      var runs = 0
      for shard in try names(below: root, "runs") {
        runs += try names(below: root, "runs/\(shard)").count
      }
      for shard in try names(below: root, "by-source") {
        for source in try names(below: root, "by-source/\(shard)") {
          _ = try names(below: root, "by-source/\(shard)/\(source)")
        }
      }
      // Bytes that are there are sound, although only a newer version may understand them.
      if let run = summary(of: &id)?.id {
        _ = try recordParts(
          at: LogPath.run(run), in: root, lists: Set(RecordList.allCases))
      }
      return runs
    } catch { return nil }
  }

  /// The notes of a commit; nil where one of them can't be read.
  private func noteCount(of commit: git_oid) -> Int? {
    // Asked for first: where there is none, libgit2's iterator frees what it never set.
    guard let tree = (try? tree(ofCommit: commit)) ?? nil else { return nil }
    git_tree_free(tree)
    var id = commit
    var object: OpaquePointer?
    guard git_commit_lookup(&object, repository, &id) == 0 else { return nil }
    defer { git_commit_free(object) }
    var notes: OpaquePointer?
    guard git_note_commit_iterator_new(&notes, object) == 0 else { return nil }
    defer { git_note_iterator_free(notes) }
    var (note, target, count) = (git_oid(), git_oid(), 0)
    while true {
      let status = git_note_next(&note, &target, notes)
      if status == GIT_ITEROVER.rawValue { return count }
      guard status == 0, isReadable(note) else { return nil }
      count += 1
    }
  }

  /// The commits that `pipeline` has made, newest first, whether a ref has them or not.
  private func ownCommits(where isWanted: (String) -> Bool) throws(ProvenanceError) -> [git_oid] {
    let database = try objects()
    defer { git_odb_free(database) }
    var ids: [git_oid] = []
    let status = withUnsafeMutablePointer(to: &ids) { ids in
      git_odb_foreach(
        database,
        { id, ids in
          if let id { ids?.assumingMemoryBound(to: [git_oid].self).pointee.append(id.pointee) }
          return 0
        }, ids)
    }
    try check(status, "the objects of \(place) can't be listed")
    var commits: [(id: git_oid, time: git_time_t)] = []
    for var id in ids {
      var (size, type) = (0, GIT_OBJECT_INVALID)
      guard git_odb_read_header(&size, &type, database, &id) == 0, type == GIT_OBJECT_COMMIT
      else { continue }
      var commit: OpaquePointer?
      guard git_commit_lookup(&commit, repository, &id) == 0 else { continue }
      defer { git_commit_free(commit) }
      guard let author = git_commit_author(commit), let mail = author.pointee.email,
        String(cString: mail) == identityMail, let message = git_commit_message(commit),
        isWanted(String(cString: message))
      else { continue }
      commits.append((id, git_commit_time(commit)))
    }
    return commits.sorted { $0.time > $1.time }.map(\.id)
  }

  // MARK: - Objects

  /// Git doesn't write what it has already, and a damaged file counts as such: makes a file of these bytes
  /// or entries again, without the damaged one.
  func replacingDamaged(
    _ write: () throws(ProvenanceError) -> git_oid
  ) throws(ProvenanceError) -> git_oid {
    let id = try write()
    guard mindsDamage, !isReadable(id), let folder = git_repository_commondir(repository) else {
      return id
    }
    let name = id.hex
    try? FileManager.default.removeItem(
      atPath: "\(String(cString: folder))objects/\(name.prefix(2))/\(name.dropFirst(2))")
    return try write()
  }

  private func isReadable(_ id: git_oid) -> Bool {
    guard let database = try? objects() else { return false }
    defer { git_odb_free(database) }
    var (id, object) = (id, nil as OpaquePointer?)
    defer { git_odb_object_free(object) }
    return git_odb_read(&object, database, &id) == 0
  }

  /// The object database, which the caller frees.
  func objects() throws(ProvenanceError) -> OpaquePointer? {
    var database: OpaquePointer?
    try check(git_repository_odb(&database, repository), "the objects of \(place) can't be had")
    return database
  }
}
