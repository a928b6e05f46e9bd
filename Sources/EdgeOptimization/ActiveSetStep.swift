import LinearAlgebra

/// Steps of an active-set method for min bᵀGb − 2bᵀh + λ‖b‖_q, q = 1 or ∞, which finish in a few solves what
/// coordinate descent and proximal steps only approach.
///
/// On the face of the norm's ball where b lies, the problem is quadratic and has a closed solution. The step
/// goes there, or as far as the face reaches; so the objective never rises.
extension PenalisedDescent {
  /// - `change`: b.
  /// - Returns: A b that is no worse, with as few directions left as a handful of steps allows.
  func polished(_ change: [Double]) -> [Double] {
    var change = change
    if norm == .l1 {
      for _ in 0..<8 {
        guard let (next, isWhole) = signStep(change) else { break }
        change = next
        if isWhole { break }
      }
      return change
    }
    var released: Int?
    for _ in 0..<2 * change.count {
      guard let (next, isWhole) = boundStep(change, releasing: released) else { break }
      let isStuck = next == change
      change = next
      released = nil
      guard isWhole || isStuck else { continue }
      // The face's best point is the whole problem's unless an entry would rather leave the bound.
      released = entryToRelease(change)
      if released == nil || isStuck { break }
    }
    return change
  }

  /// The entry at the bound that most lowers the objective where it shrinks.
  private func entryToRelease(_ change: [Double]) -> Int? {
    let bound = change.reduce(0) { max($0, abs($1)) }
    var most: (gain: Double, index: Int)?
    for index in change.indices where abs(change[index]) >= bound * (1 - 1e-9) {
      let gain = (dot(gram[index], change) - slope[index]) * (change[index] < 0 ? -1 : 1)
      if gain > max(most?.gain ?? 0, 1e-12 * penalty) { most = (gain, index) }
    }
    return most?.index
  }

  /// Solves for the entries that are not 0, with their signs.
  private func signStep(_ change: [Double]) -> (change: [Double], isWhole: Bool)? {
    let active = change.indices.filter { change[$0] != 0 }
    guard !active.isEmpty else { return nil }
    let right = active.map { slope[$0] - (change[$0] < 0 ? -1 : 1) * penalty / 2 }
    guard
      let target = solved(active.map { row in active.map { gram[row][$0] } }, right)
    else { return nil }
    // The first entry to reach 0 leaves.
    var (step, leaving) = (1.0, -1)
    for (place, index) in active.enumerated() where target[place] * change[index] < 0 {
      let share = change[index] / (change[index] - target[place])
      if share < step { (step, leaving) = (share, index) }
    }
    var next = change
    for (place, index) in active.enumerated() {
      next[index] += step * (target[place] - change[index])
    }
    if leaving >= 0 { next[leaving] = 0 }
    return (next, leaving < 0)
  }

  /// Solves for the largest size and the entries below it.
  ///
  /// - `releasing`: An entry at the bound that may shrink.
  private func boundStep(
    _ change: [Double], releasing released: Int?
  ) -> (change: [Double], isWhole: Bool)? {
    let bound = change.reduce(0) { max($0, abs($1)) }
    // From 0 the steepest way is that of all signs.
    let isAtZero = bound == 0
    let isFree = change.indices.map {
      isAtZero ? slope[$0] == 0 : abs(change[$0]) < bound * (1 - 1e-9) || $0 == released
    }
    let free = change.indices.filter { isFree[$0] }
    let signs = change.indices.map {
      isFree[$0] ? 0.0 : (isAtZero ? slope[$0] : change[$0]) < 0 ? -1 : 1
    }
    let product = gram.map { dot($0, signs) }
    var matrix = free.map { row in free.map { gram[row][$0] } + [product[row]] }
    matrix.append(free.map { product[$0] } + [dot(signs, product)])
    guard
      let target = solved(matrix, free.map { slope[$0] } + [dot(signs, slope) - penalty / 2])
    else { return nil }
    let grown = target[free.count] - bound
    // The bound may not fall below 0, nor an entry grow beyond it.
    var step = grown < -bound ? bound / -grown : 1
    for (place, index) in free.enumerated() {
      let moved = target[place] - change[index]
      for sign in [1.0, -1] where sign * moved - grown > 0 {
        step = min(step, (bound - sign * change[index]) / (sign * moved - grown))
      }
    }
    var next = signs.map { $0 * (bound + step * grown) }
    for (place, index) in free.enumerated() {
      next[index] = change[index] + step * (target[place] - change[index])
    }
    return (next, step == 1)
  }

  /// Solves a system whose matrix may lack rank, where any of the solutions will do.
  private func solved(_ rows: [[Double]], _ right: [Double]) -> [Double]? {
    let trace = rows.indices.reduce(0) { $0 + rows[$1][$1] }
    var matrix = rows.flatMap { $0 }
    for index in rows.indices { matrix[index * (rows.count + 1)] += 1e-12 * trace }
    return CholeskyFactorization(matrix, size: rows.count)?.solve(right)
  }
}
