public import ContentHashing
import Foundation
import StructuredValue

/// The content-addressed store: the folder `Artifacts/`.
///
/// It only grows, is written in an order that a crash cannot make inconsistent (content first, then
/// the action entry that names it), and can be checked by a person with `ls` and `sha256sum`. Its
/// layout is described in `Docs/store.md`. Several processes may share it.
public final class ArtifactStore: Sendable {
  /// The store's folder.
  public let path: String
  let index: StatIndex
  let recent: RecentActions
  let observations = Observations()

  /// The version of the layout that this program writes.
  static let format = "1"

  /// Opens a store and makes it where there is none.
  ///
  /// - Throws: `StoreError` when the folder cannot be made, or a newer program made the store.
  public static func open(at path: String) throws(StoreError) -> ArtifactStore {
    let formatFile = "\(path)/format"
    if let found = try? String(contentsOfFile: formatFile, encoding: .utf8) {
      let version = found.trimmingCharacters(in: .whitespacesAndNewlines)
      guard Int(version) != nil else {
        throw StoreError(
          .corrupt,
          "'\(formatFile)' is damaged; if the store is of this program, write \(format) into it")
      }
      guard version == format else {
        throw StoreError(
          .newer,
          "the store '\(path)' has format \(version), this program knows format \(format); use the "
            + "newer program, or another store")
      }
      return ArtifactStore(path: path)
    }
    let store = ArtifactStore(path: path)
    for folder in ["blob", "tree", "action", "tmp", "locks", "runs", "work", "checkpoints"] {
      try makeFolder("\(path)/\(folder)")
    }
    // Keeps the store out of git and out of backups without touching the user's own files.
    try store.write(Array("*\n".utf8), to: "\(path)/.gitignore", mode: 0o644)
    let tag = "Signature: 8a477f597d28d172789f06886806bc55\n# The artifacts of a pipeline.\n"
    try store.write(Array(tag.utf8), to: "\(path)/CACHEDIR.TAG", mode: 0o644)
    try store.write(Array("\(format)\n".utf8), to: formatFile, mode: 0o644)
    return store
  }

  init(path: String) {
    self.path = path
    index = StatIndex(path: "\(path)/index.sqlite")
    recent = RecentActions(path: "\(path)/recent-actions")
  }

  func path(of digest: Digest, isTree: Bool) -> String {
    objectPath(isTree ? "tree" : "blob", digest)
  }

  func objectPath(_ space: String, _ digest: Digest) -> String {
    let hex = digest.hex
    return "\(path)/\(space)/\(hex.prefix(2))/\(hex)"
  }

  /// The folder in which a key's last checkpoint is kept.
  public func checkpointFolder(for key: Digest) -> String { "\(path)/checkpoints/\(key.hex)" }

  /// The folder of a run's journal.
  public func runFolder(_ run: String) -> String { "\(path)/runs/\(run)" }
}

// MARK: - Reading

extension ArtifactStore {
  /// Whether the store holds a content: a file's bytes, or a folder and all it names.
  ///
  /// - `size`: Where it is known, a file of another size counts as absent: it was cut off.
  public func contains(_ digest: Digest, isTree: Bool, size: Int? = nil) -> Bool {
    guard isTree else {
      let found = facts(ofObject: digest, in: "blob")?.size
      return found != nil && (size == nil || size == found)
    }
    guard let entries = try? tree(digest) else { return false }
    return entries.allSatisfy { entry in
      switch entry.kind {
      case .file(let digest, _): contains(digest, isTree: false, size: entry.size)
      case .folder(let digest): contains(digest, isTree: true)
      case .link: true
      }
    }
  }

  /// What the file system says of an object; nil where there is none.
  ///
  /// A run asks this thousands of times, so nothing is allocated.
  private func facts(ofObject digest: Digest, in space: StaticString) -> FileFacts? {
    var folder = path
    return folder.withUTF8 { folder in
      let count = folder.count + space.utf8CodeUnitCount + 70
      return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: count) { path in
        var end = path[...].update(fromContentsOf: folder)
        func append(_ byte: UInt8) {
          path[end] = byte
          end += 1
        }
        append(UInt8(ascii: "/"))
        for index in 0..<space.utf8CodeUnitCount { append(space.utf8Start[index]) }
        append(UInt8(ascii: "/"))
        let digits = UnsafeMutableBufferPointer(rebasing: path[(end + 3)..<(end + 67)])
        digest.write(digits: digits)
        append(digits[0])
        append(digits[1])
        append(UInt8(ascii: "/"))
        path[end + 64] = 0
        var info = stat()
        let status = path.withMemoryRebound(to: CChar.self) { path in
          path.baseAddress.map { lstat($0, &info) }
        }
        return status == 0 ? FileFacts(info) : nil
      }
    }
  }

  /// The path of a file's bytes, to read from and never to write to.
  public func path(ofBlob digest: Digest) -> String { path(of: digest, isTree: false) }

  /// A file's bytes.
  public func bytes(of digest: Digest) throws(StoreError) -> [UInt8] {
    let path = path(ofBlob: digest)
    guard let data = FileManager.default.contents(atPath: path) else {
      throw StoreError(
        .corrupt,
        "the artifact \(digest.short) is not in this store; a run that needs it makes it anew")
    }
    return Array(data)
  }

  /// A folder's entries.
  public func tree(_ digest: Digest) throws(StoreError) -> [TreeEntry] {
    let path = path(of: digest, isTree: true)
    guard let data = FileManager.default.contents(atPath: path) else {
      throw StoreError(
        .corrupt,
        "the folder \(digest.short) is not in this store; a run that needs it makes it anew")
    }
    guard let entries = TreeListing.read(Array(data)) else {
      throw StoreError(
        .corrupt, "the folder \(digest.short) is damaged; `pipeline fsck` puts it aside")
    }
    return entries
  }
}

