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
    /// The inputs at the optimum.
    package var input: [Double]
  }

  /// The bound of a row, with an infinite one for a part that the solver finds empty.
  ///
  /// - Returns: Nil where the solver stopped without an answer, or there is none.
  package func bound(
    _ row: OutputRow, box: Box, _ part: Subproblem, by method: LinearProgram.Method = .primalSimplex
  ) -> Bound? {
    var program = LinearProgram()
    var columns: [Int?] = box.lower.indices.map { program.variable(box.lower[$0], box.upper[$0]) }
    let splits = Set(part.splits)
    for (layer, rows) in rows.enumerated() {
      var next = [Int?](repeating: nil, count: rows.biases.count)
      let (low, high) = (part.bounds[layer].lower, part.bounds[layer].upper)
      for neuron in rows.biases.indices {
        let line = UpperLine(low[neuron], high[neuron])
        let entries = rows.entries[neuron].compactMap { entry in
          columns[entry.input].map { (column: $0, value: entry.weight) }
        }
        let bias = rows.biases[neuron]
        if line.intercept > 0 {
          let z = program.variable(0, high[neuron])
          next[neuron] = z
          program.rows.append(
            LinearProgram.Row(
              entries: [(z, 1)] + entries.map { ($0.column, -$0.value) }, lower: bias,
              upper: .infinity))
          program.rows.append(
            LinearProgram.Row(
              entries: [(z, 1)] + entries.map { ($0.column, -line.slope * $0.value) },
              lower: -.infinity, upper: line.slope * bias + line.intercept))
        } else if line.slope == 1 {
          // A split to the on side needs zhat >= 0, which is z's own bound.
          let z = program.variable(max(0, low[neuron]), high[neuron])
          next[neuron] = z
          program.rows.append(
            LinearProgram.Row(
              entries: [(z, 1)] + entries.map { ($0.column, -$0.value) }, lower: bias, upper: bias))
        } else if splits.contains(Split(ReLUIndex(layer: layer, neuron: neuron), isOn: false)) {
          program.rows.append(
            LinearProgram.Row(entries: entries, lower: -.infinity, upper: -bias))
        }
      }
      columns = next
    }
    let form = last.applyTransposed(row.coefficients)
    var constant = row.offset
    for (coefficient, bias) in zip(row.coefficients, last.biases) {
      constant += coefficient * bias
    }
    for (input, column) in columns.enumerated() {
      if let column { program.objective[column] += form[input] }
    }
    switch program.solve(by: method) {
    case .optimal(let solution):
      return Bound(
        lowerBound: constant + program.lagrangian(solution.duals),
        optimum: constant + solution.optimum,
        input: Array(solution.x[..<box.lower.count]))
    case .infeasible:
      return Bound(lowerBound: .infinity, optimum: .infinity, input: box.centre)
    case .stopped: return nil
    }
  }
}
