import ContentHashing
import Foundation

/// How content leaves the store.
public enum MaterializeMode: Sendable {
  /// A hard link where the file system allows it: for those who only read.
  case link
  /// A copy, sharing blocks with the original where the file system can.
  case copy
}

extension ArtifactStore {
  /// Puts content at a path that does not exist yet.
  ///
  /// - Throws: `StoreError` when the content is not in the store, or the path cannot be written.
  public func materialize(
    _ content: StoredContent, at target: String, readOnly: Bool, mode: MaterializeMode
  ) throws(StoreError) {
    guard content.isTree else {
      return try materializeFile(
        content.digest, at: target, readOnly: readOnly, isExecutable: false, mode: mode)
    }
    let entries = try tree(content.digest)
    try makeFolder(target)
    for entry in entries {
      let path = "\(target)/\(entry.name)"
      switch entry.kind {
      case .file(let digest, let isExecutable):
        try materializeFile(
          digest, at: path, readOnly: readOnly, isExecutable: isExecutable, mode: mode)
      case .folder(let digest):
        try materialize(
          StoredContent(digest: digest, isTree: true, size: entry.size), at: path,
          readOnly: readOnly, mode: mode)
      case .link(let destination):
        guard symlink(destination, path) == 0 else { throw .system("linking", path) }
      }
    }
  }

  private func materializeFile(
    _ digest: Digest, at target: String, readOnly: Bool, isExecutable: Bool, mode: MaterializeMode
  ) throws(StoreError) {
    let source = path(ofBlob: digest)
    // A link shares its permissions with the object, which is never executable.
    if mode == .link, !isExecutable, link(source, target) == 0 { return }
    guard access(source, F_OK) == 0 else {
      throw StoreError(
        .corrupt,
        "the artifact \(digest.short) is not in this store; a run that needs it makes it anew")
    }
    let permissions: mode_t = (readOnly ? 0o444 : 0o644) | (isExecutable ? 0o111 : 0)
    let output = Foundation.open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, permissions)
    guard output >= 0 else { throw .system("writing", target) }
    defer { close(output) }
    try copyBytes(of: source, to: output, target: target, named: digest)
  }

  /// Shares the blocks where the file system can, and copies them where it can't.
  private func copyBytes(of source: String, to output: Int32, target: String, named digest: Digest)
    throws(StoreError)
  {
    let input = Foundation.open(source, O_RDONLY | O_CLOEXEC)
    guard input >= 0 else { throw .system("reading", source) }
    defer { close(input) }
    let clone: UInt = 0x4004_9409  // FICLONE of linux/fs.h, which Swift does not import
    if ioctl(output, clone, input) == 0 { return }
    guard try pass(source, to: output, target: target) == digest else {
      throw StoreError(
        .corrupt, "the artifact \(digest.short) is damaged; `pipeline fsck` puts it aside")
    }
  }
}
