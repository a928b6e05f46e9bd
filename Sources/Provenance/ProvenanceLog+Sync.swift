import CGit2

extension ProvenanceLog {
  /// Which way `sync` goes.
  public struct SyncDirection: OptionSet, Sendable {
    public let rawValue: Int
    public init(rawValue: Int) { self.rawValue = rawValue }
    public static let fetch = SyncDirection(rawValue: 1)
    public static let push = SyncDirection(rawValue: 2)
  }

  /// What `sync` did, in runs.
  public struct SyncResult: Codable, Hashable, Sendable {
    public var fetched: Int
    public var pushed: Int

    public init(fetched: Int, pushed: Int) {
      self.fetched = fetched
      self.pushed = pushed
    }
  }

  /// Shares the log and its notes with another repository, and nothing else.
  ///
  /// A log that went on in both is joined by the union of its trees. Refspecs are explicit and
  /// never forced. Objects travel by the `git` command, since only it knows the user's credential
  /// helpers, ssh configuration and proxies.
  /// - Parameters:
  ///   - remote: A remote's name, a URL, or a path relative to the work tree's root.
  ///   - direction: Only fetch, only push, or both.
  /// - Returns: How many runs went which way.
  /// - Throws: `P0606` with what git said.
  public func sync(
    remote: String, _ direction: SyncDirection = [.fetch, .push]
  ) throws(ProvenanceError) -> SyncResult {
    var result = SyncResult(fetched: 0, pushed: 0)
    // Another copy may push between our fetch and our push; its runs are then fetched too.
    for attempt in 1...Self.syncTries {
      let theirs = try tips(of: remote)
      if direction.contains(.fetch) { result.fetched += try fetch(theirs, from: remote) }
      guard direction.contains(.push) else { break }
      do throws(ProvenanceError) {
        result.pushed = try push(to: remote, theirs: theirs)
        break
      } catch {
        if attempt == Self.syncTries || !direction.contains(.fetch) { throw error }
      }
    }
    return result
  }

  private static var syncTries: Int { 3 }
  private static var sharedRefs: [String] { [RefName.log, RefName.notes] }

  /// The other repository's tips by ref.
  private func tips(of remote: String) throws(ProvenanceError) -> [String: git_oid] {
    let output = try GitCommand.run(
      ["ls-remote", "--refs", "--", remote] + Self.sharedRefs, in: place)
    var tips: [String: git_oid] = [:]
    for line in output.split(separator: "\n") {
      let fields = line.split(separator: "\t")
      var id = git_oid()
      guard fields.count == 2, Self.sharedRefs.contains(String(fields[1])),
        git_oid_fromstr(&id, String(fields[0])) == 0
      else { continue }
      tips[String(fields[1])] = id
    }
    return tips
  }

  private func fetch(
    _ theirs: [String: git_oid], from remote: String
  ) throws(ProvenanceError) -> Int {
    let names = Self.sharedRefs.filter { theirs[$0] != nil }
    guard !names.isEmpty else { return 0 }
    _ = try GitCommand.run(
      [
        "-c", "gc.auto=0", "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-prune",
        "--no-recurse-submodules", "--", remote,
      ] + names, in: place)
    var fetched = 0
    if let log = theirs[RefName.log] {
      fetched = countRuns(of: log, without: try tip(of: RefName.log))
      try join(RefName.log, with: log) { (ours, theirs) throws(ProvenanceError) in
        try self.joinedLog(ours, theirs)
      }
    }
    if let notes = theirs[RefName.notes] {
      try join(RefName.notes, with: notes) { (ours, theirs) throws(ProvenanceError) in
        try self.joinedNotes(ours, theirs)
      }
    }
    return fetched
  }

  private func push(
    to remote: String, theirs: [String: git_oid]
  ) throws(ProvenanceError) -> Int {
    var refspecs: [String] = []
    for name in Self.sharedRefs {
      guard let ours = try tip(of: name), theirs[name]?.equals(ours) != true else { continue }
      refspecs.append("\(name):\(name)")
    }
    guard !refspecs.isEmpty else { return 0 }
    _ = try GitCommand.run(
      [
        "-c", "push.followTags=false", "push", "--quiet", "--atomic",
        "--recurse-submodules=no", "--", remote,
      ] + refspecs, in: place)
    guard let ours = try tip(of: RefName.log) else { return 0 }
    return countRuns(of: ours, without: theirs[RefName.log])
  }

  /// How many runs one log has that another has not.
  private func countRuns(of tip: git_oid, without other: git_oid?) -> Int {
    var walk: OpaquePointer?
    guard git_revwalk_new(&walk, repository) == 0 else { return 0 }
    defer { git_revwalk_free(walk) }
    var tip = tip
    guard git_revwalk_push(walk, &tip) == 0 else { return 0 }
    if var other { git_revwalk_hide(walk, &other) }
    var count = 0
    var id = git_oid()
    while git_revwalk_next(&id, walk) == 0 { if summary(of: &id) != nil { count += 1 } }
    return count
  }

