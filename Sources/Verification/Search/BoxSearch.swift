/// Branch and bound over the inputs: parts are boxes that are halved, deepest first.
///
/// For networks with a few inputs. All clauses of a problem share each box's intermediate bounds.
struct BoxSearch {
  /// One part of the input box.
  struct Part: Sendable {
    var box: Box
    /// Bounds inherited from the part that this one was halved from.
    var bounds: [LayerBounds]
    /// Clauses that are not proved.
    var open: [Int]
    var lowerBound: Double
    /// How it came about: each halved input with the chosen half.
    var path: [Halving]
  }

  /// A half of a box: `input` at most, or at least, its middle.
  struct Halving: Hashable, Sendable {
    var input: Int
    var isUpper: Bool
  }

  /// What bounding a part found.
  private struct Found: Sendable {
    var part: Part
    /// The input to halve.
    var input: Int
    var candidate: (clause: Int, point: [Double])?
  }

  let kernels: KernelNetwork
  let pool: EnginePool
  let problem: Problem
  let options: SearchOptions
  private(set) var stack: [(part: Part, input: Int)] = []
  private(set) var leaves: [[Halving]] = []
  private(set) var branches = 0
  private(set) var rounds = 0
  private var candidates: [(clause: Int, point: [Double])] = []

  init(_ kernels: KernelNetwork, _ pool: EnginePool, _ problem: Problem, _ options: SearchOptions) {
    self.kernels = kernels
    self.pool = pool
    self.problem = problem
    self.options = options
    insert([
      Part(
        box: problem.box, bounds: [], open: Array(problem.clauses.indices),
        lowerBound: -.infinity, path: [])
    ])
  }

  var lowerBound: Double {
    stack.reduce(.infinity) { min($0, $1.part.lowerBound) }
  }
  var open: Int { stack.count }
  var memory: Int {
    stack.count
      * (kernels.network.reluCounts.reduce(0, +) * 16 + problem.box.lower.count * 16 + 256)
  }

  /// What a round found.
  enum Round {
    case open
    case proved
    case candidate(clause: Int, [Double])
    case stuck(Incompleteness)
  }

  /// Halves up to eight times a batch of parts.
  mutating func round() -> Round {
    if let candidate = candidates.popLast() {
      return .candidate(clause: candidate.clause, candidate.point)
    }
    guard !stack.isEmpty else { return .proved }
    guard memory <= options.memoryLimit else { return .stuck(.memory) }
    rounds += 1
    let count = min(stack.count, options.batch * 4)
    let parts = stack[(stack.count - count)...]
    var halves: [Part] = []
    for (part, input) in parts {
      let (low, high) = (part.box.lower[input], part.box.upper[input])
      let middle = low + (high - low) / 2
      // A box that cannot be halved any more in float64.
      guard low < middle, middle < high else { return .stuck(.precision) }
      for isUpper in [false, true] {
        var half = part
        if isUpper { half.box.lower[input] = middle } else { half.box.upper[input] = middle }
        half.path.append(Halving(input: input, isUpper: isUpper))
        halves.append(half)
      }
    }
    stack.removeLast(count)
    branches += halves.count
    insert(halves)
    if let candidate = candidates.popLast() {
      return .candidate(clause: candidate.clause, candidate.point)
    }
    return .open
  }

  private mutating func insert(_ parts: [Part]) {
    let found = pool.map(parts.count) { [self] engine, index in bound(parts[index], engine) }
    var open: [Found] = []
    for result in found {
      if let candidate = result.candidate { candidates.append(candidate) }
      if result.part.open.isEmpty {
        if options.keepsCertificate { leaves.append(result.part.path) }
      } else {
        open.append(result)
      }
    }
    // The smallest bound is taken next: a counterexample is likeliest there.
    let order = open.indices.sorted {
      let (first, second) = (open[$0].part.lowerBound, open[$1].part.lowerBound)
      return first == second ? $0 < $1 : first > second
    }
    for index in order { stack.append((open[index].part, open[index].input)) }
  }

  /// Bounds all layers on a part's box, then its open clauses' rows.
  private func bound(_ part: Part, _ engine: BoundEngine) -> Found {
    var part = part
    let layers = kernels.layers.count
    let rule = options.bounds.slopes
    engine.set(part.box)
    engine.isShared = true
    var bounds: [LayerBounds] = []
    for k in 0..<layers - 1 {
      let (lower, upper) =
        k == 0
        ? (part.box.lower, part.box.upper)
        : (bounds[k - 1].lower.map { max($0, 0) }, bounds[k - 1].upper.map { max($0, 0) })
      var next = IntervalBounds.propagate(kernels.network.layers[k], lower: lower, upper: upper)
      if k < part.bounds.count { next.intersect(part.bounds[k]) }
      if k > 0 {
        let cells = IntermediateSlopes.cells(of: k, in: kernels, bounds: bounds)
        let queries = next.ambiguous.flatMap {
          [NeuronQuery(neuron: $0, isUpper: false), NeuronQuery(neuron: $0, isUpper: true)]
        }
        for group in IntermediateSlopes.groups(queries, kernels.layers[k]) {
          let cell = cells[IntermediateSlopes.place(group[0].neuron, kernels.layers[k])]
          let found = engine.bound(
            group, of: k, cell: cell, slopes: [:], rule: rule, BoundEngine.Ascent(steps: 0))
          for (lane, query) in group.enumerated() { next.intersect(query, found.values[lane]) }
        }
      }
      engine.setShared(k, next, rule)
      bounds.append(next)
    }
    part.bounds = bounds
    return closeClauses(part, engine)
  }

