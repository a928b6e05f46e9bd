import Formats
public import StageKit
import StructuredValue
import VerificationRecords

/// Averages runs of verifiers group by group, and draws how many rows each solves within a budget.
public struct BranchingTables: Stage {
  public struct Parameters: Decodable, Sendable {
    var sets: [String]
    var groups: [String]
    var method: String
    var baseline: String
    var compared: [String]
    var title: String
  }

  public static var manifest: [UInt8] { PackageResources.stage_yaml }
  public static var code: String { CodeFingerprint.digest }

  public init() {}

  public func run(_ parameters: Parameters, in context: StageContext) async throws {
    let runs = try selected(parameters, context)
    let methods = Set(runs.map(\.method))
    for name in [parameters.method, parameters.baseline] + parameters.compared
    where !methods.contains(name) {
      throw StageError(
        code: .badParameter,
        message: "no run is by '\(name)'; there are runs by "
          + methods.sorted().joined(separator: ", "))
    }
    let compared =
      parameters.compared.isEmpty
      ? [parameters.baseline, parameters.method] : parameters.compared
    try context.write(table(RunSummary.table(runs)), to: "table")
    try context.write(common(runs, compared), to: "common")
    for (slot, budget) in [("cactus", CactusCurve.Budget.seconds), ("cactus-branches", .branches)] {
      let plot = CactusPlot(runs, budget: budget, title: parameters.title)
      try context.write(plot.figure.json(indented: true), to: slot)
    }
    report(runs, parameters, compared, context)
  }

  private func selected(
    _ parameters: Parameters, _ context: StageContext
  ) throws -> [SolverRun] {
    var runs: [SolverRun] = []
    for input in context.inputs("runs") {
      do {
        runs += try SolverRun.read(csv: FileContent(path: input.path))
      } catch {
        throw StageError(
          code: .badInput, message: "\(input.name): \(error)", slot: input.slot)
      }
    }
    let part = runs.filter { run in
      (parameters.sets.isEmpty || parameters.sets.contains(run.set))
        && (parameters.groups.isEmpty || parameters.groups.contains(run.group))
    }
    guard !part.isEmpty else {
      let (sets, groups) = (Set(runs.map(\.set)).sorted(), Set(runs.map(\.group)).sorted())
      throw StageError(
        code: .badParameter,
        message: "no run is left; the sets are \(sets.joined(separator: ", ")), the groups "
          + groups.joined(separator: ", "), slot: "runs")
    }
    return part
  }

  private func report(
    _ runs: [SolverRun], _ parameters: Parameters, _ compared: [String], _ context: StageContext
  ) {
    context.metric("rows", Set(runs.map { [$0.set, $0.property] }).count)
    for (name, prefix) in [(parameters.method, ""), (parameters.baseline, "baseline_")] {
      let summary = RunSummary(runs.filter { $0.method == name })
      context.metric("\(prefix)seconds", summary?.seconds)
      context.metric("\(prefix)branches", summary?.branches)
      context.metric("\(prefix)unsolved", summary?.unsolvedPercent)
    }
    let common = CommonBranches(runs, methods: compared)
    let (own, base) = (parameters.method, parameters.baseline)
    context.metric("common_rows", common.properties.count)
    context.metric("common_branches", common.mean[own])
    context.metric("common_baseline_branches", common.mean[base])
    context.metric("branch_ratio", ratio(common.mean[own], common.mean[base]))
    context.metric("seconds_ratio", ratio(common.seconds[own], common.seconds[base]))
    context.metric("counterexamples", runs.count { $0.verdict == .sat })
    let verdicts = Dictionary(grouping: runs.filter(\.verdict.isSolved)) { [$0.set, $0.property] }
    context.metric(
      "contradictions", verdicts.values.count { Set($0.map(\.verdict)).count > 1 })
  }

  private func ratio(_ value: Double?, _ other: Double?) -> Double? {
    guard let value, let other, other > 0 else { return nil }
    return value / other
  }

  private func table(_ summaries: [RunSummary]) -> String {
    var table = Table(name: "table")
    table.append(.strings(summaries.map(\.set)), named: "set")
    table.append(.strings(summaries.map(\.group)), named: "group")
    table.append(.strings(summaries.map(\.method)), named: "method")
    table.append(.ints(summaries.map(\.rows)), named: "rows")
    table.append(.doubles(summaries.map { rounded($0.seconds, 100) }), named: "seconds")
    table.append(
      .strings(summaries.map { $0.branches.map { "\(rounded($0, 10))" } ?? "" }), named: "branches")
    table.append(
      .doubles(summaries.map { rounded($0.unsolvedPercent, 100) }), named: "unsolved %")
    table.append(.ints(summaries.map(\.violated)), named: "counterexamples")
    return CSV.text(table)
  }

  private func common(_ runs: [SolverRun], _ methods: [String]) -> String {
    var lines = "set,method,rows,branches,seconds\n"
    for set in Set(runs.map(\.set)).sorted() {
      let common = CommonBranches(runs.filter { $0.set == set }, methods: methods)
      for method in methods {
        let cells = [common.mean[method], common.seconds[method]].map {
          $0.map { "\(rounded($0, 10))" } ?? ""
        }
        lines +=
          ([set, method, "\(common.properties.count)"] + cells).joined(separator: ",") + "\n"
      }
    }
    return lines
  }

  private func rounded(_ value: Double, _ steps: Double) -> Double {
    (value * steps).rounded() / steps
  }
}
