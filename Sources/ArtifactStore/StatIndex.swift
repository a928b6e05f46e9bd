import ContentHashing
import Foundation
import GRDB
import Synchronization

/// What the file system says about a file.
struct FileFacts: Hashable {
  enum FileType { case file, folder, link, other }

  var type: FileType
  var size: Int
  var isExecutable: Bool
  var device: UInt64
  var inode: UInt64
  /// Nanoseconds since 1970.
  var modified: Int64
  var changed: Int64

  init(of path: String, followingLinks: Bool) throws(StoreError) {
    var info = stat()
    guard (followingLinks ? stat(path, &info) : lstat(path, &info)) == 0 else {
      throw .system("reading", path)
    }
    switch info.st_mode & S_IFMT {
    case S_IFREG: type = .file
    case S_IFDIR: type = .folder
    case S_IFLNK: type = .link
    default: type = .other
    }
    size = Int(info.st_size)
    isExecutable = info.st_mode & 0o111 != 0
    device = UInt64(info.st_dev)
    inode = UInt64(info.st_ino)
    modified = Int64(info.st_mtim.tv_sec) * 1_000_000_000 + Int64(info.st_mtim.tv_nsec)
    changed = Int64(info.st_ctim.tv_sec) * 1_000_000_000 + Int64(info.st_ctim.tv_nsec)
  }

  /// One word for all that must be equal for a file to count as unchanged.
  var signature: String { "\(device) \(inode) \(size) \(modified) \(changed)" }
}

/// Remembers the digests of files by what the file system says about them.
///
/// It is a cache: deleting it loses nothing, and whatever goes wrong with it only costs hashing.
final class StatIndex: Sendable {
  private let path: String
  private let state = Mutex<State>(.closed)

  private enum State {
    case closed
    case open(Loaded)
    case unusable
  }

  private struct Loaded {
    var queue: DatabaseQueue
    var known: [String: (signature: String, digest: Digest)]
    var fresh: [String: (signature: String, digest: Digest)] = [:]
  }

  init(path: String) { self.path = path }

  deinit { flush() }

  func digest(of path: String, _ facts: FileFacts) -> Digest? {
    state.withLock { state in
      load(&state)
      guard case .open(let loaded) = state, let entry = loaded.fresh[path] ?? loaded.known[path],
        entry.signature == facts.signature
      else { return nil }
      return entry.digest
    }
  }

  /// Remembers a digest, unless the file is so new that another write in the same tick of the
  /// clock would not show.
  func remember(_ path: String, _ facts: FileFacts, _ digest: Digest) {
    let now = Int64(Date().timeIntervalSince1970 * 1e9)
    guard now - max(facts.modified, facts.changed) > 1_000_000_000 else { return }
    state.withLock { state in
      load(&state)
      guard case .open(var loaded) = state else { return }
      state = .closed
      loaded.fresh[path] = (facts.signature, digest)
      state = .open(loaded)
    }
  }

  /// Writes what was learned, in one transaction.
  func flush() {
    state.withLock { state in
      guard case .open(var loaded) = state, !loaded.fresh.isEmpty else { return }
      try? loaded.queue.write { database in
        let statement = try database.cachedStatement(
          sql: "INSERT OR REPLACE INTO file (path, signature, digest) VALUES (?, ?, ?)")
        for (path, entry) in loaded.fresh {
          try statement.execute(arguments: [path, entry.signature, entry.digest.hex])
        }
      }
      loaded.known.merge(loaded.fresh) { _, new in new }
      loaded.fresh = [:]
      state = .open(loaded)
    }
  }

  private func load(_ state: inout State) {
    guard case .closed = state else { return }
    if let loaded = try? open() {
      state = .open(loaded)
      return
    }
    // Damaged: it holds nothing that cannot be had again.
    for suffix in ["", "-wal", "-shm"] { unlink(path + suffix) }
    state = (try? open()).map { .open($0) } ?? .unusable
  }

  private func open() throws -> Loaded {
    var configuration = Configuration()
    configuration.busyMode = .timeout(5)
    configuration.prepareDatabase { try $0.execute(sql: "PRAGMA synchronous = OFF") }
    let queue = try DatabaseQueue(path: path, configuration: configuration)
    var known: [String: (signature: String, digest: Digest)] = [:]
    try queue.write { database in
      try database.execute(
        sql: """
          CREATE TABLE IF NOT EXISTS file (
            path TEXT PRIMARY KEY, signature TEXT NOT NULL, digest TEXT NOT NULL
          ) WITHOUT ROWID
          """)
      let rows = try Row.fetchCursor(database, sql: "SELECT path, signature, digest FROM file")
      while let row = try rows.next() {
        guard let digest = Digest(row[2] as String) else { continue }
        known[row[0]] = (row[1], digest)
      }
    }
    return Loaded(queue: queue, known: known)
  }
}

extension ArtifactStore {
  /// Writes what the stat index learned; otherwise done when the store is let go.
  public func flushIndex() { index.flush() }
}
