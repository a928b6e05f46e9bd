import ArgumentParser
import ArtifactStore
import Foundation
import Notebook
import Projects
import Provenance
import RunRecord

struct Report: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Write the notebook of a run as one HTML file.",
    discussion: """
      Examples:
        pipeline report                            of the latest run
        pipeline report Pipelines/edge.yaml -o edge.html
        pipeline report v1.0 -o v1.html
      """)

  @OptionGroup var options: ProjectOptions

  @Argument(
    help: "A pipeline file, for its latest run; or a run, commit, branch or tag.",
    completion: Completions.revisions)
  var revision = "latest"

  @Option(name: .shortAndLong, help: "Where to; without it report.html in the store's folder.")
  var output: String?

  func run() throws {
    try options.enter()
    let isFile = revision.hasSuffix(".yaml") || revision.hasSuffix(".yml")
    let project =
      isFile
      ? try options.project(of: revision, writes: true) : try options.project(writes: true)
    let record: RunRecord
    if isFile {
      guard let file = project.relative(revision),
        let summary = try project.history.runs(limit: 1000).first(where: { summary in
          (try? project.history.record(run: summary.id))?.file == file
        })
      else {
        throw ProjectError(
          status: ProjectError.usage,
          "error: '\(revision)' has not been run; do `pipeline run \(revision)`")
      }
      record = try project.history.record(run: summary.id)
    } else {
      record = try project.history.resolve(revision)
    }
    let page = project.page(of: record, python: project.python)
    let path = output ?? "\(project.store.path)/report.html"
    try Output.write(page.html, to: path)
    Terminal.print(path)
    let heavy = page.heavyParts.map { "\($0.name) \(sizeText($0.size))" }
    Terminal.note(
      "\(sizeText(page.html.utf8.count))\(heavy.isEmpty ? "" : ": " + heavy.joined(separator: ", "))"
    )
  }
}
