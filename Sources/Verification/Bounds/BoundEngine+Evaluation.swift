internal import CBoundKernels

extension BoundEngine {
  /// Runs eight points through the network, into `levels[…].zhat`.
  func evaluate(_ points: Numbers) {
    let lanes = BoundEngine.lanes
    for j in levels.indices { levels[j].window = levels[j].shape.whole }
    for j in levels.indices {
      linear(j, from: j == 0 ? points : levels[j - 1].z, to: levels[j].zhat)
      guard j + 1 < levels.count else { break }
      let (zhat, z) = (levels[j].zhat, levels[j].z)
      for place in 0..<levels[j].count * lanes { z[place] = max(zhat[place], 0) }
    }
  }

  /// The gradients of the forms in the last level's `a` at the points that `evaluate` ran, into
  /// `inputG`.
  func differentiate() {
    let lanes = BoundEngine.lanes
    for j in levels.indices.reversed() {
      transposed(j, from: levels[j].a, to: j > 0 ? levels[j - 1].g : inputG)
      guard j > 0 else { break }
      let (g, zhat, a) = (levels[j - 1].g, levels[j - 1].zhat, levels[j - 1].a)
      for place in 0..<levels[j - 1].count * lanes { a[place] = zhat[place] > 0 ? g[place] : 0 }
    }
  }

  /// One lane's outputs after `evaluate`.
  func outputs(_ lane: Int) -> [Double] {
    let level = levels[levels.count - 1]
    return (0..<level.count).map { level.zhat[$0 * BoundEngine.lanes + lane] }
  }
}
