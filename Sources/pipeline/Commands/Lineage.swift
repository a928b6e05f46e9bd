import ArgumentParser
import Foundation
import LineageReporting
import Notebook
import Projects
import Provenance
import RunRecord
import StructuredValue

struct Lineage: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lineage",
    abstract: "Say what an artifact or metric was made from and by which commit, or what used it.",
    discussion: """
      Without --run, the newest run that knows the name is taken.

      Examples:
        pipeline lineage srcc.matrix              back to data sets, paths and commits
        pipeline lineage figures/plot.json        the same of a published file
        pipeline lineage --down Data/raw.csv      everything that used it, and the claims on it
        pipeline lineage 4be1d0c7                 an artifact by its digest
        pipeline lineage srcc.matrix --html l.html  a page on which each artifact is a link away
      """)

  @OptionGroup var options: ProjectOptions

  @Argument(
    help: ArgumentHelp(
      "stage.slot, stage.metric, a stage, a path, or a digest; without it, with --html, all.",
      valueName: "artifact"))
  var target: String?

  @Option(name: .customLong("run"), help: "The run to look in: an id, latest~1, a commit, a tag.")
  var revision: String?

  @Flag(help: "What used it, instead of what made it.")
  var down = false

  @Flag(help: "Both directions, as JSON.")
  var json = false

  @Option(help: ArgumentHelp("Write one self-contained page.", valueName: "file"))
  var html: String?

  func validate() throws {
    if target == nil && html == nil {
      throw ValidationError("name an artifact, or the page to write: --html FILE")
    }
  }

  func run() throws {
    let project = try options.project()
    guard let target else {
      let record = try project.history.resolve(revision ?? "latest")
      return try write(project.lineagePage(of: record, report: nil))
    }
    let report = try project.lineage(of: target, in: revision)
    if html != nil { return try write(project.lineagePage(of: report.record, report: report)) }
    if json { return Terminal.print(report.value.json(indented: true)) }
    let lines = report.lines(down ? .forwards : .backwards) { Terminal.styled($0, .bold) }
    for line in lines { Terminal.print(line) }
  }

  private func write(_ page: RenderedPage) throws {
    guard let html else { return }
    try Output.write(page.html, to: html)
    Terminal.print(html)
  }
}
