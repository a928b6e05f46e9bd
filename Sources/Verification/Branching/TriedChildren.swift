import Synchronization

/// Children that a rule had bounded while it decided, kept for one round so that the search need not
/// bound them again.
///
/// Only children bounded as the search would: as many steps, the same row and target.
final class TriedChildren: Sendable {
  /// Both children of a split, `zhat <= 0` first, with their bounds.
  struct Pair: Sendable {
    var children: [Subproblem]
    var bounds: [RowBound]
  }

  /// A part of one search is known by its splits.
  private struct Key: Hashable {
    var splits: [Split]
    var relu: ReLUIndex
  }

  let steps: Int
  let target: Double
  private let stored = Mutex<[Key: Pair]>([:])

  init(steps: Int, target: Double) {
    self.steps = steps
    self.target = target
  }

  func pair(of parent: Subproblem, _ relu: ReLUIndex) -> Pair? {
    stored.withLock { $0[Key(splits: parent.splits, relu: relu)] }
  }

  func keep(_ pair: Pair, of parent: Subproblem, _ relu: ReLUIndex) {
    stored.withLock { $0[Key(splits: parent.splits, relu: relu)] = pair }
  }
}

extension Bounder {
  /// Makes and bounds both children of each split.
  func pairs(
    _ splits: [(parent: Subproblem, relu: ReLUIndex)], row: OutputRow, steps: Int, target: Double
  ) -> [TriedChildren.Pair] {
    let children = children(splits)
    let bounds = bound(children.map { ($0, row) }, steps: steps, target: target)
    return splits.indices.map {
      TriedChildren.Pair(
        children: Array(children[2 * $0..<2 * $0 + 2]), bounds: Array(bounds[2 * $0..<2 * $0 + 2]))
    }
  }
}
