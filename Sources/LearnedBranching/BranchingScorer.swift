import CEmbeddingKernels
import Synchronization
import Verification

/// Scores subproblems with a branching network.
///
/// Maps without a rectifier between them are one; convolutions read each embedding once for all
/// channels of a pixel; what a rectifier set to 0 is not multiplied; the last pass computes its last layer
/// only where a ReLU is ambiguous.
public final class BranchingScorer: Sendable {
  public let network: BranchingNetwork
  private let maps: MergedMaps
  private let idle = Mutex<[ScoringMemory]>([])

  public init(_ network: BranchingNetwork) {
    self.network = network
    maps = MergedMaps(network.parameters)
  }

  /// Scores a subproblem; from any number of threads at once.
  ///
  /// - Parameters:
  ///   - features: The subproblem.
  ///   - graph: The graph of the network that it is part of.
  ///   - firstLayer: Whether ReLUs of the first layer are scored even if some other is ambiguous.
  /// - Returns: A score for each ambiguous ReLU of the layers that are scored.
  public func scores(
    _ features: SubproblemFeatures, on graph: BranchingGraph, firstLayer: Bool = true
  ) -> BranchingNetwork.Scores {
    let kept = idle.withLock { $0.popLast() }
    let memory =
      kept.flatMap { $0.fits(graph) ? $0 : nil } ?? ScoringMemory(graph)
    defer { idle.withLock { $0.append(memory) } }
    let pass = ScoringPass(
      maps, network.parameters, features, graph, memory, firstLayer: firstLayer)
    return pass.run(rounds: network.rounds)
  }
}

/// The working memory of one scoring.
final class ScoringMemory: @unchecked Sendable {
  /// Hidden rows of the input's nodes, of each layer's ReLUs, and of the output's node.
  let input: Embeddings
  let layers: [Embeddings]
  let output: Embeddings
  /// Sums that arrive at the input's nodes, and at each layer's.
  let inputSums: Embeddings
  let sums: [Embeddings]
  let outputSums: Embeddings
  let scratch = Scratch()

  init(_ graph: BranchingGraph) {
    input = Embeddings(count: graph.inputCount)
    inputSums = Embeddings(count: graph.inputCount)
    layers = graph.reluCounts.map { Embeddings(count: $0) }
    sums = graph.reluCounts.map { Embeddings(count: $0) }
    output = Embeddings(count: 1)
    outputSums = Embeddings(count: 1)
  }

  func fits(_ graph: BranchingGraph) -> Bool {
    input.count == graph.inputCount && layers.map(\.count) == graph.reluCounts
  }
}

/// One scoring of one subproblem.
struct ScoringPass {
  private let maps: MergedMaps
  private let parameters: BranchingParameters
  private let features: SubproblemFeatures
  private let graph: BranchingGraph
  private let memory: ScoringMemory
  private let nodes: [ScoringNodes]
  /// The first layer that is scored, where the last way back ends.
  private let end: Int
  private let width = BranchingParameters.width
  private let layout = MergedMaps.layout

  init(
    _ maps: MergedMaps, _ parameters: BranchingParameters, _ features: SubproblemFeatures,
    _ graph: BranchingGraph, _ memory: ScoringMemory, firstLayer: Bool
  ) {
    self.maps = maps
    self.parameters = parameters
    self.features = features
    self.graph = graph
    self.memory = memory
    func nodes(_ layer: Int) -> ScoringNodes {
      ScoringNodes(
        features.layers[layer], biases: graph.layers[layer].biases,
        coverage: graph.layers[layer + 1].coverage)
    }
    let others = features.layers.indices.dropFirst().map(nodes)
    end = firstLayer || others.allSatisfy(\.ambiguous.isEmpty) ? 0 : 1
    // Nobody reads the first layer where it is neither scored nor on the way forward.
    let first =
      end > 0 && maps.isForwardConstant
      ? [ScoringNodes()] : features.layers.indices.prefix(1).map(nodes)
    self.nodes = first + others
    for (layer, nodes) in self.nodes.enumerated() where !nodes.isActive.isEmpty {
      memory.layers[layer].activate(nodes.isActive)
    }
  }

