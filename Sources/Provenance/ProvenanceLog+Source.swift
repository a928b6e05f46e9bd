import CGit2
import Foundation
public import RunRecord

extension ProvenanceLog {
  /// The largest file, in bytes, that a snapshot takes in: 10 MiB.
  static var largestFile: Int { 10 << 20 }

  /// The state of the repository now.
  ///
  /// - Parameter snapshotDirty: Keep a dirty work tree's tracked and unignored files, up to 10 MiB
  ///   each, as a tree under `refs/pipeline/snapshots/`. `leftOut` names those that are bigger.
  /// - Returns: The commit, tree and branch are nil where there are none yet.
  /// - Throws: `P0601` where git can't be read, `P0604` where the snapshot can't be written.
  public func sourceState(
    snapshotDirty: Bool
  ) throws(ProvenanceError) -> RunRecord.Source {
    leftOut = []
    let commit = try headCommit()
    defer { git_commit_free(commit) }
    var source = RunRecord.Source(
      commit: commit.flatMap { git_commit_id($0) }?.pointee.hex,
      tree: commit.flatMap { git_commit_tree_id($0) }?.pointee.hex, branch: branch(),
      remote: remote().map(withoutCredentials), dirty: false, snapshot: nil)
    let changes = try workTreeChanges()
    source.dirty = !changes.isEmpty
    if source.dirty && snapshotDirty {
      source.snapshot = try writeSnapshot(changes, over: commit)
    }
    return source
  }

  /// HEAD's commit, owned by the caller; nil before the first commit.
  private func headCommit() throws(ProvenanceError) -> OpaquePointer? {
    var id = git_oid()
    let status = git_reference_name_to_id(&id, repository, "HEAD")
    if status == GIT_ENOTFOUND.rawValue { return nil }
    try check(status, "HEAD of \(place) can't be read")
    var commit: OpaquePointer?
    try check(
      git_commit_lookup(&commit, repository, &id), "HEAD's commit \(id.hex) can't be read")
    return commit
  }

  /// The branch that HEAD names, even before its first commit; nil where HEAD is detached.
  private func branch() -> String? {
    guard let name = headReference(), name.hasPrefix("refs/heads/") else { return nil }
    return String(name.dropFirst(11))
  }

  private func headReference() -> String? {
    var head: OpaquePointer?
    guard git_reference_lookup(&head, repository, "HEAD") == 0 else { return nil }
    defer { git_reference_free(head) }
    return git_reference_symbolic_target(head).map { String(cString: $0) }
  }

  /// The URL of the branch's remote, else of `origin`, else of the first.
  private func remote() -> String? {
    var names: [String] = []
    if let reference = headReference() {
      var buffer = git_buf()
      if git_branch_upstream_remote(&buffer, repository, reference) == 0, let text = buffer.ptr {
        names.append(String(cString: text))
      }
      git_buf_dispose(&buffer)
    }
    names.append("origin")
    var list = git_strarray()
    if git_remote_list(&list, repository) == 0, list.count > 0, let first = list.strings[0] {
      names.append(String(cString: first))
    }
    git_strarray_dispose(&list)
    for name in names {
      var remote: OpaquePointer?
      guard git_remote_lookup(&remote, repository, name) == 0 else { continue }
      defer { git_remote_free(remote) }
      if let url = git_remote_url(remote) { return String(cString: url) }
    }
    return nil
  }
}

/// A URL without password, token or query; `git@host:path` stays, as it opens nothing.
func withoutCredentials(_ url: String) -> String {
  guard let scheme = url.range(of: "://") else { return url }
  let rest = url[scheme.upperBound...]
  let end = rest.firstIndex { $0 == "/" || $0 == "?" || $0 == "#" } ?? rest.endIndex
  let authority = rest[..<end]
  var path = rest[end...]
  if let query = path.firstIndex(where: { $0 == "?" || $0 == "#" }) { path = path[..<query] }
  guard let at = authority.lastIndex(of: "@") else {
    return String(url[..<scheme.upperBound]) + authority + path
  }
  let host = authority[authority.index(after: at)...]
  let user = authority[..<at].prefix { $0 != ":" }
  // A user of ssh is part of the address; one of https may be a token.
  let keepsUser = url.hasPrefix("ssh://") || url.hasPrefix("git+ssh://")
  return String(url[..<scheme.upperBound]) + (keepsUser ? "\(user)@" : "") + host + path
}

/// The store's folder relative to the work tree; nil where it lies outside or there is none.
func relativeStore(_ store: String, of path: String, in repository: OpaquePointer) -> String? {
  guard let work = git_repository_workdir(repository) else { return nil }
  func real(_ path: String) -> String {
    URL(fileURLWithPath: path).resolvingSymlinksInPath().standardizedFileURL.path
  }
  let root = real(String(cString: work))
  let base = real(path)
  let folder =
    store.hasPrefix("/") ? real(store) : (base == "/" ? "/" : base + "/") + store
  guard folder.hasPrefix(root == "/" ? root : root + "/") else { return nil }
  return String(folder.dropFirst(root == "/" ? 1 : root.count + 1)) + "/"
}
