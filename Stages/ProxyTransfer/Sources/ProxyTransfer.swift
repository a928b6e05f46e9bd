import EdgeOptimization
import Foundation
public import StageKit
import Statistics
import StructuredValue

/// Transfers the Pareto-optimal designs of a proxy device to a target.
public struct TransferFromProxy: Stage {
  public struct Parameters: Decodable, Sendable {
    var proxy: String
    var target: String
    var layers: Int
    var samples: Int
    var threshold: Double
    var budget: Int
    var referenceAccuracy: Double
    var unit: String
  }

  public static var manifest: [UInt8] { PackageResources.stage_yaml }
  public static var code: String { CodeFingerprint.digest }

  public init() {}

  public func run(_ parameters: Parameters, in context: StageContext) async throws {
    let problem = try Problem(parameters, context)
    if problem.proxy == problem.target {
      context.log(
        .warn,
        "'\(parameters.proxy)' and '\(parameters.target)' hold the same values: a trivial "
          + "transfer")
    }
    var oracle = MeasurementOracle(table: problem.target, budget: parameters.budget)
    let outcome: ProxyTransfer.Outcome
    do {
      let transfer = try ProxyTransfer(
        layers: parameters.layers, sampleCount: parameters.samples,
        threshold: parameters.threshold)
      outcome = try transfer.run(
        proxy: problem.proxy, accuracy: problem.accuracy, oracle: &oracle, seed: context.seed)
    } catch {
      throw StageError(code: .badParameter, message: error.message)
    }
    try context.write(ranking(outcome, problem), to: "ranking")
    try context.write(measurements(oracle, problem), to: "measurements")
    let figure = FrontPlot.figure(outcome, problem, parameters)
    try context.write(figure.json(indented: true), to: "front")
    report(outcome, oracle.spent, parameters, context)
    evaluate(outcome, problem, parameters, context)
  }

  private func ranking(_ outcome: ProxyTransfer.Outcome, _ problem: Problem) -> String {
    let rows = outcome.front.enumerated().map { rank, design in
      let latency = outcome.measured[design].map { "\($0)" } ?? ""
      return "\(rank + 1),\(problem.indices[design]),\(problem.accuracy[design]),"
        + "\(problem.proxy[design]),\(latency)\n"
    }
    return "rank,index,accuracy,proxy_latency,target_latency\n" + rows.joined()
  }

  /// The log of what was paid for; a measured design may be read again.
  private func measurements(_ oracle: MeasurementOracle, _ problem: Problem) throws -> String {
    var oracle = oracle
    var text = "order,index,latency\n"
    for (order, design) in oracle.log.enumerated() {
      let latency = try oracle.measure(design).map { "\($0)" } ?? ""
      text += "\(order + 1),\(problem.indices[design]),\(latency)\n"
    }
    return text
  }

  private func report(
    _ outcome: ProxyTransfer.Outcome, _ spent: Int, _ parameters: Parameters,
    _ context: StageContext
  ) {
    context.metric("check_srcc", outcome.check.value)
    context.metric("check_lower", outcome.interval?.lower)
    context.metric("check_upper", outcome.interval?.upper)
    context.metric("passes", outcome.verdict == .passes ? 1 : 0)
    context.metric("candidates", outcome.candidates.count)
    context.metric("measurements", spent)
    context.metric("front", outcome.front.count)
    if let reason = outcome.check.reason {
      context.log(.warn, "the check has no rank correlation: \(reason)")
    }
    guard let interval = outcome.interval else { return }
    let range =
      "\(String(format: "%.3f", interval.value)), 90 % interval "
      + "\(String(format: "%.3f", interval.lower)) to \(String(format: "%.3f", interval.upper))"
    context.note(
      "\(parameters.proxy) → \(parameters.target): rank correlation \(range) on "
        + "\(interval.count) designs; the proxy **\(outcome.verdict.sentence)** at "
        + "\(parameters.threshold).")
  }

  /// Looks at the whole table, after everything has been decided.
  private func evaluate(
    _ outcome: ProxyTransfer.Outcome, _ problem: Problem, _ parameters: Parameters,
    _ context: StageContext
  ) {
    let quality = TransferQuality(
      candidates: Array(outcome.measured.keys), latency: problem.target,
      accuracy: problem.accuracy, referenceAccuracy: parameters.referenceAccuracy)
    let (proxy, target) = RankAgreement.common(problem.proxy, problem.target)
    context.metric("srcc", Correlation.spearman(proxy, target).value)
    context.metric("hv_ratio", quality.hypervolumeRatio.value)
    context.metric("mean_gap", quality.meanGap)
    context.metric("max_gap", quality.largestGap)
    let missed = quality.gaps.count { $0 == nil }
    if missed > 0 {
      context.log(
        .warn,
        "no candidate keeps \(missed) of the \(quality.gaps.count) budgets, so the gaps are "
          + "undefined")
    }
  }
}

extension ProxyTransfer.Verdict {
  fileprivate var sentence: String {
    switch self {
    case .passes: "passes"
    case .uncertain: "is uncertain: the estimate passes, its lower bound does not"
    case .fails: "fails"
    case .undefined: "can't be judged"
    }
  }
}
