import Formats
import NeuralNetworks
import Tensors

/// What a training with a file at the end of each epoch gave: the start, the best and the last.
public struct TrainingResults: Sendable {
  /// The network before the training, decomposed.
  public let start: CompressedResult
  /// The best after an epoch by the accuracy of what its file holds, the first among equals; the start before
  /// the first epoch.
  public private(set) var best: CompressedResult
  /// What the last epoch gave, without averaging; the start before the first epoch.
  public private(set) var last: CompressedResult
  /// The epoch of the best, 0 for none, and whether it is an average over epochs.
  public private(set) var bestEpoch = 0
  public private(set) var bestIsAverage = false

  init(start: CompressedResult) {
    self.start = start
    best = start
    last = start
  }

  /// Takes what an epoch gave.
  ///
  /// - Parameters:
  ///   - result: The network after the epoch.
  ///   - average: The average over this and earlier epochs, if there is one.
  ///   - epoch: From 1.
  mutating func add(
    _ result: CompressedResult, average: CompressedResult? = nil, epoch: Int
  ) {
    last = result
    for (candidate, isAverage) in [(result, false), (average, true)] {
      guard let candidate, bestEpoch == 0 || candidate.score.accuracy > best.score.accuracy else {
        continue
      }
      (best, bestEpoch, bestIsAverage) = (candidate, epoch, isAverage)
    }
  }

  // MARK: In checkpoints

  func tensors() throws -> [NamedTensor] {
    try [
      NamedTensor(
        name: "best-epoch", data: TensorData([bestEpoch, bestIsAverage ? 1 : 0], shape: [2]))
    ] + best.tensors(under: "best") + last.tensors(under: "last")
  }

  /// Takes what ``tensors()`` gave of a training from the same start.
  ///
  /// - Throws: ``TrainingError`` for a checkpoint of another training.
  mutating func restore(
    _ checkpoint: Safetensors, of network: TrainableNetwork, _ test: TensorDataset
  ) throws {
    guard let counts = checkpoint["best-epoch"]?.integers(), counts.count == 2 else {
      throw Checkpoint.mismatch
    }
    (bestEpoch, bestIsAverage) = (counts[0], counts[1] == 1)
    best = try CompressedResult(checkpoint, under: "best", of: network, test)
    last = try CompressedResult(checkpoint, under: "last", of: network, test)
  }
}

/// A training that gives a compressed network after each epoch.
public protocol CompressingTraining: ResumableTraining {
  var results: TrainingResults { get }
}

extension CompressingTraining {
  public var start: CompressedResult { results.start }
  public var best: CompressedResult { results.best }
  public var last: CompressedResult { results.last }
  public var bestEpoch: Int { results.bestEpoch }
  public var bestIsAverage: Bool { results.bestIsAverage }
}
