import EdgeOptimization
import NeuralNetworks
import Tensors

/// The probability of a design given a device and a budget, decision by decision: each one sees those
/// before it, so that the likeliest choices fit together where several designs are nearly as good.
struct DesignPolicy: Module {
  private let positions: Int
  private let operations: Int
  private var body: Sequential

  init(space: SearchSpace, context: Int, width: Int, random: RandomStream) throws {
    positions = space.positionCount
    operations = space.operations.count
    let outputs = positions * operations
    body = try Sequential(
      Linear(context + outputs + positions, width, random: random.child(0)), Activation.silu,
      Linear(width, width, random: random.child(1)), Activation.silu,
      Linear(width, operations, random: random.child(2)))
  }

  /// Logits of one position [n, operations] for contexts [n, c] and designs [n, positions], of which
  /// the decisions before the position are seen.
  private mutating func logits(
    _ position: Int, _ context: Tensor, _ corners: Tensor
  ) throws -> Tensor {
    var pass = Pass.inference
    let count = try context.extent(0)
    let seen = try (Tensor.arange(positions) .< position).to(.float32).reshaped(1, positions, 1)
    let place = try Tensor([position]).oneHot(classes: positions).to(.float32)
      .expanded([count, positions])
    let input = try Tensor.concatenated(
      [context, (corners * seen).flattened(from: 1), place], along: 1)
    return try body.forward(input, &pass)
  }

  mutating func forward(_ input: Tensor, _ pass: inout Pass) throws -> Tensor {
    try body.forward(input, &pass)
  }

  mutating func visit(_ visitor: inout Visitor) throws { try visitor.child("body", &body) }

  /// The mean over designs [n, positions] of -log p, a decision.
  mutating func negativeLogLikelihood(of designs: Tensor, _ context: Tensor) throws -> Tensor {
    let corners = try designs.oneHot(classes: operations).to(.float32)
    let losses = try (0..<positions).map { position in
      try logits(position, context, corners).crossEntropy(designs[.all, position])
    }
    return try Tensor.stacked(losses).mean()
  }

  /// One design for each context: the likeliest decisions, or drawn ones, the more various the higher
  /// the temperature.
  func designs(
    _ context: Tensor, random: RandomStream?, temperature: Double = 1
  ) throws -> [[Int]] {
    var copy = self
    let count = try context.extent(0)
    return try withoutGradients {
      var corners = try Tensor.zeros([count, positions, operations])
      var decisions: [[Int]] = []
      for position in 0..<positions {
        var scores = try copy.logits(position, context, corners)
        if let random {
          // The largest of logits with Gumbel noise is a draw from their softmax.
          let noise = try random.child(position).uniformAboveZero(scores.shape)
          scores = try scores / temperature - (-(noise.log())).log()
        }
        let chosen = try scores.argmax(along: 1)
        decisions.append(try chosen.integers())
        corners = try corners.replacing(
          position, along: 1, with: chosen.oneHot(classes: operations).to(.float32))
      }
      return (0..<count).map { row in decisions.map { $0[row] } }
    }
  }
}

extension RandomStream {
  /// Numbers above 0 and below 1.
  fileprivate func uniformAboveZero(_ shape: [Int]) throws -> Tensor {
    var random = self
    return try random.uniform(shape).clamp(min: 0x1p-25)
  }
}
