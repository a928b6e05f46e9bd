public import Verification

/// The graph network of "Neural Network Branching for Neural Network Verification" (Lu and Kumar,
/// ICLR 2020): it passes embeddings of 64 numbers along the edges of the verified network, forward
/// and backward, twice, and scores every ambiguous ReLU.
public struct BranchingNetwork: Sendable {
  public var parameters: BranchingParameters
  /// Forward and backward passes; 2 in the paper.
  public var rounds: Int

  public init(_ parameters: BranchingParameters, rounds: Int = 2) {
    precondition(rounds >= 1, "at least one round")
    self.parameters = parameters
    self.rounds = rounds
  }

  /// Scores of ambiguous ReLUs, layer by layer; the higher, the better to split.
  public struct Scores: Sendable {
    public var relus: [ReLUIndex]
    public var values: [Float]

    /// The ReLU with the highest score, the first of equals; nil where none is ambiguous.
    public var best: ReLUIndex? {
      var best: Int?
      for index in values.indices where best.map({ values[index] > values[$0] }) ?? true {
        best = index
      }
      return best.map { relus[$0] }
    }
  }

  /// Scores a subproblem.
  public func scores(_ features: SubproblemFeatures, on graph: BranchingGraph) -> Scores {
    EmbeddingPass(parameters, rounds, features, graph).scores
  }

  /// Adds the gradient of a function of the scores to that of the parameters.
  ///
  /// - Parameters:
  ///   - gradient: As long as the parameters' values.
  ///   - features: The subproblem.
  ///   - graph: The graph of the network that it is part of.
  ///   - seeds: Takes the scores, gives the function's derivative by each.
  public func addGradient(
    to gradient: inout [Float], at features: SubproblemFeatures, on graph: BranchingGraph,
    seeds: (Scores) -> [Float]
  ) {
    let pass = EmbeddingPass(parameters, rounds, features, graph)
    pass.tape.backward(from: pass.result, seeds: seeds(pass.scores), into: &gradient)
  }
}

/// One run of the network on one subproblem.
///
/// ReLUs that are off have the embedding zero throughout and are left out of all matrices, which
/// changes nothing but the time. What does not depend on the round is computed once.
struct EmbeddingPass {
  private(set) var tape: EmbeddingTape
  private(set) var result: EmbeddingTape.Matrix
  private(set) var scores: BranchingNetwork.Scores

  init(
    _ parameters: BranchingParameters, _ rounds: Int, _ features: SubproblemFeatures,
    _ graph: BranchingGraph
  ) {
    var tape = EmbeddingTape(parameters)
    let maps = Maps()
    let nodes = features.layers.indices.map {
      ActiveNodes(features.layers[$0], biases: graph.layers[$0].biases)
    }
    let edges = ActiveEdges(graph, nodes)
    // Relaxation features: the same in all rounds.
    var forward: [EmbeddingTape.Matrix] = []
    var backward: [EmbeddingTape.Matrix] = []
    for layer in nodes {
      forward.append(Self.forwardFeatures(&tape, layer, maps))
      backward.append(Self.backwardFeatures(&tape, layer, maps))
    }
    var input = Self.inputEmbedding(&tape, features, maps)
    let outputFeatures = tape.constant(
      [
        features.outputLower, features.outputUpper, features.output,
        graph.layers[graph.layers.count - 1].biases[0],
      ], rows: 1, columns: 4)
    let output = tape.linear(outputFeatures, maps.out1, relu: true)

    var inputBack: EmbeddingTape.Matrix?
    var embeddings: [EmbeddingTape.Matrix] = []
    for round in 0..<rounds {
      embeddings = []
      for layer in nodes.indices {
        let sum = tape.product(
          edges.edges[layer], layer == 0 ? input : embeddings[layer - 1],
          transposed: edges.backEdges[layer])
        let scaled = tape.concatenation([(sum, nodes[layer].s0), (sum, nodes[layer].s1)])
        let neighbours = tape.twice(scaled, maps.fc3, maps.fc3Second)
        let both = tape.concatenation([(forward[layer], nil), (neighbours, nil)])
        embeddings.append(tape.twice(both, maps.fc4, maps.fc4Second))
      }
      let last = nodes.count
      let sum = tape.product(
        edges.edges[last], embeddings[last - 1], transposed: edges.backEdges[last])
      var next = tape.twice(
        tape.concatenation([(output, nil), (sum, nil)]), maps.out2, maps.out3)
      for layer in nodes.indices.reversed() {
        let sum = tape.product(
          edges.backEdges[layer + 1], next, transposed: edges.edges[layer + 1],
          scale: edges.shares[layer + 1])
        let scaled = tape.concatenation([(sum, nodes[layer].s0), (sum, nodes[layer].s1)])
        let neighbours = tape.twice(scaled, maps.bc3, maps.bc3Second)
        let both = tape.concatenation([(backward[layer], nil), (neighbours, nil)])
        next = tape.twice(both, maps.bc4, maps.bc4Second)
        embeddings[layer] = next
      }
      // The input's new embedding is only read by another round.
      if round + 1 < rounds {
        let back = inputBack ?? Self.inputFeatures(&tape, features, maps)
        inputBack = back
        let sum = tape.product(edges.backEdges[0], next, transposed: edges.edges[0])
        input = tape.twice(
          tape.concatenation([(back, nil), (sum, nil)]), maps.inputB2, maps.inputB2Second)
      }
    }
    (result, scores) = Self.score(&tape, nodes, embeddings, maps)
    self.tape = tape
  }

