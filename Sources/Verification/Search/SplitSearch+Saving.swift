extension SplitSearch {
  /// The search as it stands.
  func saved() -> SavedTree.Parts {
    let roots = bounder.rootBounds.map(\.ambiguous)
    let starts = bounder.reluStarts
    func part(_ node: Subproblem, _ weights: [Double]) -> SavedTree.Part {
      SavedTree.Part(
        path: node.splits.map {
          2 * (starts[$0.relu.layer] + $0.relu.neuron) + ($0.isOn ? 1 : 0)
        },
        alpha: zip(roots, node.dual.alpha).flatMap { neurons, alpha in neurons.map { alpha[$0] } },
        beta: node.dual.beta, lowerBound: node.lowerBound, numbers: weights)
    }
    return SavedTree.Parts(
      open: (queue.nodes + undecidedParts).map { part($0, []) },
      proved: leaves.map { part($0.node, $0.weights) }, branches: branches, rounds: rounds)
  }

  /// Goes on from a saved search; nil where it is not of this network and box.
  init?(
    _ bounder: Bounder, _ clause: Clause, rule: any BranchingRule, _ options: SearchOptions,
    from saved: SavedTree.Parts
  ) {
    self.init(bounder, clause, rule: rule, options, resumed: saved.branches, saved.rounds)
    for part in saved.open {
      guard let node = bounder.restored(part) else { return nil }
      requeue(node)
    }
    for part in saved.proved {
      guard var node = bounder.decoded(part), part.numbers.count == clause.rows.count else {
        return nil
      }
      node.bounds = []
      restore(Leaf(node: node, weights: part.numbers))
    }
  }
}

extension Bounder {
  /// The place of each layer's first ReLU among all.
  var reluStarts: [Int] {
    network.reluCounts.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1) }
  }

  /// A saved part's splits and dual point, with the root's bounds.
  fileprivate func decoded(_ part: SavedTree.Part) -> Subproblem? {
    let starts = reluStarts
    var node = root()
    for step in part.path {
      let place = step / 2
      guard step >= 0, place < starts[starts.count - 1],
        let layer = starts.lastIndex(where: { $0 <= place })
      else { return nil }
      node.splits.append(
        Split(ReLUIndex(layer: layer, neuron: place - starts[layer]), isOn: step % 2 == 1))
    }
    guard part.beta.count == part.path.count, part.beta.allSatisfy({ $0 >= 0 }) else { return nil }
    var position = 0
    for layer in rootBounds.indices {
      for neuron in rootBounds[layer].ambiguous {
        guard position < part.alpha.count, part.alpha[position] >= 0, part.alpha[position] <= 1
        else { return nil }
        node.dual.alpha[layer][neuron] = part.alpha[position]
        position += 1
      }
    }
    guard position == part.alpha.count else { return nil }
    node.dual.beta = part.beta
    node.lowerBound = part.lowerBound
    return node
  }

  /// A saved part with its bounds, made anew split by split.
  fileprivate func restored(_ part: SavedTree.Part) -> Subproblem? {
    guard var node = decoded(part) else { return nil }
    var walk = root()
    for split in node.splits {
      let children = children([(walk, split.relu)])
      walk = children[split.isOn ? 1 : 0]
    }
    node.bounds = walk.bounds
    // What an empty part's own bound says is found again by the search.
    return node
  }
}
