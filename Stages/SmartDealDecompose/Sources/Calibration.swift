import Formats
import LabelledImages
import NetworkProfiling
import ONNX
import SmartDeal
import StageKit
import Tensors

/// What the layers' inputs are like on pictures that were set aside for it.
enum Calibration {
  /// Pictures at a time.
  private static let batch = 32

  static func moments(
    _ model: ONNXModel, _ parameters: SmartDealDecompose.Parameters, _ context: StageContext
  ) throws -> [String: InputMoments] {
    guard parameters.rounding == "joint" else {
      throw StageError(
        code: .badParameter,
        message:
          "calibration pictures need 'rounding: joint'; the papers' procedure counts all errors "
          + "alike")
    }
    // Sums over places round by the number of threads.
    try TensorRuntime.setThreads(1)
    let path = try context.file("calibration", named: parameters.calibrationFile)
    do {
      let all = try LabelledImages.read(path: path, needsLabels: false)
      let pictures = all[0..<min(parameters.calibrationCount, all.count)]
      let kernels = BlockLayout.Kernels(rawValue: parameters.kernels) ?? .square
      var statistics = try InputStatistics(of: model, kernels: kernels)
      let normalisation = LabelledImages.Normalisation(
        mean: parameters.mean, deviation: parameters.deviation)
      for start in stride(from: 0, to: pictures.count, by: batch) {
        let range = start..<min(start + batch, pictures.count)
        try statistics.add(
          pictures.tensor(range, shape: model.pictureShape, normalisation))
        context.progress(range.upperBound, of: pictures.count, unit: "calibration pictures")
      }
      return try statistics.moments()
    } catch let error as FormatError {
      throw StageError(code: .badInput, message: error.description, slot: "calibration")
    } catch let error as TensorError {
      throw StageError(
        code: .badInput, message: "the network does not run on the calibration pictures: \(error)",
        slot: "calibration")
    }
  }
}
