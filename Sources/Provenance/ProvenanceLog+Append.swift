import CGit2
import ContentHashing
import Foundation
public import RunRecord
import StructuredValue

extension ProvenanceLog {
  /// Records a run: one commit on `refs/pipeline/log`, and a line in the note of its source commit.
  ///
  /// The log moves once, at the end, so a killed process leaves nothing but unreferenced objects.
  /// - Returns: The log's commit id.
  /// - Throws: `P0602` where others kept appending, `P0604` where the repository can't be written.
  public func append(_ record: RunRecord) throws(ProvenanceError) -> String {
    try record.checkId()
    try record.checkDurations()
    let message = RunSummary(of: record).message
    warning = nil
    let (commit, folder) = try minded { () throws(ProvenanceError) in
      let folder = try self.write(RecordParts(of: record))
      let commit = try self.move(RefName.log) { (tip) throws(ProvenanceError) in
        let parent = try self.soundLog(tip)
        return try self.logCommit(record, folder: folder, message: message, parent: parent)
      }
      return (commit, folder)
    }
    if let source = record.source?.commit {
      do throws(ProvenanceError) {
        try addNote(noteLine(record, folder: folder), to: source)
      } catch {
        let missing = "The run is recorded, but without its note: \(error.message)"
        warning = warning.map { "\($0) \(missing)" } ?? missing
      }
    }
    return commit.hex
  }

  private func logCommit(
    _ record: RunRecord, folder: git_oid, message: String, parent: git_oid?
  ) throws(ProvenanceError) -> git_oid {
    var paths = [LogPath.run(record.id)]
    // The same folder again: no further object, and the record can be had by its commit.
    if let source = record.source?.commit {
      paths.append("\(LogPath.runs(of: source))/\(record.id)")
    }
    var base: OpaquePointer?
    if let parent { base = try tree(ofCommit: parent) }
    defer { git_tree_free(base) }
    var tree = git_oid()
    for path in paths {
      tree = try insert(folder, at: path.split(separator: "/").map(String.init)[...], in: base)
      git_tree_free(base)
      base = nil
      try check(git_tree_lookup(&base, repository, &tree), "a tree of the log can't be read")
    }
    return try commit(tree, message: message, parents: parent.map { [$0] } ?? [])
  }

  /// Writes a tree again with a folder at a path, and only the trees on that path.
  private func insert(
    _ folder: git_oid, at path: ArraySlice<String>, in tree: OpaquePointer?
  ) throws(ProvenanceError) -> git_oid {
    guard let name = path.first else { return folder }
    var below: OpaquePointer?
    defer { git_tree_free(below) }
    if path.count > 1, let tree, let entry = git_tree_entry_byname(tree, name),
      git_tree_entry_type(entry) == GIT_OBJECT_TREE
    {
      try check(
        git_tree_lookup(&below, repository, git_tree_entry_id(entry)),
        "a tree of the log can't be read")
    }
    let child = try insert(folder, at: path.dropFirst(), in: below)
    return try write([(name, child, GIT_FILEMODE_TREE)], into: tree)
  }

  /// Writes a commit that no ref names yet.
  func commit(
    _ tree: git_oid, message: String, parents: [git_oid]
  ) throws(ProvenanceError) -> git_oid {
    var treeId = tree
    var object: OpaquePointer?
    try check(git_tree_lookup(&object, repository, &treeId), "a tree of the log can't be read")
    defer { git_tree_free(object) }
    var commits: [OpaquePointer?] = []
    defer { for commit in commits { git_commit_free(commit) } }
    for var parent in parents {
      var commit: OpaquePointer?
      try check(git_commit_lookup(&commit, repository, &parent), "the log can't be read")
      commits.append(commit)
    }
    let signature = try identity()
    defer { git_signature_free(signature) }
    var id = git_oid()
    let status = commits.withUnsafeMutableBufferPointer {
      git_commit_create(
        &id, repository, nil, signature, signature, nil, message, object, $0.count,
        $0.baseAddress)
    }
    try check(status, .notWritable, "the log of \(place) can't be written")
    return id
  }

  func identity() throws(ProvenanceError) -> UnsafeMutablePointer<git_signature>? {
    var signature: UnsafeMutablePointer<git_signature>?
    // UTC: a time zone would say where the run was done.
    let now = Int64(Date().timeIntervalSince1970)
    try check(
      git_signature_new(&signature, identityName, identityMail, now, 0), "no signature can be made")
    return signature
  }

  // MARK: - Notes

  /// One line of JSON with sorted keys, so that lines can be joined with `cat_sort_uniq`.
  private func noteLine(_ record: RunRecord, folder: git_oid) -> String {
    let summary = RunSummary(of: record)
    var metrics: [String: Value] = [:]
    for claim in record.claims { metrics[claim.measured] = claim.measuredValue ?? .null }
    let line: Value = .map([
      "claims": .map(summary.claims.mapValues { .int($0) }), "id": .string(record.id),
      "metrics": .map(metrics), "record": .string(folder.hex),
      "spec": .string(record.specificationDigest.hex), "status": .string(record.status.rawValue),
    ])
    return line.json()
  }

