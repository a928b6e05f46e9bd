import Formats
import ONNX
import SmartDeal
public import StageKit
import StructuredTraining
import StructuredValue
import Tensors
import TrainingRuns

/// Trains a network in turns with its decomposition.
public struct AlternateRetraining: Stage {
  public struct Parameters: Decodable, Sendable {
    var keep: String
    var averageFrom: Int
    var plan: TrainingPlan
    var scaling: PictureSet.Scaling
    var decomposition: DecompositionParameters

    private enum CodingKeys: String, CodingKey { case keep, averageFrom }

    public init(from decoder: any Decoder) throws {
      let values = try decoder.container(keyedBy: CodingKeys.self)
      keep = try values.decode(String.self, forKey: .keep)
      averageFrom = try values.decode(Int.self, forKey: .averageFrom)
      plan = try PlanParameters(from: decoder).plan
      scaling = try ScalingParameters(from: decoder).scaling
      decomposition = try DecompositionParameters(from: decoder)
    }
  }

  public static var manifest: [UInt8] { PackageResources.stage_yaml }
  public static var code: String { CodeFingerprint.digest }

  public init() {}

  public func run(_ parameters: Parameters, in context: StageContext) async throws {
    // Small tensors are slower on two threads, and bytes would depend on their number.
    try TensorRuntime.onOneThread {
      try StageError.translating { try train(parameters, context) }
    }
  }

  private func train(_ parameters: Parameters, _ context: StageContext) throws {
    if let warning = try TensorRuntime.blas().warning { context.log(.warn, warning) }
    try parameters.plan.check()
    try parameters.decomposition.options.check()
    let given = try context.trainable("model")
    let test = try context.dataset("test", for: given, parameters.scaling)
    let dense = try given.score(test)
    var training = try AlternatingTraining(
      given, data: context.dataset("train", for: given, parameters.scaling), test: test,
      plan: parameters.plan,
      options: AlternatingTraining.Options(
        decomposition: parameters.decomposition.options,
        pruning: parameters.decomposition.pruningList,
        encodings: parameters.decomposition.allowed,
        averageFrom: parameters.averageFrom == 0 ? nil : parameters.averageFrom,
        threads: context.cpus),
      random: RandomStream(seed: context.seed).child("retrain"))
    try context.train(&training, curves: ["loss", "accuracy", "reference_cr"])

    let result = parameters.keep == "last" ? training.last : training.best
    try context.write(result)
    try context.write(training.table.csv(), to: "epochs")
    let figure = TrainingCurve.figure(
      training.table,
      lines: [
        ("dense_accuracy", "after gradient descent"), ("accuracy", "decomposed"),
        ("averaged_accuracy", "average, decomposed"),
      ], level: (dense.accuracy, "before compression"),
      title: "Accuracy in turns of training and decomposition", axis: "accuracy / %")
    try context.write(figure.json(indented: true), to: "curve")
    context.metric("start_accuracy", training.start.score.accuracy)
    context.metric("start_reference_cr", training.start.compressed.sizes.ratio(.reference))
    context.metric("last_accuracy", training.last.score.accuracy)
    context.metric("last_reference_cr", training.last.compressed.sizes.ratio(.reference))
    context.metric("dense_accuracy", dense.accuracy)
    let isBest = parameters.keep == "best"
    context.metric("best_epoch", isBest ? training.bestEpoch : training.table.rows.count)
    context.metric("best_is_average", isBest && training.bestIsAverage ? 1 : 0)
  }
}
