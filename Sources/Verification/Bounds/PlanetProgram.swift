/// The planet relaxation (Ehlers 2017) of a part as a linear program over the inputs and the ReLUs'
/// outputs.
///
/// On: `z = zhat`; ambiguous: `z >= 0`, `z >= zhat`, `z <= s zhat + t`; off: `z = 0`. A split adds its
/// half-space. Dual ascent with optimal slopes and multipliers reaches the same optimum.
package struct PlanetProgram: Sendable {
  /// One linear layer's rows.
  private struct Rows: Sendable {
    var entries: [[(input: Int, weight: Double)]]
    var biases: [Double]
  }

  private let rows: [Rows]
  private let last: AffineLayer

  package init(_ network: ReLUNetwork) {
    last = network.layers[network.layers.count - 1]
    rows = network.layers.dropLast().map { layer in
      var entries = [[(input: Int, weight: Double)]](repeating: [], count: layer.outputs)
      if let shape = layer.convolution {
        shape.forEachProduct { output, input, weight in
          entries[output].append((input, layer.weights[weight]))
        }
      } else {
        for output in 0..<layer.outputs {
          entries[output] = (0..<layer.inputs).map {
            ($0, layer.weights[output * layer.inputs + $0])
          }
        }
      }
      return Rows(entries: entries, biases: layer.biases)
    }
  }

  /// A part's bound by the relaxation.
  package struct Bound: Sendable {
    /// The Lagrangian at the solver's duals: valid whatever the solver's tolerance was.
    package var lowerBound: Double
    /// The solver's own optimum.
    package var optimum: Double
    /// Duals of the relaxation's rows and values at the optimum.
    package var state: RelaxationState
    /// Where the solver ended, to start from in a child.
    package var basis: Basis
    /// The inputs at the optimum.
    package var input: [Double] { state.input }
  }

  /// What stands for a ReLU in the program.
  fileprivate enum Relation: Hashable {
    case variable, above, below, equal, half
  }

  /// A solver's basis by what its columns and rows stand for, since a child has others than its parent.
  package struct Basis: Sendable {
    fileprivate var statuses: [Key: UInt8] = [:]

    fileprivate struct Key: Hashable {
      var relation: Relation
      var relu: ReLUIndex
    }
  }

  /// The program of one part, with what each of its columns and rows stands for.
  private struct Relaxation {
    var program = LinearProgram()
    /// Inputs first, which have the layer -1.
    var columns: [Basis.Key] = []
    var rows: [Basis.Key] = []
    /// The column of each ReLU's output, or nil where it is 0.
    var places: [[Int?]] = []

    mutating func variable(_ lower: Double, _ upper: Double, _ relu: ReLUIndex) -> Int {
      columns.append(Basis.Key(relation: .variable, relu: relu))
      return program.variable(lower, upper)
    }

    mutating func row(
      _ entries: [(column: Int, value: Double)], _ lower: Double, _ upper: Double,
      _ relation: Relation, _ relu: ReLUIndex
    ) {
      rows.append(Basis.Key(relation: relation, relu: relu))
      program.rows.append(LinearProgram.Row(entries: entries, lower: lower, upper: upper))
    }

    /// Clp's statuses from another part's basis: what is new there is basic as a row and at its lower
    /// bound as a column.
    func start(from basis: Basis) -> [UInt8] {
      columns.map { basis.statuses[$0] ?? 3 } + rows.map { basis.statuses[$0] ?? 1 }
    }

    func basis(_ statuses: [UInt8]) -> Basis {
      Basis(
        statuses: Dictionary(zip(columns + rows, statuses)) { first, _ in first })
    }
  }

  /// The bound of a row, with an infinite one for a part that the solver finds empty.
  ///
  /// - Parameters:
  ///   - row: What to bound.
  ///   - box: The box of inputs.
  ///   - part: Its splits and bounds of layers.
  ///   - method: How to solve without a basis.
  ///   - basis: Of a part that differs little, from which the dual simplex starts.
  /// - Returns: Nil where the solver stopped without an answer, or there is none.
  package func bound(
    _ row: OutputRow, box: Box, _ part: Subproblem,
    by method: LinearProgram.Method = .primalSimplex, from basis: Basis? = nil
  ) -> Bound? {
    var relaxation = relaxation(box, part)
    let form = last.applyTransposed(row.coefficients)
    var constant = row.offset
    for (coefficient, bias) in zip(row.coefficients, last.biases) {
      constant += coefficient * bias
    }
    let outputs = relaxation.places.last ?? Array(box.lower.indices)
    for (input, column) in outputs.enumerated() {
      if let column { relaxation.program.objective[column] += form[input] }
    }
    switch solve(relaxation, by: method, from: basis) {
    case .optimal(let solution):
      let lowerBound = constant + relaxation.program.lagrangian(solution.duals)
      return Bound(
        lowerBound: lowerBound, optimum: constant + solution.optimum,
        state: state(solution, relaxation, lowerBound, box),
        basis: relaxation.basis(solution.basis))
    case .infeasible:
      return Bound(
        lowerBound: .infinity, optimum: .infinity,
        state: RelaxationState(
          lowerBound: .infinity, lowerDual: [], upperDual: [], zhat: [], z: [], input: box.centre),
        basis: Basis())
    case .stopped: return nil
    }
  }

  private func solve(
    _ relaxation: Relaxation, by method: LinearProgram.Method, from basis: Basis?
  ) -> LinearProgram.Outcome {
    if let basis {
      let start = relaxation.start(from: basis)
      let outcome = relaxation.program.solve(by: .dualSimplex, from: start)
      // A basis that is no help is forgotten.
      if case .stopped = outcome {} else { return outcome }
    }
    return relaxation.program.solve(by: method)
  }

  private func relaxation(_ box: Box, _ part: Subproblem) -> Relaxation {
    var relaxation = Relaxation()
    var columns: [Int?] = box.lower.indices.map {
      relaxation.variable(box.lower[$0], box.upper[$0], ReLUIndex(layer: -1, neuron: $0))
    }
    let splits = Set(part.splits)
    for (layer, rows) in rows.enumerated() {
      var next = [Int?](repeating: nil, count: rows.biases.count)
      let (low, high) = (part.bounds[layer].lower, part.bounds[layer].upper)
      for neuron in rows.biases.indices {
        let relu = ReLUIndex(layer: layer, neuron: neuron)
        let line = UpperLine(low[neuron], high[neuron])
        let entries = rows.entries[neuron].compactMap { entry in
          columns[entry.input].map { (column: $0, value: entry.weight) }
        }
        let bias = rows.biases[neuron]
        if line.intercept > 0 {
          let z = relaxation.variable(0, high[neuron], relu)
          next[neuron] = z
          relaxation.row(
            [(z, 1)] + entries.map { ($0.column, -$0.value) }, bias, .infinity, .above, relu)
          relaxation.row(
            [(z, 1)] + entries.map { ($0.column, -line.slope * $0.value) }, -.infinity,
            line.slope * bias + line.intercept, .below, relu)
        } else if line.slope == 1 {
          // A split to the on side needs zhat >= 0, which is z's own bound.
          let z = relaxation.variable(max(0, low[neuron]), high[neuron], relu)
          next[neuron] = z
          relaxation.row(
            [(z, 1)] + entries.map { ($0.column, -$0.value) }, bias, bias, .equal, relu)
        } else if splits.contains(Split(relu, isOn: false)) {
          relaxation.row(entries, -.infinity, -bias, .half, relu)
        }
      }
      columns = next
      relaxation.places.append(next)
    }
    return relaxation
  }

  /// The values at an optimum; those that go into ReLUs without a row of their own are computed.
  private func state(
    _ solution: LinearProgram.Solution, _ relaxation: Relaxation, _ lowerBound: Double, _ box: Box
  ) -> RelaxationState {
    var state = RelaxationState(
      lowerBound: lowerBound, lowerDual: [], upperDual: [], zhat: [], z: [],
      input: Array(solution.x[..<box.lower.count]))
    var values = state.input
    for (layer, rows) in rows.enumerated() {
      state.zhat.append(
        rows.biases.indices.map { neuron in
          rows.entries[neuron].reduce(rows.biases[neuron]) { $0 + $1.weight * values[$1.input] }
        })
      values = relaxation.places[layer].map { column in column.map { solution.x[$0] } ?? 0 }
      state.z.append(values)
    }
    state.lowerDual = state.z.map { $0.map { _ in 0 } }
    state.upperDual = state.lowerDual
    for (row, dual) in zip(relaxation.rows, solution.duals) {
      switch row.relation {
      case .above: state.lowerDual[row.relu.layer][row.relu.neuron] = max(dual, 0)
      case .below: state.upperDual[row.relu.layer][row.relu.neuron] = min(dual, 0)
      case .variable, .equal, .half: break
      }
    }
    return state
  }
}
