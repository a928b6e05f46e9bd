import ArgumentParser
import DVCImport
import Foundation
import PipelineSpec
import Planning
import Projects
import SpecSyntax

struct Import: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Make a pipeline file from another tool's: a plain DVC project.",
    discussion: """
      Carried over are stages with their commands, dependencies, parameters, outputs, metrics and \
      plots, foreach and matrix, vars and templates. What has no counterpart is named with its line. \
      The result is checked as `pipeline check` does.

      Example:
        pipeline import --dvc dvc.yaml             writes paper.yaml beside it
      """)

  @OptionGroup var options: ProjectOptions

  @Option(
    help: ArgumentHelp("The dvc.yaml to read.", valueName: "file"),
    completion: Completions.pipelineFile)
  var dvc: String

  @Option(
    name: .shortAndLong,
    help: "The file to write; without it paper.yaml beside dvc.yaml, `-` for standard output.")
  var output: String?

  func run() throws {
    try options.enter()
    guard let data = FileManager.default.contents(atPath: dvc) else {
      throw ProjectError(
        status: ProjectError.missingInput, "error: '\(dvc)' cannot be read; is it there?")
    }
    guard let text = String(validating: data, as: UTF8.self) else {
      throw ProjectError(
        status: ProjectError.invalidPipeline, "error: '\(dvc)' is not UTF-8 text")
    }
    let folder = URL(fileURLWithPath: dvc).deletingLastPathComponent().path
    let imported = DVCImport(
      text: text, file: dvc, name: URL(fileURLWithPath: folder).lastPathComponent,
      surroundings: surroundings(folder))
    // All of them, however many: each is something that its user has to do by hand.
    for note in imported.notes { Terminal.note(note.rendered { $0 == dvc ? text : nil }) }
    guard let pipeline = imported.pipeline else {
      throw ProjectError(
        status: ProjectError.invalidPipeline, "error: '\(dvc)' was not carried over")
    }
    let beside = dvc.lastIndex(of: "/").map { dvc[...$0] } ?? ""
    let target = output ?? "\(beside)paper.yaml"
    if target == "-" { return Terminal.write(pipeline, to: STDOUT_FILENO) }
    guard !FileManager.default.fileExists(atPath: target) else {
      throw ProjectError(
        status: ProjectError.usage,
        "error: '\(target)' is already there; name another file with --output")
    }
    try Output.write(pipeline, to: target)
    Terminal.print(target)
    // Checked as any pipeline file, so that what was written can be run.
    let loaded = try options.project(of: target).load(target, options: SpecOptions())
    let count = imported.notes.count
    Terminal.note(
      counted(loaded.graph.instances.count, "stage instance")
        + (count == 0 ? "" : "; \(counted(count, "thing")) to look at, see above"))
  }

  private func surroundings(_ folder: String) -> DVCImport.Surroundings {
    DVCImport.Surroundings(
      text: { try? String(contentsOfFile: "\(folder)/\($0)", encoding: .utf8) },
      isFolder: { path in
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: "\(folder)/\(path)", isDirectory: &isFolder)
        else { return nil }
        return isFolder.boolValue
      })
  }
}
