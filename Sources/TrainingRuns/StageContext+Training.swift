import Formats
import Foundation
public import NeuralNetworks
import ONNX
import SmartDeal
public import StageKit
public import StructuredTraining

extension StageContext {
  /// Trains to the end, from a checkpoint where there is one, leaving one after each epoch.
  ///
  /// - Parameters:
  ///   - training: As it was made from parameters and inputs; taken to its end.
  ///   - curves: Which of its measures become curves of the run.
  ///   - endsAtDivergence: Whether a loss that is no number ends the training after the epochs before
  ///     it, instead of failing.
  /// - Returns: The epoch, from 1, in which the loss became no number; nil where it stayed one.
  /// - Throws: `StageError` for a checkpoint of something else, and what the training throws.
  @discardableResult
  public func train(
    _ training: inout some ResumableTraining, curves: [String], endsAtDivergence: Bool = false
  ) throws -> Int? {
    let epochs = training.plan.epochs
    if let resume {
      try training.resume(from: Safetensors(path: resume))
      log(.info, "going on after epoch \(training.table.rows.count)")
    }
    progress(training.table.rows.count, of: epochs, unit: "epochs")
    while !training.isFinished {
      do {
        try training.advance()
      } catch let error as TrainingError where error.code == .diverged && endsAtDivergence {
        log(.warn, "\(error.message). The epochs before it are the result")
        return training.table.rows.count + 1
      }
      let epoch = training.table.rows.count
      for name in curves {
        if let value = training.table.last(name), value.isFinite {
          metric(name, step: epoch, value)
        }
      }
      progress(epoch, of: epochs, unit: "epochs")
      guard !training.isFinished else { break }
      let path = "\(scratch)/epoch-\(epoch).safetensors"
      try training.checkpoint().write(to: path)
      checkpoint(path)
      try? FileManager.default.removeItem(atPath: "\(scratch)/epoch-\(epoch - 1).safetensors")
    }
    return nil
  }

  /// Reads labelled pictures.
  ///
  /// - Throws: `StageError` that names the slot.
  public func pictures(_ slot: String) throws(StageError) -> PictureSet {
    try read(slot) { try PictureSet(safetensors: $0) }
  }

  /// Reads a network that can be trained.
  ///
  /// - Throws: `StageError` that names the slot.
  public func trainable(_ slot: String) throws(StageError) -> TrainableNetwork {
    try read(slot) { try TrainableNetwork(ONNXModel(path: $0)) }
  }

  /// Pictures as tensors for a network.
  ///
  /// - Throws: `StageError` that names the slot.
  public func dataset(
    _ slot: String, for network: TrainableNetwork, _ scaling: PictureSet.Scaling
  ) throws -> TensorDataset {
    let set = try pictures(slot)
    do {
      return try set.dataset(shape: network.pictureShape, scaling: scaling)
    } catch let error as TrainingError {
      throw StageError(
        code: error.code == .badPlan ? .badParameter : .badInput, message: error.message,
        slot: slot)
    }
  }
}

extension StageError {
  /// Says what of training or compression went wrong in a stage's terms; others stay as they are.
  ///
  /// - Returns: What `body` returns.
  /// - Throws: `StageError` for errors of training and decomposition; else what `body` throws.
  public static func translating<Result>(_ body: () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch let error as TrainingError {
      switch error.code {
      case .badPlan: throw StageError(code: .badParameter, message: error.message)
      case .badPictures: throw StageError(code: .badInput, message: error.message, slot: "train")
      case .badNetwork: throw StageError(code: .badInput, message: error.message, slot: "model")
      default: throw StageError(code: .failed, message: error.message)
      }
    } catch let error as SmartDealError {
      throw error.code == .badOption
        ? StageError(code: .badParameter, message: error.message)
        : StageError(code: .badInput, message: error.message, slot: "model")
    }
  }
}

extension StageContext {
  /// Writes a compressed network to `model` and `weights`, and what it measures to the metrics.
  ///
  /// - Throws: `StageError` or `FormatError` where a file cannot be written.
  public func write(_ result: CompressedResult) throws {
    try result.network.exported().write(to: output("model"))
    try Data(result.compressed.file).write(to: URL(fileURLWithPath: output("weights")))
    metric("accuracy", result.score.accuracy)
    let sizes = result.compressed.sizes
    for measure in CompressionSizes.Measure.allCases {
      metric(measure.rawValue, sizes.ratio(measure))
    }
    metric("file_bytes", sizes.fileBytes)
    metric("non_zeros", sizes.nonZeros)
  }
}
