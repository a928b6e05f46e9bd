import ArgumentParser
import ArtifactComparison
import ContentHashing
import Execution
import Foundation
import PipelineSpec
import Planning
import Projects
import RunRecord

struct Check: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Check a pipeline file; with --rerun, execute again and compare every output.",
    discussion: """
      --rerun executes each stage again from the same inputs, compares digests, and names the first \
      byte, metric, cell or tensor that differs. Exit code 8 where something does.

      Examples:
        pipeline check                             is the file right?
        pipeline check --rerun --only predictor    is the stage reproducible?
      """)

  @OptionGroup var pipeline: PipelineOptions
  @OptionGroup var cells: SelectionOptions
  @OptionGroup var execution: ExecutionOptions

  @Flag(help: "Execute again and compare.")
  var rerun = false

  func run() throws {
    let launcher = rerun ? try StageLauncher() : nil
    let (project, loaded) = try pipeline.load(writes: rerun)
    guard let launcher else {
      return Terminal.print(
        "\(loaded.file) is right: \(counted(loaded.pipeline.cells.count, "cell")), "
          + counted(loaded.graph.instances.count, "stage instance"))
    }
    var options = try execution.options(project)
    options.isVerifying = true
    options.keepsGoing = true
    let display = execution.display
    let outcome = try project.run(
      loaded, selection: cells.selection, options: options, launcher: launcher,
      program: executablePath(), toolVersion: PipelineCommand.version
    ) { display.show($0) }
    let differing = outcome.verifications.filter { !$0.isEqual }
    for item in differing {
      Terminal.print("\(item.instance).\(item.slot) differs: \(place(of: item, project))")
    }
    let stages = Set(outcome.verifications.map(\.instance)).count
    Terminal.print(
      "reproduced \(outcome.verifications.count - differing.count) of "
        + "\(counted(outcome.verifications.count, "output")) of \(counted(stages, "stage"))")
    let executed = outcome.record.instances.filter { $0.outcome == .executed }.count
    if executed > stages {
      Terminal.print(
        "no earlier result to compare with: \(counted(executed - stages, "stage")); there is one now"
      )
    }
    if let signal = outcome.signal { throw ExitCode(128 + signal) }
    if !differing.isEmpty { throw ExitCode(8) }
    if outcome.record.status == .failed { throw ExitCode(1) }
  }

  /// The first byte, metric, cell or tensor that differs.
  private func place(of item: OutputVerification, _ project: Project) -> String {
    func artifact(_ name: OutputVerification.ContentName) -> ArtifactRecord? {
      Digest(name.digest).map {
        ArtifactRecord(
          slot: item.slot, kind: item.kind, digest: $0, isTree: name.isTree, size: 0)
      }
    }
    let comparison = project.compare(artifact(item.old), artifact(item.new))
    return comparison.first?.description ?? comparison.lines.first
      ?? "\(item.old.digest.prefix(12)) → \(item.new.digest.prefix(12))"
  }
}
