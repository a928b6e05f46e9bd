import BayesianInference
import Formats
public import StageKit
import StructuredValue
import Tensors

/// Approximates the posterior of a Bayesian neural network.
public struct BayesianFit: Stage {
  public struct Parameters: Decodable, Sendable {
    var method: String
    var options: [String: Value]
    var model: ModelDescription
    var pixelMean: Double
    var pixelDeviation: Double
    var `repeat`: Int

    private enum Key: String, CodingKey {
      case method, options, pixelMean, pixelDeviation
      case `repeat` = "repeat"
    }

    public init(from decoder: any Decoder) throws {
      let values = try decoder.container(keyedBy: Key.self)
      method = try values.decode(String.self, forKey: .method)
      options = try values.decode([String: Value].self, forKey: .options)
      pixelMean = try values.decode(Double.self, forKey: .pixelMean)
      pixelDeviation = try values.decode(Double.self, forKey: .pixelDeviation)
      `repeat` = try values.decode(Int.self, forKey: .repeat)
      // Its parameters stand beside the stage's own.
      model = try ModelDescription(from: decoder)
    }
  }

  public static var manifest: [UInt8] { PackageResources.stage_yaml }
  public static var code: String { CodeFingerprint.digest }

  public init() {}

  public func run(_ parameters: Parameters, in context: StageContext) async throws {
    let slot = context.inputs("pictures").isEmpty ? "train" : "pictures"
    let data = try data(parameters, slot, context)
    do {
      let method = try InferenceMethods.method(parameters.method, options: parameters.options)
      let posterior = try parameters.model.posterior(data.rows, scaling: data.scaling)
      let result = try await method.fit(
        posterior,
        FitContext(
          random: RandomStream(seed: context.seed).child("fit").child(parameters.repeat),
          workers: context.cpus, checkpoints: try FitCheckpoints(context).checkpoints,
          progress: { context.progress($0, of: $1) }))
      var file = result.file()
      file.metadata["seed"] = "\(context.seed)"
      file.metadata["repeat"] = "\(parameters.repeat)"
      try file.write(to: context.output("posterior"))
      report(result, context)
    } catch let error as InferenceError {
      throw StageError(
        code: error.code == .badData
          ? .badInput : error.code == .badOption ? .badParameter : .failed,
        message: error.message, slot: error.code == .badData ? slot : nil)
    }
  }

  /// What is fitted, and its scaling where that isn't to be learned from the rows.
  private func data(
    _ parameters: Parameters, _ slot: String, _ context: StageContext
  ) throws -> (rows: LabelledRows, scaling: Standardisation?) {
    guard slot == "pictures" else {
      return (try context.read("train") { try LabelledRows(CSV.read(path: $0)) }, nil)
    }
    guard context.inputs("train").isEmpty else {
      throw StageError(
        code: .badInput,
        message: "both 'train' and 'pictures' are connected; one of them is fitted",
        slot: "train")
    }
    guard ["bernoulli", "categorical"].contains(parameters.model.likelihood) else {
      throw StageError(
        code: .badParameter,
        message: "pictures have classes; 'likelihood' must be categorical, or bernoulli for two")
    }
    return try context.read("pictures") { path in
      let pictures = try Pictures(Safetensors(path: path))
      let scaling = pictures.scaling(
        mean: parameters.pixelMean, deviation: parameters.pixelDeviation)
      return (try pictures.labelledRows(scaling), scaling)
    }
  }

  private func report(_ result: ApproximatePosterior, _ context: StageContext) {
    for (name, value) in result.report.sorted(by: { $0.key < $1.key }) {
      context.metric(name, value)
    }
    context.metric("draws", result.count)
    context.metric("parameters", result.parameterCount)
    context.metric("passes", result.passes)
    context.metric("temperature", result.temperature)
    context.metric("warnings", result.warnings.count)
    for warning in result.warnings { context.log(.warn, "\(result.method): \(warning)") }
  }
}
