import CompressionSearch
import Formats
import LabelledImages
import NetworkProfiling
import ONNX
import SmartDeal
import StageKit
import Tensors

/// Pictures of a slot, as the network takes them.
struct SearchPictures {
  let images: LabelledImages
  private let slot: String
  private let shape: [Int]?
  private let normalisation: LabelledImages.Normalisation

  /// Pictures whose moments are gathered at a time.
  private static let batch = 32

  /// Reads a slot's pictures.
  ///
  /// - Throws: `StageError` that names the slot.
  init(
    _ slot: String, _ model: ONNXModel, _ parameters: SmartDealSearch.Parameters,
    _ context: StageContext
  ) throws {
    let isLabelled = slot == "images"
    let path = try context.file(
      slot, named: isLabelled ? parameters.imagesFile : parameters.picturesFile)
    let labels =
      isLabelled && !context.inputs("labels").isEmpty
      ? try context.file("labels", named: parameters.labelsFile) : nil
    let all: LabelledImages
    do {
      all = try LabelledImages.read(
        path: path, labels: labels, firstLabel: isLabelled ? parameters.firstLabel : 0,
        needsLabels: isLabelled)
    } catch {
      throw StageError(code: .badInput, message: error.description, slot: slot)
    }
    let wanted = isLabelled ? parameters.imagesCount : parameters.picturesCount
    images = all[0..<(wanted == 0 ? all.count : min(wanted, all.count))]
    self.slot = slot
    shape = model.pictureShape
    normalisation = LabelledImages.Normalisation(
      mean: parameters.mean, deviation: parameters.deviation)
  }

  /// The network on these pictures.
  func network(_ model: ONNXModel) throws -> MeasuredNetwork {
    try named {
      try MeasuredNetwork(model, pictures: images.count) {
        try images.tensor($0, shape: shape, normalisation)
      }
    }
  }

  /// What the layers' inputs are like on these pictures.
  func moments(
    _ model: ONNXModel, _ kernels: BlockLayout.Kernels
  ) throws -> [String: InputMoments] {
    try named {
      var statistics = try InputStatistics(of: model, kernels: kernels)
      for start in stride(from: 0, to: images.count, by: Self.batch) {
        try statistics.add(
          images.tensor(
            start..<min(start + Self.batch, images.count), shape: shape, normalisation))
      }
      return try statistics.moments()
    }
  }

  private func named<Result>(_ body: () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch let error as FormatError {
      throw StageError(code: .badInput, message: error.description, slot: slot)
    } catch let error as TensorError {
      throw StageError(
        code: .badInput, message: "the network does not run on the pictures: \(error)", slot: slot)
    }
  }
}
