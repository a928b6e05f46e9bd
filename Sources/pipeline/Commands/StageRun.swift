import ArgumentParser
import Execution
import Formats
import Foundation
import Projects
import RunRecord
import StructuredValue

struct StageRun: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Run one stage without a pipeline file, and show what it gives.",
    discussion: """
      Inputs and parameters are named as `pipeline stage describe NAME` lists them:

        pipeline stage run smartdeal-decompose --model x.onnx --threshold 4e-3

      It runs as in a pipeline: in the sandbox, cached by content, resumed after a crash. Outputs are \
      written to a folder named like the stage (see --out); a file of yours in their place is kept as \
      NAME.orig-RUN. The run does not enter the history.
      """)

  @OptionGroup var options: ProjectOptions
  @OptionGroup var execution: ExecutionOptions

  @Argument(help: "The stage's name, also NAME@MAJOR.", completion: Completions.plugins)
  var name: String

  @Option(
    name: .customLong("input"), parsing: .singleValue,
    help: ArgumentHelp(
      "An input, where its name is also one of the options here.", valueName: "slot=path"))
  var inputs: [String] = []

  @Option(
    name: .customLong("set"), parsing: .singleValue,
    help: ArgumentHelp("A parameter, likewise.", valueName: "name=value"))
  var parameters: [String] = []

  @Option(help: ArgumentHelp("The folder for the outputs.", valueName: "folder"))
  var out: String?

  @Option(help: "The seed of everything stochastic.")
  var seed: UInt64 = 0

  @Flag(help: "Execute although the result is known.")
  var force = false

  @Argument(
    parsing: .allUnrecognized,
    help: ArgumentHelp("The stage's own inputs and parameters.", valueName: "--name value"))
  var arguments: [String] = []

  func run() throws {
    let launcher = try StageLauncher()
    let project = try options.projectOrCache()
    let folder = FileManager.default.currentDirectoryPath
    let target = out ?? name.split(separator: "@").first.map(String.init) ?? name
    let invocation = StageInvocation(
      stage: name,
      arguments: arguments + (inputs + parameters).map { "--" + $0 }, workingFolder: folder,
      outputFolder: target.hasPrefix("/") ? target : "\(folder)/\(target)", seed: seed)
    let loaded = try project.load(invocation)
    var selection = Selection()
    if force { selection.force = ["all"] }
    var options = try execution.options(project)
    options.isRecorded = false
    let display = execution.display
    let outcome = try project.run(
      loaded, selection: selection, options: options, launcher: launcher,
      program: executablePath(), toolVersion: PipelineCommand.version
    ) { display.show($0) }
    if let signal = outcome.signal { throw ExitCode(128 + signal) }
    guard outcome.record.status == .succeeded, let instance = outcome.record.instances.first else {
      throw ExitCode(Run.failureStatus(outcome.record))
    }
    if !execution.json { show(instance, in: folder) }
  }

  /// Metrics, notes, the first rows of tables, and where everything is.
  private func show(_ instance: InstanceRecord, in folder: String) {
    if instance.outcome == .cached {
      Terminal.note(
        "\(Terminal.styled("cached", .dim))  the result was known; --force runs it again")
    }
    for note in instance.notes { Terminal.print(note + "\n") }
    let metrics = instance.metrics.sorted { $0.key < $1.key }.map { name, metric in
      [
        name,
        metric.value.double.map(shortNumber) ?? (metric.value.isNull ? "–" : metric.value.text),
        metric.unit ?? "", metric.doc ?? "",
      ]
    }
    for line in columns(metrics, right: [1]) { Terminal.print(line) }
    for output in instance.outputs where output.kind == "table/csv" && !output.isTree {
      guard let path = output.published, let table = try? CSV.read(path: path) else { continue }
      Terminal.print("\n\(Terminal.styled(output.slot, .bold))")
      for line in Self.lines(of: table) { Terminal.print("  " + line) }
    }
    Terminal.print("")
    for output in instance.outputs {
      guard let path = output.published else { continue }
      let shown = path.hasPrefix(folder + "/") ? String(path.dropFirst(folder.count + 1)) : path
      Terminal.print("\(shown)  \(Terminal.styled(sizeText(output.size), .dim))")
    }
  }

  private static let shownRows = 20

  private static func lines(of table: Table) -> [String] {
    var right: Set<Int> = []
    for (index, column) in table.columns.enumerated() where column.doubles != nil {
      right.insert(index)
    }
    let rows = (0..<min(table.rowCount, shownRows)).map { row in
      table.columns.map { column in
        column.doubles.map { shortNumber($0[row]) } ?? Terminal.fitted(column.text(row), 40)
      }
    }
    let more = table.rowCount - shownRows
    return columns([table.columnNames] + rows, right: right)
      + (more > 0 ? ["… and \(more) more rows"] : [])
  }
}
