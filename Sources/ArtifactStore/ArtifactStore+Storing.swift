import ContentHashing
import Foundation
import Synchronization

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
    let found = try Look(at: source)
    let arrivals = Mutex<[Arrival]>([])
    do {
      let digests = try inParallel(found.files.count) { index, buffer throws(StoreError) in
        let (digest, arrival) = try self.take(
          found.files[index], consuming: consuming, buffer: buffer)
        if let arrival { arrivals.withLock { $0.append(arrival) } }
        return digest
      }
      let tree = try found.folder.map { folder throws(StoreError) in
        try keepTree(of: folder, digests: digests) { arrival in
          arrivals.withLock { $0.append(arrival) }
        }
      }
      try settle(arrivals.withLock { $0 })
      return StoredContent(
        digest: tree ?? digests[0], isTree: found.folder != nil, size: found.size)
    } catch {
      for arrival in arrivals.withLock({ $0 }) { unlink(arrival.temporary) }
      throw error
    }
  }

  /// Puts bytes into the store.
  public func store(bytes: [UInt8]) throws(StoreError) -> StoredContent {
    let digest = Digest.of(bytes)
    if let arrival = try arrival(of: bytes, as: path(ofBlob: digest)) { try settle([arrival]) }
    return StoredContent(digest: digest, isTree: false, size: bytes.count)
  }
}

/// A finished file in `tmp/` that has not got its name yet.
private struct Arrival: Sendable {
  var temporary: String
  var target: String
}

/// `syncfs` of unistd.h, which is a GNU extension that Swift does not import.
private let fileSystemSync: (@convention(c) (Int32) -> Int32)? = dlsym(nil, "syncfs").map {
  unsafeBitCast($0, to: (@convention(c) (Int32) -> Int32).self)
}

// MARK: - Taking content in

extension ArtifactStore {
  /// Brings a file's bytes into `tmp/`.
  ///
  /// - Returns: The digest, and nil where the store has those bytes already.
  private func take(
    _ file: Look.File, consuming: Bool, buffer: UnsafeMutableRawBufferPointer
  ) throws(StoreError) -> (digest: Digest, arrival: Arrival?) {
    let temporary = temporaryPath()
    let digest: Digest
    do {
      if consuming, isOnlyName(file.path), rename(file.path, temporary) == 0 {
        digest = try pass(temporary, to: -1, target: temporary, buffer: buffer)
      } else {
        digest = try copy(file.path, to: temporary, buffer: buffer)
      }
    } catch {
      unlink(temporary)
      throw error
    }
    let target = path(ofBlob: digest)
    if isPresent(target, size: file.facts.size) {
      unlink(temporary)
      return (digest, nil)
    }
    chmod(temporary, 0o444)
    return (digest, Arrival(temporary: temporary, target: target))
  }

  /// Whether a file's bytes have no other name: through a link, symbolic or hard, the object would go
  /// on to be somebody's file, which we would make read-only and which they could change.
  private func isOnlyName(_ path: String) -> Bool {
    var info = stat()
    return lstat(path, &info) == 0 && info.st_mode & S_IFMT == S_IFREG && info.st_nlink == 1
  }

  /// A present object with the right size is as good; a wrong size is damage, and is replaced.
  private func isPresent(_ target: String, size: Int) -> Bool {
    var info = stat()
    return lstat(target, &info) == 0 && Int(info.st_size) == size
  }

  /// Brings bytes into `tmp/`; nil where the store has them already.
  private func arrival(of bytes: [UInt8], as target: String) throws(StoreError) -> Arrival? {
    if isPresent(target, size: bytes.count) { return nil }
    let temporary = temporaryPath()
    try writeNew(bytes, to: temporary, mode: 0o444)
    return Arrival(temporary: temporary, target: target)
  }

  /// Adds the lists of a folder and of those below it.
  private func keepTree(
    of folder: Look.Folder, digests: [Digest], add: (Arrival) -> Void
  ) throws(StoreError) -> Digest {
    var entries: [TreeEntry] = []
    entries.reserveCapacity(folder.entries.count)
    for entry in folder.entries {
      let kind: TreeEntry.Kind
      switch entry.kind {
      case .file(let index, let isExecutable):
        kind = .file(digests[index], isExecutable: isExecutable)
      case .folder(let inner): kind = .folder(try keepTree(of: inner, digests: digests, add: add))
      case .link(let target): kind = .link(target)
      }
      entries.append(TreeEntry(name: entry.name, kind: kind, size: entry.size))
    }
    let text = TreeListing.text(entries)
    let digest = Digest.of(text)
    if let arrival = try arrival(of: Array(text.utf8), as: path(of: digest, isTree: true)) {
      add(arrival)
    }
    return digest
  }

  /// Gives finished files their names; the names and the bytes survive a power loss once this
  /// returns.
  ///
  /// The disk is told once for many files instead of twice for each, which is what makes ten
  /// thousand small files bearable.
  private func settle(_ arrivals: [Arrival]) throws(StoreError) {
    let isBatch = arrivals.count > 32 && fileSystemSync != nil
    if isBatch {
      try syncFileSystem()
    } else {
      for arrival in arrivals { try sync(arrival.temporary) }
    }
    var folders: Set<String> = []
    for arrival in arrivals {
      let folder = (arrival.target as NSString).deletingLastPathComponent
      if folders.insert(folder).inserted { try makeFolder(folder) }
      guard rename(arrival.temporary, arrival.target) == 0 else {
        throw .system("renaming", arrival.target)
      }
    }
    if isBatch {
      try syncFileSystem()
    } else {
      for folder in folders { try sync(folder) }
    }
  }

  /// Tells the disk to keep everything that was written to the store's file system.
  private func syncFileSystem() throws(StoreError) {
    guard let syncfs = fileSystemSync else { return }
    let folder = Foundation.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard folder >= 0 else { throw .system("opening", path) }
    defer { close(folder) }
    guard syncfs(folder) == 0 else { throw .system("syncing", path) }
  }

  private func sync(_ path: String) throws(StoreError) {
    let file = Foundation.open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw .system("opening", path) }
    defer { close(file) }
    guard fsync(file) == 0 else { throw .system("syncing", path) }
  }
}

// MARK: - Reading bytes

extension ArtifactStore {
  /// The digest of a file's bytes.
  func hash(_ path: String) throws(StoreError) -> Digest { try pass(path, to: -1, target: path) }

  /// Copies a file and hashes it on the way, so that it is read once.
  private func copy(
    _ source: String, to target: String, buffer: UnsafeMutableRawBufferPointer
  ) throws(StoreError) -> Digest {
    let output = Foundation.open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard output >= 0 else { throw .system("writing", target) }
    defer { close(output) }
    return try pass(source, to: output, target: target, buffer: buffer)
  }

  /// Reads a file to its end, hashes it, and writes it to `output` where that is a descriptor.
  func pass(_ source: String, to output: Int32, target: String) throws(StoreError) -> Digest {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: bufferSize, alignment: 64)
    defer { buffer.deallocate() }
    return try pass(source, to: output, target: target, buffer: buffer)
  }

  func pass(
    _ source: String, to output: Int32, target: String, buffer: UnsafeMutableRawBufferPointer
  ) throws(StoreError) -> Digest {
    let input = Foundation.open(source, O_RDONLY | O_CLOEXEC)
    guard input >= 0 else { throw .system("reading", source) }
    defer { close(input) }
    posix_fadvise(input, 0, 0, Int32(POSIX_FADV_SEQUENTIAL))
    var hasher = SHA256()
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
