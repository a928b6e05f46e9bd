public import Formats
public import NeuralNetworks
public import Tensors

/// Plain training of all weights: the baseline, and what fine-tuning is compared with.
public struct FloatTraining: ResumableTraining {
  public let plan: TrainingPlan
  public private(set) var table = EpochTable(["rate", "loss", "test_loss", "accuracy"])
  public private(set) var trained: TrainableNetwork
  private var optimizer: SGD
  private let data: TensorDataset
  private let test: TensorDataset
  private let random: RandomStream

  /// Prepares a training.
  ///
  /// - Parameters:
  ///   - start: The network as it is.
  ///   - data: Pictures and labels to learn.
  ///   - test: Others, to measure.
  ///   - plan: How long and fast.
  ///   - random: Shuffles.
  /// - Throws: ``TrainingError`` for a plan without meaning.
  public init(
    _ start: TrainableNetwork, data: TensorDataset, test: TensorDataset, plan: TrainingPlan,
    random: RandomStream
  ) throws {
    try plan.check()
    self.plan = plan
    self.data = data
    self.test = test
    self.random = random
    trained = start
    optimizer = SGD(rate: plan.rate, momentum: plan.momentum, weightDecay: plan.weightDecay)
  }

  public mutating func advance() throws {
    let epoch = table.rows.count
    let loss = try trained.trainEpoch(
      on: data, plan: plan, epoch: epoch, random: random, optimizer: &optimizer)
    let score = try trained.score(test)
    table.append([plan.rate(in: epoch), loss, score.loss, score.accuracy])
  }

  public func checkpoint() throws -> Safetensors {
    Safetensors(
      [NamedTensor(name: "table", data: table.data)]
        + (try Checkpoint.tensors(trained.network.state(), under: "network"))
        + (try Checkpoint.tensors(optimizer.state, under: "optimizer")))
  }

  public mutating func resume(from checkpoint: Safetensors) throws {
    guard table.restore(checkpoint["table"]) else { throw Checkpoint.mismatch }
    try trained.network.load(Checkpoint.state(checkpoint, under: "network", of: trained.network))
    try optimizer.restore(Checkpoint.optimizer(checkpoint))
  }
}