// MARK: - Actions

extension ArtifactStore {
  /// What an action gave; nil also where something that it names is missing, so that it is executed
  /// again.
  public func action(for key: Digest) -> ActionResult? {
    guard let file = facts(ofObject: key, in: "action") else { return nil }
    if let result = recent.result(for: key, file: file), hasOutputs(of: result) { return result }
    guard let text = smallFile(objectPath("action", key)), let result = ActionResult(text: text),
      hasOutputs(of: result)
    else { return nil }
    // Where another process writes the entry meanwhile, the time is not that of what was read.
    if let after = facts(ofObject: key, in: "action"), after == file {
      recent.append(text, for: key, file: file)
    }
    return result
  }

  private func hasOutputs(of result: ActionResult) -> Bool {
    result.outputs.values.allSatisfy { contains($0.digest, isTree: $0.isTree, size: $0.size) }
  }

  /// Keeps what an action gave; everything that it names has been stored before.
  public func save(_ result: ActionResult, for key: Digest) throws(StoreError) {
    let target = objectPath("action", key)
    try makeFolder((target as NSString).deletingLastPathComponent)
    let text = result.text
    try write(text, to: target, mode: 0o644)
    // Whoever executes an action holds its lock, so this is the file that was just written.
    if let file = facts(ofObject: key, in: "action") { recent.append(text, for: key, file: file) }
  }
}

// MARK: - Files of the store's own

extension ArtifactStore {
  /// A file's bytes; nil where it can't be read.
  ///
  /// A run looks at thousands of entries that one read has whole, with no look at their size first.
  private func smallFile(_ path: String) -> [UInt8]? {
    let file = Foundation.open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var bytes: [UInt8] = []
    while true {
      var received = 0
      let chunk = [UInt8](unsafeUninitializedCapacity: 4096) { buffer, count in
        received = read(file, buffer.baseAddress, buffer.count)
        count = max(0, received)
      }
      if received < 0 {
        guard errno == EINTR else { return nil }
        continue
      }
      if bytes.isEmpty { bytes = chunk } else { bytes += chunk }
      // A regular file gives less than it has room for only at its end.
      if received < 4096 { return bytes }
    }
  }

  /// A name for an unfinished file, on the store's file system and nobody else's.
  func temporaryPath() -> String {
    "\(path)/tmp/\(getpid())-\(UInt64.random(in: 0...UInt64.max))"
  }

  /// Writes a file so that it appears whole or not at all.
  func write(_ bytes: [UInt8], to target: String, mode: mode_t) throws(StoreError) {
    let temporary = temporaryPath()
    try writeNew(bytes, to: temporary, mode: mode, isSynced: true)
    if let failure = publish(temporary, as: target) {
      unlink(temporary)
      throw failure
    }
  }

  /// Writes a file that does not exist yet; leaves none where that fails.
  func writeNew(_ bytes: [UInt8], to path: String, mode: mode_t, isSynced: Bool = false)
    throws(StoreError)
  {
    let file = Foundation.open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
    guard file >= 0 else { throw .system("writing", path) }
    defer { close(file) }
    var failure: StoreError?
    var sent = 0
    while sent < bytes.count && failure == nil {
      let count = bytes[sent...].withUnsafeBytes {
        Foundation.write(file, $0.baseAddress, $0.count)
      }
      if count < 0 && errno != EINTR { failure = .system("writing", path) }
      sent += max(0, count)
    }
    if failure == nil, isSynced, fsync(file) != 0 { failure = .system("writing", path) }
    if let failure {
      unlink(path)
      throw failure
    }
  }

  /// Gives a finished file its name; the name survives a power loss once this returns.
  func publish(_ temporary: String, as target: String) -> StoreError? {
    guard rename(temporary, target) == 0 else { return .system("renaming", target) }
    let folder = Foundation.open(
      (target as NSString).deletingLastPathComponent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard folder >= 0 else { return .system("opening", target) }
    defer { close(folder) }
    return fsync(folder) == 0 ? nil : .system("syncing", target)
  }
}

/// Makes a folder and those above it.
func makeFolder(_ path: String) throws(StoreError) {
  if mkdir(path, 0o755) == 0 || errno == EEXIST { return }
  guard errno == ENOENT else { throw .system("making", path) }
  let parent = (path as NSString).deletingLastPathComponent
  guard !parent.isEmpty, parent != path else { throw .system("making", path) }
  try makeFolder(parent)
  if mkdir(path, 0o755) != 0 && errno != EEXIST { throw .system("making", path) }
}
