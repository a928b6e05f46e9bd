import BayesianInference
import Formats
public import StageKit
import Statistics
import StructuredValue

/// Audits the temperature of a posterior's draws.
public struct TemperatureReport: Stage {
  public struct Parameters: Decodable, Sendable {
    var tolerance: Double
    var model: ModelDescription

    private enum Key: String, CodingKey { case tolerance }

    public init(from decoder: any Decoder) throws {
      let values = try decoder.container(keyedBy: Key.self)
      tolerance = try values.decode(Double.self, forKey: .tolerance)
      // Its parameters stand beside the stage's own.
      model = try ModelDescription(from: decoder)
    }
  }

  public static var manifest: [UInt8] { PackageResources.stage_yaml }
  public static var code: String { CodeFingerprint.digest }

  public init() {}

  public func run(_ parameters: Parameters, in context: StageContext) async throws {
    let draws = try context.read("posterior") { try ApproximatePosterior(Safetensors(path: $0)) }
    let rows = try context.read("train") { try LabelledRows(CSV.read(path: $0)) }
    do {
      guard rows.inputs.width == draws.network.inputs else {
        throw InferenceError(
          .badData,
          "the rows have \(rows.inputs.width) features, the network \(draws.network.inputs) inputs")
      }
      let posterior = try parameters.model.posterior(
        draws.scaling.rows(rows), scaling: draws.scaling)
      let temperature = try TemperatureAudit.temperature(of: draws, posterior)
      let estimate = try TemperatureAudit.estimate(of: draws, posterior)
      let isCold = estimate.map {
        $0.value < 1 && $0.differs(from: 1, tolerance: parameters.tolerance)
      }
      let isAsSaid = estimate.map {
        !$0.differs(from: draws.temperature, tolerance: parameters.tolerance)
      }
      context.metric("sampled_temperature", temperature.value)
      context.metric("sampled_temperature_se", estimate?.error)
      context.metric("said_temperature", draws.temperature)
      context.metric("is_cold", isCold.map { $0 ? 1 : 0 })
      context.metric("is_as_said", isAsSaid.map { $0 ? 1 : 0 })
      if let reason = temperature.reason {
        context.log(.warn, "the temperature is undefined: \(reason)")
      } else if isAsSaid == false {
        context.log(
          .warn,
          "\(draws.method): the draws have the temperature \(temperature.value ?? .nan), "
            + "not \(draws.temperature)")
      }
      let report: Value = [
        "method": .string(draws.method), "said": .double(draws.temperature),
        "sampled": temperature.value.map { .double($0) } ?? .null,
        "error": estimate?.error.map { .double($0) } ?? .null,
        "reason": temperature.reason.map { .string($0) } ?? .null,
        "is-cold": isCold.map { .bool($0) } ?? .null,
        "is-as-said": isAsSaid.map { .bool($0) } ?? .null,
      ]
      try context.write(report.json(indented: true), to: "report")
    } catch let error as InferenceError {
      throw StageError(
        code: error.code == .badOption ? .badParameter : .badInput, message: error.message)
    }
  }
}
