import CGit2
public import RunRecord

extension ProvenanceLog {
  public func runs(limit: Int) throws(ProvenanceError) -> [RunSummary] {
    guard limit > 0, var tip = try tip(of: RefName.log) else { return [] }
    var walk: OpaquePointer?
    try check(git_revwalk_new(&walk, repository), "the log of \(place) can't be read")
    defer { git_revwalk_free(walk) }
    // Unsorted means newest first in libgit2; any sorting would load the whole log.
    try check(git_revwalk_push(walk, &tip), "the log of \(place) can't be read")
    var runs: [RunSummary] = []
    var seen: Set<String> = []
    var id = git_oid()
    // A log that was fetched shallowly ends where its next commit is missing.
    while runs.count < limit, git_revwalk_next(&id, walk) == 0 {
      guard let run = summary(of: &id), seen.insert(run.id).inserted else { continue }
      runs.append(run)
    }
    return runs
  }

  /// The run that a commit of the log records; nil for any other commit.
  func summary(of id: inout git_oid) -> RunSummary? {
    var commit: OpaquePointer?
    guard git_commit_lookup(&commit, repository, &id) == 0 else { return nil }
    defer { git_commit_free(commit) }
    return git_commit_message(commit).flatMap { RunSummary(message: String(cString: $0)) }
  }

  public func record(run id: String) throws(ProvenanceError) -> RunRecord {
    if let record: RunRecord = try content(ofRecord: id) { return record }
    return try knownRecord(try onlyMatch(id, in: try allIds(), place: place))
  }

  public func resolve(_ revision: String) throws(ProvenanceError) -> RunRecord {
    if let record = try latest(revision) { return record }
    if let record: RunRecord = try content(ofRecord: revision) { return record }
    guard let commit = commit(named: revision) else { return try record(run: revision) }
    if let run = newestRun(for: commit.id) { return try knownRecord(run) }
    var id = commit.id
    if let run = summary(of: &id) { return try knownRecord(run.id) }
    if let match = try? record(run: revision) { return match }
    throw ProvenanceError(
      .missingRecord,
      "no run is recorded for commit \(commit.id.hex.prefix(12)) ('\(commit.subject)'), which "
        + "'\(revision)' names; check it out and do 'pipeline run', or 'pipeline sync' if another "
        + "copy of the repository ran it")
  }

  /// The commit that git understands by a revision.
  private func commit(named revision: String) -> (id: git_oid, subject: String)? {
    var object: OpaquePointer?
    guard git_revparse_single(&object, repository, revision) == 0 else { return nil }
    defer { git_object_free(object) }
    var commit: OpaquePointer?
    guard git_object_peel(&commit, object, GIT_OBJECT_COMMIT) == 0 else { return nil }
    defer { git_object_free(commit) }
    guard let id = git_commit_id(commit)?.pointee else { return nil }
    return (id, git_commit_summary(commit).map { String(cString: $0) } ?? "")
  }

  // MARK: - The tree of the log

  private func knownRecord(_ id: String) throws(ProvenanceError) -> RunRecord {
    guard let record: RunRecord = try content(ofRecord: id) else {
      throw ProvenanceError(
        .missingRecord, "the log of \(place) lists run \(id), but its record is not there")
    }
    return record
  }

  public func content<Content: RecordContent>(
    ofRecord id: String
  ) throws(ProvenanceError) -> Content? {
    guard RunRecord.isUsable(id: id), let root = try logTree() else { return nil }
    defer { git_tree_free(root) }
    return try content(ofRecord: id, in: root)
  }

  func content<Content: RecordContent>(
    ofRecord id: String, in root: OpaquePointer
  ) throws(ProvenanceError) -> Content? {
    let parts: RecordParts?
    do throws(ProvenanceError) {
      parts = try recordParts(at: LogPath.run(id), in: root, lists: Content.lists)
    } catch {
      // The next record has most parts of this one again.
      mindsDamage = true
      throw error
    }
    return try parts.map { (parts) throws(ProvenanceError) in
      try readRecord(parts, from: "the record of run \(id) in \(place)")
    }
  }

  private func newestRun(for commit: git_oid) -> String? {
    guard let root = try? logTree() else { return nil }
    defer { git_tree_free(root) }
    return (try? names(below: root, LogPath.runs(of: commit.hex)))?.max()
  }

  /// The ids of all runs, from the shards' trees.
  private func allIds() throws(ProvenanceError) -> [String] {
    guard let root = try logTree() else { return [] }
    defer { git_tree_free(root) }
    var ids: [String] = []
    for shard in try names(below: root, "runs") { ids += try names(below: root, "runs/\(shard)") }
    return ids
  }

  /// Finds an entry, which the caller frees.
  ///
  /// - Returns: Whether there is one.
  /// - Throws: `P0601` where a tree on the way is damaged, which is not the same as no entry.
  func find(
    _ entry: inout OpaquePointer?, _ path: String, in root: OpaquePointer
  ) throws(ProvenanceError) -> Bool {
    let status = git_tree_entry_bypath(&entry, root, path)
    if status == GIT_ENOTFOUND.rawValue { return false }
    try check(status, "'\(path)' of the log of \(place) can't be read")
    return true
  }

  func names(below root: OpaquePointer, _ path: String) throws(ProvenanceError) -> [String] {
    var entry: OpaquePointer?
    guard try find(&entry, path, in: root) else { return [] }
    defer { git_tree_entry_free(entry) }
    var tree: OpaquePointer?
    try check(
      git_tree_lookup(&tree, repository, git_tree_entry_id(entry)),
      "'\(path)' of the log of \(place) can't be read")
    defer { git_tree_free(tree) }
    return (0..<git_tree_entrycount(tree)).compactMap { index in
      git_tree_entry_name(git_tree_entry_byindex(tree, index)).map { String(cString: $0) }
    }
  }

  /// The tree of the newest log commit, owned by the caller.
  private func logTree() throws(ProvenanceError) -> OpaquePointer? {
    guard let tip = try tip(of: RefName.log) else { return nil }
    return try tree(ofCommit: tip)
  }

  func tree(ofCommit id: git_oid) throws(ProvenanceError) -> OpaquePointer? {
    var id = id
    var commit: OpaquePointer?
    try check(git_commit_lookup(&commit, repository, &id), "commit \(id.hex) can't be read")
    defer { git_commit_free(commit) }
    var tree: OpaquePointer?
    try check(git_commit_tree(&tree, commit), "the tree of commit \(id.hex) can't be read")
    return tree
  }

  /// The commit that a ref names; nil where there is no such ref.
  func tip(of name: String) throws(ProvenanceError) -> git_oid? {
    var id = git_oid()
    let status = git_reference_name_to_id(&id, repository, name)
    if status == GIT_ENOTFOUND.rawValue { return nil }
    try check(status, "\(name) of \(place) can't be read")
    return id
  }
}

/// Where things lie in the log's tree.
enum LogPath {
  /// Shards by the id's last two characters, which are random digits.
  static func run(_ id: String) -> String { "runs/\(id.suffix(2))/\(id)" }
  static func runs(of commit: String) -> String { "by-source/\(commit.prefix(2))/\(commit)" }
}
