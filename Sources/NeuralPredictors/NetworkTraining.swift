import EdgeOptimization
import NeuralNetworks
import Tensors

/// How a network that predicts is trained.
public struct NetworkTraining: Hashable, Sendable {
  /// The first learning rate; it falls along half a cosine to 0.
  public var rate: Double
  /// The decoupled weight decay (AdamW); 0 for Adam.
  public var weightDecay: Double
  public var epochs: Int
  /// Epochs without a better validation loss after which training ends.
  public var patience: Int
  /// The share of the rows that are held out to choose the epoch.
  public var validationShare = 0.1
  /// Rows of a step.
  public var batchSize: Int
  /// Of the first weights, the order of the rows, the held-out rows and what is dropped.
  public var seed: UInt64 = 0

  /// What a loss may look at: the inputs' rows, the standardised targets [n] and the weights [n].
  typealias Loss<Network: Module> =
    (inout Network, _ inputs: [Tensor], _ targets: Tensor, _ weights: Tensor, inout Pass) throws ->
    Tensor

  /// Trains and returns the network of the epoch whose held-out rows were predicted best.
  ///
  /// - `inputs`: Of one extent in dimension 0, a slice for each row.
  /// - Throws: `EdgeError` for a loss that is not finite, with the step and the last finite loss, and
  ///   for settings out of range.
  func train<Network: Module>(
    _ network: Network, _ inputs: [Tensor], targets: [Double], weights: [Double]?,
    loss: Loss<Network>
  ) throws -> Network {
    let count = targets.count
    let heldOut = max(1, Int(validationShare * Double(count)))
    guard epochs > 0, patience > 0, batchSize > 1, validationShare > 0, validationShare < 1 else {
      throw EdgeError(
        .badParameter,
        "\(epochs) epochs, a patience of \(patience), batches of \(batchSize) rows and a held-out "
          + "share of \(validationShare); needed are at least 1, 1 and 2, and a share in (0, 1)")
    }
    let average = (weights?.reduce(0, +) ?? 1) / Double(count)
    let shares = weights?.map { $0 / average } ?? [Double](repeating: 1, count: count)
    let all =
      try inputs + [
        Tensor(targets, dtype: .float32), Tensor(shares, dtype: .float32),
      ]
    let random = RandomStream(seed: seed)
    let (validation, training) = try TensorDataset(all)
      .split(heldOut, random: random.child("split"))
    var network = network
    var best = (loss: Double.infinity, network: try snapshot(network))
    var optimizer =
      weightDecay > 0
      ? Adam.decoupled(rate: rate, weightDecay: weightDecay) : Adam(rate: rate)
    let schedule = Schedule.cosine(steps: epochs * training.batches(of: batchSize).count)
    var (step, last, waited) = (0, Double.nan, 0)
    for epoch in 0..<epochs {
      var pass = Pass.training(random.child("dropped").child(epoch))
      var losses: [Tensor] = []
      let order = random.child("order").child(epoch)
      for batch in training.batches(of: batchSize, shuffledBy: order) {
        let batch = try batch.tensors
        optimizer.rate = rate * schedule.factor(at: step)
        losses.append(
          try network.train(&optimizer) {
            try loss(&$0, Array(batch.dropLast(2)), batch[count: -2], batch[count: -1], &pass)
          })
        step += 1
      }
      for (offset, value) in try Tensor.stacked(losses).doubles().enumerated() {
        guard value.isFinite else {
          throw EdgeError(
            .diverged,
            "the loss of step \(step - losses.count + offset) is \(value); the last finite one was "
              + "\(last) (a smaller learning rate than \(rate) may help)")
        }
        last = value
      }
      var quiet = Pass.inference
      let reached = try withoutGradients {
        let rows = validation.tensors
        return try loss(
          &network, Array(rows.dropLast(2)), rows[count: -2], rows[count: -1], &quiet
        ).double()
      }
      waited += 1
      if reached < best.loss {
        best = (reached, try snapshot(network))
        waited = 0
      }
      if waited >= patience { break }
    }
    return best.network
  }

  /// A copy with memory of its own and without history.
  private func snapshot<Network: Module>(_ network: Network) throws -> Network {
    var copy = network
    try copy.mapState { try $0.copy() }
    return copy
  }
}

extension [Tensor] {
  /// An element counted from the end, −1 the last.
  fileprivate subscript(count offset: Int) -> Tensor { self[endIndex + offset] }
}

extension FeatureMatrix {
  /// The matrix as float32 [rows, columns].
  func tensor() throws -> Tensor {
    try Tensor(storage, shape: [columnCount, rowCount], dtype: .float32).transposed(0, 1)
      .contiguous()
  }

  /// The matrix of a tensor [rows, columns].
  init(_ tensor: Tensor) throws {
    self.init(rowCount: try tensor.extent(0), columnCount: try tensor.extent(1))
    storage = try tensor.transposed(0, 1).contiguous().to(.float64).doubles()
  }
}
