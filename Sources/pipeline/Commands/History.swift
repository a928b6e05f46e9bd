import ArgumentParser
import ArtifactStore
import ContentHashing
import Foundation
import Projects
import Provenance
import RunRecord
import StructuredValue

struct Log: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "log", abstract: "List the runs, newest first.",
    discussion: """
      Examples:
        pipeline log -n 5
        pipeline log --json | jq '.[0].claims'
      """)

  @OptionGroup var options: ProjectOptions

  @Option(name: [.customShort("n"), .customLong("limit")], help: "How many.")
  var limit = 20

  func validate() throws {
    if limit < 1 { throw ValidationError("--limit is \(limit), but must be at least 1") }
  }

  @Flag(help: "As JSON.")
  var json = false

  func run() throws {
    let runs = try options.project().history.runs(limit: limit)
    if json {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
      return Terminal.print(String(decoding: try encoder.encode(runs), as: UTF8.self))
    }
    if runs.isEmpty { return Terminal.note("no run is recorded here yet") }
    let rows = runs.map { run in
      let outcomes = ["executed", "cached", "failed", "blocked", "cancelled"]
        .compactMap { name in run.outcomes[name].map { "\($0) \(name)" } }.joined(separator: ", ")
      let total = run.claims.values.reduce(0, +)
      return [
        run.id, run.name, run.status.rawValue, outcomes,
        total > 0 ? "\(run.claims["holds"] ?? 0)/\(total) claims" : "",
        [run.source.map { String($0.prefix(8)) }, run.dirty ? "dirty" : nil].compactMap { $0 }
          .joined(separator: " "),
      ]
    }
    for line in columns(rows) { Terminal.print(line) }
  }
}

struct Show: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Show what a run did.",
    discussion: """
      With --log STAGE, the log of a stage; with --output STAGE.SLOT, an output's bytes.

      Examples:
        pipeline show                              the latest run
        pipeline show latest~1 --log predictor
        pipeline show v1.0 --output srcc.matrix > matrix.csv
      """)

  @OptionGroup var options: ProjectOptions

  @Argument(
    help: "A run id or its start, latest, latest~1, a commit, branch or tag.",
    completion: Completions.revisions)
  var revision = "latest"

  @Option(
    help: ArgumentHelp("Print the log of a stage.", valueName: "stage"),
    completion: Completions.stages)
  var log: String?

  @Option(
    help: ArgumentHelp("Print an output, such as srcc.matrix.", valueName: "stage.slot"),
    completion: Completions.outputs)
  var output: String?

  @Flag(help: "The whole record as JSON.")
  var json = false

  func run() throws {
    let project = try options.project()
    let record = try project.history.resolve(revision)
    if let log { return try show(log: log, of: record, project) }
    if let output { return try show(output: output, of: record, project) }
    if json {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
      return Terminal.print(String(decoding: try encoder.encode(record), as: UTF8.self))
    }
    Terminal.print("run \(record.id) of \(record.file): \(record.status.rawValue)")
    Terminal.print(
      "\(record.started) to \(record.finished)\(record.profile.map { ", profile \($0)" } ?? "")")
    if let source = record.source {
      let commit = source.commit.map { String($0.prefix(12)) } ?? "no commit yet"
      Terminal.print(
        "source \(commit)\(source.branch.map { " on \($0)" } ?? "")\(source.dirty ? ", with changes" : "")"
      )
    }
    let rows = record.instances.map { instance in
      let metrics = instance.metrics.sorted { $0.key < $1.key }.prefix(4)
        .map { "\($0.key) \($0.value.value.double.map(shortNumber) ?? $0.value.value.text)" }
      return [
        instance.outcome.rawValue, instance.name, durationText(instance.seconds),
        metrics.joined(separator: ", "), instance.error?.message ?? "",
      ]
    }
    for line in columns(rows, right: [2]) { Terminal.print("  " + line) }
    for claim in record.claims {
      Terminal.print(
        "  claim \(claim.verdict.rawValue): \(claim.claim) "
          + "(\(claim.measuredValue?.double.map(shortNumber) ?? "not measured"), wanted \(claim.holds))"
      )
    }
  }

  private func show(log name: String, of record: RunRecord, _ project: Project) throws {
    guard let instance = record.instances.first(where: { $0.name == name || $0.cell == name })
    else {
      throw ProjectError(
        status: ProjectError.usage, "error: the run \(record.id) has no stage '\(name)'")
    }
    guard let log = instance.log else {
      return Terminal.note("\(instance.name) wrote no log in this run")
    }
    Terminal.write(String(decoding: try project.store.bytes(of: log), as: UTF8.self), to: 1)
  }

  private func show(output name: String, of record: RunRecord, _ project: Project) throws {
    let parts = name.split(separator: ".", maxSplits: 1).map(String.init)
    let instance = record.instances.first { $0.name == parts[0] || $0.cell == parts[0] }
    guard parts.count == 2, let artifact = instance?.outputs.first(where: { $0.slot == parts[1] })
    else {
      throw ProjectError(
        status: ProjectError.usage,
        "error: the run \(record.id) has no output '\(name)'; `pipeline show \(record.id) --json` lists all"
      )
    }
    guard !artifact.isTree else {
      for entry in try project.store.tree(artifact.digest) { Terminal.print(entry.name) }
      return
    }
    try FileHandle.standardOutput.write(contentsOf: project.store.bytes(of: artifact.digest))
  }
}

struct Sync: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sync",
    abstract: "Share the runs with a git remote: only the log and its notes, never branches.",
    discussion: """
      Example:
        pipeline sync origin
      """)

  @OptionGroup var options: ProjectOptions

  @Argument(help: "The remote's name.")
  var remote = "origin"

  func run() throws {
    guard let log = try options.project().log else {
      throw ProjectError(
        status: 7, "error P0601: this is not a git repository; 'git init' turns provenance on")
    }
    let result = try log.sync(remote: remote)
    Terminal.note("\(counted(result.fetched, "run")) fetched, \(result.pushed) pushed")
  }
}
