import BayesianInference
import Formats
import ONNX
public import StageKit
import StructuredTraining
import StructuredValue
import Tensors
import TrainingRuns

/// Measures the probabilities of classifiers before and after compression.
public struct CalibrationComparison: Stage {
  public struct Parameters: Decodable, Sendable {
    var names: [String]
    var title: String
    var bins: Int
    var scaling: PictureSet.Scaling

    private enum CodingKeys: String, CodingKey { case names, title, bins }

    public init(from decoder: any Decoder) throws {
      let values = try decoder.container(keyedBy: CodingKeys.self)
      names = try values.decode([String].self, forKey: .names)
      title = try values.decode(String.self, forKey: .title)
      bins = try values.decode(Int.self, forKey: .bins)
      scaling = try ScalingParameters(from: decoder).scaling
    }
  }

  public static var manifest: [UInt8] { PackageResources.stage_yaml }
  public static var code: String { CodeFingerprint.digest }

  public init() {}

  public func run(_ parameters: Parameters, in context: StageContext) async throws {
    try TensorRuntime.onOneThread {
      try StageError.translating { try compare(parameters, context) }
    }
  }

  private func compare(_ parameters: Parameters, _ context: StageContext) throws {
    let inputs = context.inputs("models")
    guard !inputs.isEmpty else {
      throw StageError(code: .badInput, message: "no model is given", slot: "models")
    }
    guard parameters.names.isEmpty || parameters.names.count == inputs.count else {
      throw StageError(
        code: .badParameter,
        message:
          "\(parameters.names.count) names for \(inputs.count) models; give one for each, or none"
      )
    }
    let names = parameters.names.isEmpty ? inputs.map(\.name) : parameters.names
    let test = try context.pictures("test")
    var scores: [ModelScore] = []
    for (input, name) in zip(inputs, names) {
      context.progress(scores.count, of: inputs.count, unit: "models")
      do {
        let network = try TrainableNetwork(ONNXModel(path: input.path))
        let data = try test.dataset(shape: network.pictureShape, scaling: parameters.scaling)
        scores.append(
          try ModelScore(
            name, logits: network.logits(data), labels: test.labels, bins: parameters.bins))
      } catch let error as InferenceError {
        throw StageError(code: .badInput, message: "\(name): \(error.message)", slot: "models")
      } catch let error as TrainingError where error.code != .badPlan {
        throw StageError(code: .badInput, message: "\(name): \(error.message)", slot: "models")
      } catch let error as FormatError {
        throw StageError(code: .badInput, message: "\(name): \(error)", slot: "models")
      }
    }
    try context.write(ModelScore.table(scores), to: "table")
    try context.write(
      ModelScore.figure(scores, title: parameters.title).json(indented: true), to: "figure")
    context.metric("models", scores.count)
    let base = scores[0].metrics
    context.metric("base_calibration_error", base.calibrationError)
    context.metric("base_log_loss", base.negativeLogLikelihood)
    let others = scores.dropFirst().map(\.metrics)
    context.metric(
      "worst_calibration_change",
      others.map { $0.calibrationError - base.calibrationError }.max())
    context.metric(
      "worst_log_loss_change",
      others.map { $0.negativeLogLikelihood - base.negativeLogLikelihood }.max())
  }
}
