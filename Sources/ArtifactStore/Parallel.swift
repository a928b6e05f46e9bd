import Dispatch
import Foundation
import Synchronization

/// Bytes that are read at once.
let bufferSize = 1 << 20

/// Does the same to many items, on all processors, with a buffer for each.
///
/// - Returns: The results in order.
/// - Throws: The error of the first item that failed; those after it may not have been tried.
func inParallel<Result: Sendable>(
  _ count: Int,
  _ work: @Sendable (Int, UnsafeMutableRawBufferPointer) throws(StoreError) -> Result
) throws(StoreError) -> [Result] {
  let next = Atomic(0)
  let outcome = Mutex<(results: [Result?], failure: (index: Int, error: StoreError)?)>(
    (Array(repeating: nil, count: count), nil))
  // A few files are done before the threads are up.
  let workers = count < 8 ? 1 : min(8, ProcessInfo.processInfo.activeProcessorCount)
  DispatchQueue.concurrentPerform(iterations: min(workers, count)) { _ in
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: bufferSize, alignment: 64)
    defer { buffer.deallocate() }
    while true {
      let index = next.add(1, ordering: .relaxed).oldValue
      guard index < count else { return }
      do throws(StoreError) {
        let result = try work(index, buffer)
        outcome.withLock { $0.results[index] = result }
      } catch {
        outcome.withLock {
          if index < $0.failure?.index ?? .max { $0.failure = (index, error) }
        }
        next.store(count, ordering: .relaxed)
      }
    }
  }
  let (results, failure) = outcome.withLock { $0 }
  if let failure { throw failure.error }
  return results.compactMap { $0 }
}
