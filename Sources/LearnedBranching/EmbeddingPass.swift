import Verification

/// One run of the branching network on one subproblem, to learn from.
///
/// ReLUs that are off have the embedding zero throughout and are left out of all matrices; of the
/// others the ambiguous ones come first. Matrices of nodes are hidden rows, before the map that makes
/// embeddings of them (see `MergedMaps`).
struct EmbeddingPass {
  private(set) var tape: EmbeddingTape
  private(set) var result: EmbeddingTape.Matrix
  private(set) var scores: BranchingNetwork.Scores

  private typealias Matrix = EmbeddingTape.Matrix

  init(
    _ maps: MergedMaps, _ rounds: Int, _ features: SubproblemFeatures, _ graph: BranchingGraph
  ) {
    var tape = EmbeddingTape(maps)
    let layout = MergedMaps.layout
    let nodes = features.layers.indices.map {
      ActiveNodes(features.layers[$0], biases: graph.layers[$0].biases)
    }
    let edges = graph.layers.indices.map { ActiveEdges(graph, nodes, $0) }
    // Only the scores of the first layer's ambiguous nodes are wanted of the last pass.
    let lastEdges = ActiveEdges(graph, nodes, 1, onlyAmbiguousBefore: true)
    let forward = nodes.map { Self.forwardFeatures(&tape, $0) }
    let backward = nodes.map { Self.backwardFeatures(&tape, $0) }
    var input = Self.inputEmbedding(&tape, features)
    let outputNumbers = tape.constant(
      [
        features.outputLower, features.outputUpper, features.output,
        graph.layers[graph.layers.count - 1].biases[0],
      ], rows: 1, columns: 4)
    let outputOwn = tape.linear(
      tape.linear(outputNumbers, layout.outputFirst, relu: true), layout.outputFeatures)

    var inputBack: Matrix?
    var hidden: [Matrix] = []
    for round in 0..<rounds {
      let isLast = round + 1 == rounds
      hidden = []
      for layer in nodes.indices {
        let reading =
          layer > 0
          ? layout.forward : round == 0 ? layout.forwardFromInput : layout.forwardFromInputAgain
        hidden.append(
          Self.update(
            &tape, layer == 0 ? input : hidden[layer - 1], edges[layer].arriving, nodes[layer],
            reading, layout.forwardSecond, own: forward[layer]))
      }
      let last = edges[nodes.count].arriving
      var next = tape.rectifiedSum(
        outputOwn,
        tape.linear(
          Self.sums(&tape, hidden[nodes.count - 1], last), layout.output))
      for layer in nodes.indices.reversed() {
        let isEnd = isLast && layer == 0
        next = Self.update(
          &tape, next, (isEnd ? lastEdges : edges[layer + 1]).returning, nodes[layer],
          layer + 1 == nodes.count ? layout.backwardFromOutput : layout.backward,
          layout.backwardSecond, own: backward[layer], onlyAmbiguous: isEnd)
        hidden[layer] = next
      }
      // The input's new embedding is only read by another round.
      guard !isLast else { continue }
      let back = inputBack ?? Self.inputFeatures(&tape, features)
      inputBack = back
      input = tape.rectifiedSum(
        back, tape.linear(Self.sums(&tape, next, edges[0].returning), layout.inputFromFirst))
    }
    (result, scores) = Self.score(&tape, nodes, hidden)
    self.tape = tape
  }

  // MARK: - Parts

  /// Summed hidden rows of neighbours, and the sums of weights beside them.
  private static func sums(
    _ tape: inout EmbeddingTape, _ x: Matrix, _ edges: ActiveEdges.Direction
  ) -> Matrix {
    let sum = tape.product(edges.matrix, x, transposed: edges.transposed, scale: edges.scale)
    let totals = tape.constant(edges.totals, rows: edges.matrix.rows, columns: 1)
    return tape.concatenation([(sum, nil), (totals, nil)])
  }

