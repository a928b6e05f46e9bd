import CEmbeddingKernels

/// Computes with matrices of node embeddings, and remembers how, so that gradients can be had.
///
/// Reverse mode over the handful of operations that the branching network is made of, so that scoring
/// a subproblem and learning from it run the same code.
struct EmbeddingTape {
  /// A matrix on the tape, a row a node.
  struct Matrix {
    fileprivate var position: Int
    var rows: Int
    var columns: Int
  }

  private enum Operation {
    case constant
    /// `x W + b` by a merged map, and ReLU where it says so.
    case linear(Int, MergedMaps.Map, relu: Bool)
    /// Blocks of columns side by side, each a matrix whose rows are scaled.
    case concatenation([(Int, scale: [Float]?)])
    /// `scale · (A x)`; the second matrix is A transposed.
    case product(Int, SparseMatrix, SparseMatrix, scale: [Float]?)
    /// Rows of a matrix, from one on.
    case rows(Int, from: Int)
    /// Matrices one under the other.
    case stack([Int])
    /// The sum of two matrices, and ReLU of it.
    case rectifiedSum(Int, Int)
  }

  private var operations: [Operation] = []
  private var sizes: [(rows: Int, columns: Int)] = []
  private var values: [[Float]] = []
  let maps: MergedMaps

  init(_ maps: MergedMaps) {
    self.maps = maps
  }

  func values(of matrix: Matrix) -> [Float] { values[matrix.position] }

  private mutating func append(
    _ operation: Operation, _ rows: Int, _ columns: Int, _ result: [Float]
  ) -> Matrix {
    operations.append(operation)
    sizes.append((rows, columns))
    values.append(result)
    return Matrix(position: operations.count - 1, rows: rows, columns: columns)
  }

  // MARK: - Forward

  mutating func constant(_ numbers: [Float], rows: Int, columns: Int) -> Matrix {
    append(.constant, rows, columns, numbers)
  }

  mutating func linear(_ x: Matrix, _ map: MergedMaps.Map, relu: Bool = false) -> Matrix {
    precondition(x.columns == map.inputs, "a map of another width")
    let result = [Float](unsafeUninitializedCapacity: x.rows * map.outputs) { buffer, count in
      count = x.rows * map.outputs
      guard let out = buffer.baseAddress else { return }
      maps.with(map) { weights, biases in
        embedding_linear(
          x.rows, map.inputs, map.outputs, values[x.position], weights, biases, relu ? 1 : 0, out)
      }
    }
    return append(.linear(x.position, map, relu: relu), x.rows, map.outputs, result)
  }

  /// Matrices side by side, their rows scaled by a number each where one is given.
  mutating func concatenation(_ parts: [(Matrix, scale: [Float]?)]) -> Matrix {
    let rows = parts[0].0.rows
    let columns = parts.reduce(0) { $0 + $1.0.columns }
    var result = [Float](repeating: 0, count: rows * columns)
    var first = 0
    for (part, scale) in parts {
      let width = part.columns
      result.withUnsafeMutableBufferPointer { out in
        values[part.position].withUnsafeBufferPointer { source in
          for row in 0..<rows {
            let factor = scale?[row] ?? 1
            for column in 0..<width {
              out[row * columns + first + column] = factor * source[row * width + column]
            }
          }
        }
      }
      first += width
    }
    return append(
      .concatenation(parts.map { ($0.0.position, $0.scale) }), rows, columns, result)
  }

  mutating func product(
    _ matrix: SparseMatrix, _ x: Matrix, transposed: SparseMatrix, scale: [Float]? = nil
  ) -> Matrix {
    var result = EmbeddingTape.product(matrix, values[x.position], columns: x.columns)
    if let scale { EmbeddingTape.scale(&result, by: scale, columns: x.columns) }
    return append(
      .product(x.position, matrix, transposed, scale: scale), matrix.rows, x.columns, result)
  }

  mutating func rows(_ x: Matrix, _ range: Range<Int>) -> Matrix {
    let result = Array(
      values[x.position][range.lowerBound * x.columns..<range.upperBound * x.columns])
    return append(.rows(x.position, from: range.lowerBound), range.count, x.columns, result)
  }

  mutating func stack(_ parts: [Matrix]) -> Matrix {
    let result = parts.flatMap { values[$0.position] }
    return append(
      .stack(parts.map(\.position)), parts.reduce(0) { $0 + $1.rows }, parts[0].columns, result)
  }

