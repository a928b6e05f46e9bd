import ArgumentParser
import ArtifactStore
import ContentHashing
import Foundation
import Projects
import Provenance
import RunRecord
import StructuredValue

struct GarbageCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "gc",
    abstract: "Show what no kept run needs; with --yes, remove it.",
    discussion: """
      Kept are all that the latest runs made; how many, --keep-runs says.

      Examples:
        pipeline gc                                what would be removed
        pipeline gc --keep-runs 10 --yes
      """)

  @OptionGroup var options: ProjectOptions

  @Flag(help: "Remove it.")
  var yes = false

  @Option(help: "How many of the latest runs to keep.")
  var keepRuns = 50

  @Option(help: "Keep objects younger than so many minutes, which a run may be about to use.")
  var minimumAge = 60.0

  func validate() throws {
    if keepRuns < 0 {
      throw ValidationError("--keep-runs is \(keepRuns), but must be at least 0")
    }
    if !(minimumAge >= 0) {
      throw ValidationError("--minimum-age is \(minimumAge), but must be at least 0")
    }
  }

  func run() throws {
    let project = try options.project()
    if let problem = project.logProblem {
      throw ProjectError(
        status: 7,
        "error P0601: what the runs need cannot be told, so nothing is garbage: \(problem)")
    }
    if let target = try? FileManager.default.destinationOfSymbolicLink(atPath: project.store.path) {
      Terminal.note(
        "warning: the store is a link to '\(target)'; what only runs of other projects on it need "
          + "counts as not needed")
    }
    guard yes else {
      if try !plan(project).paths.isEmpty { Terminal.note("`pipeline gc --yes` removes them") }
      return
    }
    guard try project.store.collect({ try plan(project) }) else {
      throw ProjectError(
        status: 6, "error P0501: a run is using the store; try again when it is over")
    }
    Terminal.print("removed")
  }

  /// Says what the latest runs do not need.
  private func plan(_ project: Project) throws -> Garbage {
    let history = project.history
    var keys: Set<Digest> = []
    var artifacts: Set<Digest> = []
    let kept = try history.runs(limit: keepRuns)
    for run in kept {
      for instance in try history.record(run: run.id).instances {
        if let key = instance.key { keys.insert(key) }
        if let log = instance.log { artifacts.insert(log) }
        for output in instance.outputs { artifacts.insert(output.digest) }
        for input in instance.inputs { artifacts.insert(input.digest) }
      }
    }
    let garbage = project.store.garbage(
      keeping: keys, artifacts: artifacts, minimumAge: minimumAge * 60)
    if kept.isEmpty, keepRuns > 0, !garbage.paths.isEmpty {
      throw ProjectError(
        status: 7,
        "error P0601: no run is recorded here, though the store has results: was the repository "
          + "moved? `pipeline gc --keep-runs 0` removes them nevertheless")
    }
    Terminal.print(
      "not needed by the latest \(counted(kept.count, "run")): "
        + "\(counted(garbage.paths.count, "object")), \(sizeText(garbage.size)); "
        + "\(counted(garbage.kept, "object")), \(sizeText(garbage.keptSize)), stay")
    return garbage
  }
}

struct Fsck: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fsck",
    abstract: "Verify every object of the store; damaged ones are put aside and made anew.",
    discussion: """
      Example:
        pipeline fsck && pipeline run
      """)

  @OptionGroup var options: ProjectOptions

  func run() throws {
    let store = try options.project().store
    let isShown = Terminal.isInteractive
    let corrupt = try store.check { done, total in
      if isShown { Terminal.write("\r  \(done)/\(total) objects", to: 2) }
    }
    if isShown { Terminal.write("\r\u{1B}[K", to: 2) }
    for object in corrupt {
      let users = object.users.isEmpty ? "no stage" : object.users.joined(separator: ", ")
      Terminal.print(
        "damaged: \(object.space) \(object.name), used by \(users); moved to \(object.quarantine)")
    }
    guard corrupt.isEmpty else {
      Terminal.note("the next run makes what is missing anew")
      throw ExitCode(5)
    }
    Terminal.print("the store is sound")
  }
}
