internal import Verification

extension Audit {
  /// Walks the tree of each clause, with bounds of all layers on each part.
  mutating func check(
    _ proof: Certificate.SplitProof, _ problem: Problem
  ) throws(Failure) {
    guard proof.clauses.count == problem.clauses.count else {
      throw Failure(
        message: "\(proof.clauses.count) trees for \(problem.clauses.count) clauses")
    }
    guard proof.layers.count == network.reluCounts.count else {
      throw Failure(message: "slopes of \(proof.layers.count) layers")
    }
    let slopes = try intermediate(proof.layers)
    var bounds: [LayerBounds] = []
    for k in 0..<network.layers.count - 1 {
      var next = interval(k, problem.box, bounds)
      if k > 0 {
        plain.tighten(&next, k, box: problem.box, bounds) { _, _ in .adaptive }
        plain.tighten(&next, k, box: problem.box, bounds) { neuron, isUpper in
          slopes[k][neuron * 2 + (isUpper ? 1 : 0)].map { .some($0) } ?? .adaptive
        }
      }
      bounds.append(next)
    }
    for (tree, clause) in zip(proof.clauses, problem.clauses) {
      var walk = SplitWalk(
        tree: tree, clause: clause, problem: problem, slopes: slopes, tightens: proof.tightens)
      try visit(&walk, bounds, [])
      guard walk.position == tree.tree.count, walk.leaf == tree.leaves.count else {
        throw Failure(message: "a tree with \(tree.tree.count - walk.position) parts too many")
      }
    }
  }

  private func interval(_ k: Int, _ box: Box, _ bounds: [LayerBounds]) -> LayerBounds {
    k == 0
      ? plain.interval(0, lower: box.lower, upper: box.upper)
      : plain.interval(
        k, lower: bounds[k - 1].lower.map { max($0, 0) },
        upper: bounds[k - 1].upper.map { max($0, 0) })
  }

  /// Slopes by layer and query, each by the ReLU's place among all.
  private func intermediate(
    _ layers: [Certificate.LayerSlopes]
  ) throws(Failure) -> [[Int: [Int: Float]]] {
    var result: [[Int: [Int: Float]]] = []
    for (k, layer) in layers.enumerated() {
      var queries: [Int: [Int: Float]] = [:]
      for (key, slopes) in layer.queries {
        var values: [Int: Float] = [:]
        for slope in slopes {
          guard slope.layer >= 0, slope.layer < k, slope.neuron >= 0,
            Int(slope.neuron) < network.reluCounts[Int(slope.layer)],
            slope.value >= 0, slope.value <= 1
          else { throw Failure(message: "a slope of \(slope.value) or of no earlier ReLU") }
          values[plain.starts[Int(slope.layer)] + Int(slope.neuron)] = slope.value
        }
        queries[key] = values
      }
      result.append(queries)
    }
    return result
  }

  private struct SplitWalk {
    let tree: Certificate.ClauseTree
    let clause: Clause
    let problem: Problem
    let slopes: [[Int: [Int: Float]]]
    let tightens: Bool
    var position = 0
    var leaf = 0
  }

  private mutating func visit(
    _ walk: inout SplitWalk, _ bounds: [LayerBounds],
    _ path: [(layer: Int, neuron: Int, isOn: Bool)]
  ) throws(Failure) {
    guard walk.position < walk.tree.tree.count, path.count < 10_000 else {
      throw Failure(message: "a tree that ends before its parts do")
    }
    let what = walk.tree.tree[walk.position]
    walk.position += 1
    count()
    guard what >= 0 else {
      guard walk.leaf < walk.tree.leaves.count else { throw Failure(message: "a leaf too many") }
      let leaf = walk.tree.leaves[walk.leaf]
      walk.leaf += 1
      try check(leaf, walk, bounds, path)
      return
    }
    guard what < plain.starts[plain.starts.count - 1],
      let layer = plain.starts.lastIndex(where: { $0 <= what })
    else { throw Failure(message: "a split of the ReLU \(what), which there is not") }
    let neuron = what - plain.starts[layer]
    for isOn in [false, true] {
      var child = bounds
      if isOn {
        child[layer].lower[neuron] = max(0, child[layer].lower[neuron])
      } else {
        child[layer].upper[neuron] = min(0, child[layer].upper[neuron])
      }
      if walk.tightens, !child[layer].isContradictory {
        tighten(&child, after: layer, walk)
      }
      try visit(&walk, child, path + [(layer, neuron, isOn)])
    }
  }

  private func tighten(_ bounds: inout [LayerBounds], after layer: Int, _ walk: SplitWalk) {
    guard layer + 1 < bounds.count else { return }
    for k in layer + 1..<bounds.count {
      var next = bounds[k]
      plain.tighten(&next, k, box: walk.problem.box, bounds) { neuron, isUpper in
        walk.slopes[k][neuron * 2 + (isUpper ? 1 : 0)].map { .some($0) } ?? .adaptive
      }
      bounds[k] = next
      if next.isContradictory { return }
    }
  }

  private mutating func check(
    _ leaf: Certificate.Leaf, _ walk: SplitWalk, _ bounds: [LayerBounds],
    _ path: [(layer: Int, neuron: Int, isOn: Bool)]
  ) throws(Failure) {
    // Bounds that contradict each other leave nothing of the part.
    if bounds.contains(where: \.isContradictory) { return prove(.infinity) }
    guard leaf.weights.count == walk.clause.rows.count,
      leaf.weights.allSatisfy({ $0 >= 0 && $0.isFinite }),
      leaf.alpha.count == plain.starts[plain.starts.count - 1],
      leaf.alpha.allSatisfy({ $0 >= 0 && $0 <= 1 }), leaf.beta.count == path.count,
      leaf.beta.allSatisfy({ $0 >= 0 && $0.isFinite })
    else { throw Failure(message: "leaf \(walk.leaf): numbers out of range or of another count") }
    var form = [Double](repeating: 0, count: network.outputCount)
    var offset = 0.0
    for (row, weight) in zip(walk.clause.rows, leaf.weights) where weight != 0 {
      for index in form.indices { form[index] += weight * row.coefficients[index] }
      offset += weight * row.offset
    }
    let bound = plain.lower(
      form, offset: offset, of: network.layers.count - 1, box: walk.problem.box, bounds,
      .all(leaf.alpha),
      zip(path, leaf.beta).map {
        PlainBounds.Multiplier(layer: $0.layer, neuron: $0.neuron, isOn: $0.isOn, value: $1)
      })
    guard bound > 0 else {
      throw Failure(message: "leaf \(walk.leaf): its bound is \(bound), not above 0")
    }
    prove(bound)
  }
}

extension LayerBounds {
  /// Whether nothing is left; bounds of the audit account for rounding, so no slack is needed.
  var isContradictory: Bool { lower.indices.contains { lower[$0] > upper[$0] } }
}
