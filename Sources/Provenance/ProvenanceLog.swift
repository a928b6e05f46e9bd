import CGit2
import RunRecord

/// The runs that a git repository records under `refs/pipeline/log`.
///
/// Branches, HEAD, index, configuration and work tree of the user are only read. A log is for one
/// thread at a time; each thread opens its own.
public final class ProvenanceLog: RunHistory {
  let repository: OpaquePointer
  /// The store's folder relative to the work tree, with a `/` at its end, which counts as ignored.
  let store: String?
  /// The files that the last snapshot left out for their size, relative to the work tree.
  public internal(set) var leftOut: [String] = []
  /// The parts of the record that was read last, with their ids: what is recorded next has most of them again,
  /// and to compare bytes takes a small part of the time of git's hash.
  var readParts: [RecordList: [(bytes: [UInt8], id: git_oid)]] = [:]
  /// Whether damaged objects were met: see `minded`.
  var mindsDamage = false
  /// What was amiss as the last run was recorded, in a sentence for the user: damage in the log, or a note that
  /// is missing; the record is there.
  public internal(set) var warning: String?

  /// Opens the repository that a folder lies in.
  ///
  /// - Parameters:
  ///   - path: A folder in a work tree, a linked work tree, a submodule, or a bare repository.
  ///   - store: The store's folder below `path`, whose content never makes a work tree dirty.
  /// - Returns: Nil where the folder lies in no repository.
  /// - Throws: `P0601` where there is a repository that can't be opened: of another user, of a
  ///   format that libgit2 does not know, damaged.
  public static func open(
    containing path: String, store: String = "Artifacts"
  ) throws(ProvenanceError) -> ProvenanceLog? {
    try check(libgit2Status, "git can't be used")
    var opened: OpaquePointer?
    git_error_clear()
    var status = git_repository_open_ext(&opened, path, 0, nil)
    // libgit2 1.5 forgets to translate this one when no `safe.directory` is configured at all.
    if status == GIT_ENOTFOUND.rawValue && lastReason(status).contains("safe.directory") {
      status = GIT_EOWNER.rawValue
    }
    if status == GIT_ENOTFOUND.rawValue {
      return nil
    }
    guard status == 0, let repository = opened else {
      throw openingError(status, path)
    }
    // Where that fails libgit2 reads them itself.
    _ = git_read_loose_objects(repository)
    return ProvenanceLog(repository, path: path, store: store)
  }

  private init(_ repository: OpaquePointer, path: String, store: String) {
    self.repository = repository
    self.store = relativeStore(store, of: path, in: repository)
    // Kept in memory by libgit2, for this handle only; walking the store would take long.
    if let folder = self.store { git_ignore_add_rule(repository, "/\(folder)\n") }
  }

  deinit {
    git_repository_free(repository)
  }

  /// The repository's folder, for messages.
  var place: String {
    guard let path = git_repository_workdir(repository) ?? git_repository_path(repository) else {
      return "the repository"
    }
    return String(cString: path)
  }
}

private func openingError(_ status: CInt, _ path: String) -> ProvenanceError {
  let reason = lastReason(status)
  if status == GIT_EOWNER.rawValue {
    return ProvenanceError(
      .repository,
      "the repository around \(path) belongs to another user, so git does not trust it; if you do, "
        + "allow it with 'git config --global --add safe.directory FOLDER' (\(reason))")
  }
  if reason.contains("objectformat") || reason.contains("repositoryformatversion") {
    return ProvenanceError(
      .repository,
      "the repository around \(path) has a format that libgit2 can't read, such as SHA-256 object "
        + "names (\(reason)); runs are kept in the folder of records instead")
  }
  return ProvenanceError(.repository, "the repository around \(path) can't be opened: \(reason)")
}
