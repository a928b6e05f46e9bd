public import Formats
public import NeuralNetworks
public import SmartDeal
public import Tensors

/// Training inside a decomposition: its coefficients, bases, biases and normalisation move, its zeros
/// stay (section "SmartDeal for training" of Chen et al., 2021, arXiv 2101.01163, and its public code).
///
/// The network is decomposed once; the coefficients that are not zero then are all that may ever be. The
/// best network is kept, by the accuracy of what its file holds, with bases in bytes.
public struct StructureTraining: CompressingTraining {
  /// How the structure is made and trained.
  public struct Options: Hashable, Sendable {
    public var decomposition: DecompositionOptions
    /// Kernel rows that are zeroed before the decomposition; nil for none.
    public var pruning: PruningList?
    public var treatment: CoefficientTreatment
    /// Names of weight tensors that stay real-valued.
    public var realValued: Set<String>
    /// Which encodings the file may use.
    public var encodings: [Encoding]
    /// The epoch, from 1, whose numbers are the first of the running average; nil for no average.
    public var averageFrom: Int?
    /// How many threads decompose; the result does not depend on it.
    public var threads: Int

    public init(
      decomposition: DecompositionOptions = DecompositionOptions(), pruning: PruningList? = nil,
      treatment: CoefficientTreatment = .straightThrough, realValued: Set<String> = [],
      encodings: [Encoding] = Encoding.published, averageFrom: Int? = nil, threads: Int = 1
    ) {
      self.decomposition = decomposition
      self.pruning = pruning
      self.treatment = treatment
      self.realValued = realValued
      self.encodings = encodings
      self.averageFrom = averageFrom
      self.threads = threads
    }
  }

  public let plan: TrainingPlan
  public let options: Options
  public private(set) var table = EpochTable([
    "rate", "loss", "accuracy", "test_loss", "non_zeros", "reference_cr", "row_bitmap_cr",
    "auto_cr",
    "training_cr", "averaged_accuracy", "averaged_reference_cr", "moved_share",
  ])
  public private(set) var results: TrainingResults

  private var structure: NetworkStructure
  private var average: NetworkStructure?
  private var averaged = 0
  private var network: TrainableNetwork
  private let data: TensorDataset
  private let test: TensorDataset
  private let random: RandomStream

  /// Decomposes the network and fixes its zeros.
  ///
  /// - Parameters:
  ///   - network: A trained one.
  ///   - data: Pictures and labels to learn.
  ///   - test: Others, to measure.
  ///   - plan: How long and fast.
  ///   - options: How to decompose and to train.
  ///   - random: Shuffles.
  /// - Throws: ``TrainingError`` for a plan without meaning; `SmartDealError` for such options or
  ///   weights.
  public init(
    _ network: TrainableNetwork, data: TensorDataset, test: TensorDataset, plan: TrainingPlan,
    options: Options, random: RandomStream
  ) throws {
    try plan.check()
    try options.decomposition.check()
    try options.treatment.check()
    try plan.check(averageFrom: options.averageFrom)
    self.plan = plan
    self.options = options
    self.data = data
    self.test = test
    self.random = random
    self.network = network
    structure = try NetworkStructure.decomposing(network, options)
    let compressed = try CompressedNetwork(structure.layers(options.encodings))
    let tensors = try network.weightTensors()
    results = TrainingResults(
      start: try CompressedResult(
        network.replacing(zip(tensors, compressed.layers).map { ($0, $1.rebuilt()) }), compressed,
        test))
  }

  /// How many coefficients may be other than zero.
  public var freeCoefficients: Int { structure.freeCoefficients }

