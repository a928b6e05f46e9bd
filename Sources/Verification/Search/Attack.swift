internal import Statistics

/// Looks for a counterexample by signed gradient steps from the box's centre and random points.
struct Attack {
  /// Starts for each clause; a multiple of eight fills the lanes.
  var restarts = 16
  /// Steps; their length falls from a quarter of the box's width to a hundredth.
  var steps = 40
  var seed: UInt64 = 0

  /// A point of the box at which a clause seems violated, in float64 by the fast kernels.
  ///
  /// - Returns: The first clause in order for which a point was found.
  func run(
    _ problem: Problem, clauses: [Int], _ pool: EnginePool
  ) -> (clause: Int, point: [Double])? {
    let lanes = BoundEngine.lanes
    let starts = clauses.flatMap { clause in (0..<max(1, restarts)).map { (clause, $0) } }
    let groups = stride(from: 0, to: starts.count, by: lanes).map {
      Array(starts[$0..<min($0 + lanes, starts.count)])
    }
    // A few groups at a time, so that an easy counterexample ends the attack early.
    for first in stride(from: 0, to: groups.count, by: 8) {
      let part = Array(groups[first..<min(first + 8, groups.count)])
      let found = pool.map(part.count) { engine, index in
        run(part[index], problem, engine)
      }
      if let hit = found.compactMap({ $0 }).first { return hit }
    }
    return nil
  }

  private func run(
    _ starts: [(clause: Int, restart: Int)], _ problem: Problem, _ engine: BoundEngine
  ) -> (clause: Int, point: [Double])? {
    let lanes = BoundEngine.lanes
    let box = problem.box
    let point = engine.vertex
    engine.useWholeWindows()
    for (lane, start) in starts.enumerated() {
      var generator = SplitMix64(
        seed: seed &+ UInt64(start.clause) &* 0x9E37_79B9 &+ UInt64(start.restart) << 32)
      for index in 0..<engine.inputCount {
        let share =
          start.restart == 0 ? 0.5 : Double(generator.next() >> 11) * 0x1p-53
        let (low, high) = (box.lower[index], box.upper[index])
        point[index * lanes + lane] = min(max(low + share * (high - low), low), high)
      }
    }
    for lane in starts.count..<lanes {
      for index in 0..<engine.inputCount { point[index * lanes + lane] = box.lower[index] }
    }
    let last = engine.levels[engine.levels.count - 1]
    for step in 0...steps {
      engine.evaluate(point)
      last.a.update(repeating: 0, count: last.count * lanes)
      for (lane, start) in starts.enumerated() {
        let outputs = engine.outputs(lane)
        let rows = problem.clauses[start.clause].rows
        let values = rows.map { $0.value(outputs) }
        guard let worst = values.indices.max(by: { values[$0] < values[$1] }) else { continue }
        if values[worst] <= 0 {
          return (start.clause, (0..<engine.inputCount).map { point[$0 * lanes + lane] })
        }
        for (index, coefficient) in rows[worst].coefficients.enumerated() {
          last.a[index * lanes + lane] = coefficient
        }
      }
      guard step < steps else { break }
      engine.differentiate()
      let share = 0.25 * (1 - Double(step) / Double(steps)) + 0.005
      for index in 0..<engine.inputCount {
        let (low, high) = (box.lower[index], box.upper[index])
        let length = share * (high - low)
        for lane in starts.indices {
          let place = index * lanes + lane
          let slope = engine.inputG[place]
          let moved = point[place] - (slope > 0 ? length : slope < 0 ? -length : 0)
          point[place] = min(max(moved, low), high)
        }
      }
    }
    return nil
  }
}
