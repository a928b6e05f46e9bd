import ArgumentParser
import ArtifactComparison
import ChangeReporting
import Foundation
import Notebook
import Projects
import Provenance
import StructuredValue

struct Diff: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "Show what changed between two runs or commits: claims, metrics, artifacts, and why.",
    discussion: """
      A run is named by its id or the start of it, by latest, latest~1, …, or by a commit, branch or \
      tag, which stands for the newest run recorded there.

      Examples:
        pipeline diff                              the latest run and the one before
        pipeline diff main HEAD --html diff.html   a page, figures side by side
        pipeline diff v1.0 latest --md             for a pull request
        pipeline diff --exit-code --brief          10 where anything differs
      """)

  @OptionGroup var options: ProjectOptions

  @Argument(help: "A run, commit, branch or tag.", completion: Completions.revisions)
  var before = "latest~1"

  @Argument(help: "Another one.", completion: Completions.revisions)
  var after = "latest"

  @Flag(help: "As JSON.")
  var json = false

  @Flag(name: .customLong("md"), help: "As Markdown.")
  var markdown = false

  @Option(
    help: ArgumentHelp("Write one self-contained page.", valueName: "file"), completion: .file())
  var html: String?

  @Flag(help: "Exit with 10 where they differ.")
  var exitCode = false

  @Flag(help: "Do not open the artifacts; name them and their sizes only.")
  var brief = false

  @Option(
    help: ArgumentHelp(
      "Numbers that differ by no more than this share are equal.", valueName: "share"))
  var tolerance = 0.0

  func validate() throws {
    guard tolerance >= 0, tolerance < 1 else {
      throw ValidationError("--tolerance is \(tolerance), but must be at least 0 and less than 1")
    }
    if json && markdown { throw ValidationError("--json and --md ask for two forms; name one") }
  }

  func run() throws {
    let project = try options.project()
    let old = try project.history.resolve(before)
    let new = try project.history.resolve(after)
    // A page has room for more than a terminal.
    let comparing = ComparisonOptions(tolerance: tolerance, limit: html == nil ? 10 : 200)
    let changes = project.changes(from: old, to: new, isBrief: brief, options: comparing)
    if let html {
      let page = project.page(of: changes, python: project.python)
      try Output.write(page.html, to: html)
      Terminal.print(html)
    } else if json {
      Terminal.print(try changes.value.json(indented: true))
    } else if markdown {
      Terminal.write(changes.markdown, to: STDOUT_FILENO)
    } else {
      for line in changes.lines(emphasize: { Terminal.styled($0, .bold) }) { Terminal.print(line) }
    }
    if exitCode && !changes.isEmpty { throw ExitCode(10) }
  }
}
