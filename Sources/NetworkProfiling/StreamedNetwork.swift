import Formats
public import NetworkImport
public import ONNX
public import SmartDeal
public import Tensors

/// A network whose weights stay in a compressed file until a layer needs them.
///
/// Each layer's weights are decoded when the layer is reached and let go right after it, so that never
/// more than one layer's are in memory. The file is mapped.
public struct StreamedNetwork: Sendable {
  public let network: ONNXNetwork
  private let file: SDLFile
  private let places: [String: WeightPlace]
  private let layers: [String: SDLFile.Layer]

  /// Joins a network with a file of its weights.
  ///
  /// - Parameters:
  ///   - model: The network; of tensors that the file has, its own numbers are not kept.
  ///   - file: The compressed weights.
  /// - Throws: `SmartDealError` where the file lacks a tensor or has it in another shape; `FormatError`
  ///   for a node that is not known.
  public init(_ model: ONNXModel, weights file: SDLFile) throws {
    let layers = Dictionary(file.layers.map { ($0.name, $0) }) { first, _ in first }
    let places = model.graph.weightPlaces()
    for place in places {
      guard let layer = layers[place.name], layer.shape == place.shape else {
        throw SmartDealError(
          .badTensor,
          "the file has no tensor '\(place.name)' of shape \(place.shape); network and file must "
            + "belong together")
      }
    }
    self.file = file
    self.layers = layers
    self.places = Dictionary(places.map { ($0.name, $0) }) { first, _ in first }
    network = try ONNXNetwork(model, leavingOut: Set(places.map(\.name)))
  }

  /// The only output for the only input.
  ///
  /// - Throws: What the network throws; `FormatError` for coefficients that no writer makes.
  public func callAsFunction(_ input: Tensor) throws -> Tensor {
    try withoutGradients {
      let values = Dictionary(network.inputs.prefix(1).map { ($0, input) }) { first, _ in first }
      let outputs = try network.evaluate(values, weights: weights)
      guard network.inputs.count == 1, network.outputs.count == 1,
        let output = outputs[network.outputs[0]]
      else {
        throw FormatError(
          file: "the network",
          found: "\(network.inputs.count) inputs and \(network.outputs.count) outputs",
          expected: "one of each")
      }
      return output
    }
  }

  private func weights(_ name: String) throws -> Tensor? {
    guard let layer = layers[name], let place = places[name] else { return nil }
    let tensor = try Tensor(try file.weights(of: layer), shape: place.shape)
    return place.isTransposed ? try tensor.transposed(0, 1) : tensor
  }
}
