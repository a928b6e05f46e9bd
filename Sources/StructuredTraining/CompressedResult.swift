import Formats
import NeuralNetworks
import SmartDeal
import Tensors

/// A compressed network with the network that its file stands for, and how well that does.
public struct CompressedResult: Sendable {
  /// With the weights that the file's bytes give.
  public let network: TrainableNetwork
  public let compressed: CompressedNetwork
  public let score: TrainableNetwork.Score

  init(_ network: TrainableNetwork, _ compressed: CompressedNetwork, _ test: TensorDataset) throws {
    self.network = network
    self.compressed = compressed
    score = try network.score(test)
  }

  // MARK: In checkpoints

  func tensors(under name: String) throws -> [NamedTensor] {
    let bytes = compressed.file
    return try [
      NamedTensor(
        name: "\(name)-file", data: TensorData(type: .uint8, shape: [bytes.count], bytes: bytes))
    ] + Checkpoint.tensors(network.network.state(), under: name)
  }

  init(
    _ checkpoint: Safetensors, under name: String, of network: TrainableNetwork,
    _ test: TensorDataset
  ) throws {
    guard let data = checkpoint["\(name)-file"] else { throw Checkpoint.mismatch }
    let file = try SDLFile(FileContent(data.bytes, name: "checkpoint"))
    var network = network
    try network.network.load(Checkpoint.state(checkpoint, under: name, of: network.network))
    try self.init(
      network, CompressedNetwork(file.layers.map { try file.stored($0) }), test)
  }
}
