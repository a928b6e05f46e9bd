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
    self.init(info)
  }

  init(_ info: stat) {
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

  /// Whether a file is so new that another write in the same tick of the clock would not show.
  ///
  /// - `changed`: When the file changed, in nanoseconds since 1970.
  /// - `now`: When its facts were taken; a later time would also trust a file that was written to
  ///   while it was read.
  static func isRacy(_ changed: Int64, at now: Int64) -> Bool { now - changed <= 1_000_000_000 }

  static func now() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }
}

/// Remembers the digests of files and folders by what the file system says about them.
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

  private typealias Entry = (signature: String, digest: Digest)

  private struct Loaded {
    var queue: DatabaseQueue
    /// What was asked for, nil where the index has nothing.
    var known: [String: Entry?] = [:]
    var fresh: [String: Entry] = [:]
    /// Folders whose entries are all in `known`, with a slash at their ends.
    var prepared: [String] = []
    /// Whether something could not be read, so that the file should be made anew.
    var isDamaged = false
  }

  init(path: String) { self.path = path }

  deinit { flush() }

  func digest(of path: String, _ signature: String) -> Digest? {
    access { loaded in
      let entry = loaded.fresh[path] ?? StatIndex.known(path, &loaded)
      return entry?.signature == signature ? entry?.digest : nil
    } ?? nil
  }

  /// Fetches all that is known below a folder at once.
  func prepare(below folder: String) {
    access { loaded in
      do {
        // "0" follows "/", so this is the range of all paths below the folder.
        let rows = try loaded.queue.read { database in
          try Row.fetchAll(
            database, sql: "SELECT path, signature, digest FROM file WHERE path > ? AND path < ?",
            arguments: [folder + "/", folder + "0"])
        }
        for row in rows {
          guard let digest = Digest(row[2] as String) else { continue }
          loaded.known[row[0]] = (row[1], digest)
        }
      } catch {
        loaded.isDamaged = true
      }
      loaded.prepared.append(folder + "/")
    }
  }

  /// Remembers a digest.
  ///
  /// What was too new when it was looked at must not come here.
  func remember(_ path: String, _ signature: String, _ digest: Digest) {
    access { $0.fresh[path] = (signature, digest) }
  }

  /// Writes what was learned, in one transaction.
  func flush() {
    state.withLock { state in
      guard case .open(var loaded) = state, !loaded.fresh.isEmpty else { return }
      state = .closed
      if loaded.isDamaged, let queue = remade() {
        loaded.queue = queue
        loaded.isDamaged = false
      }
      do {
        try StatIndex.write(loaded.fresh, to: loaded.queue)
      } catch {
        if let queue = remade() {
          loaded.queue = queue
          try? StatIndex.write(loaded.fresh, to: queue)
        }
      }
      for (path, entry) in loaded.fresh { loaded.known[path] = entry }
      loaded.fresh = [:]
      state = .open(loaded)
    }
  }

  private static func write(_ entries: [String: Entry], to queue: DatabaseQueue) throws {
    try queue.write { database in
      let statement = try database.cachedStatement(
        sql: "INSERT OR REPLACE INTO file (path, signature, digest) VALUES (?, ?, ?)")
      for (path, entry) in entries {
        try statement.execute(arguments: [path, entry.signature, entry.digest.hex])
      }
    }
  }

  private static func known(_ path: String, _ loaded: inout Loaded) -> Entry? {
    if let entry = loaded.known[path] { return entry }
    if loaded.prepared.contains(where: { path.hasPrefix($0) }) { return nil }
    var entry: Entry?
    do {
      let row = try loaded.queue.read { database in
        try Row.fetchOne(
          database.cachedStatement(sql: "SELECT signature, digest FROM file WHERE path = ?"),
          arguments: [path])
      }
      if let row, let digest = Digest(row[1] as String) { entry = (row[0], digest) }
    } catch {
      loaded.isDamaged = true
    }
    loaded.known[path] = .some(entry)
    return entry
  }

  /// Works on the index where it can be had.
  @discardableResult
  private func access<Result: Sendable>(_ work: (inout Loaded) -> Result) -> Result? {
    state.withLock { state in
      load(&state)
      guard case .open(var loaded) = state else { return nil }
      // Out of the enumeration while it is changed, so that its maps are not copied.
      state = .closed
      defer { state = .open(loaded) }
      return work(&loaded)
    }
  }

  private func load(_ state: inout State) {
    guard case .closed = state else { return }
    let queue = (try? open()) ?? remade()
    state = queue.map { .open(Loaded(queue: $0)) } ?? .unusable
  }

  /// The index, empty again: a damaged one holds nothing that cannot be had again.
  private func remade() -> DatabaseQueue? {
    for suffix in ["", "-wal", "-shm"] { unlink(path + suffix) }
    return try? open()
  }

  private func open() throws -> DatabaseQueue {
    var configuration = Configuration()
    configuration.busyMode = .timeout(5)
    configuration.prepareDatabase { try $0.execute(sql: "PRAGMA synchronous = OFF") }
    let queue = try DatabaseQueue(path: path, configuration: configuration)
    try queue.write { database in
      try database.execute(
        sql: """
          CREATE TABLE IF NOT EXISTS file (
            path TEXT PRIMARY KEY, signature TEXT NOT NULL, digest TEXT NOT NULL
          ) WITHOUT ROWID
          """)
    }
    return queue
  }
}

extension ArtifactStore {
  /// Writes what the stat index learned; otherwise done when the store is let go.
  public func flushIndex() { index.flush() }
}