  // MARK: - Joining

  /// Moves a ref on to what it and another tip have together.
  private func join(
    _ name: String, with theirs: git_oid,
    by merge: (git_oid, git_oid) throws(ProvenanceError) -> git_oid
  ) throws(ProvenanceError) {
    _ = try move(name) { (ours) throws(ProvenanceError) -> git_oid? in
      guard let ours else { return theirs }
      var (left, right, base) = (ours, theirs, git_oid())
      if git_merge_base(&base, self.repository, &left, &right) == 0 {
        if base.equals(theirs) { return nil }
        if base.equals(ours) { return theirs }
      }
      return try merge(ours, theirs)
    }
  }

  private func joinedLog(_ ours: git_oid, _ theirs: git_oid) throws(ProvenanceError) -> git_oid {
    let left = try tree(ofCommit: ours)
    defer { git_tree_free(left) }
    let right = try tree(ofCommit: theirs)
    defer { git_tree_free(right) }
    return try commit(
      try union(left, right), message: "Join the logs of two copies of the repository\n",
      parents: [ours, theirs])
  }

  /// A tree with the entries of both.
  ///
  /// Where both have other content under one name, which run ids rule out unless someone edits
  /// records, the greater id wins, so that all copies agree.
  private func union(
    _ left: OpaquePointer?, _ right: OpaquePointer?
  ) throws(ProvenanceError) -> git_oid {
    var builder: OpaquePointer?
    try check(git_treebuilder_new(&builder, repository, left), "the logs can't be joined")
    defer { git_treebuilder_free(builder) }
    for index in 0..<git_tree_entrycount(right) {
      guard let entry = git_tree_entry_byindex(right, index), let name = git_tree_entry_name(entry),
        let theirs = git_tree_entry_id(entry)
      else { continue }
      var id = theirs.pointee
      if let mine = git_tree_entry_byname(left, name), let ours = git_tree_entry_id(mine) {
        if git_oid_equal(ours, theirs) == 1 { continue }
        let kinds = (git_tree_entry_type(mine), git_tree_entry_type(entry))
        if kinds.0 == GIT_OBJECT_TREE && kinds.1 == GIT_OBJECT_TREE {
          id = try unionOfTrees(ours.pointee, theirs.pointee)
        } else if git_oid_cmp(ours, theirs) > 0 {
          continue
        }
      }
      try check(
        git_treebuilder_insert(nil, builder, name, &id, git_tree_entry_filemode(entry)),
        "the logs can't be joined")
    }
    var id = git_oid()
    try check(
      git_treebuilder_write(&id, builder), .notWritable, "the joined log can't be written")
    return id
  }

  private func unionOfTrees(
    _ left: git_oid, _ right: git_oid
  ) throws(ProvenanceError) -> git_oid {
    var (leftId, rightId) = (left, right)
    var leftTree: OpaquePointer?
    try check(git_tree_lookup(&leftTree, repository, &leftId), "the logs can't be joined")
    defer { git_tree_free(leftTree) }
    var rightTree: OpaquePointer?
    try check(git_tree_lookup(&rightTree, repository, &rightId), "the logs can't be joined")
    defer { git_tree_free(rightTree) }
    return try union(leftTree, rightTree)
  }

  /// As `git notes merge --strategy=cat_sort_uniq` does it, without its work tree.
  private func joinedNotes(_ ours: git_oid, _ theirs: git_oid) throws(ProvenanceError) -> git_oid {
    var (result, theirId) = (ours, theirs)
    var commits: OpaquePointer?
    try check(git_commit_lookup(&commits, repository, &theirId), "their notes can't be read")
    defer { git_commit_free(commits) }
    var iterator: OpaquePointer?
    try check(git_note_commit_iterator_new(&iterator, commits), "their notes can't be read")
    defer { git_note_iterator_free(iterator) }
    var (note, target) = (git_oid(), git_oid())
    while git_note_next(&note, &target, iterator) == 0 {
      let lines = try noteLines(on: target, in: commits)
      var present: OpaquePointer?
      try check(git_commit_lookup(&present, repository, &result), "our notes can't be read")
      let known = Set(try noteLines(on: target, in: present))
      git_commit_free(present)
      if known.isSuperset(of: lines) { continue }
      result = try noteCommit(lines, on: target, parent: result)
    }
    let tree = try tree(ofCommit: result)
    defer { git_tree_free(tree) }
    guard let id = git_tree_id(tree)?.pointee else { return result }
    return try commit(
      id, message: "Join the notes of two copies of the repository\n", parents: [ours, theirs])
  }
}
