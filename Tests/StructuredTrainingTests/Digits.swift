import NeuralNetworks
import StructuredTraining
import Tensors

/// A few hundred digits, a network, and short plans.
struct Digits {
  let start: TrainableNetwork
  let train: TensorDataset
  let test: TensorDataset

  init(
    _ template: NetworkTemplate = .leNet300100, pictures: Int = 320, seed: UInt64 = 3
  ) throws {
    start = try TrainableNetwork(
      template.model(
        channels: 1, height: 28, width: 28, classes: 10, random: RandomStream(seed: seed)))
    let set = try Mirror.pictures(0..<pictures + 200)
    train = try set[0..<pictures].dataset(shape: start.pictureShape, scaling: Mirror.scaling)
    test = try set[pictures..<pictures + 200].dataset(
      shape: start.pictureShape, scaling: Mirror.scaling)
  }

  /// The start after some epochs of plain training.
  func trained(epochs: Int = 3) throws -> TrainableNetwork {
    var training = try FloatTraining(
      start, data: train, test: test, plan: TrainingPlan(epochs: epochs, batch: 32, rate: 0.05),
      random: RandomStream(seed: 4))
    while !training.isFinished { try training.advance() }
    return training.trained
  }
}
