import ArgumentParser
import ContentHashing
import Foundation
import Planning
import Projects
import Provenance
import RunRecord
import StructuredValue

struct Plan: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan",
    abstract: "Show what `run` would execute, and why; nothing is written.",
    discussion: """
      Examples:
        pipeline plan
        pipeline plan --set samples=20 --from tables
      """)

  @OptionGroup var pipeline: PipelineOptions
  @OptionGroup var cells: SelectionOptions

  @Flag(help: "As JSON.")
  var json = false

  func run() throws {
    let (project, loaded) = try pipeline.load()
    let plan = try project.plan(loaded, selection: cells.selection)
    if json { return Terminal.print(Value.list(plan.map(\.json)).json(indented: true)) }
    let rows = plan.filter { $0.word != "cached" }.map { [$0.word, $0.instance.name, $0.why] }
    for line in columns(rows) { Terminal.print(line) }
    let cached = plan.count - rows.count
    Terminal.print(
      rows.isEmpty
        ? "nothing to do: \(allCached(cached))" : "\(cached) of \(plan.count) cached")
  }
}

struct Status: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Show how every stage stands.",
    discussion: """
      With --check the exit code is 9 where there is work to do. --watch goes on until Ctrl-C, and \
      follows a run that another terminal or the page started.

      Examples:
        pipeline status
        pipeline status --watch                    how it stands, as it changes
        pipeline status --check || pipeline run    in a script
      """)

  @OptionGroup var pipeline: PipelineOptions

  @Flag(help: "As JSON.")
  var json = false

  @Flag(help: "Exit with 9 where there is work to do.")
  var check = false

  @Flag(name: .shortAndLong, help: "Draw it anew as it changes, until Ctrl-C.")
  var watch = false

  func validate() throws {
    if watch && (json || check) {
      throw ValidationError("--watch draws for people; take away --json and --check")
    }
  }

  func run() throws {
    if watch {
      guard Terminal.isInteractive else {
        throw ProjectError(
          status: ProjectError.usage,
          "error: --watch needs a terminal; for programs there is `pipeline run --json`")
      }
      var watch = StatusWatch { try pipeline.load() }
      try watch.run()
    }
    let (project, loaded) = try pipeline.load()
    let plan = try project.plan(loaded, selection: Selection())
    if json {
      Terminal.print(Value.list(plan.map(\.json)).json(indented: true))
    } else {
      let rows = plan.map { [$0.word, $0.instance.name, $0.word == "cached" ? "" : $0.why] }
      for line in columns(rows) { Terminal.print(line) }
      if let run = try? project.history.runs(limit: 1).first {
        Terminal.print("latest run: \(run.id), \(run.status.rawValue)")
      }
    }
    if check, plan.contains(where: { $0.word == "run" || $0.word == "wait" }) { throw ExitCode(9) }
  }
}

struct Explain: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain",
    abstract: "Say exactly why a stage is, or is not, executed.",
    discussion: """
      Prints which component of the stage's key differs from the latest run, from what to what. \
      With --key, the whole key.

      Examples:
        pipeline explain predictor
        pipeline explain 'predictor[device=fpga]' --key
      """)

  @Argument(
    help: "A stage or instance, such as predictor or 'predictor[device=fpga]'.",
    completion: Completions.stages)
  var cell: String

  @OptionGroup var pipeline: PipelineOptions

  @Flag(help: "Print all components of the key.")
  var key = false

  @Flag(help: "As JSON.")
  var json = false

  func run() throws {
    let (project, loaded) = try pipeline.load()
    let matching = try Selection.matches(cell, loaded.graph)
    let names = Set(matching.map { loaded.graph.instances[$0].name })
    let plan = try project.plan(loaded, selection: Selection())
      .filter { names.contains($0.instance.name) }
    if json { return Terminal.print(Value.list(plan.map(\.json)).json(indented: true)) }
    for item in plan {
      Terminal.print("\(Terminal.styled(item.instance.name, .bold)): \(item.word), \(item.why)")
      guard let current = item.key else { continue }
      Terminal.print("  key \(current.digest.hex)")
      if key {
        let rows = current.fields.sorted { $0.key < $1.key }.map { ["  " + $0.key, $0.value.text] }
        for line in columns(rows) { Terminal.print("  " + line) }
      } else if let latest = item.latestFields, !latest.isEmpty {
        let differences = KeyDifference.between(latest, current.fields)
        if differences.isEmpty { Terminal.print("  the key is that of the latest run") }
        for difference in differences { Terminal.print("  \(difference.sentence)") }
      } else {
        Terminal.print("  the latest run has no key of it")
      }
    }
  }
}

extension PlannedInstance {
  var key: ActionKey? {
    switch decision {
    case .reuse(let key, _), .execute(let key, _): key
    default: nil
    }
  }

  var json: Value {
    [
      "instance": .string(instance.name), "state": .string(word), "why": .string(why),
      "key": key.map { .string($0.digest.hex) } ?? .null,
      "fields": key.map { .map($0.fields) } ?? .null,
    ]
  }
}
