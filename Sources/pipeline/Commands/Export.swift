import ArgumentParser
import ContentHashing
import Exports
import Foundation
import Projects
import Provenance
import RunRecord
import StructuredValue

struct Export: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write a run in another form: a Jupyter notebook, TeX macros, a citation.",
    discussion: """
      Several forms may be asked for at once; `-` writes to standard output. With --check nothing is \
      written: the exit code is 10 where a file is not what it would be, so that a paper's build \
      finds stale numbers.

      Examples:
        pipeline export --ipynb paper.ipynb            opens in Jupyter, outputs included
        pipeline export --tex metrics.tex              \\metric{srcc.lowest}, \\metric[.2]{srcc.lowest}
        pipeline export --bib - >> paper.bib           commit, record digest, claims held
        pipeline export v1.0 --tex metrics.tex --check fails where metrics.tex is stale
      """)

  @OptionGroup var options: ProjectOptions

  @Argument(help: "A run id or its start, latest, latest~1, a commit, branch or tag.")
  var revision = "latest"

  @Option(help: ArgumentHelp("A Jupyter notebook, nbformat 4.5.", valueName: "file"))
  var ipynb: String?

  @Option(help: ArgumentHelp("Every metric as a TeX macro.", valueName: "file"))
  var tex: String?

  @Option(help: ArgumentHelp("An entry for BibTeX that cites the run.", valueName: "file"))
  var bib: String?

  @Flag(help: "Write nothing; exit with 10 where a file differs from what it would be.")
  var check = false

  func validate() throws {
    guard [ipynb, tex, bib].contains(where: { $0 != nil }) else {
      throw ValidationError("name a form to write: --ipynb, --tex or --bib, each with a file")
    }
  }

  func run() throws {
    let project = try options.project()
    let record = try project.history.resolve(revision)
    let run = project.exported(record, python: ipynb == nil ? nil : project.python)
    var isStale = false
    func write(_ path: String?, _ text: () throws -> String) throws {
      guard let path else { return }
      if try !put(text(), at: path) { isStale = true }
    }
    try write(ipynb) { JupyterNotebook(run).value.json(indented: true) + "\n" }
    try write(tex) { TeXMetrics(run).text }
    try write(bib) {
      Citation(run, recordDigest: Digest.of(Array(try record.canonicalBytes()))).bibTeX
    }
    if isStale { throw ExitCode(10) }
  }

  /// - Returns: Whether the file is, from now on, what it should be.
  private func put(_ text: String, at path: String) throws -> Bool {
    if check {
      if FileManager.default.contents(atPath: path) == Data(text.utf8) { return true }
      let exists = FileManager.default.fileExists(atPath: path)
      Terminal.note(
        "'\(path)' \(exists ? "differs from what the run gives" : "does not exist"); "
          + "export it again")
      return false
    }
    if path == "-" {
      Terminal.write(text, to: STDOUT_FILENO)
    } else {
      try Output.write(text, to: path)
      Terminal.print(path)
    }
    return true
  }
}