  // MARK: - Parts

  /// The network's maps by their role.
  private struct Maps {
    let inputF = BranchingParameters.map("inp_f")
    let inputFSecond = BranchingParameters.map("inp_f_1")
    let inputB = BranchingParameters.map("inp_b")
    let inputBSecond = BranchingParameters.map("inp_b_1")
    let inputB2 = BranchingParameters.map("inp_b2")
    let inputB2Second = BranchingParameters.map("inp_b2_2")
    let fc1 = BranchingParameters.map("fc1")
    let fc1Second = BranchingParameters.map("fc1_1")
    let fc3 = BranchingParameters.map("fc3")
    let fc3Second = BranchingParameters.map("fc3_2")
    let fc4 = BranchingParameters.map("fc4")
    let fc4Second = BranchingParameters.map("fc4_2")
    let out1 = BranchingParameters.map("out1")
    let out2 = BranchingParameters.map("out2")
    let out3 = BranchingParameters.map("out3")
    let bc1 = BranchingParameters.map("bc1")
    let bc1Second = BranchingParameters.map("bc1_1")
    let bc1Third = BranchingParameters.map("bc1_2")
    let bc2 = BranchingParameters.map("bc2")
    let bc2Second = BranchingParameters.map("bc2_1")
    let bc3 = BranchingParameters.map("bc3")
    let bc3Second = BranchingParameters.map("bc3_1")
    let bc4 = BranchingParameters.map("bc4")
    let bc4Second = BranchingParameters.map("bc4_1")
    let node = BranchingParameters.map("fnode")
    let score = BranchingParameters.map("fscore")
  }

  private static func inputEmbedding(
    _ tape: inout EmbeddingTape, _ features: SubproblemFeatures, _ maps: Maps
  ) -> EmbeddingTape.Matrix {
    let rows = features.input.count
    let numbers = (0..<rows).flatMap {
      [features.inputLower[$0], features.input[$0], features.inputUpper[$0]]
    }
    return tape.twice(
      tape.constant(numbers, rows: rows, columns: 3), maps.inputF, maps.inputFSecond)
  }

  private static func inputFeatures(
    _ tape: inout EmbeddingTape, _ features: SubproblemFeatures, _ maps: Maps
  ) -> EmbeddingTape.Matrix {
    let rows = features.input.count
    let numbers = (0..<rows).flatMap { [features.inputLower[$0], features.inputUpper[$0]] }
    return tape.twice(
      tape.constant(numbers, rows: rows, columns: 2), maps.inputB, maps.inputBSecond)
  }

  /// `fc1` of the ambiguous nodes, zero for those that are on.
  private static func forwardFeatures(
    _ tape: inout EmbeddingTape, _ nodes: ActiveNodes, _ maps: Maps
  ) -> EmbeddingTape.Matrix {
    let numbers = nodes.ambiguous.flatMap { node in
      [
        node.beta, node.lower, node.upper, node.lowerDual - node.upperDual, node.zhat, node.z,
        node.bias,
      ]
    }
    let features = tape.constant(numbers, rows: nodes.ambiguous.count, columns: 7)
    return tape.spread(
      tape.twice(features, maps.fc1, maps.fc1Second), places: nodes.ambiguousPlaces,
      rows: nodes.kept.count)
  }

