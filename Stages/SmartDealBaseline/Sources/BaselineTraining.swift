import Formats
import ONNX
public import StageKit
import StructuredTraining
import StructuredValue
import Tensors
import TrainingRuns

/// Trains a classifier with real-valued weights.
public struct BaselineTraining: Stage {
  public struct Parameters: Decodable, Sendable {
    var network: NetworkTemplate
    var task: String
    var `repeat`: Int
    var plan: TrainingPlan
    var scaling: PictureSet.Scaling

    private enum CodingKeys: String, CodingKey { case network, task, `repeat` }

    public init(from decoder: any Decoder) throws {
      let values = try decoder.container(keyedBy: CodingKeys.self)
      let name = try values.decode(String.self, forKey: .network)
      network = NetworkTemplate(rawValue: name) ?? .leNet300100
      task = try values.decode(String.self, forKey: .task)
      `repeat` = try values.decode(Int.self, forKey: .repeat)
      plan = try PlanParameters(from: decoder).plan
      scaling = try ScalingParameters(from: decoder).scaling
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
    let random = RandomStream(seed: context.seed).child("baseline").child(parameters.repeat)
    let pictures = try context.pictures("train")
    let start: TrainableNetwork
    if context.inputs("model").isEmpty {
      start = try TrainableNetwork(
        parameters.network.model(
          channels: pictures.channels, height: pictures.height, width: pictures.width,
          classes: pictures.classes, random: random.child("weights")))
    } else {
      let given = try context.trainable("model")
      start =
        parameters.task == "adapt"
        ? try given.withNewClassifier(
          classes: pictures.classes, random: random.child("classifier")) : given
    }
    var training = try FloatTraining(
      start, data: context.dataset("train", for: start, parameters.scaling),
      test: context.dataset("test", for: start, parameters.scaling), plan: parameters.plan,
      random: random.child("training"))
    try context.train(&training, curves: ["loss", "accuracy"])
    let model = try training.trained.exported()
    try model.write(to: context.output("model"))
    try context.write(training.table.csv(), to: "epochs")
    let figure = TrainingCurve.figure(
      training.table, lines: [("accuracy", "test")], title: "Accuracy while training",
      axis: "accuracy / %")
    try context.write(figure.json(indented: true), to: "curve")
    for name in ["accuracy", "test_loss", "loss"] {
      context.metric(name, training.table.last(name))
    }
    context.metric("parameters", try training.trained.parameterCount())
  }
}
