import Foundation
import Synchronization

extension Fetch {
  /// Files at the same time.
  private static let width = 4

  /// Does some blocking work for each item; the first failure ends the others.
  static func inParallel(
    _ items: [FetchItem],
    work: @escaping @Sendable (Int, FetchItem, @escaping @Sendable () -> Bool) throws -> Void
  ) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for (index, item) in items.enumerated() {
        if index >= width { try await group.next() }
        group.addTask { try await onThread { try work(index, item, $0) } }
      }
      try await group.waitForAll()
    }
  }

  /// Gives blocking work a thread of its own: Swift has but one for each processor, and they must
  /// not wait for the network.
  private static func onThread(
    _ work: @escaping @Sendable (@escaping @Sendable () -> Bool) throws -> Void
  ) async throws {
    let stop = Flag()
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread {
          continuation.resume(with: Result { try work { stop.isSet } })
        }
      }
    } onCancel: {
      stop.set()
    }
  }

  private final class Flag: Sendable {
    private let value = Atomic(false)
    var isSet: Bool { value.load(ordering: .relaxed) }
    func set() { value.store(true, ordering: .relaxed) }
  }
}