  /// New hidden rows of a layer's nodes from their neighbours' and their own features.
  private static func update(
    _ tape: inout EmbeddingTape, _ x: Matrix, _ edges: ActiveEdges.Direction, _ nodes: ActiveNodes,
    _ reading: MergedLayout.Reading, _ second: MergedMaps.Map, own: Matrix,
    onlyAmbiguous: Bool = false
  ) -> Matrix {
    let sums = sums(&tape, x, edges)
    let count = nodes.ambiguous.count
    let ambiguous = tape.rows(sums, 0..<count)
    let read = tape.linear(
      tape.concatenation([(ambiguous, nodes.s0), (ambiguous, nodes.s1)]), reading.ambiguous,
      relu: true)
    let first = tape.rectifiedSum(tape.linear(read, second), own)
    guard !onlyAmbiguous else { return first }
    let on = tape.linear(tape.rows(sums, count..<nodes.kept.count), reading.on, relu: true)
    return tape.stack([first, tape.linear(on, second, relu: true)])
  }

  private static func inputEmbedding(
    _ tape: inout EmbeddingTape, _ features: SubproblemFeatures
  ) -> Matrix {
    let rows = features.input.count
    let numbers = (0..<rows).flatMap {
      [features.inputLower[$0], features.input[$0], features.inputUpper[$0]]
    }
    return tape.linear(
      tape.constant(numbers, rows: rows, columns: 3), MergedMaps.layout.inputFirst, relu: true)
  }

  private static func inputFeatures(
    _ tape: inout EmbeddingTape, _ features: SubproblemFeatures
  ) -> Matrix {
    let rows = features.input.count
    let numbers = (0..<rows).flatMap { [features.inputLower[$0], features.inputUpper[$0]] }
    let first = tape.linear(
      tape.constant(numbers, rows: rows, columns: 2), MergedMaps.layout.inputBackFirst, relu: true)
    return tape.linear(first, MergedMaps.layout.inputBack)
  }

  /// `fc1` of the ambiguous nodes.
  private static func forwardFeatures(
    _ tape: inout EmbeddingTape, _ nodes: ActiveNodes
  ) -> Matrix {
    let numbers = nodes.ambiguous.flatMap { node in
      [
        node.beta, node.lower, node.upper, node.lowerDual - node.upperDual, node.zhat, node.z,
        node.bias,
      ]
    }
    let features = tape.constant(numbers, rows: nodes.ambiguous.count, columns: 7)
    let layout = MergedMaps.layout
    return tape.linear(
      tape.linear(features, layout.forwardFeaturesFirst, relu: true), layout.forwardFeatures)
  }

  /// `bc1` and `bc2` of the ambiguous nodes.
  ///
  /// The order of the seven numbers is another one than in the forward pass.
  private static func backwardFeatures(
    _ tape: inout EmbeddingTape, _ nodes: ActiveNodes
  ) -> Matrix {
    let numbers = nodes.ambiguous.flatMap { node in
      [
        node.lower, node.upper, node.beta, node.lowerDual - node.upperDual, node.z, node.zhat,
        node.bias,
      ]
    }
    let count = nodes.ambiguous.count
    let layout = MergedMaps.layout
    let features = tape.constant(numbers, rows: count, columns: 7)
    let second = tape.linear(
      tape.linear(features, layout.backwardFirst, relu: true), layout.backwardFirstSecond,
      relu: true)
    let ones = tape.constant([Float](repeating: 1, count: count), rows: count, columns: 1)
    let whole = tape.concatenation([(second, nil), (ones, nil)])
    let weighted = tape.concatenation([
      (whole, nil), (whole, nodes.ambiguous.map { -$0.upperDual }),
      (whole, nodes.ambiguous.map(\.lowerDual)),
    ])
    return tape.linear(
      tape.linear(weighted, layout.backwardWeighted, relu: true), layout.backwardFeatures)
  }

  /// Scores the ambiguous ReLUs of all layers, one under the other.
  private static func score(
    _ tape: inout EmbeddingTape, _ nodes: [ActiveNodes], _ hidden: [Matrix]
  ) -> (Matrix, BranchingNetwork.Scores) {
    let parts = nodes.indices.map { tape.rows(hidden[$0], 0..<nodes[$0].ambiguous.count) }
    let layout = MergedMaps.layout
    let result = tape.linear(
      tape.linear(tape.stack(parts), layout.score, relu: true), layout.scoreLast)
    let relus = nodes.enumerated().flatMap { layer, active in
      active.kept.prefix(active.ambiguous.count).map { ReLUIndex(layer: layer, neuron: Int($0)) }
    }
    return (result, BranchingNetwork.Scores(relus: relus, values: tape.values(of: result)))
  }
}

