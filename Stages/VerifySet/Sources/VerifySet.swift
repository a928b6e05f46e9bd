import Formats
import Foundation
public import StageKit
import StructuredValue
import Verification

/// Decides all instances of a list.
public struct VerifySet: Stage {
  public struct Parameters: Decodable, Sendable {
    var list: String
    var only: [String]
    var set: String
    var branching: String
    var timeout: Double
    var branches: Int
    var batch: Int
  }

  /// What became of an instance.
  private struct Run {
    var instance: Instance
    var outcome: VerificationOutcome
    var limit: Double
    var word: String { outcome.verdict.word }
    var isSolved: Bool { word == "sat" || word == "unsat" }
  }

  public static var manifest: [UInt8] { PackageResources.stage_yaml }
  public static var code: String { CodeFingerprint.digest }

  public init() {}

  public func run(_ parameters: Parameters, in context: StageContext) async throws {
    var list = try InstanceList(
      folder: try context.input("set").path, list: parameters.list, only: parameters.only)
    if !context.inputs("truth").isEmpty {
      try context.read("truth") { try list.know(CSV.read(path: $0)) }
    }
    var runs: [Run] = []
    for (done, instance) in list.instances.enumerated() {
      context.progress(
        done, of: list.instances.count, unit: "instances", message: instance.name)
      runs.append(try run(instance, list, parameters, context))
      let last = runs[runs.count - 1]
      if let known = instance.known, last.isSolved, last.word != known {
        context.log(.error, "\(instance.name): \(last.word), known to be \(known)")
      }
    }
    try context.write(table(runs, parameters), to: "runs")
    try context.write(figure(runs, parameters).json(indented: true), to: "seconds")
    report(runs, context)
  }

  private func run(
    _ instance: Instance, _ list: InstanceList, _ parameters: Parameters, _ context: StageContext
  ) throws -> Run {
    do {
      let network = try ReLUNetwork.read(path: list.file(instance.network))
      let property = try VNNLIB.read(path: list.file(instance.property))
      try property.check(against: network)
      var options = SearchOptions()
      options.timeout = min(parameters.timeout, instance.limit)
      options.branchLimit = parameters.branches == 0 ? nil : parameters.branches
      options.batch = parameters.batch
      options.seed = context.seed
      options.workers = context.cpus
      options.keepsCertificate = false
      let outcome = try Verifier(network, options).verify(
        property.reordered(for: network),
        rule: BranchingRules.rule(named: parameters.branching, seed: context.seed))
      return Run(instance: instance, outcome: outcome, limit: options.timeout ?? instance.limit)
    } catch {
      throw StageError(code: .badInput, message: "\(instance.name): \(error)", slot: "set")
    }
  }

  private func table(_ runs: [Run], _ parameters: Parameters) -> String {
    var table = Table(name: "runs")
    func strings(_ name: String, _ cell: (Run) -> String) {
      table.append(.strings(runs.map(cell)), named: name)
    }
    strings("set") { _ in parameters.set }
    strings("group") { $0.instance.group }
    strings("property") { $0.instance.name }
    strings("method") { $0.outcome.rule }
    strings("verdict") { $0.word }
    table.append(.ints(runs.map(\.outcome.branches)), named: "branches")
    table.append(.doubles(runs.map(\.outcome.wallSeconds)), named: "seconds")
    table.append(.doubles(runs.map(\.limit)), named: "limit")
    table.append(.doubles(runs.map(\.outcome.cpuSeconds)), named: "cpu_seconds")
    strings("lower_bound") {
      $0.outcome.lowerBound.isFinite ? "\($0.outcome.lowerBound)" : ""
    }
    strings("known") { $0.instance.known ?? "" }
    return CSV.text(table)
  }

  private func figure(_ runs: [Run], _ parameters: Parameters) -> Value {
    let solved = runs.filter(\.isSolved).sorted { $0.outcome.cpuSeconds < $1.outcome.cpuSeconds }
    let points: [Value] = solved.enumerated().map { index, run in
      [
        "seconds": .double(max(run.outcome.cpuSeconds, 0.001)), "solved": .int(index + 1),
        "verdict": .string(run.word), "instance": .string(run.instance.name),
      ]
    }
    return [
      "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
      "title": .string("\(parameters.set): \(solved.count) of \(runs.count) decided"),
      "width": 420, "height": 240, "data": ["values": .list(points)],
      "layer": [
        ["mark": ["type": "line", "interpolate": "step-after"]],
        [
          "mark": ["type": "point", "filled": true],
          "encoding": ["color": ["field": "verdict", "type": "nominal"]],
        ],
      ],
      "encoding": [
        "x": [
          "field": "seconds", "type": "quantitative", "scale": ["type": "log"],
          "title": "processor seconds",
        ],
        "y": ["field": "solved", "type": "quantitative", "title": "instances decided"],
        "tooltip": [["field": "instance"], ["field": "verdict"], ["field": "seconds"]],
      ],
    ]
  }

  private func report(_ runs: [Run], _ context: StageContext) {
    let solved = runs.filter(\.isSolved)
    let known = runs.filter { $0.instance.known != nil }
    context.metric("instances", runs.count)
    context.metric("solved", solved.count)
    context.metric("unsat", runs.count { $0.word == "unsat" })
    context.metric("sat", runs.count { $0.word == "sat" })
    context.metric(
      "contradictions", known.count { $0.isSolved && $0.word != $0.instance.known })
    context.metric("agreed", known.count { $0.word == $0.instance.known })
    context.metric("missed", known.count { !$0.isSolved })
    context.metric("cpu_seconds", runs.reduce(0) { $0 + $1.outcome.cpuSeconds })
    guard !solved.isEmpty else { return context.metric("geometric_seconds", nil as Double?) }
    // A clock tick below a millisecond would weigh more than an hour.
    let logs = solved.map { log(max($0.outcome.cpuSeconds, 1e-3)) }
    context.metric("geometric_seconds", exp(logs.reduce(0, +) / Double(logs.count)))
  }
}
