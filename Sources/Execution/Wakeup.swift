import CSupervisor
import Foundation
import Synchronization

/// A queue of closures that other threads hand to the scheduler's thread.
final class Wakeup: Sendable {
  /// Readable when there is something in the queue.
  let descriptor: Int32
  private let queue = Mutex<[@Sendable () -> Void]>([])

  init() throws {
    descriptor = wakeup_open()
    guard descriptor >= 0 else {
      throw ExecutionError.infrastructure("cannot make an event descriptor: \(errorText())")
    }
  }

  deinit { close(descriptor) }

  /// Adds a closure; called from any thread.
  func post(_ closure: @escaping @Sendable () -> Void) {
    queue.withLock { $0.append(closure) }
    var one: UInt64 = 1
    _ = write(descriptor, &one, 8)
  }

  /// Runs what was posted; called from the scheduler's thread.
  func drain() {
    var count: UInt64 = 0
    _ = read(descriptor, &count, 8)
    let posted = queue.withLock { queue in
      defer { queue = [] }
      return queue
    }
    for closure in posted { closure() }
  }
}
