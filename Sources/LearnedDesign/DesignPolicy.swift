import NeuralNetworks
import Tensors

/// The probability of a design given a device and a budget, decision by decision: each one sees those
/// before it, so that the likeliest choices fit together where several designs are nearly as good.
struct DesignPolicy: Module {
  private let positions: Int
  private let operations: Int
  private var body: Sequential

  /// - Parameters:
  ///   - positions: Decisions of a design.
  ///   - operations: Choices of each.
  ///   - context: Numbers that describe a device and what is wanted of it.
  ///   - width: Of the hidden layers.
  ///   - random: Draws the weights.
  /// - Throws: `TensorError` for a count below 1.
  init(positions: Int, operations: Int, context: Int, width: Int, random: RandomStream) throws {
    self.positions = positions
    self.operations = operations
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

  /// The likeliest designs for each context, so many for each: a beam search, decision by decision.
  ///
  /// With a width of 1 it is the likeliest decision each time.
  func likeliest(_ context: Tensor, width: Int) throws -> [[[Int]]] {
    var copy = self
    let count = try context.extent(0)
    return try withoutGradients {
      var beams = [[(design: [Int], score: Double)]](repeating: [([], 0)], count: count)
      for position in 0..<positions {
        let owners = beams.indices.flatMap { owner in beams[owner].map { _ in owner } }
        let open = beams.flatMap { $0.map(\.design) }
        // Decisions that are not made yet are not seen, whatever stands there.
        let padded = open.flatMap { $0 + [Int](repeating: 0, count: positions - position) }
        let corners = try Tensor(padded, shape: [open.count, positions])
          .oneHot(classes: operations).to(.float32)
        let scores = try copy.logits(position, context.gathering(Tensor(owners)), corners)
          .logSoftmax(along: 1).doubles()
        var next = [[(design: [Int], score: Double)]](repeating: [], count: count)
        var row = 0
        for owner in beams.indices {
          for (design, score) in beams[owner] {
            for operation in 0..<operations {
              next[owner].append(
                (design + [operation], score + scores[row * operations + operation]))
            }
            row += 1
          }
        }
        beams = next.map { beam in
          let order = beam.indices.sorted { (-beam[$0].score, $0) < (-beam[$1].score, $1) }
          return order.prefix(width).map { beam[$0] }
        }
      }
      return beams.map { $0.map(\.design) }
    }
  }

  /// One drawn design for each context, the more various the higher the temperature.
  func designs(
    _ context: Tensor, random: RandomStream, temperature: Double = 1
  ) throws -> [[Int]] {
    var copy = self
    let count = try context.extent(0)
    return try withoutGradients {
      var corners = try Tensor.zeros([count, positions, operations])
      var decisions: [[Int]] = []
      for position in 0..<positions {
        let scores = try copy.logits(position, context, corners)
        // The largest of logits with Gumbel noise is a draw from their softmax.
        let noise = try random.child(position).uniformAboveZero(scores.shape)
        let chosen = try (scores / temperature - (-(noise.log())).log()).argmax(along: 1)
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
