import NetworkImport
import NeuralNetworks
public import ONNX
import SmartDeal
public import Tensors

/// A network that is run with other weights than its own on pictures, beside itself.
public struct MeasuredNetwork {
  /// How far from the network's own answers others are.
  public struct Distance: Hashable, Sendable {
    /// The mean of Σ p · (log p − log q) over pictures, in nats: p the network's own probabilities.
    public var divergence: Double
    /// The share of pictures with the same likeliest class.
    public var agreement: Double
  }

  private let network: ONNXNetwork
  private let places: [WeightPlace]
  private let weights: [String: Tensor]
  private let batches: [Tensor]
  /// The logarithms of the network's own probabilities, float64[pictures, classes] for each batch.
  private let own: [Tensor]
  public let pictures: Int
  public let classCount: Int

  /// Runs the network as it is.
  ///
  /// - Parameters:
  ///   - model: A network with one input of pictures and one output of logits.
  ///   - pictures: How many there are.
  ///   - batch: How many are taken at once, where the network takes more than one.
  ///   - tensor: The pictures of a range, float32[count, …].
  /// - Throws: `SmartDealError` for a network of another kind; what it throws on the pictures.
  public init(
    _ model: ONNXModel, pictures: Int, batch: Int = 100, tensor: (Range<Int>) throws -> Tensor
  ) throws {
    let whole = try ONNXNetwork(model)
    guard whole.inputs.count == 1, whole.outputs.count == 1, pictures > 0 else {
      throw SmartDealError(
        .badTensor,
        "the network has \(whole.inputs.count) inputs and \(whole.outputs.count) outputs for "
          + "\(pictures) pictures; there must be one of each, and a picture")
    }
    let places = model.graph.weightPlaces()
    network = try ONNXNetwork(model, leavingOut: Set(places.map(\.name)))
    self.places = places
    self.pictures = pictures
    weights = try Dictionary(
      places.map { ($0.name, try $0.tensor(model.graph.tensor(at: $0).weights)) }
    ) { first, _ in first }
    (batches, own) = try withoutGradients {
      var batch = min(batch, pictures)
      if batch > 1, (try? whole(tensor(0..<2)))?.shape.first != 2 { batch = 1 }
      let batches = try stride(from: 0, to: pictures, by: batch).map {
        try tensor($0..<min($0 + batch, pictures))
      }
      let own = try batches.map { try MeasuredNetwork.logarithms(whole($0), of: $0.shape[0]) }
      return (batches, own)
    }
    classCount = own[0].shape[1]
  }

  /// How far from its own the answers with other weights are.
  ///
  /// - Parameter changed: Gives a tensor's numbers, outputs first, by its name; nil for the network's own.
  /// - Returns: The distance over all pictures.
  /// - Throws: What the network throws.
  public func distance(_ changed: (String) throws -> [Float]?) throws -> Distance {
    var divergence = 0.0
    var same = 0
    try run(changed) { own, found in
      divergence += try (own.exp() * (own - found)).sum().double()
      same += zip(
        try own.argmax(along: 1).integers(), try found.argmax(along: 1).integers()
      ).reduce(0) { $0 + ($1.0 == $1.1 ? 1 : 0) }
    }
    let count = Double(pictures)
    return Distance(divergence: divergence / count, agreement: Double(same) / count)
  }

  /// The likeliest class of each picture.
  ///
  /// - Parameter changed: As for ``distance(_:)``.
  /// - Returns: In the order of the pictures.
  /// - Throws: What the network throws.
  public func classes(_ changed: (String) throws -> [Float]? = { _ in nil }) throws -> [Int] {
    var classes: [Int] = []
    try run(changed) { classes += try $1.argmax(along: 1).integers() }
    return classes
  }

  private func run(
    _ changed: (String) throws -> [Float]?, _ body: (_ own: Tensor, _ found: Tensor) throws -> Void
  ) throws {
    var tensors = weights
    for place in places {
      if let numbers = try changed(place.name) { tensors[place.name] = try place.tensor(numbers) }
    }
    try withoutGradients {
      for (batch, own) in zip(batches, own) {
        let outputs = try network.evaluate(
          [network.inputs[0]: batch], weights: { tensors[$0] })
        guard let output = outputs[network.outputs[0]] else { continue }
        try body(own, MeasuredNetwork.logarithms(output, of: batch.shape[0]))
      }
    }
  }

  private static func logarithms(_ logits: Tensor, of pictures: Int) throws -> Tensor {
    try logits.reshaped([pictures, -1]).to(.float64).logSoftmax(along: 1)
  }
}

extension WeightPlace {
  /// Numbers, outputs first, as the network takes them.
  fileprivate func tensor(_ numbers: [Float]) throws -> Tensor {
    let tensor = try Tensor(numbers, shape: shape)
    return isTransposed ? try tensor.transposed(0, 1) : tensor
  }
}