  /// Bounds the rows of the open clauses, eight at a time.
  private func closeClauses(_ given: Part, _ engine: BoundEngine) -> Found {
    var part = given
    let lanes = BoundEngine.lanes
    let last = kernels.layers.count - 1
    let jobs = part.open.flatMap { clause in
      problem.clauses[clause].rows.map { (clause: clause, row: $0) }
    }
    var best: [Int: Double] = [:]
    var sensitivity = [Double](repeating: 0, count: engine.inputCount)
    var points: [[Double]] = [part.box.centre]
    engine.useWholeWindows()
    engine.multipliers = []
    for first in stride(from: 0, to: jobs.count, by: lanes) {
      let group = jobs[first..<min(first + lanes, jobs.count)]
      let a = engine.levels[last].a
      a.update(repeating: 0, count: engine.levels[last].count * lanes)
      for lane in 0..<lanes { engine.offset[lane] = 0 }
      for (lane, job) in group.enumerated() {
        for (index, coefficient) in job.row.coefficients.enumerated() {
          a[index * lanes + lane] = coefficient
        }
        engine.offset[lane] = job.row.offset
      }
      for j in 0..<last { engine.setShared(j, part.bounds[j], options.bounds.slopes) }
      engine.ascend(
        from: last,
        BoundEngine.Ascent(
          steps: min(options.bounds.childSteps, 6), rate: options.bounds.rate,
          decay: options.bounds.decay),
        until: [Double](repeating: options.tolerance, count: lanes))
      for (lane, job) in group.enumerated() {
        let bound = engine.best[lane]
        best[job.clause] = max(best[job.clause] ?? -.infinity, bound)
        guard !(bound > options.tolerance) else { continue }
        addSensitivity(lane, to: &sensitivity, engine)
        if points.count < lanes {
          points.append(sensitivity.indices.map { engine.vertex[$0 * lanes + lane] })
        }
      }
    }
    part.open = part.open.filter { !((best[$0] ?? -.infinity) > options.tolerance) }
    part.lowerBound = part.open.map { best[$0] ?? -.infinity }.min() ?? .infinity
    let input = sensitivity.indices.max { sensitivity[$0] < sensitivity[$1] } ?? 0
    // Where no input matters to the bound, the widest is halved.
    let widest = (0..<engine.inputCount).max { engine.radius[$0] < engine.radius[$1] } ?? 0
    return Found(
      part: part, input: sensitivity[input] > 0 ? input : widest,
      candidate: part.open.isEmpty ? nil : violation(points, part.open, engine))
  }

  /// Adds how much each input's width matters to one lane's bound.
  ///
  /// The bound's own coefficients, and a part of what they would be if no two paths cancelled: an
  /// input may have no coefficient and still widen the relaxations.
  private func addSensitivity(
    _ lane: Int, to sensitivity: inout [Double], _ engine: BoundEngine
  ) {
    let lanes = BoundEngine.lanes
    let first = kernels.network.layers[0]
    var reach = [Double](repeating: 0, count: first.inputs)
    if first.convolution == nil {
      for output in 0..<first.outputs {
        let coefficient = abs(engine.levels[0].a[output * lanes + lane])
        guard coefficient > 0 else { continue }
        for input in 0..<first.inputs {
          reach[input] += coefficient * abs(first.weights[output * first.inputs + input])
        }
      }
    }
    for input in sensitivity.indices {
      sensitivity[input] +=
        (abs(engine.inputG[input * lanes + lane]) + 0.1 * reach[input]) * engine.radius[input]
    }
  }

  /// The first of up to eight points that violates an open clause.
  private func violation(
    _ points: [[Double]], _ open: [Int], _ engine: BoundEngine
  ) -> (clause: Int, point: [Double])? {
    let lanes = BoundEngine.lanes
    for lane in 0..<lanes {
      let point = points[min(lane, points.count - 1)]
      for index in point.indices { engine.vertex[index * lanes + lane] = point[index] }
    }
    engine.evaluate(engine.vertex)
    for lane in points.indices {
      let outputs = engine.outputs(lane)
      if let clause = open.first(where: { problem.clauses[$0].value(outputs) <= 0 }) {
        return (clause, points[lane])
      }
    }
    return nil
  }
}

extension LayerBounds {
  /// Bounds that both hold.
  mutating func intersect(_ other: LayerBounds) {
    for index in lower.indices {
      if other.lower[index] > lower[index] { lower[index] = other.lower[index] }
      if other.upper[index] < upper[index] { upper[index] = other.upper[index] }
    }
  }
}
