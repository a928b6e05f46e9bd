import EdgeOptimization
import Foundation
public import StageKit
import StructuredValue

/// Adapts known devices' latencies to a target and finds the designs that may be best there.
public struct AdaptToTarget: Stage {
  public struct Parameters: Decodable, Sendable {
    var target: String
    var proxies: [String]
    var space: String
    var method: String
    var checks: Int
    var samples: Int
    var candidates: Int
    var threshold: Double
    var limit: Double
    var pool: Int
    var referenceAccuracy: Double
    var secondsPerMeasurement: Double
  }

  public static var manifest: [UInt8] { PackageResources.stage_yaml }
  public static var code: String { CodeFingerprint.digest }

  public init() {}

  public func run(_ parameters: Parameters, in context: StageContext) async throws {
    let problem = try Problem(parameters, context)
    for warning in problem.warnings { context.log(.warn, warning) }
    do {
      try transfer(problem, parameters, context)
    } catch let error as EdgeError {
      throw StageError(
        code: error.code == .badTable || error.code == .badDesign ? .badInput : .badParameter,
        message: error.message)
    }
  }

  private func transfer(
    _ problem: Problem, _ parameters: Parameters, _ context: StageContext
  ) throws {
    guard let method = AdaptedTransfer.Method(rawValue: parameters.method) else {
      throw EdgeError(.badParameter, "no method '\(parameters.method)'")
    }
    let transfer = try AdaptedTransfer(
      method: method, checkCount: parameters.checks, sampleCount: parameters.samples,
      candidateCount: parameters.candidates, threshold: parameters.threshold)
    let known = try TransferKnowledge(
      space: problem.space, designs: problem.designs, proxies: problem.proxies,
      accuracy: problem.accuracy, pool: Array(0..<min(parameters.pool, problem.designs.count)),
      method: method, sampleCount: parameters.samples, checkCount: parameters.checks,
      candidateCount: parameters.candidates, seed: context.seed)
    let tables = TransferTables(problem: problem, parameters: parameters)
    context.metric("sources_srcc", known.process?.trials.correlation)
    var outcome: AdaptedTransfer.Outcome
    switch problem.target {
    case .unknown:
      let plan = try transfer.plan(known, seed: context.seed)
      try context.write(
        tables.toMeasure([("check", plan.checks), ("sample", plan.samples)]), to: "next")
      context.metric("measurements", 0)
      context.note(
        "Measure the \(plan.checks.count + plan.samples.count) designs of `next` on the new "
          + "device, fill in their latencies, and connect the file to `measurements`.")
      return
    case .measured(let measurements):
      outcome = try assess(transfer, known, measurements, problem)
    case .table(let values):
      var oracle = MeasurementOracle(
        table: values,
        budget: parameters.checks + parameters.samples + parameters.candidates)
      outcome = try transfer.run(known, oracle: &oracle, seed: context.seed)
    }
    outcome.cost.secondsPerMeasurement = parameters.secondsPerMeasurement
    try context.write(tables.toMeasure([("candidate", outcome.next)]), to: "next")
    try context.write(tables.ranking(outcome), to: "ranking")
    try context.write(tables.measured(outcome), to: "measured")
    try context.write(tables.predictions(outcome), to: "predictions")
    try context.write(tables.proxies(outcome), to: "proxies")
    try context.write(tables.cost(outcome.cost), to: "cost")
    let figure = PredictionPlot.figure(outcome, problem, parameters)
    try context.write(figure.json(indented: true), to: "scatter")
    let report = TransferReport(outcome: outcome, problem: problem, parameters: parameters)
    report.summarise(in: context)
    if case .table(let values) = problem.target {
      try context.write(report.evaluate(values, in: context), to: "evaluation")
    }
  }

  private func assess(
    _ transfer: AdaptedTransfer, _ known: TransferKnowledge, _ measurements: DeviceMeasurements,
    _ problem: Problem
  ) throws -> AdaptedTransfer.Outcome {
    let positions = Dictionary(
      uniqueKeysWithValues: problem.indices.enumerated().map { ($1, $0) })
    var measured: [Int: Double] = [:]
    for (index, latency) in zip(measurements.indices, measurements.latencies)
    where !latency.isNaN {
      if let position = positions[index] { measured[position] = latency }
    }
    let plan = AdaptedTransfer.Plan(
      checks: try measurements.designs(.check, in: positions),
      samples: try measurements.designs(.sample, in: positions))
    let runnable = plan.samples.count { measured[$0] != nil }
    guard runnable >= 4 else {
      throw EdgeError(
        .badTable,
        "the measurements hold \(runnable) samples with a latency; at least 4 are needed (rows of "
          + "purpose 'sample', or all rows where there is no column 'purpose')")
    }
    return try transfer.assess(
      known, plan: plan, candidates: try measurements.designs(.candidate, in: positions),
      measured: measured)
  }
}
