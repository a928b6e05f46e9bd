public import Formats
public import ONNX

/// A network that is written with other weights, tensor by tensor.
///
/// Where the weights' numbers stay in the network's file, the result is a copy of that file with other bytes in their
/// places, and no more than one tensor is in memory; else the whole network is, until it is written.
public final class RebuiltNetwork {
  private let path: String
  private var model: ONNXModel
  private let patch: ONNXPatch?

  /// Starts a network.
  ///
  /// - Parameters:
  ///   - model: The network.
  ///   - content: Its file, where `ONNXModel.init(mapping:)` read it.
  ///   - path: Where the result will be.
  /// - Throws: `FormatError` where no file can be made.
  public init(
    _ model: ONNXModel, from content: FileContent?, to path: String
  ) throws(FormatError) {
    self.model = model
    self.path = path
    let isInFile = model.graph.weightPlaces().allSatisfy {
      model.graph.initializers[$0.index].data.place != nil
    }
    if let content, isInFile {
      patch = try ONNXPatch(copying: content, to: path)
    } else {
      patch = nil
    }
  }

  /// Puts other numbers at a place.
  ///
  /// - Parameters:
  ///   - tensor: What the network has there.
  ///   - place: Where.
  ///   - numbers: In the order of `tensor.weights`.
  /// - Throws: `FormatError` where the disk is full.
  public func replace(
    _ tensor: WeightTensor, at place: WeightPlace, with numbers: [Float]
  ) throws(FormatError) {
    if let patch {
      try patch.replace(model.graph.initializers[place.index].data, with: tensor.stored(numbers))
    } else {
      model.graph.replace(tensor, at: place, with: numbers)
    }
  }

  /// Completes the file.
  ///
  /// - Throws: `FormatError` where it can't be written.
  public func finish() throws(FormatError) {
    if let patch { try patch.finish() } else { try model.write(to: path) }
  }
}
