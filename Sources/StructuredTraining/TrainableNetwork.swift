import Formats
public import NetworkImport
public import NeuralNetworks
public import ONNX
public import Tensors

/// A classifier from an ONNX file that is trained and written back.
public struct TrainableNetwork: Sendable {
  public let model: ONNXModel
  public var network: ONNXNetwork
  /// What one picture is shaped to.
  public let pictureShape: [Int]

  /// Takes a model with one input of pictures and one output of logits.
  ///
  /// - Throws: ``TrainingError`` for other inputs and outputs, or numbers that aren't float32;
  ///   `FormatError` for operators that are not known.
  public init(_ model: ONNXModel) throws {
    let graph = model.graph
    guard graph.inputs.count == 1, graph.outputs.count == 1 else {
      throw TrainingError(
        .badNetwork,
        "the network has \(graph.inputs.count) inputs and \(graph.outputs.count) outputs; one of each "
          + "can be trained")
    }
    if let last = graph.nodes.first(where: { $0.outputs.contains(graph.outputs[0].name) }),
      last.operator == "Softmax"
    {
      throw TrainingError(
        .badNetwork,
        "\(last.label) ends the network; give one that ends in logits, before a softmax")
    }
    for initializer in graph.initializers where initializer.data.type.isFloatingPoint {
      guard initializer.data.type == .float32 else {
        throw TrainingError(
          .badNetwork,
          "'\(initializer.name)' holds \(initializer.data.type.rawValue); float32 is trained")
      }
    }
    let extents = (graph.inputs[0].shape ?? []).dropFirst().map { extent -> Int? in
      if case .fixed(let value) = extent { value } else { nil }
    }
    guard !extents.isEmpty, extents.allSatisfy({ $0 ?? 0 > 0 }) else {
      throw TrainingError(
        .badNetwork,
        "the input '\(graph.inputs[0].name)' leaves open what a picture's shape is; state all extents "
          + "after the first")
    }
    self.model = model
    pictureShape = extents.compactMap(\.self)
    network = try ONNXNetwork(model)
  }

  /// How many numbers training finds.
  ///
  /// - Throws: `TensorError` where memory does not suffice.
  public func parameterCount() throws -> Int { try network.parameters().elementCount }

  /// The model with the network's numbers of now.
  ///
  /// - Throws: `TensorError` where memory does not suffice.
  public func exported() throws -> ONNXModel {
    let state = try network.state()
    var result = model
    result.producer = "pipeline"
    result.graph.initializers = try model.graph.initializers.map { initializer in
      guard let tensor = state[initializer.name] else { return initializer }
      return NamedTensor(name: initializer.name, data: try tensor.data())
    }
    return result
  }

  // MARK: Evaluation

  /// How well the network does on pictures.
  public struct Score: Hashable, Sendable {
    /// The share of right answers, in percent.
    public var accuracy: Double
    /// The mean of -log of the label's probability, in nats.
    public var loss: Double
  }

  /// The logits of all pictures of a set.
  ///
  /// - Returns: [n, classes].
  /// - Throws: ``TrainingError`` where the network does not give one row of logits for each picture.
  public func logits(_ data: TensorDataset, batch: Int = 1000) throws -> Tensor {
    let parts = try data.batches(of: batch).map { batch in
      let pictures = try batch.tensors[0]
      let output = try network(pictures)
      guard output.rank == 2, try output.extent(0) == batch.count else {
        throw TrainingError(
          .badNetwork,
          "the network answers \(batch.count) pictures with the shape \(output.shape); a row of "
            + "logits for each is needed")
      }
      return output
    }
    return try .concatenated(parts)
  }

  /// Accuracy and loss on a set.
  ///
  /// - Throws: ``TrainingError`` where the outputs do not fit the labels.
  public func score(_ data: TensorDataset) throws -> Score {
    let logits = try logits(data)
    let labels = data.tensors[1]
    try TrainableNetwork.check(labels, classes: logits.extent(1))
    let right = try (logits.argmax(along: 1) .== labels).sum().integer()
    return Score(
      accuracy: 100 * Double(right) / Double(data.count),
      loss: try logits.crossEntropy(labels).double())
  }

  private static func check(_ labels: Tensor, classes: Int) throws {
    let largest = try labels.max().integer()
    guard largest < classes else {
      throw TrainingError(
        .badPictures, "a label is \(largest); the network tells \(classes) classes apart")
    }
  }

  // MARK: Training

  /// One epoch of stochastic gradient descent.
  ///
  /// - Parameters:
  ///   - data: Pictures and labels.
  ///   - plan: Batches and rates.
  ///   - epoch: From 0.
  ///   - random: Shuffles the pictures.
  ///   - optimizer: Moves the weights; its rate is set here.
  /// - Returns: The mean loss of the batches, in nats.
  /// - Throws: ``TrainingError`` where labels don't fit, or the loss is no number any more.
  public mutating func trainEpoch(
    on data: TensorDataset, plan: TrainingPlan, epoch: Int, random: RandomStream,
    optimizer: inout SGD
  ) throws -> Double {
    optimizer.rate = plan.rate(in: epoch)
    return try eachBatch(of: data, plan: plan, epoch: epoch, random: random) { network, loss in
      try network.train(&optimizer, loss)
    }
  }

  /// Hands each batch's loss to a step that uses it.
  ///
  /// - Returns: The mean loss of the batches.
  mutating func eachBatch(
    of data: TensorDataset, plan: TrainingPlan, epoch: Int, random: RandomStream,
    step: (inout ONNXNetwork, (inout ONNXNetwork) throws -> Tensor) throws -> Tensor
  ) throws -> Double {
    var sum = 0.0
    var count = 0
    for batch in data.batches(of: plan.batch, shuffledBy: random.child("order").child(epoch)) {
      let sample = try batch.tensors
      var pass = Pass.training(random.child("pass").child(epoch).child(batch.number))
      let loss = try step(&network) { network in
        let logits = try network.forward(sample[0], &pass)
        if count == 0 { try TrainableNetwork.check(data.tensors[1], classes: logits.extent(-1)) }
        return try logits.crossEntropy(sample[1])
      }
      let value = try loss.double()
      guard value.isFinite else {
        throw TrainingError(
          .diverged,
          "the loss is \(value) in step \(batch.number + 1) of epoch \(epoch + 1); lower the rate")
      }
      sum += value
      count += 1
    }
    return sum / Double(max(count, 1))
  }

  /// Renews the running moments of batch normalisation by one pass over a set, each batch weighing the
  /// same; a network without them stays as it is.
  ///
  /// - Throws: `TensorError` for pictures that don't fit.
  public mutating func renewMoments(on data: TensorDataset, batch: Int) throws {
    guard model.graph.nodes.contains(where: { $0.operator == "BatchNormalization" }) else { return }
    let share = network.movingShare
    defer { network.movingShare = share }
    for part in data.batches(of: batch) {
      network.movingShare = 1 / Double(part.number + 1)
      var pass = Pass.training(RandomStream(seed: 0))
      let pictures = try part.tensors[0]
      _ = try withoutGradients { try network.forward(pictures, &pass) }
    }
  }
}