  private func addNote(_ line: String, to commit: String) throws(ProvenanceError) {
    var target = git_oid()
    guard git_oid_fromstr(&target, commit) == 0 else {
      throw ProvenanceError(
        .badRecord, "'\(commit)' is not a commit's id; its note was not written")
    }
    _ = try minded { () throws(ProvenanceError) in
      try self.move(RefName.notes) { (tip) throws(ProvenanceError) in
        try self.noteCommit([line], on: target, parent: try self.soundNotes(tip))
      }
    }
  }

  /// Writes a commit of notes in which one note has further lines.
  func noteCommit(
    _ lines: [String], on target: git_oid, parent: git_oid?
  ) throws(ProvenanceError) -> git_oid {
    var target = target
    var base: OpaquePointer?
    if var parent {
      try check(git_commit_lookup(&base, repository, &parent), "\(RefName.notes) can't be read")
    }
    defer { git_commit_free(base) }
    var note = try noteLines(on: target, in: base)
    for line in lines { insert(line, into: &note) }
    let text = note.joined(separator: "\n") + "\n"
    let signature = try identity()
    defer { git_signature_free(signature) }
    var id = git_oid()
    try check(
      git_note_commit_create(
        &id, nil, repository, base, signature, signature, &target, text, 1),
      .notWritable, "the note on commit \(target.hex.prefix(12)) can't be written")
    return id
  }

  func noteLines(
    on target: git_oid, in commit: OpaquePointer?
  ) throws(ProvenanceError) -> [String] {
    guard let commit else { return [] }
    var target = target
    var note: OpaquePointer?
    let status = git_note_commit_read(&note, repository, commit, &target)
    if status == GIT_ENOTFOUND.rawValue { return [] }
    try check(status, "the note on commit \(target.hex.prefix(12)) can't be read")
    defer { git_note_free(note) }
    guard let text = git_note_message(note) else { return [] }
    let bytes = UnsafeBufferPointer(start: text, count: strlen(text))
    let lines = bytes.split(separator: CChar(bitPattern: 10)).map { line in
      String(decoding: line.lazy.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
    // Sorted already unless someone edited the note.
    let isSorted = zip(lines, lines.dropFirst()).allSatisfy { !precedes($1, $0) }
    return isSorted ? lines : lines.sorted(by: precedes)
  }

  /// Inserts a line where it belongs by its bytes, unless it is there.
  private func insert(_ line: String, into lines: inout [String]) {
    var (low, high) = (0, lines.count)
    while low < high {
      let middle = (low + high) / 2
      if precedes(lines[middle], line) { low = middle + 1 } else { high = middle }
    }
    if low == lines.count || lines[low] != line { lines.insert(line, at: low) }
  }

  private func precedes(_ left: String, _ right: String) -> Bool {
    strcmp(left, right) < 0
  }

  // MARK: - Compare and swap

  /// Moves a ref to what `next` makes of its present commit, and again if it moved meanwhile.
  func move(
    _ name: String, to next: (git_oid?) throws(ProvenanceError) -> git_oid?
  ) throws(ProvenanceError) -> git_oid {
    var pause: UInt32 = 500
    for _ in 0..<Self.tries {
      let old = try tip(of: name)
      guard let new = try next(old) else { return old ?? git_oid() }
      if try swap(name, from: old, to: new) { return new }
      // Random, so that two who collide do not collide again.
      usleep(UInt32.random(in: pause / 2...pause))
      pause = min(pause * 2, 50_000)
    }
    throw ProvenanceError(
      .raceLost,
      "\(name) in \(place) was locked or moved \(Self.tries) times while the run was recorded; "
        + "if no other run is going, remove '\(name).lock' from the repository's folder")
  }

  private static var tries: Int { 200 }

  /// Moves a ref under its lock; false where it is locked or isn't at `old` any more.
  private func swap(
    _ name: String, from old: git_oid?, to new: git_oid
  ) throws(ProvenanceError) -> Bool {
    var transaction: OpaquePointer?
    try check(git_transaction_new(&transaction, repository), "\(name) can't be moved")
    defer { git_transaction_free(transaction) }
    let locked = git_transaction_lock_ref(transaction, name)
    if locked == GIT_ELOCKED.rawValue { return false }
    try check(locked, .notWritable, "\(name) in \(place) can't be written")
    let present = try tip(of: name)
    switch (old, present) {
    case (nil, nil): break
    case (let old?, let present?) where old.equals(present): break
    default: return false
    }
    let signature = try identity()
    defer { git_signature_free(signature) }
    var new = new
    try check(
      git_transaction_set_target(transaction, name, &new, signature, "pipeline: run"),
      .notWritable, "\(name) can't be moved")
    let status = git_transaction_commit(transaction)
    if status == GIT_ELOCKED.rawValue { return false }
    try check(status, .notWritable, "\(name) in \(place) can't be written")
    return true
  }
}