  mutating func rectifiedSum(_ x: Matrix, _ y: Matrix) -> Matrix {
    let result = zip(values[x.position], values[y.position]).map { max($0 + $1, 0) }
    return append(.rectifiedSum(x.position, y.position), x.rows, x.columns, result)
  }

  // MARK: - Backward

  /// Adds the gradient of `Σ seeds · result` to that of the merged maps.
  ///
  /// - Parameters:
  ///   - result: The matrix that the seeds belong to.
  ///   - seeds: A factor for each of its elements.
  ///   - gradient: As long as the merged maps' values.
  func backward(from result: Matrix, seeds: [Float], into gradient: inout [Float]) {
    var slopes = [[Float]?](repeating: nil, count: operations.count)
    slopes[result.position] = seeds
    for position in operations.indices.reversed() {
      guard var slope = slopes[position] else { continue }
      slopes[position] = nil
      let columns = sizes[position].columns
      switch operations[position] {
      case .constant: break
      case .linear(let x, let map, let relu):
        if relu {
          let output = values[position]
          for index in slope.indices where !(output[index] > 0) { slope[index] = 0 }
        }
        backward(linear: x, map, slope, &slopes, &gradient)
      case .concatenation(let parts):
        var first = 0
        for (x, scale) in parts {
          let width = sizes[x].columns
          defer { first += width }
          if case .constant = operations[x] { continue }
          var part = [Float](repeating: 0, count: sizes[x].rows * width)
          for row in 0..<sizes[x].rows {
            let factor = scale?[row] ?? 1
            for column in 0..<width {
              part[row * width + column] = factor * slope[row * columns + first + column]
            }
          }
          add(part, to: &slopes[x])
        }
      case .product(let x, _, let transposed, let scale):
        if let scale { EmbeddingTape.scale(&slope, by: scale, columns: columns) }
        add(EmbeddingTape.product(transposed, slope, columns: columns), to: &slopes[x])
      case .rows(let x, let from):
        let first = from * columns
        if slopes[x] == nil {
          slopes[x] = [Float](repeating: 0, count: sizes[x].rows * columns)
        }
        for index in slope.indices { slopes[x]?[first + index] += slope[index] }
      case .stack(let parts):
        var first = 0
        for x in parts {
          let count = sizes[x].rows * columns
          add(Array(slope[first..<first + count]), to: &slopes[x])
          first += count
        }
      case .rectifiedSum(let x, let y):
        let output = values[position]
        for index in slope.indices where !(output[index] > 0) { slope[index] = 0 }
        add(slope, to: &slopes[x])
        add(slope, to: &slopes[y])
      }
    }
  }

  private func backward(
    linear x: Int, _ map: MergedMaps.Map, _ slope: [Float], _ slopes: inout [[Float]?],
    _ gradient: inout [Float]
  ) {
    let rows = sizes[x].rows
    var unused = [Float](repeating: 0, count: map.outputs)
    gradient.withUnsafeMutableBufferPointer { all in
      guard let base = all.baseAddress else { return }
      unused.withUnsafeMutableBufferPointer { unused in
        guard let other = unused.baseAddress else { return }
        embedding_weight_gradient(
          rows, map.inputs, map.outputs, values[x], slope, base + map.weights,
          map.hasBiases ? base + map.biases : other)
      }
    }
    if case .constant = operations[x] { return }
    var turned = [Float](repeating: 0, count: map.inputs * map.outputs)
    for input in 0..<map.inputs {
      for output in 0..<map.outputs {
        turned[output * map.inputs + input] =
          maps.values[map.weights + input * map.outputs + output]
      }
    }
    var part = [Float](repeating: 0, count: rows * map.inputs)
    embedding_linear(rows, map.outputs, map.inputs, slope, turned, nil, 0, &part)
    add(part, to: &slopes[x])
  }

  private func add(_ part: [Float], to slope: inout [Float]?) {
    guard slope != nil else {
      slope = part
      return
    }
    for index in part.indices { slope?[index] += part[index] }
  }

  // MARK: - Loops

  private static func product(_ matrix: SparseMatrix, _ x: [Float], columns: Int) -> [Float] {
    [Float](unsafeUninitializedCapacity: matrix.rows * columns) { buffer, count in
      if let out = buffer.baseAddress {
        embedding_product(
          matrix.rows, columns, matrix.start, matrix.index, matrix.weight, x, out)
      }
      count = matrix.rows * columns
    }
  }

  private static func scale(_ numbers: inout [Float], by scale: [Float], columns: Int) {
    for row in scale.indices {
      for column in 0..<columns { numbers[row * columns + column] *= scale[row] }
    }
  }
}