  /// `bc1` and `bc2` of the ambiguous nodes, zero for those that are on.
  ///
  /// The order of the seven numbers is another one than in the forward pass.
  private static func backwardFeatures(
    _ tape: inout EmbeddingTape, _ nodes: ActiveNodes, _ maps: Maps
  ) -> EmbeddingTape.Matrix {
    let numbers = nodes.ambiguous.flatMap { node in
      [
        node.lower, node.upper, node.beta, node.lowerDual - node.upperDual, node.z, node.zhat,
        node.bias,
      ]
    }
    let features = tape.constant(numbers, rows: nodes.ambiguous.count, columns: 7)
    let first = tape.linear(features, maps.bc1, relu: true)
    let a = tape.twice(first, maps.bc1Second, maps.bc1Third)
    let weighted = tape.concatenation([
      (a, nil), (a, nodes.ambiguous.map { -$0.upperDual }), (a, nodes.ambiguous.map(\.lowerDual)),
    ])
    return tape.spread(
      tape.twice(weighted, maps.bc2, maps.bc2Second), places: nodes.ambiguousPlaces,
      rows: nodes.kept.count)
  }

  /// Scores the ambiguous ReLUs of all layers, one under the other.
  private static func score(
    _ tape: inout EmbeddingTape, _ nodes: [ActiveNodes], _ embeddings: [EmbeddingTape.Matrix],
    _ maps: Maps
  ) -> (EmbeddingTape.Matrix, BranchingNetwork.Scores) {
    let rows = nodes.reduce(0) { $0 + $1.ambiguous.count }
    var first = 0
    var parts: [EmbeddingTape.Matrix] = []
    var relus: [ReLUIndex] = []
    for (layer, active) in nodes.enumerated() {
      let chosen = tape.selection(embeddings[layer], places: active.ambiguousPlaces)
      let places = (0..<active.ambiguous.count).map { Int32(first + $0) }
      parts.append(tape.spread(chosen, places: places, rows: rows))
      first += active.ambiguous.count
      relus += active.ambiguousPlaces.map {
        ReLUIndex(layer: layer, neuron: Int(active.kept[Int($0)]))
      }
    }
    var all = parts[0]
    for part in parts.dropFirst() { all = tape.sum(all, part) }
    let result = tape.twice(all, maps.node, maps.score)
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

  /// The neurons that are not off, ascending.
  private(set) var kept: [Int32] = []
  /// For every neuron of the layer its place in `kept`, or -1.
  private(set) var places: [Int32]
  /// u / (u - l), 1 for those that are on.
  private(set) var s0: [Float] = []
  /// 1 - s0 where ambiguous, 1 for those that are on.
  private(set) var s1: [Float] = []
  private(set) var ambiguous: [Ambiguous] = []
  /// Places of the ambiguous ones in `kept`.
  private(set) var ambiguousPlaces: [Int32] = []

  init(_ layer: SubproblemFeatures.Layer, biases: [Float]) {
    places = [Int32](repeating: -1, count: layer.lower.count)
    for neuron in layer.lower.indices {
      let (lower, upper) = (layer.lower[neuron], layer.upper[neuron])
      guard upper > 0 else { continue }
      places[neuron] = Int32(kept.count)
      let slope = upper / (upper - min(lower, 0))
      let beta = -min(lower, 0) * slope
      s0.append(slope)
      s1.append(beta > 0 ? 1 - slope : slope)
      if beta > 0 {
        ambiguousPlaces.append(Int32(kept.count))
        ambiguous.append(
          Ambiguous(
            lower: lower, upper: upper, beta: beta, lowerDual: layer.lowerDual[neuron],
            upperDual: layer.upperDual[neuron], zhat: layer.zhat[neuron], z: layer.z[neuron],
            bias: biases[neuron]))
      }
      kept.append(Int32(neuron))
    }
  }
}

/// The edges between nodes that are not off.
struct ActiveEdges {
  /// Layer k: a row a kept node of layer k, a column a kept node before it.
  private(set) var edges: [SparseMatrix] = []
  private(set) var backEdges: [SparseMatrix] = []
  /// One over the coverage of each kept node before the layer; nil where it is 1.
  private(set) var shares: [[Float]?] = []

  init(_ graph: BranchingGraph, _ nodes: [ActiveNodes]) {
    for (number, layer) in graph.layers.enumerated() {
      let before = number == 0 ? nil : nodes[number - 1]
      let after = number == nodes.count ? nil : nodes[number]
      let rows = after?.kept ?? [0]
      let columns = before?.kept ?? (0..<Int32(graph.inputCount)).map { $0 }
      let columnPlaces = before?.places ?? columns
      edges.append(layer.edges.part(rows: rows, columns: columnPlaces))
      backEdges.append(layer.backEdges.part(rows: columns, columns: after?.places ?? [0]))
      shares.append(layer.coverage.map { all in columns.map { 1 / all[Int($0)] } })
    }
  }
}
