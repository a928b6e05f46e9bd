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
    abstract: "Write a run in another form: Jupyter, Markdown, TeX, a citation, a research crate.",
    discussion: """
      Several forms may be asked for at once; `-` writes to standard output. With --check nothing is \
      written: the exit code is 10 where a file is not what it would be, so that a paper's build \
      finds stale numbers.

      Examples:
        pipeline export --ipynb paper.ipynb            opens in Jupyter, outputs included
        pipeline export --md paper.md                  figures beside it in paper-figures/
        pipeline export --ro-crate run.zip             a Provenance Run Crate for an archive
        pipeline export --tex metrics.tex              \\metric{srcc.lowest}, \\metric[.2]{srcc.lowest}
        pipeline export --bib - >> paper.bib           commit, record digest, claims held
        pipeline export v1.0 --tex metrics.tex --check fails where metrics.tex is stale
      """)

  @OptionGroup var options: ProjectOptions

  @Argument(help: "A run id or its start, latest, latest~1, a commit, branch or tag.")
  var revision = "latest"

  @Option(help: ArgumentHelp("A Jupyter notebook, nbformat 4.5.", valueName: "file"))
  var ipynb: String?

  @Option(
    name: .customLong("md"),
    help: ArgumentHelp("A Markdown file, its figures in a folder beside it.", valueName: "file"))
  var markdown: String?

  @Option(
    help: ArgumentHelp(
      "A Provenance Run Crate: a new folder, or an archive where the name ends with .zip.",
      valueName: "path"))
  var roCrate: String?

  @Option(help: ArgumentHelp("The licence that the crate states.", valueName: "url"))
  var license: String?

  @Option(
    help: ArgumentHelp(
      "The crate describes artifacts of more MiB without holding them.", valueName: "MiB"))
  var largest = 100

  @Option(help: ArgumentHelp("Every metric as a TeX macro.", valueName: "file"))
  var tex: String?

  @Option(help: ArgumentHelp("An entry for BibTeX that cites the run.", valueName: "file"))
  var bib: String?

  @Flag(help: "Write nothing; exit with 10 where a file differs from what it would be.")
  var check = false

  func validate() throws {
    guard [ipynb, markdown, tex, bib, roCrate].contains(where: { $0 != nil }) else {
      throw ValidationError(
        "name a form to write: --ipynb, --md, --tex, --bib or --ro-crate, each with a file")
    }
    if check && roCrate != nil {
      throw ValidationError("--check compares files; a crate is made anew each time")
    }
    if largest < 0 { throw ValidationError("--largest is \(largest), but must not be negative") }
    if let license, URL(string: license)?.scheme == nil {
      throw ValidationError("--license '\(license)' is no address such as https://…")
    }
    if markdown == "-" {
      throw ValidationError("--md writes figures beside it, so it needs a file")
    }
  }

  func run() throws {
    let project = try options.project()
    let record = try project.history.resolve(revision)
    let hasFigures = ipynb != nil || markdown != nil
    let run = project.exported(record, python: hasFigures ? project.python : nil)
    var isStale = false
    func write(_ path: String?, _ text: () throws -> String) throws {
      guard let path else { return }
      if try !put(text(), at: path) { isStale = true }
    }
    try write(ipynb) { JupyterNotebook(run).value.json(indented: true) + "\n" }
    if let markdown { isStale = try !put(run, asMarkdown: markdown) || isStale }
    try write(tex) { TeXMetrics(run).text }
    try write(bib) {
      Citation(run, recordDigest: Digest.of(Array(try record.canonicalBytes()))).bibTeX
    }
    if let roCrate { try put(run, record, project, asCrate: roCrate) }
    if isStale { throw ExitCode(10) }
  }

  private func put(_ run: ExportedRun, asMarkdown path: String) throws -> Bool {
    let name = URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent + "-figures"
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
    let document = MarkdownDocument(run, figureFolder: name)
    let isFresh = try put(document.text, at: path)
    if check { return isFresh }
    if !document.files.isEmpty {
      try? FileManager.default.createDirectory(
        atPath: "\(folder)/\(name)", withIntermediateDirectories: true)
    }
    for (file, bytes) in document.files { try Output.write(Data(bytes), to: "\(folder)/\(file)") }
    return true
  }

  private func put(
    _ run: ExportedRun, _ record: RunRecord, _ project: Project, asCrate path: String
  ) throws {
    let crate: ResearchCrate
    do {
      crate = try ResearchCrate(
        run, recordBytes: String(decoding: try record.canonicalBytes(), as: UTF8.self),
        license: license, limit: largest << 20, isStored: project.has)
    } catch let error as ExportError {
      throw ProjectError(status: ProjectError.usage, "error: \(error)")
    }
    try project.write(crate, to: path)
    Terminal.print(path)
    if let first = crate.leftOut.first {
      let others = crate.leftOut.count > 1 ? " and \(crate.leftOut.count - 1) more" : ""
      Terminal.note(
        "'\(first)'\(others) is described but not inside: larger than \(largest) MiB "
          + "(--largest), or gone from the store")
    }
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
