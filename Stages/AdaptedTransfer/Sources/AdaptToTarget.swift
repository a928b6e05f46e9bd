import EdgeOptimization
import Foundation
public import StageKit
import StructuredValue

/// Adapts known devices' latencies to a target and measures the designs that may be best there.
public struct AdaptToTarget: Stage {
  public struct Parameters: Decodable, Sendable {
    var target: String
    var proxies: [String]
    var space: String
    var adapter: String
    var samples: Int
    var candidates: Int
    var threshold: Double
    var pool: Int
    var referenceAccuracy: Double
    var secondsPerMeasurement: Double
    var unit: String
  }

  public static var manifest: [UInt8] { PackageResources.stage_yaml }
  public static var code: String { CodeFingerprint.digest }

  public init() {}

  public func run(_ parameters: Parameters, in context: StageContext) async throws {
    let problem = try Problem(parameters, context)
    for proxy in problem.duplicates {
      context.log(
        .warn, "'\(proxy)' and '\(parameters.target)' hold the same values: a trivial transfer")
    }
    var oracle = MeasurementOracle(
      table: problem.target, budget: parameters.samples + parameters.candidates)
    var outcome: AdaptedTransfer.Outcome
    do {
      guard let adapter = AdaptedTransfer.Adapter(rawValue: parameters.adapter) else {
        throw EdgeError(.badParameter, "no adapter '\(parameters.adapter)'")
      }
      let transfer = try AdaptedTransfer(
        adapter: adapter, sampleCount: parameters.samples, candidateCount: parameters.candidates,
        threshold: parameters.threshold)
      let known = try AdaptedTransfer.Knowledge(
        space: problem.space, designs: problem.designs, proxies: problem.proxies,
        accuracy: problem.accuracy, pool: Array(0..<min(parameters.pool, problem.designs.count)),
        adapter: adapter)
      outcome = try transfer.run(known, oracle: &oracle, seed: context.seed)
    } catch let error as EdgeError {
      throw StageError(code: .badParameter, message: error.message)
    }
    outcome.cost.secondsPerMeasurement = parameters.secondsPerMeasurement
    try write(ranking(outcome, problem), "ranking", context)
    try write(measurements(outcome, oracle, problem), "measurements", context)
    try write(predictions(outcome, problem), "predictions", context)
    try write(proxies(outcome, parameters), "proxies", context)
    try write(cost(outcome.cost), "cost", context)
    let figure = PredictionPlot.figure(outcome, problem, parameters)
    try write(figure.json(indented: true), "scatter", context)
    report(outcome, parameters, context)
    evaluate(outcome, problem, parameters, context)
  }

