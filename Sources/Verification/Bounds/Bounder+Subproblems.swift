internal import CBoundKernels
import Foundation

extension Bounder {
  /// The two parts of a subproblem that a split makes, `zhat <= 0` first, not yet bounded.
  ///
  /// Later layers are bounded anew with the root's slopes and never become looser. A part that is
  /// found empty has the bound `+inf`.
  func children(_ splits: [(parent: Subproblem, relu: ReLUIndex)]) -> [Subproblem] {
    pool.map(splits.count * 2) { [self] engine, index in
      let (parent, relu) = splits[index / 2]
      return child(of: parent, Split(relu, isOn: index % 2 == 1), engine)
    }
  }

  private func child(of parent: Subproblem, _ split: Split, _ engine: BoundEngine) -> Subproblem {
    var child = parent
    child.splits.append(split)
    child.dual.beta.append(0)
    let (layer, neuron) = (split.relu.layer, split.relu.neuron)
    if split.isOn {
      child.bounds[layer].lower[neuron] = max(0, parent.bounds[layer].lower[neuron])
    } else {
      child.bounds[layer].upper[neuron] = min(0, parent.bounds[layer].upper[neuron])
    }
    if child.bounds[layer].lower[neuron] > child.bounds[layer].upper[neuron] {
      child.lowerBound = .infinity
      return child
    }
    if options.tightensChildren && !tighten(&child, after: layer, engine) {
      child.lowerBound = .infinity
    }
    return child
  }

  /// Bounds the layers after a split; false where they contradict each other.
  private func tighten(
    _ child: inout Subproblem, after layer: Int, _ engine: BoundEngine
  ) -> Bool {
    let last = child.bounds.count - 1
    guard layer < last else { return true }
    engine.set(box)
    engine.isShared = true
    for j in 0...layer { engine.setShared(j, child.bounds[j], options.slopes) }
    for k in (layer + 1)...last {
      let kernel = kernels.layers[k]
      if options.boundsStable {
        child.bounds[k].intersect(
          IntervalBounds.propagate(
            network.layers[k], lower: child.bounds[k - 1].lower.map { max($0, 0) },
            upper: child.bounds[k - 1].upper.map { max($0, 0) }))
      }
      let wanted =
        options.boundsStable ? Array(child.bounds[k].lower.indices) : child.bounds[k].ambiguous
      let queries = wanted.flatMap {
        [NeuronQuery(neuron: $0, isUpper: false), NeuronQuery(neuron: $0, isUpper: true)]
      }
      for group in IntermediateSlopes.groups(queries, kernel) {
        let place = IntermediateSlopes.place(group[0].neuron, kernel)
        let cell = intermediate.cells[k][place]
        // A place that the split's ReLU does not reach keeps its bounds, unless a later layer
        // became tighter, which only happens through that ReLU too.
        let found = engine.bound(
          group, of: k, cell: cell, slopes: intermediate.slopes[k], rule: options.slopes,
          BoundEngine.Ascent(steps: 0))
        for (lane, query) in group.enumerated() {
          child.bounds[k].intersect(query, found.values[lane])
        }
      }
      if child.bounds[k].isEmpty { return false }
      if k < last { engine.setShared(k, child.bounds[k], options.slopes) }
    }
    return true
  }

  /// Bounds one row on each subproblem, from its dual point, in groups of eight.
  ///
  /// - Parameters:
  ///   - jobs: Subproblems with the row to bound.
  ///   - steps: Steps of ascent.
  ///   - target: Above it a bound need not rise further.
  /// - Returns: One bound a job, in their order.
  func bound(
    _ jobs: [(subproblem: Subproblem, row: OutputRow)], steps: Int, target: Double
  ) -> [RowBound] {
    let lanes = BoundEngine.lanes
    let groups = stride(from: 0, to: jobs.count, by: lanes).map {
      Array(jobs[$0..<min($0 + lanes, jobs.count)])
    }
    let last = network.layers.count - 1
    return pool.map(groups.count) { [self] engine, index in
      engine.load(groups[index], box: box, options.slopes)
      let targets = (0..<lanes).map { lane in
        guard lane < groups[index].count else { return -Double.infinity }
        // An empty part needs no work.
        return groups[index][lane].subproblem.lowerBound == .infinity ? -.infinity : target
      }
      engine.ascend(
        from: last,
        BoundEngine.Ascent(steps: steps, rate: options.rate, decay: options.decay),
        until: targets)
      if steps > 0 { engine.evaluate(engine.vertex) }
      return groups[index].indices.map { lane in
        engine.result(
          lane, groups[index][lane].subproblem, steps > 0 ? groups[index][lane].row : nil)
      }
    }.flatMap { $0 }
  }

  /// Relaxation values of subproblems at their own dual points.
  func states(_ jobs: [(subproblem: Subproblem, row: OutputRow)]) -> [RelaxationState] {
    let lanes = BoundEngine.lanes
    let groups = stride(from: 0, to: jobs.count, by: lanes).map {
      Array(jobs[$0..<min($0 + lanes, jobs.count)])
    }
    let last = network.layers.count - 1
    return pool.map(groups.count) { [self] engine, index in
      engine.load(groups[index], box: box, options.slopes)
      engine.backward(from: last, wantsVertex: true)
      engine.forward(below: last)
      return groups[index].indices.map { lane in
        engine.state(lane)
      }
    }.flatMap { $0 }
  }
}

