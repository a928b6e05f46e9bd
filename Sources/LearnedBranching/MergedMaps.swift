import CEmbeddingKernels

/// The branching network's maps, with those that follow each other without a rectifier multiplied into
/// one.
///
/// An embedding is `h L + b` of a hidden row h; what its neighbours read is a weighted sum of embeddings,
/// to which another map is applied at once. So hidden rows are summed instead, with the sum of the
/// weights for b, and `L` meets the next map here, once for all nodes of all subproblems. This leaves a
/// third of the products for a node that is on, half for one that is ambiguous. The network is the same
/// function of its parameters, and gradients go back through the products.
struct MergedMaps: Sendable {
  /// A linear map: rows of 64 weights (1 for the last map), then the biases, if it has some.
  struct Map: Hashable, Sendable {
    let weights: Int
    let inputs: Int
    let outputs: Int
    let hasBiases: Bool

    var biases: Int { weights + inputs * outputs }
  }

  static let layout = MergedLayout()

  let values: [Float]
  /// Whether what the forward pass gives a node depends on nothing, as in the published snapshot, half
  /// of whose maps died in training.
  let isForwardConstant: Bool

  init(_ parameters: BranchingParameters) {
    values = MergedMaps.layout.apply(to: parameters.values)
    let last = BranchingParameters.map("fc4")
    isForwardConstant = parameters.values[last.weights..<last.biases].allSatisfy { $0 == 0 }
  }

  /// Reads a map's weights and biases, the latter null where it has none.
  func with<Result>(
    _ map: Map, _ body: (UnsafePointer<Float>, UnsafePointer<Float>?) -> Result
  ) -> Result {
    values.withUnsafeBufferPointer { all in
      // The layout is never empty.
      let base = all.baseAddress.unsafelyUnwrapped
      return body(base + map.weights, map.hasBiases ? base + map.biases : nil)
    }
  }
}

/// Which merged map is made of what, for values and gradients.
struct MergedLayout: Sendable {
  /// From summed hidden rows to a node's hidden row.
  struct Reading: Sendable {
    /// For ambiguous nodes: two blocks, scaled by `s0` and `s1`, of 64 rows for the sums and one for
    /// the sum of weights.
    let ambiguous: MergedMaps.Map
    /// For nodes that are on, with both scales 1: one such block.
    let on: MergedMaps.Map
  }

  /// A part of a merged map: numbers added to it.
  private enum Term: Sendable {
    case copy(from: Int, to: Int, count: Int)
    /// Rows of 64 numbers times a square matrix.
    case product(Int, rows: Int, Int, to: Int)
  }

  private var terms: [Term] = []
  private(set) var count = 0

  private(set) var inputFirst, inputBackFirst, inputBack, inputFromFirst: MergedMaps.Map
  private(set) var forwardFromInput, forwardFromInputAgain, forward: Reading
  private(set) var forwardSecond, forwardFeaturesFirst, forwardFeatures: MergedMaps.Map
  private(set) var outputFirst, outputFeatures, output: MergedMaps.Map
  private(set) var backwardFromOutput, backward: Reading
  private(set) var backwardSecond, backwardFeatures: MergedMaps.Map
  private(set) var backwardFirst, backwardFirstSecond: MergedMaps.Map
  /// Three blocks: the features' hidden row times 1, minus the upper dual, the lower dual.
  private(set) var backwardWeighted: MergedMaps.Map
  private(set) var score, scoreLast: MergedMaps.Map

  init() {
    var builder = Builder()
    let fc3 = (builder.block("fc3", 0), builder.block("fc3", 1))
    let fc4 = (builder.block("fc4", 0), builder.block("fc4", 1))
    let bc3 = (builder.block("bc3", 0), builder.block("bc3", 1))
    let bc4 = (builder.block("bc4", 0), builder.block("bc4", 1))
    let back = (builder.block("inp_b2", 0), builder.block("inp_b2", 1))
    inputFirst = builder.own("inp_f")
    inputBackFirst = builder.own("inp_b")
    inputBack = builder.merged("inp_b_1", back.0, plus: "inp_b2")
    inputFromFirst = builder.summed("bc4_1", back.1)
    forwardFromInput = builder.reading("inp_f_1", fc3, "fc3")
    forwardFromInputAgain = builder.reading("inp_b2_2", fc3, "fc3")
    forward = builder.reading("fc4_2", fc3, "fc3")
    forwardSecond = builder.merged("fc3_2", fc4.1, plus: "fc4")
    forwardFeaturesFirst = builder.own("fc1")
    forwardFeatures = builder.merged("fc1_1", fc4.0, plus: nil)
    outputFirst = builder.own("out1")
    outputFeatures = builder.part("out2")
    output = builder.summed("fc4_2", builder.block("out2", 1))
    backwardFromOutput = builder.reading("out3", bc3, "bc3")
    backward = builder.reading("bc4_1", bc3, "bc3")
    backwardSecond = builder.merged("bc3_1", bc4.1, plus: "bc4")
    backwardFirst = builder.own("bc1")
    backwardFirstSecond = builder.own("bc1_1")
    backwardWeighted = builder.blocks(
      "bc1_2", (0..<3).map { builder.block("bc2", $0) }, "bc2")
    backwardFeatures = builder.merged("bc2_1", bc4.0, plus: nil)
    score = builder.merged("bc4_1", builder.block("fnode", 0), plus: "fnode")
    scoreLast = builder.own("fscore")
    terms = builder.terms
    count = builder.count
  }

