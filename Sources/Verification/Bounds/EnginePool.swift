import Foundation
import Synchronization

/// One engine for each thread that may be kept busy.
///
/// `@unchecked Sendable`: an engine is used by one thread at a time, the one that took its index.
final class EnginePool: @unchecked Sendable {
  private let engines: [BoundEngine]

  init(_ network: KernelNetwork, workers: Int) {
    engines = (0..<max(1, workers)).map { _ in BoundEngine(network) }
  }

  /// Calls the body for each index, on all threads, and gives the results in the indices' order.
  ///
  /// Which thread serves an index is left open, so a body must not depend on what its engine did
  /// before.
  func map<Result: Sendable>(
    _ count: Int, _ body: @Sendable (BoundEngine, Int) -> Result
  ) -> [Result] {
    guard count > 1, engines.count > 1 else { return (0..<count).map { body(engines[0], $0) } }
    let next = Atomic(0)
    let results = Mutex([Result?](repeating: nil, count: count))
    DispatchQueue.concurrentPerform(iterations: min(engines.count, count)) { worker in
      while true {
        let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
        guard index < count else { return }
        let result = body(engines[worker], index)
        results.withLock { $0[index] = result }
      }
    }
    return results.withLock { $0.compactMap { $0 } }
  }
}