  func run(rounds: Int) -> BranchingNetwork.Scores {
    let relus = nodes.indices.dropFirst(end).flatMap { layer in
      nodes[layer].ambiguous.map { ReLUIndex(layer: layer, neuron: Int($0)) }
    }
    guard !relus.isEmpty else { return BranchingNetwork.Scores(relus: [], values: []) }
    let forward = maps.isForwardConstant ? [] : nodes.map { forwardFeatures($0) }
    // Nothing of one round reaches the next where the forward pass depends on nothing.
    let rounds = maps.isForwardConstant ? 1 : rounds
    let backward = nodes.indices.map { layer in
      layer >= end || rounds > 1 ? backwardFeatures(nodes[layer]) : []
    }
    if !maps.isForwardConstant { embedInput() }
    var inputBack: [Float]?
    for round in 0..<rounds {
      passForward(forward, isFirst: round == 0)
      passOutput()
      let isLast = round + 1 == rounds
      for layer in nodes.indices.reversed() where layer >= end || !isLast {
        passBackward(layer, backward[layer], isEnd: isLast && layer == end)
      }
      guard !isLast else { continue }
      let back = inputBack ?? self.inputBack()
      inputBack = back
      returnToInput(back)
    }
    return BranchingNetwork.Scores(
      relus: relus, values: nodes.indices.dropFirst(end).flatMap { score($0) })
  }

  // MARK: - Passes

  private func embedInput() {
    let rows = features.input.count
    var numbers = [Float](repeating: 0, count: 3 * rows)
    for row in 0..<rows {
      numbers[3 * row] = features.inputLower[row]
      numbers[3 * row + 1] = features.input[row]
      numbers[3 * row + 2] = features.inputUpper[row]
    }
    maps.with(layout.inputFirst) { weights, biases in
      embedding_linear(rows, 3, width, numbers, weights, biases, 1, memory.input.rows)
    }
  }

  private func passForward(_ own: [[Float]], isFirst: Bool) {
    guard !maps.isForwardConstant else { return fillConstant() }
    for (layer, nodes) in nodes.enumerated() {
      let sums = memory.sums[layer]
      graph.layers[layer].scoring.sums(
        layer == 0 ? memory.input : memory.layers[layer - 1], wanted: nodes.isActive, into: sums,
        memory.scratch)
      let reading =
        layer > 0
        ? layout.forward : isFirst ? layout.forwardFromInput : layout.forwardFromInputAgain
      let target = memory.layers[layer].rows
      let hidden = read(sums, nodes.ambiguous, nodes.scales, reading.ambiguous)
      write(hidden, to: nodes.ambiguous, layout.forwardSecond, add: own[layer], target)
      let other = read(sums, nodes.on, nil, reading.on)
      write(other, to: nodes.on, layout.forwardSecond, add: nil, target)
    }
  }

  /// The last layer's rows where the forward pass gives all nodes the same; no other is read.
  private func fillConstant() {
    guard let last = nodes.last, let target = memory.layers.last?.rows else { return }
    let biases = BranchingParameters.map("fc4").biases
    for node in last.ambiguous + last.on {
      for column in 0..<width {
        target[Int(node) * width + column] = max(0, parameters.values[biases + column])
      }
    }
  }

  private func passOutput() {
    let last = graph.layers.count - 1
    graph.layers[last].scoring.sums(
      memory.layers[last - 1], wanted: [1], into: memory.outputSums, memory.scratch)
    let numbers = [
      features.outputLower, features.outputUpper, features.output, graph.layers[last].biases[0],
    ]
    let own = linear(
      linear(numbers, layout.outputFirst, relu: true), layout.outputFeatures, relu: false)
    maps.with(layout.output) { weights, _ in
      embedding_nodes(
        1, nil, nil, 1, nil, memory.outputSums.rows, memory.outputSums.totals, weights, nil, own, 1,
        memory.output.rows)
    }
  }