extension BoundEngine {
  /// Loads up to eight subproblems with the rows to bound.
  func load(
    _ jobs: [(subproblem: Subproblem, row: OutputRow)], box: Box, _ rule: LowerSlope
  ) {
    let lanes = BoundEngine.lanes
    let last = levels.count - 1
    set(box)
    isShared = false
    useWholeWindows()
    for j in 0..<last {
      setLanes(
        j, jobs.map { $0.subproblem.bounds[j] }, alpha: jobs.map { $0.subproblem.dual.alpha[j] },
        rule)
    }
    multipliers = []
    levels[last].a.update(repeating: 0, count: levels[last].count * lanes)
    for lane in 0..<lanes { offset[lane] = 0 }
    for (lane, job) in jobs.enumerated() {
      for (index, coefficient) in job.row.coefficients.enumerated() {
        levels[last].a[index * lanes + lane] = coefficient
      }
      offset[lane] = job.row.offset
      for (split, beta) in zip(job.subproblem.splits, job.subproblem.dual.beta) {
        multipliers.append(
          Multiplier(
            lane: lane, layer: split.relu.layer, neuron: split.relu.neuron,
            sigma: split.isOn ? 1 : -1, value: beta, best: beta))
      }
    }
  }

  /// One lane's best bound and the dual point that gave it.
  ///
  /// With a row, whose value is that at the vertex that was run through the network.
  func result(_ lane: Int, _ subproblem: Subproblem, _ row: OutputRow?) -> RowBound {
    let lanes = BoundEngine.lanes
    var dual = subproblem.dual
    for j in dual.alpha.indices {
      let level = levels[j]
      dual.alpha[j].withUnsafeMutableBufferPointer { alpha in
        for position in 0..<level.activeCount {
          alpha[Int(level.active[position])] = level.best[position * lanes + lane]
        }
      }
    }
    dual.beta = multipliers.filter { $0.lane == lane }.map(\.best)
    let empty = subproblem.lowerBound == .infinity
    return RowBound(
      lowerBound: empty ? .infinity : best[lane], dual: dual,
      vertex: row.map { row in
        let outputs = (0..<levels[levels.count - 1].count).map {
          levels[levels.count - 1].zhat[$0 * lanes + lane]
        }
        return (row.value(outputs), (0..<inputCount).map { vertex[$0 * lanes + lane] })
      })
  }

  /// One lane's values after a backward and a forward pass.
  func state(_ lane: Int) -> RelaxationState {
    /// Numbers that are read at every eighth place.
    func numbers(_ count: Int, _ number: (Int) -> Double) -> [Double] {
      [Double](unsafeUninitializedCapacity: count) { buffer, initialized in
        for index in 0..<count { buffer[index] = number(index * BoundEngine.lanes) }
        initialized = count
      }
    }
    var lowerDual: [[Double]] = []
    var upperDual: [[Double]] = []
    var zhat: [[Double]] = []
    var z: [[Double]] = []
    for level in levels.dropLast() {
      let (g, free, alpha) = (level.g + lane, level.intercept + lane, level.lower + lane)
      lowerDual.append(
        numbers(level.count) { free[$0] > 0 ? alpha[$0] * max(g[$0], 0) : 0 })
      upperDual.append(numbers(level.count) { free[$0] > 0 ? min(g[$0], 0) : 0 })
      let (before, after) = (level.zhat + lane, level.z + lane)
      zhat.append(numbers(level.count) { before[$0] })
      z.append(numbers(level.count) { after[$0] })
    }
    let corner = vertex + lane
    let input = numbers(inputCount) { corner[$0] }
    return RelaxationState(
      lowerBound: value[lane], lowerDual: lowerDual, upperDual: upperDual, zhat: zhat, z: z,
      input: input)
  }
}

extension Bounder {
  /// Lower bounds of one row on subproblems after ascent from their dual points; eight cost little more
  /// than one.
  public func lowerBounds(
    of subproblems: [Subproblem], row: OutputRow, steps: Int
  ) -> [Double] {
    bound(subproblems.map { ($0, row) }, steps: steps, target: .infinity).map(\.lowerBound)
  }

  /// Both parts that a split makes, bounded: `zhat <= 0` first.
  ///
  /// - Parameters:
  ///   - subproblem: The part to split.
  ///   - relu: An ambiguous ReLU of it.
  ///   - row: The row to bound.
  ///   - steps: Steps of ascent.
  /// - Returns: Two parts; an empty one has the bound `+inf`.
  public func boundedChildren(
    of subproblem: Subproblem, _ relu: ReLUIndex, row: OutputRow, steps: Int
  ) -> [Subproblem] {
    let children = children([(subproblem, relu)])
    let bounds = bound(children.map { ($0, row) }, steps: steps, target: .infinity)
    return zip(children, bounds).map { child, bound in
      var child = child
      child.lowerBound = max(bound.lowerBound, subproblem.lowerBound)
      child.dual = bound.dual
      return child
    }
  }
}
