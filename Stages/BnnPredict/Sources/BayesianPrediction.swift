import BayesianInference
import Formats
public import StageKit
import Tensors

/// Predicts rows with a posterior.
public struct BayesianPrediction: Stage {
  public struct Parameters: Decodable, Sendable {
    var draws: Int
  }

  public static var manifest: [UInt8] { PackageResources.stage_yaml }
  public static var code: String { CodeFingerprint.digest }

  public init() {}

  public func run(_ parameters: Parameters, in context: StageContext) async throws {
    let posterior = try context.read("posterior") {
      try ApproximatePosterior(path: $0, atMost: parameters.draws)
    }
    let rows = try context.read("rows") { try Rows(CSV.read(path: $0), without: "y") }
    let draws: PredictiveDraws
    do {
      draws = try posterior.predict(
        rows, count: parameters.draws,
        random: RandomStream(seed: context.seed).child("predict"))
      try context.write(
        posterior.likelihood.isRegression ? numbers(draws) : classes(draws), to: "predictions")
    } catch let error as InferenceError {
      throw StageError(code: .badInput, message: error.message, slot: "rows")
    }
    var tensors = [
      NamedTensor(
        name: "values",
        data: TensorData(draws.values, shape: [draws.count, draws.rows, draws.outputs]))
    ]
    if !draws.noise.isEmpty {
      let shape = draws.noise.count == draws.count ? [draws.count] : [draws.count, draws.rows]
      tensors.append(NamedTensor(name: "noise", data: TensorData(draws.noise, shape: shape)))
    }
    try Safetensors(
      tensors,
      metadata: [
        "method": posterior.method, "temperature": String(posterior.temperature),
        "chains": String(draws.chains), "warnings": posterior.warnings.joined(separator: "\n"),
      ]
    ).write(to: context.output("draws"))
    context.metric("rows", draws.rows)
    context.metric("draws", draws.count)
    for warning in posterior.warnings { context.log(.warn, "\(posterior.method): \(warning)") }
  }

  private func numbers(_ draws: PredictiveDraws) -> String {
    var text = "mean,function_deviation,deviation,low95,high95\n"
    for row in 0..<draws.rows {
      let summary = PredictiveSummary(draws, row)
      text +=
        "\(summary.mean),\(summary.functionDeviation),\(summary.deviation),"
        + "\(summary.low95),\(summary.high95)\n"
    }
    return text
  }

  private func classes(_ draws: PredictiveDraws) throws -> String {
    let probabilities = try ClassProbabilities(draws)
    let uncertainty = try ClassUncertainty(probabilities)
    var text =
      "class," + (0..<probabilities.classes).map { "p\($0)," }.joined()
      + "entropy,mutual_information\n"
    for row in 0..<draws.rows {
      text +=
        "\(uncertainty.predictions[row]),"
        + uncertainty.mixtures[row].map { "\($0)," }.joined()
        + "\(uncertainty.entropy[row]),\(uncertainty.mutualInformation[row])\n"
    }
    return text
  }
}
