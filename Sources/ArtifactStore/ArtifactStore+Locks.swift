public import ContentHashing
import Foundation

/// A lock that the kernel frees when its holder dies, however it dies.
public final class ActionLock: Sendable {
  private let file: Int32
  private let path: String?

  fileprivate init(file: Int32, path: String?) {
    self.file = file
    self.path = path
  }

  deinit {
    // Removed while it is held: whoever opened it before finds that out and opens a new one.
    if let path { unlink(path) }
    close(file)
  }
}

extension ArtifactStore {
  /// Takes the lock of an action, so that two processes do not do the same work.
  ///
  /// - Returns: Nil when another process holds it.
  public func lock(action key: Digest, wait: Bool) throws(StoreError) -> ActionLock? {
    try lock("\(path)/locks/\(key.hex)", shared: false, wait: wait, isRemoved: true)
  }

  /// Takes part in the use of the store: as long as anybody does, nothing is collected.
  public func lease() throws(StoreError) -> ActionLock? {
    try lock("\(path)/locks/lease", shared: true, wait: true, isRemoved: false)
  }

  func exclusiveLease() throws(StoreError) -> ActionLock? {
    try lock("\(path)/locks/lease", shared: false, wait: false, isRemoved: false)
  }

  /// Takes the lock that marks a run as living.
  ///
  /// Whoever looks for abandoned runs may take a lock for a moment, also that of a run that begins,
  /// so it is waited for.
  public func lock(run: String) throws(StoreError) -> ActionLock {
    guard let lock = try lock(ofRun: run, wait: true) else {
      throw .system("locking", "\(path)/work/\(run).lock", EWOULDBLOCK)
    }
    return lock
  }

  private func lock(ofRun run: String, wait: Bool) throws(StoreError) -> ActionLock? {
    try makeFolder("\(path)/work")
    return try lock("\(path)/work/\(run).lock", shared: false, wait: wait, isRemoved: true)
  }

  private func lock(_ path: String, shared: Bool, wait: Bool, isRemoved: Bool) throws(StoreError)
    -> ActionLock?
  {
    while true {
      let file = Foundation.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
      guard file >= 0 else { throw .system("opening", path) }
      let operation = (shared ? LOCK_SH : LOCK_EX) | (wait ? 0 : LOCK_NB)
      guard flock(file, operation) == 0 else {
        let reason = errno
        close(file)
        if reason == EINTR { continue }
        if reason == EWOULDBLOCK { return nil }
        throw .system("locking", path, reason)
      }
      // The holder before us may have removed the file that we waited for.
      var held = stat()
      var named = stat()
      if fstat(file, &held) == 0, stat(path, &named) == 0, held.st_ino == named.st_ino {
        if isRemoved {
          let text = "process \(getpid())\n"
          _ = text.utf8.withContiguousStorageIfAvailable {
            pwrite(file, $0.baseAddress, $0.count, 0)
          }
        }
        return ActionLock(file: file, path: isRemoved ? path : nil)
      }
      close(file)
    }
  }

  /// The process of a run that is not over; nil where none holds the run's lock.
  ///
  /// The lock says so, not the number in its file, which may belong to another process by now.
  public func process(ofRun run: String) -> Int32? {
    let file = Foundation.open("\(path)/work/\(run).lock", O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    // A shared lock is refused only while the run holds its own.
    guard flock(file, LOCK_SH | LOCK_NB) != 0, errno == EWOULDBLOCK else { return nil }
    var text = [UInt8](repeating: 0, count: 32)
    let count = pread(file, &text, text.count, 0)
    guard count > 0 else { return nil }
    return String(decoding: text.prefix(count), as: UTF8.self).split(separator: " ").last
      .flatMap { Int32($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
  }

  /// Visits the runs that are not over, but whose process has died, by the names of their working
  /// folders; each stays locked while it is visited, so that nobody else takes it for living or dead.
  public func forEachAbandonedRun(_ body: (String) -> Void) {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(path)/work")) ?? []
    let runs = Set(names.map { $0.hasSuffix(".lock") ? String($0.dropLast(5)) : $0 })
    for run in runs.sorted() {
      // Taking the lock succeeds only if nobody holds it.
      guard let lock = (try? lock(ofRun: run, wait: false)) ?? nil else { continue }
      withExtendedLifetime(lock) { body(run) }
    }
  }
}
