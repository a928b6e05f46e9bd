internal import Foundation
internal import Statistics

/// Looks for a counterexample by gradient steps from many points.
struct Attack {
  var seed: UInt64 = 0

  /// A point of the box at which a clause of a problem is violated.
  typealias Hit = (clause: Int, point: [Double])

  /// How a point moves in a step, in shares of the box's widths.
  private enum Rule {
    /// By the slope's signs, from a quarter of the width down to a hundredth.
    case signed
    /// Along the slope, from a fiftieth on, by less each time: such steps stay in a narrow gap.
    case along
  }

  /// Signed steps from the box's centre and random points.
  ///
  /// - `restarts`: Starts for each clause; a multiple of eight fills the lanes.
  /// - Returns: A hit, in float64 by the fast kernels, of the first clause in order that has one.
  func run(
    _ problem: Problem, clauses: [Int], restarts: Int, steps: Int, _ pool: EnginePool
  ) -> Hit? {
    let starts = clauses.flatMap { clause in
      (0..<max(1, restarts)).map { restart -> Hit in
        var generator = SplitMix64(
          seed: seed &+ UInt64(clause) &* 0x9E37_79B9 &+ UInt64(restart) << 32)
        return (
          clause, point(in: problem.box) { restart == 0 ? 0.5 : Self.share(&generator) }
        )
      }
    }
    // A few groups at a time, so that an easy counterexample ends the attack early.
    for part in Self.groups(starts, of: 8 * BoundEngine.lanes) {
      if let hit = descend(part, .signed, steps: steps, problem, pool) { return hit }
    }
    return nil
  }

  /// Steps along the slope from the best of many random points: where a network has few inputs they
  /// find gaps of a millionth of the box, which signed steps jump over.
  ///
  /// - `samples`: Random points.
  /// - `kept`: How many of them, the best of each clause, are moved.
  /// - Returns: A hit, in float64 by the fast kernels.
  func sample(
    _ problem: Problem, samples: Int = 1 << 15, kept: Int = 64, steps: Int = 120,
    _ pool: EnginePool
  ) -> Hit? {
    let lanes = BoundEngine.lanes
    let size = 512
    let parts = pool.map(samples / size) { engine, part -> [(value: Double, start: Hit)] in
      var generator = SplitMix64(seed: seed &+ UInt64(part) &* 0xBF58_476D_1CE4_E5B9)
      engine.useWholeWindows()
      var best: [(value: Double, start: Hit)] = []
      for _ in stride(from: 0, to: size, by: lanes) {
        let points = (0..<lanes).map { _ in
          self.point(in: problem.box) { Self.share(&generator) }
        }
        Self.place(points, problem, engine)
        engine.evaluate(engine.vertex)
        for lane in 0..<lanes {
          let outputs = engine.outputs(lane)
          for (clause, content) in problem.clauses.enumerated() {
            let value = content.rows.map { $0.value(outputs) }.max() ?? .infinity
            best.append((value, (clause, points[lane])))
          }
        }
      }
      return Self.best(best, kept, clauses: problem.clauses.count)
    }
    let starts = Self.best(parts.flatMap { $0 }, kept, clauses: problem.clauses.count).map(\.start)
    return descend(starts, .along, steps: steps, problem, pool)
  }

  private static func best(
    _ found: [(value: Double, start: Hit)], _ kept: Int, clauses: Int
  ) -> [(value: Double, start: Hit)] {
    (0..<clauses).flatMap { clause in
      found.filter { $0.start.clause == clause }.sorted { $0.value < $1.value }.prefix(kept)
    }
  }

  private func descend(
    _ starts: [Hit], _ rule: Rule, steps: Int, _ problem: Problem, _ pool: EnginePool
  ) -> Hit? {
    let groups = Self.groups(starts, of: BoundEngine.lanes)
    return pool.map(groups.count) { engine, index in
      descend(groups[index], rule, steps: steps, problem, engine)
    }.compactMap { $0 }.first
  }

  /// Moves as many points as there are lanes, or fewer, until one is a hit.
  private func descend(
    _ starts: [Hit], _ rule: Rule, steps: Int, _ problem: Problem, _ engine: BoundEngine
  ) -> Hit? {
    let lanes = BoundEngine.lanes
    let box = problem.box
    let point = engine.vertex
    engine.useWholeWindows()
    Self.place(starts.map(\.point), problem, engine)
    let last = engine.levels[engine.levels.count - 1]
    var deepest: (value: Double, hit: Hit)?
    for step in 0...steps {
      engine.evaluate(point)
      last.a.update(repeating: 0, count: last.count * lanes)
      for (lane, start) in starts.enumerated() {
        let outputs = engine.outputs(lane)
        let rows = problem.clauses[start.clause].rows
        let values = rows.map { $0.value(outputs) }
        guard let worst = values.indices.max(by: { values[$0] < values[$1] }) else { continue }
        if values[worst] <= min(deepest?.value ?? 0, 0) {
          let found = (0..<engine.inputCount).map { point[$0 * lanes + lane] }
          if rule == .signed { return (start.clause, found) }
          // In a narrow gap the first hit may be one in this precision alone.
          deepest = (values[worst], (start.clause, found))
        }
        for (index, coefficient) in rows[worst].coefficients.enumerated() {
          last.a[index * lanes + lane] = coefficient
        }
      }
      guard step < steps else { break }
      engine.differentiate()
      for lane in starts.indices {
        func width(_ index: Int) -> Double { box.upper[index] - box.lower[index] }
        func slope(_ index: Int) -> Double { engine.inputG[index * lanes + lane] }
        let norm = (0..<engine.inputCount).reduce(0.0) { sum, index in
          let scaled = slope(index) * width(index)
          return sum + scaled * scaled
        }.squareRoot()
        guard norm > 0 else { continue }
        for index in 0..<engine.inputCount {
          let direction: Double
          switch rule {
          case .signed:
            let share = 0.25 * (1 - Double(step) / Double(steps)) + 0.005
            direction = slope(index) > 0 ? share : slope(index) < 0 ? -share : 0
          case .along:
            direction = 0.02 * pow(0.97, Double(step)) * slope(index) * width(index) / norm
          }
          let moved = point[index * lanes + lane] - direction * width(index)
          point[index * lanes + lane] = min(max(moved, box.lower[index]), box.upper[index])
        }
      }
    }
    return deepest?.hit
  }

  // MARK: - Points

  private static func share(_ generator: inout SplitMix64) -> Double {
    Double(generator.next() >> 11) * 0x1p-53
  }

  private func point(in box: Box, share: () -> Double) -> [Double] {
    zip(box.lower, box.upper).map { low, high in min(max(low + share() * (high - low), low), high) }
  }

  /// Writes points to an engine's lanes; the others stand at the box's lower end.
  private static func place(_ points: [[Double]], _ problem: Problem, _ engine: BoundEngine) {
    let lanes = BoundEngine.lanes
    for lane in 0..<lanes {
      let point = lane < points.count ? points[lane] : problem.box.lower
      for index in 0..<engine.inputCount { engine.vertex[index * lanes + lane] = point[index] }
    }
  }

  private static func groups<Element>(_ all: [Element], of size: Int) -> [[Element]] {
    stride(from: 0, to: all.count, by: size).map { Array(all[$0..<min($0 + size, all.count)]) }
  }
}
