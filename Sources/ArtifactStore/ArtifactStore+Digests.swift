import ContentHashing
import Foundation

extension ArtifactStore {
  /// The content of a user's file or folder, without storing it.
  ///
  /// What has not changed since the last look is not read again.
  public func digest(ofPath path: String) throws(StoreError) -> StoredContent {
    let now = FileFacts.now()
    let found = try Look(at: path)
    observations.note(found)
    guard let folder = found.folder else {
      let digest = try digests(of: found, at: now)[0]
      return StoredContent(digest: digest, isTree: false, size: found.size)
    }
    if let known = index.digest(of: path, "folder \(folder.stamp.hex)") {
      return StoredContent(digest: known, isTree: true, size: found.size)
    }
    index.prepare(below: path)
    let digest = tree(of: folder, try digests(of: found, at: now))
    if !FileFacts.isRacy(found.newest, at: now) {
      index.remember(path, "folder \(folder.stamp.hex)", digest)
    }
    return StoredContent(digest: digest, isTree: true, size: found.size)
  }

  /// The digest of each file, read where the index does not know it.
  private func digests(of found: Look, at now: Int64) throws(StoreError) -> [Digest] {
    let known = found.files.map { index.digest(of: $0.path, $0.facts.signature) }
    let missing = known.indices.filter { known[$0] == nil }
    let read = try inParallel(missing.count) { position, buffer throws(StoreError) in
      let path = found.files[missing[position]].path
      return try self.pass(path, to: -1, target: path, buffer: buffer)
    }
    var digests = known.map { $0 ?? Digest.of("") }
    for (position, digest) in zip(missing, read) {
      digests[position] = digest
      let file = found.files[position]
      if !FileFacts.isRacy(max(file.facts.modified, file.facts.changed), at: now) {
        index.remember(file.path, file.facts.signature, digest)
      }
    }
    return digests
  }

  private func tree(of folder: Look.Folder, _ digests: [Digest]) -> Digest {
    .of(
      TreeListing.text(
        folder.entries.map { entry in
          let kind: TreeEntry.Kind =
            switch entry.kind {
            case .file(let index, let isExecutable):
              .file(digests[index], isExecutable: isExecutable)
            case .folder(let inner): .folder(tree(of: inner, digests))
            case .link(let target): .link(target)
            }
          return TreeEntry(name: entry.name, kind: kind, size: entry.size)
        }))
  }
}
