import CGit2
import Foundation

/// A path whose content differs from HEAD.
struct WorkTreeChange {
  var path: String
  /// Whether the path is the user's to keep: not removed, and not ignored after leaving the index.
  var isPresent: Bool
  var isSubmodule: Bool
}

extension ProvenanceLog {
  /// What differs between HEAD, index and work tree, untracked files included.
  func workTreeChanges() throws(ProvenanceError) -> [WorkTreeChange] {
    guard git_repository_is_bare(repository) == 0 else { return [] }
    var options = git_status_options()
    git_status_options_init(&options, UInt32(GIT_STATUS_OPTIONS_VERSION))
    options.flags =
      GIT_STATUS_OPT_INCLUDE_UNTRACKED.rawValue | GIT_STATUS_OPT_RECURSE_UNTRACKED_DIRS.rawValue
    var list: OpaquePointer?
    try check(
      git_status_list_new(&list, repository, &options), "the state of \(place) can't be read")
    defer { git_status_list_free(list) }
    var changes: [WorkTreeChange] = []
    for index in 0..<git_status_list_entrycount(list) {
      guard let entry = git_status_byindex(list, index)?.pointee,
        let change = workTreeChange(entry)
      else { continue }
      if let store, change.path.hasPrefix(store) { continue }
      changes.append(change)
    }
    return changes
  }

  private func workTreeChange(_ entry: git_status_entry) -> WorkTreeChange? {
    guard entry.status != GIT_STATUS_CURRENT,
      let delta = entry.index_to_workdir ?? entry.head_to_index,
      let path = delta.pointee.new_file.path ?? delta.pointee.old_file.path
    else { return nil }
    let flags = entry.status.rawValue
    let isNew = flags & GIT_STATUS_WT_NEW.rawValue != 0
    let isGone =
      flags & GIT_STATUS_WT_DELETED.rawValue != 0
      || flags & GIT_STATUS_INDEX_DELETED.rawValue != 0 && !isNew
    let link = UInt16(GIT_FILEMODE_COMMIT.rawValue)
    return WorkTreeChange(
      path: String(cString: path), isPresent: !isGone,
      isSubmodule: delta.pointee.new_file.mode == link || delta.pointee.old_file.mode == link)
  }

  /// Writes HEAD's tree with the changes as a tree and keeps it under its own ref.
  func writeSnapshot(
    _ changes: [WorkTreeChange], over commit: OpaquePointer?
  ) throws(ProvenanceError) -> String {
    var index: OpaquePointer?
    try check(git_index_new(&index), "a snapshot of \(place) can't be made")
    defer { git_index_free(index) }
    if let commit {
      var tree: OpaquePointer?
      try check(git_commit_tree(&tree, commit), "the tree of HEAD can't be read")
      defer { git_tree_free(tree) }
      try check(git_index_read_tree(index, tree), "the tree of HEAD can't be read")
    }
    // Removals first: a file may have become a folder.
    for change in changes { git_index_remove(index, change.path, 0) }
    for change in changes where change.isPresent {
      guard var entry = try indexEntry(change) else { continue }
      try change.path.withCStringThrowing { (path) throws(ProvenanceError) in
        entry.path = path
        try check(git_index_add(index, &entry), .notWritable, "'\(change.path)' can't be kept")
      }
    }
    var tree = git_oid()
    try check(
      git_index_write_tree_to(&tree, index, repository), .notWritable,
      "a snapshot of \(place) can't be written")
    var reference: OpaquePointer?
    try check(
      git_reference_create(
        &reference, repository, RefName.snapshots + tree.hex, &tree, 1, "pipeline: snapshot"),
      .notWritable, "a snapshot of \(place) can't be kept")
    git_reference_free(reference)
    return tree.hex
  }

  /// Stores a changed file's content; nil for what a snapshot leaves out.
  private func indexEntry(_ change: WorkTreeChange) throws(ProvenanceError) -> git_index_entry? {
    var entry = git_index_entry()
    if change.isSubmodule {
      var module: OpaquePointer?
      guard git_submodule_lookup(&module, repository, change.path) == 0 else { return nil }
      defer { git_submodule_free(module) }
      guard let id = git_submodule_wd_id(module) else { return nil }
      entry.mode = GIT_FILEMODE_COMMIT.rawValue
      entry.id = id.pointee
      return entry
    }
    var status = stat()
    guard let root = git_repository_workdir(repository),
      lstat(String(cString: root) + change.path, &status) == 0
    else { return nil }
    switch status.st_mode & S_IFMT {
    case S_IFLNK: entry.mode = GIT_FILEMODE_LINK.rawValue
    case S_IFREG where status.st_size > Self.largestFile:
      leftOut.append(change.path)
      return nil
    case S_IFREG where status.st_mode & S_IXUSR != 0:
      entry.mode = GIT_FILEMODE_BLOB_EXECUTABLE.rawValue
    case S_IFREG: entry.mode = GIT_FILEMODE_BLOB.rawValue
    default: return nil
    }
    try check(
      git_blob_create_from_workdir(&entry.id, repository, change.path), .notWritable,
      "'\(change.path)' can't be kept in a snapshot")
    return entry
  }
}

extension String {
  /// `withCString` for a body that throws our errors.
  fileprivate func withCStringThrowing(
    _ body: (UnsafePointer<CChar>) throws(ProvenanceError) -> Void
  ) throws(ProvenanceError) {
    let copy = Array(utf8CString)
    var failure: ProvenanceError?
    copy.withUnsafeBufferPointer { buffer in
      guard let start = buffer.baseAddress else { return }
      do throws(ProvenanceError) { try body(start) } catch { failure = error }
    }
    if let failure { throw failure }
  }
}
