import Synchronization
public import Verification

/// The verified network as a graph: neurons are nodes, weights are edges.
///
/// Its last layer is one row, the linear form of the outputs that is to be bounded, and thus the
/// graph's output node.
public struct BranchingGraph: Sendable {
  /// A linear layer's edges, and the biases of the nodes that it leads to.
  struct Layer: Sendable {
    private let matrices: SparseWeights
    /// A row a node of this layer.
    var edges: SparseMatrix { matrices.both.edges }
    /// A row a node of the layer before.
    var backEdges: SparseMatrix { matrices.both.backEdges }
    let biases: [Float]
    /// By what the backward pass divides what a node of the layer before receives; nil for 1.
    let coverage: [Float]?
    /// The same weights in the orders that scoring reads.
    let scoring: ScoringLayer

    init(_ layer: AffineLayer) {
      matrices = SparseWeights(layer)
      biases = layer.biases.map { Float($0) }
      coverage = layer.convolution?.coverage
      scoring = ScoringLayer(layer)
    }
  }

  /// A layer's matrices, made when a gradient first needs them: scoring does not.
  private final class SparseWeights: Sendable {
    private let layer: AffineLayer
    private let made = Mutex<(edges: SparseMatrix, backEdges: SparseMatrix)?>(nil)

    init(_ layer: AffineLayer) { self.layer = layer }

    var both: (edges: SparseMatrix, backEdges: SparseMatrix) {
      made.withLock { made in
        if let made { return made }
        let edges = SparseMatrix(layer)
        let both = (edges, edges.transposed(columns: layer.inputs))
        made = both
        return both
      }
    }
  }

  /// Layer k leads to the ReLUs of layer k; the last one to the output node.
  let layers: [Layer]
  /// Nodes of the input.
  public let inputCount: Int
  /// Nodes of each layer of ReLUs.
  public let reluCounts: [Int]

  /// Merges a row of the outputs into the network's last layer.
  public init(_ network: ReLUNetwork, row: OutputRow) {
    let last = network.layers[network.layers.count - 1]
    let weights = last.applyTransposed(row.coefficients)
    let bias = row.offset + zip(row.coefficients, last.biases).reduce(0) { $0 + $1.0 * $1.1 }
    self.init(
      network.layers.dropLast()
        + [AffineLayer(weights: weights, biases: [bias], inputs: last.inputs)])
  }

  /// Takes layers whose last has one output.
  public init(_ chain: [AffineLayer]) {
    precondition(chain.last?.outputs == 1, "the last layer needs one output")
    inputCount = chain[0].inputs
    reluCounts = chain.dropLast().map(\.outputs)
    layers = chain.map(Layer.init)
  }

  /// Wong and Kolter's upper bound of the output: one backward pass, in which both lines of an
  /// ambiguous ReLU's relaxation have the slope u / (u - l).
  func outputUpperBound(of features: SubproblemFeatures) -> Float {
    var bound = layers[layers.count - 1].biases[0]
    var slopes = layers[layers.count - 1].scoring.spread([1])
    for (number, layer) in features.layers.enumerated().reversed() {
      for neuron in slopes.indices {
        let (lower, upper) = (layer.lower[neuron], layer.upper[neuron])
        if upper <= 0 {
          slopes[neuron] = 0
        } else if lower < 0 {
          let slope = upper / (upper - lower)
          if slopes[neuron] > 0 { bound -= slopes[neuron] * slope * lower }
          slopes[neuron] *= slope
        }
        bound += slopes[neuron] * layers[number].biases[neuron]
      }
      slopes = layers[number].scoring.spread(slopes)
    }
    for (index, slope) in slopes.enumerated() {
      bound += slope * (slope > 0 ? features.inputUpper[index] : features.inputLower[index])
    }
    return bound
  }
}
