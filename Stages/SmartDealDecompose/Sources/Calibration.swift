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
          pictures.tensor(range, shape: pictureShape(model), normalisation))
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

  /// What the network wants a picture to look like, where its file says so.
  private static func pictureShape(_ model: ONNXModel) -> [Int]? {
    let stated = model.graph.inputs.first?.shape?.dropFirst() ?? []
    let known = stated.compactMap { extent -> Int? in
      if case .fixed(let number) = extent, number > 0 { number } else { nil }
    }
    return known.count == stated.count && !known.isEmpty ? known : nil
  }
}
