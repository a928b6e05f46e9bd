import CGit2
import RunRecord

/// A record as git keeps it: a folder with `record.json` and, for each of its lists, a folder of files
/// that are lists too: `instances/0000.json` and so on.
///
/// Most files are those of an earlier run, so a run adds little, and `git diff` of two runs opens
/// only what differs. Older records are one file, `record.json`, with the lists in it.
extension ProvenanceLog {
  /// Writes a record's folder.
  func write(_ parts: RecordParts) throws(ProvenanceError) -> git_oid {
    let database = try objects()
    defer { git_odb_free(database) }
    // Hashes first, and compresses and writes only what is new.
    func file(_ bytes: [UInt8]) throws(ProvenanceError) -> git_oid {
      try replacingDamaged { () throws(ProvenanceError) in
        var id = git_oid()
        let status = bytes.withUnsafeBytes {
          git_odb_write(&id, database, $0.baseAddress, $0.count, GIT_OBJECT_BLOB)
        }
        try check(status, .notWritable, "the run can't be recorded in \(self.place)")
        return id
      }
    }
    var entries = [("record.json", try file(parts.head), GIT_FILEMODE_BLOB)]
    for list in RecordList.allCases {
      var files: [(String, git_oid, git_filemode_t)] = []
      let bytes = parts.lists[list] ?? []
      // As wide as all need, so that git's order of names is that of the numbers.
      let width = max(4, String(bytes.count).utf8.count)
      let known = readParts[list] ?? []
      for (index, part) in bytes.enumerated() {
        let isKnown = index < known.count && known[index].bytes == part
        let id = isKnown ? known[index].id : try file(part)
        let number = String(index)
        let zeros = String(repeating: "0", count: width - number.utf8.count)
        files.append(("\(zeros)\(number).json", id, GIT_FILEMODE_BLOB))
      }
      entries.append((list.rawValue, try write(files, into: nil), GIT_FILEMODE_TREE))
    }
    return try write(entries, into: nil)
  }

  /// Writes a tree: the entries, and those of another tree that have other names.
  func write(
    _ entries: [(String, git_oid, git_filemode_t)], into tree: OpaquePointer?
  ) throws(ProvenanceError) -> git_oid {
    var builder: OpaquePointer?
    try check(git_treebuilder_new(&builder, repository, tree), "the log can't be extended")
    defer { git_treebuilder_free(builder) }
    for (name, id, mode) in entries {
      var id = id
      try check(
        git_treebuilder_insert(nil, builder, name, &id, mode), "'\(name)' can't be recorded")
    }
    return try replacingDamaged { () throws(ProvenanceError) in
      var id = git_oid()
      try check(
        git_treebuilder_write(&id, builder), .notWritable,
        "the log of \(self.place) can't be written")
      return id
    }
  }

  /// Reads what is wanted of a record's folder.
  ///
  /// - Returns: Nil where there is no such folder.
  func recordParts(
    at path: String, in root: OpaquePointer, lists: Set<RecordList>
  ) throws(ProvenanceError) -> RecordParts? {
    guard let (head, _) = try file(at: "\(path)/record.json", in: root) else { return nil }
    readParts = [:]
    for list in lists {
      let folder = "\(path)/\(list.rawValue)"
      for name in try names(below: root, folder) {
        guard let part = try file(at: "\(folder)/\(name)", in: root) else { continue }
        readParts[list, default: []].append(part)
      }
    }
    return RecordParts(head: head, lists: readParts.mapValues { $0.map(\.bytes) })
  }

  /// A file's bytes and id; nil where the tree has no such file.
  private func file(
    at path: String, in root: OpaquePointer
  ) throws(ProvenanceError) -> (bytes: [UInt8], id: git_oid)? {
    var entry: OpaquePointer?
    guard try find(&entry, path, in: root) else { return nil }
    defer { git_tree_entry_free(entry) }
    var blob: OpaquePointer?
    try check(
      git_blob_lookup(&blob, repository, git_tree_entry_id(entry)),
      "'\(path)' of the log of \(place) can't be read")
    defer { git_blob_free(blob) }
    let bytes = Array(
      UnsafeRawBufferPointer(
        start: git_blob_rawcontent(blob), count: Int(git_blob_rawsize(blob))))
    return git_tree_entry_id(entry).map { (bytes, $0.pointee) }
  }
}
