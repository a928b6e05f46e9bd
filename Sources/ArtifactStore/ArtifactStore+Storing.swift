import ContentHashing
import Foundation

extension ArtifactStore {
  /// Puts a file or folder into the store.
  ///
  /// - `consuming`: Whether the file may be moved instead of copied. It must lie on the store's
  ///   file system, and nobody may write to it any more.
  /// - Throws: `StoreError` naming the path, for what is missing, cannot be read, or is no file,
  ///   folder or link inside the artifact.
  public func store(fileOrFolder source: String, consuming: Bool) throws(StoreError)
    -> StoredContent
  {
    try store(source, consuming: consuming, root: source)
  }

  /// Puts bytes into the store.
  public func store(bytes: [UInt8]) throws(StoreError) -> StoredContent {
    let digest = Digest.of(bytes)
    try keep(bytes, as: path(ofBlob: digest))
    return StoredContent(digest: digest, isTree: false, size: bytes.count)
  }

  private func store(_ source: String, consuming: Bool, root: String) throws(StoreError)
    -> StoredContent
  {
    let facts = try FileFacts(of: source, followingLinks: source == root)
    switch facts.type {
    case .file: return try storeFile(source, facts, consuming: consuming)
    case .folder: break
    default:
      throw StoreError(
        .input, "'\(source)' is neither a file nor a folder, so it cannot be an artifact")
    }
    var entries: [TreeEntry] = []
    for name in try folderNames(source) {
      entries.append(try storeEntry(name, of: source, consuming: consuming, root: root))
    }
    let text = TreeListing.text(entries)
    let digest = Digest.of(text)
    try keep(Array(text.utf8), as: path(of: digest, isTree: true))
    return StoredContent(
      digest: digest, isTree: true, size: entries.reduce(0) { $0 + $1.size })
  }

  private func storeEntry(
    _ name: String, of folder: String, consuming: Bool, root: String
  ) throws(StoreError) -> TreeEntry {
    let path = "\(folder)/\(name)"
    let facts = try FileFacts(of: path, followingLinks: false)
    if facts.type == .link {
      let target = try linkTarget(path, inside: root)
      return TreeEntry(name: name, kind: .link(target), size: 0)
    }
    let content = try store(path, consuming: consuming, root: root)
    let kind: TreeEntry.Kind =
      content.isTree
      ? .folder(content.digest) : .file(content.digest, isExecutable: facts.isExecutable)
    return TreeEntry(name: name, kind: kind, size: content.size)
  }

  private func storeFile(_ source: String, _ facts: FileFacts, consuming: Bool)
    throws(StoreError) -> StoredContent
  {
    let temporary = temporaryPath()
    let digest: Digest
    if consuming, rename(source, temporary) == 0 {
      digest = try hash(temporary)
    } else {
      do {
        digest = try copy(source, to: temporary)
      } catch {
        unlink(temporary)
        throw error
      }
    }
    let content = StoredContent(digest: digest, isTree: false, size: facts.size)
    let target = path(ofBlob: digest)
    // A present object with the right size is as good; a wrong size is damage, and is replaced.
    if let present = try? FileFacts(of: target, followingLinks: false), present.size == facts.size {
      unlink(temporary)
      return content
    }
    chmod(temporary, 0o444)
    try sync(temporary)
    try makeFolder((target as NSString).deletingLastPathComponent)
    if let failure = publish(temporary, as: target) {
      unlink(temporary)
      throw failure
    }
    return content
  }

  private func keep(_ bytes: [UInt8], as target: String) throws(StoreError) {
    if let present = try? FileFacts(of: target, followingLinks: false), present.size == bytes.count
    {
      return
    }
    try makeFolder((target as NSString).deletingLastPathComponent)
    try write(bytes, to: target, mode: 0o444)
  }

