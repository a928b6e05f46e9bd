import Statistics

/// The weights of the branching network: 26 linear maps between embeddings of 64 numbers, 117,825
/// numbers in all (Lu and Kumar 2020).
///
/// They are shared by all layers, so that one set serves networks of any size.
public struct BranchingParameters: Hashable, Sendable {
  /// Numbers of an embedding.
  public static let width = 64

  /// A linear map `x W + b` and where its numbers stand.
  public struct Map: Hashable, Sendable {
    /// As in the published snapshot, without the module's own name.
    public let name: String
    public let inputs: Int
    public let outputs: Int
    /// Where the weights (inputs × outputs, row-major) start, and the biases.
    let weights: Int
    let biases: Int

    /// Whether a ReLU follows.
    var isRectified: Bool {
      ![
        "inp_f_1", "inp_b_1", "inp_b2_2", "fc1_1", "fc3_2", "fc4_2", "out3", "bc1_2", "bc2_1",
        "bc3_1", "bc4_1", "fscore",
      ].contains(name)
    }

    /// What the published snapshot calls the module of this map.
    var module: String {
      ["fnode", "fscore"].contains(name) ? "ComputeFinalScore" : "EmbedUpdates.update"
    }
  }

  /// All maps, in the order of the published snapshot.
  public static let maps: [Map] = {
    let p = width
    let shapes: [(String, Int, Int)] = [
      ("inp_f", 3, p), ("inp_f_1", p, p), ("inp_b", 2, p), ("inp_b_1", p, p),
      ("inp_b2", 2 * p, p), ("inp_b2_2", p, p), ("fc1", 7, p), ("fc1_1", p, p),
      ("fc3", 2 * p, p), ("fc3_2", p, p), ("fc4", 2 * p, p), ("fc4_2", p, p),
      ("out1", 4, p), ("out2", 2 * p, p), ("out3", p, p), ("bc1", 7, p), ("bc1_1", p, p),
      ("bc1_2", p, p), ("bc2", 3 * p, p), ("bc2_1", p, p), ("bc3", 2 * p, p), ("bc3_1", p, p),
      ("bc4", 2 * p, p), ("bc4_1", p, p), ("fnode", p, p), ("fscore", p, 1),
    ]
    var offset = 0
    return shapes.map { name, inputs, outputs in
      defer { offset += (inputs + 1) * outputs }
      return Map(
        name: name, inputs: inputs, outputs: outputs, weights: offset,
        biases: offset + inputs * outputs)
    }
  }()

  /// The number of all weights and biases: 117,825.
  public static let count = maps.reduce(0) { $0 + ($1.inputs + 1) * $1.outputs }

  /// All numbers, map by map, weights before biases.
  public internal(set) var values: [Float]

  init(values: [Float]) {
    precondition(values.count == Self.count, "\(values.count) parameters")
    self.values = values
  }

  /// Random weights and biases of 0.
  ///
  /// Weights are uniform, with the variance 2 / inputs before a ReLU and 1 / inputs elsewhere (He and
  /// others, "Delving Deep into Rectifiers", 2015).
  /// PyTorch's own start, ±1/√inputs with biases as large, loses the signal here: a feature goes through
  /// up to twenty maps before it reaches a score, each of which leaves a third of its variance, while the
  /// biases stay.
  public init(seed: UInt64) {
    var generator = SplitMix64(seed: seed)
    values = Self.maps.flatMap { map -> [Float] in
      let reach = (Float(map.isRectified ? 6 : 3) / Float(map.inputs)).squareRoot()
      let weights = (0..<map.inputs * map.outputs).map { _ in
        // 24 bits fill a float's significand.
        (Float(generator.next() >> 40) / Float(1 << 23) - 1) * reach
      }
      return weights + [Float](repeating: 0, count: map.outputs)
    }
  }

  /// The size of each map's weights and biases, to show paths that died: root mean squares.
  public var norms: [(name: String, weights: Double, biases: Double)] {
    Self.maps.map { map in
      func size(_ range: Range<Int>) -> Double {
        let sum = values[range].reduce(0) { $0 + Double($1) * Double($1) }
        return (sum / Double(range.count)).squareRoot()
      }
      return (
        map.name, size(map.weights..<map.biases), size(map.biases..<map.biases + map.outputs)
      )
    }
  }

  static func map(_ name: String) -> Map {
    guard let map = maps.first(where: { $0.name == name }) else {
      preconditionFailure("no map '\(name)'")
    }
    return map
  }
}

extension BranchingParameters {
  /// The parameters after a step along a direction.
  package func moved(by direction: [Float], times step: Float) -> BranchingParameters {
    BranchingParameters(values: zip(values, direction).map { $0 + step * $1 })
  }

  /// The part of a gradient that belongs to one map, zero elsewhere.
  package static func only(_ map: Map, of gradient: [Float]) -> [Float] {
    let range = map.weights..<map.biases + map.outputs
    return gradient.indices.map { range.contains($0) ? gradient[$0] : 0 }
  }
}