  /// With `isEnd` only scores are wanted of this layer.
  private func passBackward(_ layer: Int, _ own: [Float], isEnd: Bool) {
    let nodes = nodes[layer]
    let source = layer + 1 < memory.layers.count ? memory.layers[layer + 1] : memory.output
    let sums = memory.sums[layer]
    graph.layers[layer + 1].scoring.sumsBack(
      source, wanted: isEnd ? nodes.isAmbiguous : nodes.isActive, into: sums, memory.scratch)
    let reading =
      layer + 1 < memory.layers.count ? layout.backward : layout.backwardFromOutput
    let target = memory.layers[layer].rows
    let hidden = read(sums, nodes.ambiguous, nodes.backScales, reading.ambiguous)
    write(hidden, to: nodes.ambiguous, layout.backwardSecond, add: own, target)
    guard !isEnd else { return }
    let other = read(sums, nodes.on, nodes.onShares, reading.on)
    write(other, to: nodes.on, layout.backwardSecond, add: nil, target)
  }

  private func returnToInput(_ back: [Float]) {
    let wanted = [UInt8](repeating: 1, count: memory.input.count)
    graph.layers[0].scoring.sumsBack(
      memory.layers[0], wanted: wanted, into: memory.inputSums, memory.scratch)
    maps.with(layout.inputFromFirst) { weights, _ in
      embedding_nodes(
        memory.input.count, nil, nil, 1, nil, memory.inputSums.rows, memory.inputSums.totals,
        weights, nil, back, 1, memory.input.rows)
    }
  }

  private func score(_ layer: Int) -> [Float] {
    let list = nodes[layer].ambiguous
    var hidden = [Float](repeating: 0, count: list.count * width)
    maps.with(layout.score) { weights, biases in
      embedding_rectified(
        list.count, list, nil, 1, nil, memory.layers[layer].rows, weights, biases, nil, 1, &hidden)
    }
    return linear(hidden, layout.scoreLast, relu: false)
  }

  // MARK: - Nodes

  /// `relu` of the sums at some nodes, read by a map: a row a node of the list.
  private func read(
    _ sums: Embeddings, _ list: [Int32], _ scales: [Float]?, _ map: MergedMaps.Map
  ) -> [Float] {
    [Float](unsafeUninitializedCapacity: list.count * width) { buffer, count in
      count = list.count * width
      guard let out = buffer.baseAddress else { return }
      let blocks = map.inputs / (width + 1)
      maps.with(map) { weights, biases in
        withPointer(scales) { scales in
          embedding_nodes(
            list.count, list, nil, blocks, scales, sums.rows, sums.totals, weights, biases, nil, 1,
            out)
        }
      }
    }
  }

  /// `relu` of rows through a map, at their places in a layer.
  private func write(
    _ rows: [Float], to list: [Int32], _ map: MergedMaps.Map, add: [Float]?,
    _ target: UnsafeMutablePointer<Float>
  ) {
    maps.with(map) { weights, biases in
      withPointer(add) { add in
        embedding_rectified(list.count, nil, list, 1, nil, rows, weights, biases, add, 1, target)
      }
    }
  }

  private func withPointer(
    _ numbers: [Float]?, _ body: (UnsafePointer<Float>?) -> Void
  ) {
    guard let numbers else { return body(nil) }
    numbers.withUnsafeBufferPointer { body($0.baseAddress) }
  }

  // MARK: - Features

  private func forwardFeatures(_ nodes: ScoringNodes) -> [Float] {
    // Duals, bounds and values in another order than on the way back.
    let numbers = nodes.numbers(order: [2, 0, 1, 3, 5, 4, 6])
    return rectified(
      linear(numbers, layout.forwardFeaturesFirst, relu: true), layout.forwardFeatures, relu: false)
  }

  private func backwardFeatures(_ nodes: ScoringNodes) -> [Float] {
    let count = nodes.ambiguous.count
    let numbers = nodes.numbers(order: [0, 1, 2, 3, 4, 5, 6])
    let second = rectified(
      linear(numbers, layout.backwardFirst, relu: true), layout.backwardFirstSecond, relu: true)
    var weighted = [Float](repeating: 0, count: count * width)
    maps.with(layout.backwardWeighted) { weights, biases in
      embedding_rectified(
        count, nil, nil, 3, nodes.dualScales, second, weights, biases, nil, 1, &weighted)
    }
    return rectified(weighted, layout.backwardFeatures, relu: false)
  }