  /// The merged maps of some parameters.
  func apply(to parameters: [Float]) -> [Float] {
    let width = BranchingParameters.width
    var values = [Float](repeating: 0, count: count)
    for term in terms {
      switch term {
      case .copy(let from, let to, let count):
        for index in 0..<count { values[to + index] += parameters[from + index] }
      case .product(let first, let rows, let second, let to):
        var product = [Float](repeating: 0, count: rows * width)
        parameters.withUnsafeBufferPointer { all in
          guard let base = all.baseAddress else { return }
          embedding_linear(rows, width, width, base + first, base + second, nil, 0, &product)
        }
        for index in product.indices { values[to + index] += product[index] }
      }
    }
    return values
  }

  /// The gradient by the parameters, from that by the merged maps.
  func gradient(_ merged: [Float], at parameters: [Float]) -> [Float] {
    let width = BranchingParameters.width
    var gradient = [Float](repeating: 0, count: parameters.count)
    var (turned, unused) = ([Float](repeating: 0, count: width * width), [Float]())
    unused = [Float](repeating: 0, count: width)
    for term in terms {
      switch term {
      case .copy(let from, let to, let count):
        for index in 0..<count { gradient[from + index] += merged[to + index] }
      case .product(let first, let rows, let second, let to):
        for row in 0..<width {
          for column in 0..<width {
            turned[column * width + row] = parameters[second + row * width + column]
          }
        }
        var part = [Float](repeating: 0, count: rows * width)
        merged.withUnsafeBufferPointer { slopes in
          parameters.withUnsafeBufferPointer { all in
            guard let slope = slopes.baseAddress, let base = all.baseAddress else { return }
            embedding_linear(rows, width, width, slope + to, turned, nil, 0, &part)
            gradient.withUnsafeMutableBufferPointer { target in
              guard let out = target.baseAddress else { return }
              embedding_weight_gradient(
                rows, width, width, base + first, slope + to, out + second, &unused)
            }
          }
        }
        for index in part.indices { gradient[first + index] += part[index] }
      }
    }
    return gradient
  }

  /// Lays maps out one after the other.
  private struct Builder {
    var terms: [Term] = []
    var count = 0
    private let width = BranchingParameters.width

    /// Where 64 rows of a map's weights start.
    func block(_ name: String, _ number: Int) -> Int {
      BranchingParameters.map(name).weights + number * width * width
    }

    private mutating func map(_ inputs: Int, _ outputs: Int, biases: Bool) -> MergedMaps.Map {
      defer { count += (inputs + (biases ? 1 : 0)) * outputs }
      return MergedMaps.Map(weights: count, inputs: inputs, outputs: outputs, hasBiases: biases)
    }

    /// A map as it is.
    mutating func own(_ name: String) -> MergedMaps.Map {
      let source = BranchingParameters.map(name)
      let map = map(source.inputs, source.outputs, biases: true)
      terms.append(
        .copy(
          from: source.weights, to: map.weights, count: (source.inputs + 1) * source.outputs))
      return map
    }

    /// The first 64 rows of a map, and its biases.
    mutating func part(_ name: String) -> MergedMaps.Map {
      let map = map(width, width, biases: true)
      terms.append(.copy(from: block(name, 0), to: map.weights, count: width * width))
      copyBiases(name, map)
      return map
    }

    private mutating func copyBiases(_ name: String, _ map: MergedMaps.Map) {
      terms.append(
        .copy(from: BranchingParameters.map(name).biases, to: map.biases, count: width))
    }

    /// `x (L M) + b M`, and other biases.
    mutating func merged(_ name: String, _ next: Int, plus other: String?) -> MergedMaps.Map {
      let map = map(width, width, biases: true)
      // Biases follow the weights on both sides.
      terms.append(
        .product(
          BranchingParameters.map(name).weights, rows: width + 1, next, to: map.weights))
      if let other { copyBiases(other, map) }
      return map
    }

    /// `L M` with `b M` as one more row of weights, for the sum of weights.
    mutating func summed(_ name: String, _ next: Int) -> MergedMaps.Map {
      let map = map(width + 1, width, biases: false)
      terms.append(
        .product(
          BranchingParameters.map(name).weights, rows: width + 1, next, to: map.weights))
      return map
    }

    /// Such blocks one under the other, and biases.
    mutating func blocks(_ name: String, _ next: [Int], _ biases: String) -> MergedMaps.Map {
      let map = map(next.count * (width + 1), width, biases: true)
      for (number, next) in next.enumerated() {
        terms.append(
          .product(
            BranchingParameters.map(name).weights, rows: width + 1, next,
            to: map.weights + number * (width + 1) * width))
      }
      copyBiases(biases, map)
      return map
    }

    /// Two blocks, and their sum.
    mutating func reading(_ name: String, _ next: (Int, Int), _ biases: String) -> Reading {
      let ambiguous = blocks(name, [next.0, next.1], biases)
      let on = blocks(name, [next.0], biases)
      terms.append(
        .product(
          BranchingParameters.map(name).weights, rows: width + 1, next.1, to: on.weights))
      return Reading(ambiguous: ambiguous, on: on)
    }
  }
}
