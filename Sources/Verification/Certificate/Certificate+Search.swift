extension SplitSearch {
  /// The proved clause's tree, or nil where parts are open or leaves were not kept.
  func clauseTree() -> Certificate.ClauseTree? {
    guard open == 0, !leaves.isEmpty else { return nil }
    var starts = [0]
    for count in bounder.network.reluCounts { starts.append((starts.last ?? 0) + count) }
    let paths = leaves.map { leaf in
      leaf.node.splits.map { split in
        (what: starts[split.relu.layer] + split.relu.neuron, isSecond: split.isOn)
      }
    }
    var order: [Int] = []
    guard let tree = PathTree.preorder(paths, visit: { leaf, _ in order.append(leaf) }) else {
      return nil
    }
    return Certificate.ClauseTree(
      tree: tree,
      leaves: order.map { index in
        let leaf = leaves[index]
        return Certificate.Leaf(
          weights: leaf.weights, alpha: leaf.node.dual.alpha.flatMap { $0 },
          beta: leaf.node.dual.beta)
      })
  }
}

extension IntermediateSlopes {
  /// The slopes as a certificate has them, with the ReLU each belongs to.
  func certified(_ network: KernelNetwork) -> [Certificate.LayerSlopes] {
    slopes.indices.map { k in
      Certificate.LayerSlopes(
        queries: slopes[k].reduce(into: [:]) { result, query in
          let place = IntermediateSlopes.place(query.key / 2, network.layers[k])
          var found: [Certificate.LayerSlopes.Slope] = []
          for (layer, neurons) in cells[k][place].enumerated() {
            for neuron in neurons {
              found.append(
                Certificate.LayerSlopes.Slope(
                  layer: Int32(layer), neuron: Int32(neuron), value: query.value[found.count]))
            }
          }
          result[query.key] = found
        })
    }
  }
}

extension BoxSearch {
  /// The proved problem's tree, or nil where parts are open or leaves were not kept.
  func proof() -> Certificate.BoxProof? {
    guard open == 0, !leaves.isEmpty else { return nil }
    let paths = leaves.map { path in path.map { (what: $0.input, isSecond: $0.isUpper) } }
    guard let tree = PathTree.preorder(paths, visit: { _, _ in }) else { return nil }
    // Every part's place by its path, inner ones too.
    var places: [[Halving]: Int] = [:]
    var place = 0
    func number(_ path: [Halving]) {
      let input = tree[place]
      places[path] = place
      place += 1
      guard input >= 0 else { return }
      number(path + [Halving(input: input, isUpper: false)])
      number(path + [Halving(input: input, isUpper: true)])
    }
    number([])
    return Certificate.BoxProof(
      tree: tree,
      closures: closures.compactMap { closure in
        places[closure.path].map {
          Certificate.Closure(
            part: $0, clause: closure.clause, row: closure.row, alpha: closure.alpha)
        }
      }.sorted { ($0.part, $0.clause) < ($1.part, $1.clause) })
  }
}
