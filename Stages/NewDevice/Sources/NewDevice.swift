import EdgeOptimization
import Foundation
public import StageKit
import StructuredValue

/// Serves a device that is measured by hand: what to measure, what follows, what to run.
public struct NewDevice: Stage {
  public struct Parameters: Decodable, Sendable {
    var known: [String]
    var space: String
    var samples: Int
    var proposals: Int
    var threshold: Double
    var leastAccuracy: Double
    var pool: Int
    var unit: String
  }

  public static var manifest: [UInt8] { PackageResources.stage_yaml }
  public static var code: String { CodeFingerprint.digest }

  public init() {}

  public func run(_ parameters: Parameters, in context: StageContext) async throws {
    let problem = try Problem(parameters, context)
    do {
      var transfer = try AdaptedTransfer(
        adapter: .gp, sampleCount: parameters.samples, candidateCount: parameters.proposals,
        threshold: parameters.threshold)
      transfer.leastAccuracy = parameters.leastAccuracy
      try answer(transfer, problem, parameters, context)
    } catch let error as EdgeError {
      throw StageError(
        code: error.code == .badParameter ? .badParameter : .badInput, message: error.message,
        slot: "measured")
    }
  }

  private func answer(
    _ transfer: AdaptedTransfer, _ problem: Problem, _ parameters: Parameters,
    _ context: StageContext
  ) throws {
    let first = try transfer.samples(problem.known, seed: context.seed)
    let tried = Set(problem.tried)
    let missing = first.filter { !tried.contains($0) }
    context.metric("measured", problem.tried.count)
    // Whoever measured other designs than were asked for is judged by those.
    let asked = first.filter { tried.contains($0) }
    let samples = asked.count >= 4 ? asked : problem.tried
    guard samples.count(where: { problem.measured[$0] != nil }) >= 4 else {
      context.metric("missing", missing.count)
      context.note(
        "**\(problem.name)**: measure the \(missing.count) designs of `next` and connect them as "
          + "`measured` (a CSV with the columns `index` and the device's name).")
      return try context.write(next(missing, [], nil, problem), to: "next")
    }
    if asked.count < 4 {
      context.log(
        .warn,
        "fewer than 4 of the designs in 'next' were measured, so the verdict rests on others; its "
          + "interval holds for designs that were not picked for being good")
    }
    let conclusion = try transfer.conclude(
      problem.known, samples: samples, measured: problem.measured)
    let proposals = transfer.candidates(
      problem.known, conclusion, measured: problem.measured, seen: problem.tried + missing,
      count: parameters.proposals, withProxy: true)
    // Short of samples the others are still worth more than candidates: they come first.
    let needed = asked.count >= 4 ? missing : []
    context.metric("missing", needed.count)
    let report = Report(
      problem: problem, transfer: transfer, conclusion: conclusion, unit: parameters.unit)
    try context.write(next(needed, proposals, conclusion, problem), to: "next")
    try context.write(report.designs, to: "designs")
    try context.write(report.predictions, to: "predictions")
    try context.write(report.proxies, to: "proxies")
    try context.write(report.front.json(indented: true), to: "front")
    tell(conclusion, problem, parameters, context)
  }

  private func next(
    _ samples: [Int], _ candidates: [Int], _ conclusion: AdaptedTransfer.Conclusion?,
    _ problem: Problem
  ) -> String {
    let all = samples.map { ($0, "sample") } + candidates.map { ($0, "candidate") }
    let rows = all.enumerated().map { order, entry in
      let (design, purpose) = entry
      let predicted = conclusion.map { "\(PredictionQuality.round($0.predicted[design]))" } ?? ""
      return "\(order + 1),\(problem.indices[design]),\(problem.text(design)),\(purpose),"
        + "\(predicted)\n"
    }
    return "order,index,design,purpose,predicted\n" + rows.joined()
  }

  private func tell(
    _ conclusion: AdaptedTransfer.Conclusion, _ problem: Problem, _ parameters: Parameters,
    _ context: StageContext
  ) {
    let check = conclusion.choice.intervals[conclusion.choice.best]
    context.metric("check_srcc", check?.value)
    context.metric("check_lower", check?.lower)
    context.metric("passes", conclusion.verdict == .passes ? 1 : 0)
    context.metric("adapted_srcc", conclusion.adapted?.value)
    context.metric("adapted_lower", conclusion.adapted?.lower)
    let text = { (interval: RankInterval?) in
      guard let interval else { return "undefined" }
      return String(
        format: "%.3f (%.3f to %.3f)", interval.value, interval.lower, interval.upper)
    }
    let best = problem.devices[conclusion.choice.best]
    let verdict =
      conclusion.verdict == .passes
      ? "**monotone enough**: its ranking serves as it is"
      : "**adapt**: \(parameters.threshold) is not certain"
    context.note(
      "**\(problem.name)**, \(problem.tried.count) measurements: of \(problem.devices.count) known "
        + "devices \(best) ranks the samples best, \(text(check)); \(verdict). Adapted, with samples "
        + "left out in turn: \(text(conclusion.adapted)).")
  }
}

extension Problem {
  /// A design's digits.
  func text(_ design: Int) -> String { known.designs[design].map(String.init).joined() }
}
