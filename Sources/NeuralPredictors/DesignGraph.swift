import EdgeOptimization
import Tensors

/// Designs as graphs: a node for each operation, one for input, output and the whole.
///
/// As in BRP-NAS (Dudziak et al. 2020, section 3): operations are nodes, not edges, and the global
/// node, the last one, hears every other. Nodes that are cut off have no features and no edges.
struct DesignGraph {
  let space: SearchSpace
  /// Whether nodes are cut off whose data reaches no output, or only those of no operation; the
  /// others then have a feature that says whether theirs does.
  let prunesDead: Bool
  /// For each node of an operation those that its data comes from; −1 is the input.
  private let sources: [[Int]]
  /// The nodes whose data the output takes.
  private let last: [Int]

  init(_ space: SearchSpace, prunesDead: Bool) {
    self.space = space
    self.prunesDead = prunesDead
    let count = space.positionCount
    switch space {
    case .nasbench201:
      let edges = NASBench201.edges
      sources = edges.map { edge in
        edge.0 == 0 ? [-1] : edges.indices.filter { edges[$0].1 == edge.0 }
      }
      last = edges.indices.filter { edges[$0].1 == 3 }
    case .fbnet:
      sources = (0..<count).map { [$0 - 1] }
      last = [count - 1]
    }
  }

  /// Operations, input, output, global.
  var nodeCount: Int { space.positionCount + 3 }

  /// Operations, and three for input, output and global; a chain's layers, which differ in their
  /// channels, also have their place, and cells with dead nodes say which are.
  var featureCount: Int {
    let more = space == .fbnet ? space.positionCount : prunesDead ? 0 : 1
    return space.operations.count + 3 + more
  }

  /// The graphs of designs given by indicators, of which those of relaxed designs may lie between 0
  /// and 1: the largest of a position then says which nodes are cut off.
  ///
  /// - Returns: Node features [n, nodes, features], the adjacency with self-loops [n, nodes, nodes],
  ///   and the nodes that are not cut off [n, nodes, 1].
  func tensors(
    _ indicators: FeatureMatrix
  ) throws -> (features: Tensor, adjacency: Tensor, alive: Tensor) {
    let (count, nodes, width) = (indicators.rowCount, nodeCount, space.operations.count)
    let positions = space.positionCount
    var features = [Float](repeating: 0, count: count * nodes * featureCount)
    var adjacency = [Float](repeating: 0, count: count * nodes * nodes)
    var alive = [Float](repeating: 1, count: count * nodes)
    for row in 0..<count {
      let design = (0..<positions).map { position in
        var best = 0
        for operation in 1..<width
        where indicators[row, position * width + operation]
          > indicators[row, position * width + best]
        {
          best = operation
        }
        return best
      }
      let effective = space == .nasbench201 ? NASBench201.effective(design) : nil
      let living = (prunesDead ? effective : effective.map { _ in design })?.map { $0 != 0 }
      let isAlive = { (node: Int) in living?[node] ?? true }
      for position in 0..<positions {
        let node = row * nodes + position
        alive[node] = isAlive(position) ? 1 : 0
        guard isAlive(position) else { continue }
        for operation in 0..<width {
          features[node * featureCount + operation] =
            Float(indicators[row, position * width + operation])
        }
        if let effective, !prunesDead {
          features[node * featureCount + width + 3] = effective[position] != 0 ? 1 : 0
        }
        if space == .fbnet { features[node * featureCount + width + 3 + position] = 1 }
        for source in sources[position] where source < 0 || isAlive(source) {
          adjacency[node * nodes + (source < 0 ? positions : source)] = 1
        }
      }
      for special in 0..<3 {
        features[(row * nodes + positions + special) * featureCount + width + special] = 1
      }
      for source in last where isAlive(source) {
        adjacency[(row * nodes + positions + 1) * nodes + source] = 1
      }
      for source in 0..<nodes - 1 where source >= positions || isAlive(source) {
        adjacency[(row * nodes + nodes - 1) * nodes + source] = 1
      }
      normalise(&adjacency, row * nodes * nodes)
    }
    return (
      try Tensor(features, shape: [count, nodes, featureCount]),
      try Tensor(adjacency, shape: [count, nodes, nodes]),
      try Tensor(alive, shape: [count, nodes, 1])
    )
  }

  /// Adds self-loops, and divides sums by the degree that a node of a cell has on average.
  ///
  /// Means instead of sums would hide how many nodes there are: on CIFAR-100 they rank cells at 0.942
  /// instead of 0.964, and the roots of both degrees at 0.944.
  private func normalise(_ adjacency: inout [Float], _ start: Int) {
    for node in 0..<nodeCount {
      let row = start + node * nodeCount
      adjacency[row + node] = 1
      for other in 0..<nodeCount { adjacency[row + other] /= 3 }
    }
  }
}
