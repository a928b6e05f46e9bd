internal import Verification

extension Audit {
  /// Walks the tree of halved boxes.
  mutating func check(_ proof: Certificate.BoxProof, _ problem: Problem) throws(Failure) {
    var closures: [Int: [Certificate.Closure]] = [:]
    for closure in proof.closures {
      guard problem.clauses.indices.contains(closure.clause),
        problem.clauses[closure.clause].rows.indices.contains(closure.row),
        closure.alpha.isEmpty || closure.alpha.count == plain.starts[plain.starts.count - 1],
        closure.alpha.allSatisfy({ $0 >= 0 && $0 <= 1 })
      else { throw Failure(message: "part \(closure.part): numbers out of range") }
      closures[closure.part, default: []].append(closure)
    }
    var walk = BoxWalk(tree: proof.tree, problem: problem, closures: closures)
    try visit(&walk, problem.box, [], Array(problem.clauses.indices), depth: 0)
    guard walk.position == proof.tree.count else {
      throw Failure(message: "a tree with \(proof.tree.count - walk.position) parts too many")
    }
  }

  private struct BoxWalk {
    let tree: [Int]
    let problem: Problem
    let closures: [Int: [Certificate.Closure]]
    var position = 0
  }

  private mutating func visit(
    _ walk: inout BoxWalk, _ box: Box, _ inherited: [LayerBounds], _ open: [Int], depth: Int
  ) throws(Failure) {
    guard walk.position < walk.tree.count, depth < 10_000 else {
      throw Failure(message: "a tree that ends before its parts do")
    }
    let part = walk.position
    let input = walk.tree[part]
    walk.position += 1
    count()
    var bounds: [LayerBounds] = []
    for k in 0..<network.layers.count - 1 {
      var next =
        k == 0
        ? plain.interval(0, lower: box.lower, upper: box.upper)
        : plain.interval(
          k, lower: bounds[k - 1].lower.map { max($0, 0) },
          upper: bounds[k - 1].upper.map { max($0, 0) })
      if k < inherited.count {
        for i in next.lower.indices {
          next.lower[i] = max(next.lower[i], inherited[k].lower[i])
          next.upper[i] = min(next.upper[i], inherited[k].upper[i])
        }
      }
      if k > 0 { plain.tighten(&next, k, box: box, bounds) { _, _ in .adaptive } }
      bounds.append(next)
    }
    var open = open
    for closure in walk.closures[part] ?? [] {
      let row = walk.problem.clauses[closure.clause].rows[closure.row]
      let bound = plain.lower(
        row.coefficients, offset: row.offset, of: network.layers.count - 1, box: box, bounds,
        closure.alpha.isEmpty ? .adaptive : .all(closure.alpha))
      guard bound > 0 else {
        throw Failure(message: "part \(part): its bound is \(bound), not above 0")
      }
      open.removeAll { $0 == closure.clause }
      prove(bound)
    }
    guard input >= 0 else {
      guard open.isEmpty else {
        throw Failure(message: "part \(part): clause \(open[0]) is not proved")
      }
      return
    }
    guard input < box.lower.count else {
      throw Failure(message: "part \(part): halves the input \(input), which there is not")
    }
    // The halves share the middle, so that they cover the part whatever it was rounded to.
    let middle = box.lower[input] + (box.upper[input] - box.lower[input]) / 2
    for isUpper in [false, true] {
      var half = box
      if isUpper { half.lower[input] = middle } else { half.upper[input] = middle }
      try visit(&walk, half, bounds, open, depth: depth + 1)
    }
  }
}
