public import Formats
public import NeuralNetworks
public import SmartDeal
public import Tensors

/// Training in turns: an epoch of gradient descent on the rebuilt weights, then the decomposition of
/// every tensor, whose result overwrites them.
///
/// Masks are not kept during an epoch; the next decomposition restores the structure. The best network
/// is kept, by the accuracy of what its file holds, with bases in bytes (Chen et al., "SmartDeal", 2021,
/// arXiv 2101.01163, and its public code).
public struct AlternatingTraining: CompressingTraining {
  /// What is done besides plain training.
  public struct Options: Hashable, Sendable {
    public var decomposition: DecompositionOptions
    /// Kernel rows that are zeroed before each decomposition; nil for none.
    public var pruning: PruningList?
    /// Which encodings the file may use.
    public var encodings: [Encoding]
    /// The epoch, from 1, whose weights are the first of the running average; nil for no average.
    public var averageFrom: Int?
    /// How many threads decompose; the result does not depend on it.
    public var threads: Int

    public init(
      decomposition: DecompositionOptions = DecompositionOptions(), pruning: PruningList? = nil,
      encodings: [Encoding] = Encoding.published, averageFrom: Int? = nil, threads: Int = 1
    ) {
      self.decomposition = decomposition
      self.pruning = pruning
      self.encodings = encodings
      self.averageFrom = averageFrom
      self.threads = threads
    }
  }

  public let plan: TrainingPlan
  public let options: Options
  public private(set) var table = EpochTable([
    "rate", "loss", "dense_accuracy", "accuracy", "test_loss", "non_zeros", "reference_cr",
    "auto_cr", "averaged_accuracy", "averaged_reference_cr",
  ])
  public private(set) var results: TrainingResults

  private var current: TrainableNetwork
  private var average: ParameterTree?
  private var averaged = 0
  private var optimizer: SGD
  private let data: TensorDataset
  private let test: TensorDataset
  private let random: RandomStream

  /// Decomposes the network.
  ///
  /// - Parameters:
  ///   - network: A trained one.
  ///   - data: Pictures and labels to learn.
  ///   - test: Others, to measure.
  ///   - plan: How long and fast.
  ///   - options: How to decompose.
  ///   - random: Shuffles.
  /// - Throws: ``TrainingError`` for a plan without meaning; `SmartDealError` for such options or
  ///   weights.
  public init(
    _ network: TrainableNetwork, data: TensorDataset, test: TensorDataset, plan: TrainingPlan,
    options: Options, random: RandomStream
  ) throws {
    try plan.check()
    try options.decomposition.check()
    try plan.check(averageFrom: options.averageFrom)
    self.plan = plan
    self.options = options
    self.data = data
    self.test = test
    self.random = random
    optimizer = SGD(rate: plan.rate, momentum: plan.momentum, weightDecay: plan.weightDecay)
    let first = try network.decomposed(options)
    results = TrainingResults(
      start: try CompressedResult(first.stored, first.compressed, test))
    current = first.rebuilt
  }

  public mutating func advance() throws {
    let epoch = table.rows.count
    let loss = try current.trainEpoch(
      on: data, plan: plan, epoch: epoch, random: random, optimizer: &optimizer)
    let dense = try current.score(test)
    let mean = try averagedResult(epoch)
    let decomposed = try current.decomposed(options)
    current = decomposed.rebuilt
    results.add(
      try CompressedResult(decomposed.stored, decomposed.compressed, test), average: mean,
      epoch: epoch + 1)
    let sizes = last.compressed.sizes
    table.append([
      plan.rate(in: epoch), loss, dense.accuracy, last.score.accuracy, last.score.loss,
      Double(sizes.nonZeros), sizes.ratio(.reference), sizes.ratio(.stored),
      mean?.score.accuracy ?? .nan, mean?.compressed.sizes.ratio(.reference) ?? .nan,
    ])
  }

  /// The running average of the weights after each epoch of gradient descent, decomposed (Izmailov et
  /// al., "Averaging weights leads to wider optima and better generalization", 2018).
  private mutating func averagedResult(_ epoch: Int) throws -> CompressedResult? {
    guard let first = options.averageFrom, epoch + 1 >= first else { return nil }
    let weights = try current.network.state()
    var mean = average ?? weights
    mean.tensors = try zip(mean.tensors, weights.tensors).map {
      try $0 + ($1 - $0) / Double(averaged + 1)
    }
    average = mean
    averaged += 1
    var network = current
    try network.network.load(mean)
    let decomposed = try network.decomposed(options)
    var stored = decomposed.stored
    try stored.renewMoments(on: data, batch: plan.batch)
    return try CompressedResult(stored, decomposed.compressed, test)
  }

  // MARK: Checkpoints

  public func checkpoint() throws -> Safetensors {
    var tensors = [
      NamedTensor(name: "table", data: table.data),
      NamedTensor(name: "averaged", data: TensorData([averaged], shape: [1])),
    ]
    tensors += try Checkpoint.tensors(current.network.state(), under: "network")
    tensors += try Checkpoint.tensors(optimizer.state, under: "optimizer")
    tensors += try results.tensors()
    if let average { tensors += try Checkpoint.tensors(average, under: "average") }
    return Safetensors(tensors)
  }

  public mutating func resume(from checkpoint: Safetensors) throws {
    guard table.restore(checkpoint["table"]), let counts = checkpoint["averaged"]?.integers(),
      counts.count == 1
    else { throw Checkpoint.mismatch }
    averaged = counts[0]
    try current.network.load(Checkpoint.state(checkpoint, under: "network", of: current.network))
    try optimizer.restore(Checkpoint.optimizer(checkpoint))
    try results.restore(checkpoint, of: current, test)
    average =
      averaged > 0
      ? try Checkpoint.state(checkpoint, under: "average", of: current.network) : nil
  }
}

extension TrainableNetwork {
  /// The network decomposed: what a file holds, and the networks that it stands for.
  fileprivate func decomposed(
    _ options: AlternatingTraining.Options
  ) throws -> (compressed: CompressedNetwork, rebuilt: TrainableNetwork, stored: TrainableNetwork) {
    let tensors = try weightTensors()
    let found = try CompressedNetwork.decomposing(
      tensors, options.decomposition, pruning: options.pruning, encodings: options.encodings,
      threads: options.threads)
    return (
      found.network, try replacing(zip(tensors, found.rebuilt).map { ($0, $1) }),
      try replacing(zip(tensors, found.network.layers).map { ($0, $1.rebuilt()) })
    )
  }
}
