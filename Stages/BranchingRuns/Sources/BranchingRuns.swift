import Formats
import Foundation
import LearnedBranching
public import StageKit
import Verification
import VerificationRecords

/// Verifies rows of published property tables with one branching rule.
public struct BranchingRuns: Stage {
  public struct Parameters: Decodable, Sendable {
    var network: String
    var images: String
    var tables: [String]
    var perTable: Int
    var only: [String]
    var mostRecorded: Int
    var rule: String
    var label: String
    var snapshot: String
    var rounds: Int
    var search: String
    var generations: Int
    var firstLayer: Bool
    var failSafe: Bool
    var failSafeSteps: Int
    var timeout: Double
    var branches: Int
    var batch: Int
  }

  public static var manifest: [UInt8] { PackageResources.stage_yaml }
  public static var code: String { CodeFingerprint.digest }

  public init() {}

  public func run(_ parameters: Parameters, in context: StageContext) async throws {
    let inputs = try RowSelection(parameters, context)
    let rules = try RuleMaker(parameters, context)
    let search = try RowSearch(parameters, inputs.network, context)
    var runs: [SolverRun] = []
    var lines = "property,lower bound,cpu seconds\n"
    var cpu = 0.0
    for row in inputs.rows {
      let found = try search.run(row.property, rules.make(seed: context.seed))
      cpu += found.cpuSeconds
      runs.append(
        SolverRun(
          set: row.set, group: row.group, property: row.name, method: rules.label,
          verdict: found.verdict, branches: found.branches, seconds: found.seconds,
          // What a row that is given up by its branches counts is what was spent on it.
          limit: found.verdict == .unknown ? found.seconds : parameters.timeout))
      lines += "\(row.name),\(found.lowerBound),\(found.cpuSeconds)\n"
      context.progress(
        runs.count, of: inputs.rows.count, unit: "rows",
        message: "\(row.name) \(found.verdict.rawValue), \(found.branches) branches")
    }
    try context.write(SolverRun.csv(runs), to: "runs")
    try context.write(
      "table,row,reason\n"
        + inputs.skipped.map { "\($0.table),\($0.row),\"\($0.reason)\"\n" }.joined(),
      to: "skipped")
    let solved = runs.filter(\.verdict.isSolved)
    context.metric("rows", runs.count)
    context.metric("solved", solved.count)
    context.metric(
      "branches",
      solved.isEmpty
        ? nil : Double(solved.reduce(0) { $0 + ($1.branches ?? 0) }) / Double(solved.count))
    context.metric("cpu_seconds", cpu / Double(max(1, runs.count)))
    context.metric("skipped", inputs.skipped.count)
    guard parameters.rule.hasPrefix("gnn") else { return }
    let counts = rules.ledger.counts
    context.metric("decisions", counts.decisions)
    context.metric("passes", counts.passes)
    context.metric("asked", counts.asked)
    context.metric("lost", counts.lost)
    context.metric("updates", counts.updates)
  }
}
