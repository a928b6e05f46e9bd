internal import CBoundKernels

/// Decides a part on which no ReLU is ambiguous: there the network is linear, and the part is the
/// box with one half-space for each split.
///
/// A linear program over the inputs gives the splits' multipliers and the rows' weights; the bound is
/// then evaluated by the same backward pass as all others, so a solver's tolerance does no harm.
/// Violations of the half-spaces are allowed at a price, which keeps the program feasible and its
/// multipliers finite: an empty part gets a bound that rises with the price.
struct ExactLeaf {
  /// What is known of the part.
  enum Decision: Sendable {
    /// The bound of the weighted rows, with the weights.
    case closed(RowBound, weights: [Double])
    /// The minimiser, at which all rows may be violated.
    case candidate([Double])
    case undecided
  }

  let bounder: Bounder
  let clause: Clause
  let tolerance: Double

  func decide(_ node: Subproblem, _ engine: BoundEngine) -> Decision {
    guard LinearProgram.isAvailable else { return .undecided }
    let rowForms = forms(
      clause.rows.map { row in
        (bounder.network.layers.count - 1, row.coefficients, row.offset)
      }, node, engine)
    let splitForms = forms(
      node.splits.map { split in
        var unit = [Double](
          repeating: 0, count: bounder.network.layers[split.relu.layer].outputs)
        unit[split.relu.neuron] = split.isOn ? 1 : -1
        return (split.relu.layer, unit, 0)
      }, node, engine)
    var candidate: [Double]?
    for price in [1e2, 1e4, 1e6, 1e8] {
      guard let solution = solve(rowForms, splitForms, price: price) else { continue }
      let weights = solution.duals[..<clause.rows.count].map { max(0, -$0) }
      let sum = weights.reduce(0, +)
      guard sum > 0 else { continue }
      var given = node
      given.dual.beta = solution.duals[clause.rows.count...].map { max(0, $0) / sum }
      let combined = clause.combined(weights.map { $0 / sum })
      engine.load([(given, combined)], box: bounder.box, bounder.options.slopes)
      engine.ascend(
        from: bounder.network.layers.count - 1, BoundEngine.Ascent(steps: 0),
        until: [Double](repeating: tolerance, count: BoundEngine.lanes))
      let bound = engine.result(0, given, nil)
      if bound.lowerBound > tolerance {
        return .closed(bound, weights: weights.map { $0 / sum })
      }
      candidate = Array(solution.x[..<bounder.network.inputCount])
    }
    return candidate.map { .candidate($0) } ?? .undecided
  }

  /// `minimise t + price s` with `row <= t` for each row and `form + s >= 0` for each split.
  private func solve(
    _ rows: [Form], _ splits: [Form], price: Double
  ) -> LinearProgram.Solution? {
    var program = LinearProgram()
    for input in bounder.box.lower.indices {
      _ = program.variable(bounder.box.lower[input], bounder.box.upper[input])
    }
    let top = program.variable(-1e30, 1e30, cost: 1)
    let slack = program.variable(0, 1e30, cost: price)
    for form in rows {
      program.rows.append(
        LinearProgram.Row(
          entries: form.entries + [(top, -1)], lower: -.infinity, upper: -form.constant))
    }
    for form in splits {
      program.rows.append(
        LinearProgram.Row(
          entries: form.entries + [(slack, 1)], lower: -form.constant, upper: .infinity))
    }
    return program.minimised()
  }

  /// A linear form of the input.
  struct Form {
    var entries: [(column: Int, value: Double)]
    var constant: Double
  }

  /// Forms of layers' outputs as forms of the input, exact where no ReLU below is ambiguous.
  private func forms(
    _ wanted: [(layer: Int, coefficients: [Double], offset: Double)], _ node: Subproblem,
    _ engine: BoundEngine
  ) -> [Form] {
    let lanes = BoundEngine.lanes
    var plain = node
    plain.splits = []
    plain.dual.beta = []
    engine.load(
      [(plain, clause.rows[0])], box: bounder.box, bounder.options.slopes)
    return wanted.map { form in
      let level = engine.levels[form.layer]
      level.a.update(repeating: 0, count: level.count * lanes)
      for (index, coefficient) in form.coefficients.enumerated() {
        level.a[index * lanes] = coefficient
      }
      for lane in 0..<lanes { engine.offset[lane] = 0 }
      engine.offset[0] = form.offset
      engine.backward(from: form.layer, wantsVertex: false)
      var entries: [(column: Int, value: Double)] = []
      for input in 0..<engine.inputCount {
        let value = engine.inputG[input * lanes]
        if value != 0 { entries.append((input, value)) }
      }
      return Form(entries: entries, constant: engine.constant[0])
    }
  }
}

extension Clause {
  /// The weighted sum of the rows: where it is above 0 for weights from 0, not all rows are at most
  /// 0.
  func combined(_ weights: [Double]) -> OutputRow {
    var sum = OutputRow(
      coefficients: [Double](repeating: 0, count: rows.first?.coefficients.count ?? 0))
    for (row, weight) in zip(rows, weights) where weight != 0 {
      for index in row.coefficients.indices {
        sum.coefficients[index] += weight * row.coefficients[index]
      }
      sum.offset += weight * row.offset
    }
    return sum
  }
}
