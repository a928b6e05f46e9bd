/// Open parts by their lower bound, the smallest first and the older of equals first.
struct NodeQueue {
  private struct Entry {
    var bound: Double
    var age: Int
    var node: Subproblem

    func precedes(_ other: Entry) -> Bool {
      bound == other.bound ? age < other.age : bound < other.bound
    }
  }

  private var heap: [Entry] = []
  private var inserted = 0

  var count: Int { heap.count }
  var isEmpty: Bool { heap.isEmpty }
  /// The smallest lower bound, or `+inf` where nothing is open.
  var lowestBound: Double { heap.first?.bound ?? .infinity }
  var nodes: [Subproblem] { heap.sorted { $0.precedes($1) }.map(\.node) }

  mutating func insert(_ node: Subproblem) {
    // A bound that is not a number sorts first, so that it is worked on and not forgotten.
    let bound = node.lowerBound.isNaN ? -.infinity : node.lowerBound
    heap.append(Entry(bound: bound, age: inserted, node: node))
    inserted += 1
    var child = heap.count - 1
    while child > 0, heap[child].precedes(heap[(child - 1) / 2]) {
      heap.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  mutating func removeLowest() -> Subproblem? {
    guard let first = heap.first else { return nil }
    let last = heap.removeLast()
    guard !heap.isEmpty else { return first.node }
    heap[0] = last
    var parent = 0
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2]
      where child < heap.count && heap[child].precedes(heap[least]) { least = child }
      if least == parent { break }
      heap.swapAt(parent, least)
      parent = least
    }
    return first.node
  }
}