/// The ReLUs of a layer that are not off, and what is known of those that are ambiguous.
struct ActiveNodes {
  struct Ambiguous {
    var lower: Float, upper: Float, beta: Float
    var lowerDual: Float, upperDual: Float
    var zhat: Float, z: Float, bias: Float
  }

  /// The neurons that are not off: the ambiguous ones ascending, then those that are on.
  private(set) var kept: [Int32] = []
  /// For every neuron of the layer its place in `kept`, or -1.
  private(set) var places: [Int32]
  /// u / (u - l) of the ambiguous ones, and 1 less that.
  private(set) var s0: [Float] = []
  private(set) var s1: [Float] = []
  private(set) var ambiguous: [Ambiguous] = []

  init(_ layer: SubproblemFeatures.Layer, biases: [Float]) {
    places = [Int32](repeating: -1, count: layer.lower.count)
    var on: [Int32] = []
    for neuron in layer.lower.indices {
      let (lower, upper) = (layer.lower[neuron], layer.upper[neuron])
      guard upper > 0 else { continue }
      let slope = upper / (upper - min(lower, 0))
      let beta = -min(lower, 0) * slope
      guard beta > 0 else {
        on.append(Int32(neuron))
        continue
      }
      s0.append(slope)
      s1.append(1 - slope)
      kept.append(Int32(neuron))
      ambiguous.append(
        Ambiguous(
          lower: lower, upper: upper, beta: beta, lowerDual: layer.lowerDual[neuron],
          upperDual: layer.upperDual[neuron], zhat: layer.zhat[neuron], z: layer.z[neuron],
          bias: biases[neuron]))
    }
    kept += on
    for (place, neuron) in kept.enumerated() { places[Int(neuron)] = Int32(place) }
  }
}

/// The edges of one linear layer between nodes that are not off.
struct ActiveEdges {
  /// Towards some nodes: a row each.
  struct Direction {
    var matrix: SparseMatrix
    var transposed: SparseMatrix
    /// By what the sums at each row are multiplied; nil for 1.
    var scale: [Float]?
    /// The sum of each row's weights, scaled likewise.
    var totals: [Float]
  }

  let arriving: Direction
  /// Divided by the coverage of the nodes before the layer, unless these are the input's.
  let returning: Direction

  /// - Parameters:
  ///   - graph: The whole graph.
  ///   - nodes: Of all layers of ReLUs.
  ///   - number: The linear layer.
  ///   - onlyAmbiguousBefore: Whether nodes before it that are on are left out.
  init(
    _ graph: BranchingGraph, _ nodes: [ActiveNodes], _ number: Int,
    onlyAmbiguousBefore: Bool = false
  ) {
    let layer = graph.layers[number]
    let before = number == 0 ? nil : nodes[number - 1]
    let after = number == nodes.count ? nil : nodes[number]
    let rows = after?.kept ?? [0]
    var columns = before?.kept ?? (0..<Int32(graph.inputCount)).map { $0 }
    var places = before?.places ?? columns
    if onlyAmbiguousBefore, let before {
      let count = before.ambiguous.count
      columns = Array(columns.prefix(count))
      for node in before.kept.dropFirst(count) { places[Int(node)] = -1 }
    }
    let matrix = layer.edges.part(rows: rows, columns: places)
    let back = layer.backEdges.part(rows: columns, columns: after?.places ?? [0])
    // The published pass does not divide what the input's nodes receive.
    let shares =
      number == 0 ? nil : layer.coverage.map { all in columns.map { 1 / all[Int($0)] } }
    let totals = back.rowSums
    arriving = Direction(matrix: matrix, transposed: back, scale: nil, totals: matrix.rowSums)
    returning = Direction(
      matrix: back, transposed: matrix, scale: shares,
      totals: shares.map { zip(totals, $0).map { $0 * $1 } } ?? totals)
  }
}

extension SparseMatrix {
  fileprivate var rowSums: [Float] {
    (0..<rows).map { row in weight[Int(start[row])..<Int(start[row + 1])].reduce(0, +) }
  }
}