  private func sync(_ path: String) throws(StoreError) {
    let file = Foundation.open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw .system("opening", path) }
    defer { close(file) }
    guard fsync(file) == 0 else { throw .system("syncing", path) }
  }

  /// The digest of a file's bytes.
  func hash(_ path: String) throws(StoreError) -> Digest {
    try pass(path, to: -1, target: path)
  }

  /// Copies a file and hashes it on the way, so that it is read once.
  private func copy(_ source: String, to target: String) throws(StoreError) -> Digest {
    let output = Foundation.open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard output >= 0 else { throw .system("writing", target) }
    defer { close(output) }
    return try pass(source, to: output, target: target)
  }

  /// Reads a file to its end, hashes it, and writes it to `output` where that is a descriptor.
  func pass(_ source: String, to output: Int32, target: String) throws(StoreError) -> Digest {
    let input = Foundation.open(source, O_RDONLY | O_CLOEXEC)
    guard input >= 0 else { throw .system("reading", source) }
    defer { close(input) }
    posix_fadvise(input, 0, 0, Int32(POSIX_FADV_SEQUENTIAL))
    let hasher = SHA256()
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
    defer { buffer.deallocate() }
    while true {
      let count = read(input, buffer.baseAddress, buffer.count)
      if count == 0 { return hasher.finish() }
      if count < 0 {
        if errno == EINTR { continue }
        throw .system("reading", source)
      }
      let chunk = UnsafeRawBufferPointer(rebasing: buffer[..<count])
      hasher.update(chunk)
      var sent = 0
      while output >= 0 && sent < count {
        let written = Foundation.write(output, chunk.baseAddress.map { $0 + sent }, count - sent)
        if written < 0 { throw .system("writing", target) }
        sent += written
      }
    }
  }
}

// MARK: - Digests of what is not stored

extension ArtifactStore {
  /// The content of a user's file or folder, without storing it.
  ///
  /// What has not changed since the last look is not read again.
  public func digest(ofPath path: String) throws(StoreError) -> StoredContent {
    try digest(path, root: path)
  }

  private func digest(_ path: String, root: String) throws(StoreError) -> StoredContent {
    let facts = try FileFacts(of: path, followingLinks: path == root)
    observations.note(path, facts.signature)
    switch facts.type {
    case .file:
      if let known = index.digest(of: path, facts) {
        return StoredContent(digest: known, isTree: false, size: facts.size)
      }
      let digest = try hash(path)
      index.remember(path, facts, digest)
      return StoredContent(digest: digest, isTree: false, size: facts.size)
    case .folder:
      var entries: [TreeEntry] = []
      for name in try folderNames(path) {
        let entryPath = "\(path)/\(name)"
        let entry = try FileFacts(of: entryPath, followingLinks: false)
        if entry.type == .link {
          let target = try linkTarget(entryPath, inside: root)
          entries.append(TreeEntry(name: name, kind: .link(target), size: 0))
          continue
        }
        let content = try digest(entryPath, root: root)
        entries.append(
          TreeEntry(
            name: name,
            kind: content.isTree
              ? .folder(content.digest) : .file(content.digest, isExecutable: entry.isExecutable),
            size: content.size))
      }
      return StoredContent(
        digest: .of(TreeListing.text(entries)), isTree: true,
        size: entries.reduce(0) { $0 + $1.size })
    default:
      throw StoreError(
        .input, "'\(path)' is neither a file nor a folder, so it cannot be an input")
    }
  }
}

/// The names in a folder, sorted by their bytes.
private func folderNames(_ path: String) throws(StoreError) -> [String] {
  guard let folder = opendir(path) else { throw .system("reading", path) }
  defer { closedir(folder) }
  var names: [String] = []
  while let entry = readdir(folder) {
    let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
      pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(validatingCString: $0) }
    }
    guard let name else {
      throw StoreError(.input, "the folder '\(path)' holds a name that is not valid UTF-8")
    }
    if name != "." && name != ".." { names.append(name) }
  }
  return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
}

/// A link's target, which must stay inside the artifact.
private func linkTarget(_ path: String, inside root: String) throws(StoreError) -> String {
  guard let target = try? FileManager.default.destinationOfSymbolicLink(atPath: path) else {
    throw .system("reading the link", path)
  }
  var depth = path.dropFirst(root.count).split(separator: "/").count - 1
  var leaves = target.hasPrefix("/")
  for step in target.split(separator: "/") where step != "." {
    depth += step == ".." ? -1 : 1
    if depth < 0 { leaves = true }
  }
  guard !leaves else {
    throw StoreError(
      .input, "the link '\(path)' leaves its folder (to '\(target)'); copy the file instead")
  }
  return target
}