  public mutating func advance() throws {
    let epoch = table.rows.count
    let step = DescentStep(
      rate: Float(plan.rate(in: epoch)), momentum: Float(plan.momentum),
      weightDecay: Float(plan.weightDecay))
    let treatment = options.treatment
    structure.startEpoch()
    var structure = self.structure
    var moved = 0
    let loss = try network.eachBatch(of: data, plan: plan, epoch: epoch, random: random) {
      network, loss in
      try network.setParameters(structure.tensors())
      let (value, gradients) = try network.valueAndGradients(loss)
      moved += try structure.descend(gradients.tensors, step, treatment)
      return value
    }
    self.structure = structure
    try network.network.setParameters(structure.tensors())
    let mean = try averagedResult(epoch)
    results.add(try result(of: structure, network), average: mean, epoch: epoch + 1)
    let sizes = last.compressed.sizes
    var share = Double.nan
    if case .bucketSwitch = treatment {
      share = Double(moved) / Double(max(structure.freeCoefficients, 1))
    }
    table.append([
      plan.rate(in: epoch), loss, last.score.accuracy, last.score.loss, Double(sizes.nonZeros),
      sizes.ratio(.reference), sizes.ratio(.rowBitmap), sizes.ratio(.stored),
      sizes.ratio(.training), mean?.score.accuracy ?? .nan,
      mean?.compressed.sizes.ratio(.reference) ?? .nan, share,
    ])
  }

  /// What the file of a structure stands for; all but weight tensors is the network's.
  private func result(
    of structure: NetworkStructure, _ network: TrainableNetwork
  ) throws -> CompressedResult {
    let compressed = try CompressedNetwork(structure.layers(options.encodings))
    let stored = try network.replacing(
      zip(network.weightTensors(), compressed.layers).map { ($0, $1.rebuilt()) })
    return try CompressedResult(stored, compressed, test)
  }

  /// The running average of coefficients, bases and all else that trains, rounded (Izmailov et al.,
  /// "Averaging weights leads to wider optima and better generalization", 2018; the public code of
  /// SmartDeal averages what lies behind the rounding).
  private mutating func averagedResult(_ epoch: Int) throws -> CompressedResult? {
    guard let first = options.averageFrom, epoch + 1 >= first else { return nil }
    var mean = average ?? structure
    mean.approach(structure, share: 1 / Float(averaged + 1))
    average = mean
    averaged += 1
    var network = self.network
    try network.network.setParameters(mean.tensors())
    try network.renewMoments(on: data, batch: plan.batch)
    return try result(of: mean, network)
  }

  // MARK: Checkpoints

  public func checkpoint() throws -> Safetensors {
    var tensors = [
      NamedTensor(name: "table", data: table.data),
      NamedTensor(name: "averaged", data: TensorData([averaged], shape: [1])),
    ]
    let states = [("structure", structure.state), ("average", average?.state ?? [])]
    for (group, state) in states {
      tensors += state.map { name, numbers in
        NamedTensor(name: "\(group).\(name)", data: TensorData(numbers, shape: [numbers.count]))
      }
    }
    tensors += try Checkpoint.tensors(network.network.state(), under: "network")
    tensors += try results.tensors()
    return Safetensors(tensors)
  }

  public mutating func resume(from checkpoint: Safetensors) throws {
    guard table.restore(checkpoint["table"]), let counts = checkpoint["averaged"]?.integers(),
      counts.count == 1
    else { throw Checkpoint.mismatch }
    averaged = counts[0]
    try network.network.load(
      Checkpoint.state(checkpoint, under: "network", of: network.network))
    func numbers(_ name: String) throws -> [Float] {
      guard let data = checkpoint[name], data.type == .float32 else { throw Checkpoint.mismatch }
      return data.floats()
    }
    try structure.restore { try numbers("structure.\($0)") }
    if averaged > 0 {
      var mean = structure
      try mean.restore { try numbers("average.\($0)") }
      average = mean
    }
    try results.restore(checkpoint, of: network, test)
  }
}

extension CoefficientTreatment {
  /// Refuses what has no meaning.
  func check() throws(TrainingError) {
    guard case .bucketSwitch(let bar, let minimumChange) = self else { return }
    guard bar >= 1 else { throw TrainingError(.badPlan, "bar is \(bar); it must be at least 1") }
    guard minimumChange.isFinite, minimumChange >= 0 else {
      throw TrainingError(
        .badPlan, "minimumChange is \(minimumChange); it must be a number from 0")
    }
  }
}