  private func write(_ text: String, _ slot: String, _ context: StageContext) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: try context.output(slot)))
  }

  // MARK: - Tables

  private func ranking(_ outcome: AdaptedTransfer.Outcome, _ problem: Problem) -> String {
    let rows = outcome.front.enumerated().map { rank, design in
      "\(rank + 1),\(problem.indices[design]),\(problem.accuracy[design]),"
        + "\(outcome.measured[design].map { "\($0)" } ?? "")\n"
    }
    return "rank,index,accuracy,target_latency\n" + rows.joined()
  }

  private func measurements(
    _ outcome: AdaptedTransfer.Outcome, _ oracle: MeasurementOracle, _ problem: Problem
  ) -> String {
    let samples = Set(outcome.samples)
    let rows = oracle.log.enumerated().map { order, design in
      "\(order + 1),\(problem.indices[design]),\(samples.contains(design) ? "sample" : "candidate"),"
        + "\(outcome.measured[design].map { "\($0)" } ?? "")\n"
    }
    return "order,index,purpose,latency\n" + rows.joined()
  }

  private func predictions(_ outcome: AdaptedTransfer.Outcome, _ problem: Problem) -> String {
    let rows = problem.indices.enumerated().map { position, index in
      let value = outcome.predicted[position]
      let interval =
        outcome.intervals.isEmpty
        ? ","
        : "\(PredictionQuality.round(outcome.intervals[position].lower)),"
          + "\(PredictionQuality.round(outcome.intervals[position].upper))"
      return "\(index),\(value.isNaN ? "" : "\(PredictionQuality.round(value))"),\(interval)\n"
    }
    return "index,predicted,lower,upper\n" + rows.joined()
  }

  private func proxies(_ outcome: AdaptedTransfer.Outcome, _ parameters: Parameters) -> String {
    let rows = parameters.proxies.enumerated().map { position, name in
      let text = { (value: Double?) in value.map { "\(PredictionQuality.round($0))" } ?? "" }
      let interval = outcome.choice.intervals[position]
      return "\(name),\(text(outcome.choice.correlations[position].value)),"
        + "\(text(interval?.lower)),\(text(interval?.upper)),"
        + "\(position == outcome.choice.best ? "yes" : "")\n"
    }
    return "device,srcc,lower,upper,chosen\n" + rows.joined()
  }

  private func cost(_ cost: TransferCost) -> String {
    let rows = [
      ("check", cost.checks), ("adapt", cost.adaptations), ("re-measure", cost.remeasurements),
      ("all", cost.measurements), ("a predictor of its own", cost.baselineMeasurements),
    ]
    return rows.reduce("purpose,measurements,seconds\n") {
      $0 + "\($1.0),\($1.1),\(Double($1.1) * cost.secondsPerMeasurement)\n"
    }
  }

  // MARK: - Report

  private func report(
    _ outcome: AdaptedTransfer.Outcome, _ parameters: Parameters, _ context: StageContext
  ) {
    let check = outcome.choice.intervals[outcome.choice.best]
    context.metric("check_srcc", outcome.choice.correlations[outcome.choice.best].value)
    context.metric("check_lower", check?.lower)
    context.metric("adapted_srcc", outcome.adapted?.value)
    context.metric("adapted_lower", outcome.adapted?.lower)
    context.metric("passes", outcome.verdict == .passes ? 1 : 0)
    context.metric("measurements", outcome.cost.measurements)
    context.metric("saving", outcome.cost.saving)
    let text = { (interval: RankInterval?) in
      guard let interval else { return "undefined" }
      return String(
        format: "%.3f (90 %% interval %.3f to %.3f)", interval.value, interval.lower,
        interval.upper)
    }
    let proxy = parameters.proxies[outcome.choice.best]
    var note =
      "\(parameters.target): of \(parameters.proxies.count) known devices, \(proxy) ranks the "
      + "samples best, \(text(check)); "
    note +=
      outcome.verdict == .passes
      ? "**monotone enough**." : "**adapt**, since \(parameters.threshold) is not certain."
    if let adapted = outcome.adapted { note += " Adapted: \(text(adapted))." }
    context.note(note)
  }

  /// Looks at the whole table, after everything has been decided.
  private func evaluate(
    _ outcome: AdaptedTransfer.Outcome, _ problem: Problem, _ parameters: Parameters,
    _ context: StageContext
  ) {
    let asked = Set(outcome.samples + outcome.candidates)
    let rest = problem.target.indices.filter {
      !asked.contains($0) && !problem.target[$0].isNaN && !outcome.predicted[$0].isNaN
    }
    let correlation = { (designs: [Int], values: [Double]) in
      Correlation.spearman(
        designs.map { values[$0] }, designs.map { problem.target[$0] }
      ).value
    }
    let ordered = rest.sorted {
      problem.target[$0] != problem.target[$1]
        ? problem.target[$0] < problem.target[$1] : $0 < $1
    }
    let trimmed = Array(ordered[ordered.count / 10..<ordered.count * 9 / 10])
    let proxy = problem.proxies[outcome.choice.best]
    context.metric("srcc", correlation(rest, outcome.predicted))
    context.metric("trimmed_srcc", correlation(trimmed, outcome.predicted))
    context.metric("raw_srcc", correlation(rest.filter { !proxy[$0].isNaN }, proxy))
    if !outcome.intervals.isEmpty && !rest.isEmpty {
      let covered = rest.count {
        outcome.intervals[$0].lower <= problem.target[$0]
          && problem.target[$0] <= outcome.intervals[$0].upper
      }
      context.metric("coverage", Double(covered) / Double(rest.count))
    }
    let quality = TransferQuality(
      candidates: outcome.measured.keys.sorted(), latency: problem.target,
      accuracy: problem.accuracy, referenceAccuracy: parameters.referenceAccuracy)
    context.metric("hv_ratio", quality.hypervolumeRatio.value)
    context.metric("mean_gap", quality.meanGap)
    context.metric("max_gap", quality.largestGap)
    let missed = quality.gaps.count { $0 == nil }
    if missed > 0 {
      context.log(
        .warn,
        "no measured design keeps \(missed) of the \(quality.gaps.count) budgets, so the gaps are "
          + "undefined")
    }
  }
}
