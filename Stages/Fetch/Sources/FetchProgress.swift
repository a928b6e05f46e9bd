import Fetching
import StageKit
import Synchronization

/// Adds up the progress of transfers that run at the same time.
final class FetchProgress: Sendable {
  private struct State {
    var done: [Int]
    var sizes: [Int?]
  }

  private let state: Mutex<State>
  private let context: StageContext

  init(_ items: [FetchItem], _ context: StageContext) {
    state = Mutex(
      State(done: items.map { _ in 0 }, sizes: items.map(\.request.size)))
    self.context = context
  }

  var total: Int { state.withLock { $0.done.reduce(0, +) } }

  func update(_ index: Int, _ bytes: Int, _ size: Int?) {
    let (done, all) = state.withLock { state in
      state.done[index] = bytes
      state.sizes[index] = size ?? state.sizes[index]
      let sum = zip(state.done, state.sizes).reduce(0) { $0 + max($1.0, $1.1 ?? 0) }
      return (state.done.reduce(0, +), sum)
    }
    context.progress(done, of: all, unit: "B")
  }
}