  /// What the box tells the input's nodes on the way back.
  private func inputBack() -> [Float] {
    let rows = features.input.count
    var numbers = [Float](repeating: 0, count: 2 * rows)
    for row in 0..<rows {
      numbers[2 * row] = features.inputLower[row]
      numbers[2 * row + 1] = features.inputUpper[row]
    }
    return rectified(
      linear(numbers, layout.inputBackFirst, relu: true), layout.inputBack, relu: false)
  }

  /// The same as `linear` of rows that a rectifier made, to 64 numbers each.
  private func rectified(_ x: [Float], _ map: MergedMaps.Map, relu: Bool) -> [Float] {
    let rows = x.count / width
    return [Float](unsafeUninitializedCapacity: rows * width) { buffer, count in
      count = rows * width
      guard let out = buffer.baseAddress else { return }
      maps.with(map) { weights, biases in
        embedding_rectified(rows, nil, nil, 1, nil, x, weights, biases, nil, relu ? 1 : 0, out)
      }
    }
  }

  private func linear(_ x: [Float], _ map: MergedMaps.Map, relu: Bool) -> [Float] {
    let rows = x.count / map.inputs
    return [Float](unsafeUninitializedCapacity: rows * map.outputs) { buffer, count in
      count = rows * map.outputs
      guard let out = buffer.baseAddress else { return }
      maps.with(map) { weights, biases in
        embedding_linear(rows, map.inputs, map.outputs, x, weights, biases, relu ? 1 : 0, out)
      }
    }
  }
}

/// A layer's nodes by their state, with what scales what they read.
struct ScoringNodes {
  private(set) var ambiguous: [Int32] = []
  private(set) var on: [Int32] = []
  private(set) var isActive: [UInt8] = []
  private(set) var isAmbiguous: [UInt8] = []
  /// `s0` of the ambiguous ones, then their `s1`.
  private(set) var scales: [Float] = []
  /// The same over their coverage.
  private(set) var backScales: [Float] = []
  /// One over the coverage of those that are on; nil where it is 1.
  private(set) var onShares: [Float]?
  /// 1, minus the upper dual, the lower dual.
  private(set) var dualScales: [Float] = []
  private var features: [Float] = []

  /// No nodes.
  init() {}

  init(_ layer: SubproblemFeatures.Layer, biases: [Float], coverage: [Float]?) {
    isActive = [UInt8](repeating: 0, count: layer.lower.count)
    isAmbiguous = isActive
    var (s0, s1): ([Float], [Float]) = ([], [])
    for neuron in layer.lower.indices where layer.upper[neuron] > 0 {
      let (lower, upper) = (min(layer.lower[neuron], 0), layer.upper[neuron])
      isActive[neuron] = 1
      let slope = upper / (upper - lower)
      let beta = -lower * slope
      guard beta > 0 else {
        on.append(Int32(neuron))
        continue
      }
      isAmbiguous[neuron] = 1
      ambiguous.append(Int32(neuron))
      s0.append(slope)
      s1.append(1 - slope)
      features += [
        lower, upper, beta, layer.lowerDual[neuron] - layer.upperDual[neuron], layer.z[neuron],
        layer.zhat[neuron], biases[neuron],
      ]
    }
    scales = s0 + s1
    func share(_ node: Int32) -> Float { coverage.map { 1 / $0[Int(node)] } ?? 1 }
    let shares = ambiguous.map(share)
    backScales = zip(s0, shares).map { $0 * $1 } + zip(s1, shares).map { $0 * $1 }
    if coverage != nil { onShares = on.map(share) }
    dualScales =
      [Float](repeating: 1, count: ambiguous.count)
      + ambiguous.map { -layer.upperDual[Int($0)] } + ambiguous.map { layer.lowerDual[Int($0)] }
  }

  /// The seven numbers of each ambiguous node, in the order asked for.
  func numbers(order: [Int]) -> [Float] {
    var result = [Float](repeating: 0, count: features.count)
    for start in stride(from: 0, to: features.count, by: 7) {
      for (place, source) in order.enumerated() { result[start + place] = features[start + source] }
    }
    return result
  }
}
