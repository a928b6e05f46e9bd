import EdgeOptimization
import Foundation
import StageKit
import Statistics

/// What a transfer found, as metrics and in words.
struct TransferReport {
  let outcome: AdaptedTransfer.Outcome
  let problem: Problem
  let parameters: AdaptToTarget.Parameters

  /// Says what was measured, how well the proxy and the predictor rank, and what follows.
  func summarise(in context: StageContext) {
    context.metric("check_srcc", outcome.check.correlation.value)
    context.metric("check_lower", outcome.check.interval?.lower)
    context.metric("check_upper", outcome.check.interval?.upper)
    context.metric("adapted_srcc", outcome.adapted?.value)
    context.metric("adapted_lower", outcome.adapted?.lower)
    context.metric("adapted_upper", outcome.adapted?.upper)
    context.metric("passes", outcome.verdict == .passes ? 1 : 0)
    context.metric("measurements", outcome.cost.measurements)
    context.metric("hours", outcome.cost.hours)
    context.metric("baseline_hours", outcome.cost.baselineHours)
    context.metric("saving", outcome.cost.saving)
    let invalid = outcome.cost.measurements - outcome.measured.count
    if Double(invalid) > 0.2 * Double(outcome.cost.measurements) {
      context.log(
        .warn,
        "\(name) can't run \(invalid) of the \(outcome.cost.measurements) designs measured")
    }
    if outcome.isReversed {
      context.log(
        .warn, "\(name) ranks designs the other way round than \(proxy): check the units and signs")
    }
    context.note(verdict + limit)
  }

  private var name: String { parameters.target.isEmpty ? "the new device" : parameters.target }
  private var proxy: String { parameters.proxies[outcome.choice.best] }

  private var verdict: String {
    let check = outcome.check
    var text =
      "\(name), \(outcome.cost.measurements) measurements: of \(parameters.proxies.count) known "
      + "devices, \(proxy) ranks the samples best; on "
      + (check.comparisons > 1
        ? "the same designs, for want of checks, " : "\(outcome.plan.checks.count) random designs ")
      + "its rank correlation is "
      + (check.interval.map { words($0) } ?? "undefined (\(check.correlation.reason ?? "too few"))")
    switch outcome.verdict {
    case .passes: text += ": **monotone enough**, its own best designs may be used."
    case .uncertain:
      text += ": **uncertain**, it may be below \(parameters.threshold); adapt, or check more."
    case .fails: text += ": **not monotone enough**; adapt."
    case .undefined: text += ": **undefined**."
    }
    if let adapted = outcome.adapted {
      text += " Adapted (\(parameters.method)): \(words(adapted))."
    }
    return text
  }

  private func words(_ interval: RankInterval) -> String {
    String(
      format: "%.3f (90 %% interval %.3f to %.3f)", interval.value, interval.lower, interval.upper)
  }

  /// What the measured designs say of the latency limit.
  private var limit: String {
    guard parameters.limit > 0 else { return "" }
    let latencies = outcome.front.compactMap { outcome.measured[$0] }
    guard let range = FeasibleRange(latencies: latencies) else { return "" }
    let design = outcome.front.last { outcome.measured[$0] ?? .infinity <= parameters.limit }
    let found =
      design.map {
        " Best measured design within \(parameters.limit) \(problem.unit): index "
          + "\(problem.indices[$0]), "
          + (problem.knowsAccuracy ? "accuracy \(problem.accuracy[$0]), " : "")
          + "\(outcome.measured[$0] ?? .nan) \(problem.unit)."
      } ?? ""
    switch range.meaning(of: parameters.limit) {
    case .infeasible(let reason): return " Of the measured designs, " + reason + "."
    case .binding: return found
    case .unconstrained(let reason): return found + " Of the best ones, " + reason + "."
    }
  }

  /// Looks at the whole table, after everything has been decided.
  ///
  /// - Returns: What was found as a table of one row, to be gathered over targets.
  func evaluate(_ target: [Double], in context: StageContext) -> String {
    var found: [(name: String, value: Double?)] = [
      ("measurements", Double(outcome.cost.measurements))
    ]
    for (name, value) in figures(target, in: context) {
      context.metric(name, value)
      found.append((name, value))
    }
    return "target," + found.map(\.name).joined(separator: ",") + "\n\(parameters.target),"
      + found.map { $0.value.map { "\($0)" } ?? "" }.joined(separator: ",") + "\n"
  }

  private func figures(
    _ target: [Double], in context: StageContext
  ) -> [(name: String, value: Double?)] {
    let asked = Set(outcome.plan.checks + outcome.plan.samples + outcome.candidates)
    let rest = target.indices.filter {
      !asked.contains($0) && !target[$0].isNaN && !outcome.predicted[$0].isNaN
    }
    // Rounded, so that what ties but for the last bit ties.
    let predicted = outcome.predicted.map { PredictionQuality.round($0) }
    let correlation = { (designs: [Int], values: [Double]) in
      Correlation.spearman(designs.map { values[$0] }, designs.map { target[$0] }).value
    }
    let ordered = rest.sorted {
      target[$0] != target[$1] ? target[$0] < target[$1] : $0 < $1
    }
    let trimmed = Array(ordered[ordered.count / 10..<ordered.count * 9 / 10])
    let proxy = problem.proxies[outcome.choice.best]
    var found = [
      ("srcc", correlation(rest, predicted)), ("trimmed_srcc", correlation(trimmed, predicted)),
      ("raw_srcc", correlation(rest.filter { !proxy[$0].isNaN }, proxy)),
    ]
    if !outcome.intervals.isEmpty && !rest.isEmpty {
      let covered = rest.count {
        outcome.intervals[$0].lower <= target[$0] && target[$0] <= outcome.intervals[$0].upper
      }
      found.append(("coverage", Double(covered) / Double(rest.count)))
    }
    guard problem.knowsAccuracy else { return found }
    let quality = TransferQuality(
      candidates: outcome.measured.keys.sorted(), latency: target,
      accuracy: problem.accuracy, referenceAccuracy: parameters.referenceAccuracy)
    let missed = quality.gaps.count { $0 == nil }
    if missed > 0 {
      context.log(
        .warn,
        "no measured design keeps \(missed) of the \(quality.gaps.count) budgets, so the gaps are "
          + "undefined")
    }
    return found + [
      ("hv_ratio", quality.hypervolumeRatio.value), ("mean_gap", quality.meanGap),
      ("max_gap", quality.largestGap),
    ]
  }
}
