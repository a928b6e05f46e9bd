import ArgumentParser
import Foundation
import Planning
import Projects
import SpecSyntax
import StageManifest
import StructuredValue

struct StageCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stage", abstract: "Run, list, describe and write single stages.",
    subcommands: [StageRun.self, List.self, Describe.self, New.self])

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "list",
      abstract: "List the stages that pipelines may use.",
      discussion: """
        Example:
          pipeline stage list
        """)
    @OptionGroup var options: ProjectOptions

    func run() throws {
      let catalog = try options.project().catalog
      let rows = catalog.plugins.values.sorted { $0.manifest.name < $1.manifest.name }.map {
        [
          "\($0.manifest.name)@\($0.manifest.version.major)", "\($0.manifest.version)",
          $0.manifest.summary,
        ]
      }
      for line in columns(rows) { Terminal.print(line) }
      for diagnostic in catalog.diagnostics { Terminal.note(diagnostic.rendered { _ in nil }) }
    }
  }

  struct Describe: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "describe",
      abstract: "Show a stage's inputs, outputs, parameters and metrics.",
      discussion: """
        Example:
          pipeline stage describe predictor
        """)
    @OptionGroup var options: ProjectOptions
    @Argument(help: "The stage's name.", completion: Completions.plugins)
    var name: String

    @Flag(help: "The parameters as JSON Schema.")
    var json = false

    func run() throws {
      let plugins = try options.project().catalog.plugins
      guard
        let manifest = plugins[name.split(separator: "@").first.map(String.init) ?? name]?.manifest
      else {
        throw ProjectError(
          status: ProjectError.usage,
          "error P0130: there is no stage '\(name)'; the stages are \(plugins.keys.sorted().joined(separator: ", "))"
        )
      }
      if json { return Terminal.print(manifest.parameters.jsonSchema.json(indented: true)) }
      Terminal.print(
        "\(Terminal.styled("\(manifest.name) \(manifest.version)", .bold))  \(manifest.summary)")
      section(
        "inputs",
        manifest.inputs.map { name, input in
          [
            name, input.kind + (input.isMany ? ", several" : ""),
            input.isRequired ? "" : "optional", input.doc,
          ]
        })
      section(
        "outputs", manifest.outputs.map { [$0, $1.kind, $1.isRequired ? "" : "optional", $1.doc] })
      section(
        "params", manifest.parameters.parameters.map { row($0, $1) })
      for (name, parameter) in manifest.parameters.parameters {
        let members = (parameter.items.first ?? parameter).properties
        section("each of \(name)", members.map { row($0, $1) })
      }
      section(
        "metrics",
        manifest.metrics.map { name, metric in
          [name, metric.unit ?? "", metric.direction.map { "\($0) is better" } ?? "", metric.doc]
        })
    }

    private func row(_ name: String, _ parameter: ParameterSchema.Parameter) -> [String] {
      let choices = parameter.choices.map(\.text).joined(separator: " | ")
      let type = choices.isEmpty ? parameter.type ?? "any" : choices
      let standard =
        parameter.defaultValue.map { "= \($0.json())" }
        ?? (parameter.isRequired ? "required" : "")
      return [name, type + (parameter.unit.map { " (\($0))" } ?? ""), standard, parameter.doc]
    }

    private func section(_ title: String, _ rows: [[String]]) {
      guard !rows.isEmpty else { return }
      Terminal.print("\n\(title)")
      for line in columns(rows.sorted { $0[0] < $1[0] }) { Terminal.print("  " + line) }
    }
  }

  struct New: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "new",
      abstract: "Write the skeleton of a plugin that runs, in Python.",
      discussion: """
        Example:
          pipeline stage new my-stage
        """)
    @OptionGroup var options: ProjectOptions
    @Argument(help: "The stage's name: lower-case letters, digits and hyphens.")
    var name: String

    func run() throws {
      guard name.range(of: "^[a-z][a-z0-9-]*$", options: .regularExpression) != nil else {
        throw ProjectError(
          status: ProjectError.usage,
          "error: '\(name)' cannot name a stage: use lower-case letters, digits and hyphens")
      }
      let project = try options.project()
      let folder = "\(project.root)/Stages/\(name)"
      guard !FileManager.default.fileExists(atPath: folder) else {
        throw ProjectError(status: ProjectError.usage, "error: '\(folder)' is already there")
      }
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      try StageSkeleton.manifest(name).write(
        toFile: "\(folder)/stage.yaml", atomically: true, encoding: .utf8)
      try StageSkeleton.program.write(
        toFile: "\(folder)/main.py", atomically: true, encoding: .utf8)
      try FileManager.default.setAttributes(
        [.posixPermissions: 0o755], ofItemAtPath: "\(folder)/main.py")
      Terminal.print(folder)
      Terminal.note(
        "a cell uses it so:\n  - stage: \(name)\n    uses: \(name)@1\n"
          + "    inputs: {table: ./some.csv}\n    show: [metrics]")
    }
  }
}

/// The files that `stage new` writes: small, and they run as they are.
enum StageSkeleton {
  static func manifest(_ name: String) -> String {
    """
    stage: \(name)
    version: 1.0.0
    protocol: 1
    summary: Counts the rows of a table.
    exec: [python3, main.py]
    code: [main.py]
    inputs:
      table: {kind: table/csv, doc: "any CSV file with a header"}
    outputs:
      summary: {kind: json, doc: "what was counted"}
    params:
      column: {type: string, default: "", doc: "count distinct values of this column, too"}
    metrics:
      rows: {doc: "rows without the header"}
    invariant-under: [cpus]
    tools: ["python3 --version"]

    """
  }

  static let program = """
    #!/usr/bin/env python3
    \"\"\"A stage: one request on standard input, messages to the descriptor in PIPELINE_FD.\"\"\"
    import csv, json, os, sys

    channel = os.fdopen(int(os.environ["PIPELINE_FD"]), "w", buffering=1)

    def say(kind, **fields):
        channel.write(json.dumps({"type": kind, **fields}) + "\\n")

    request = json.loads(sys.stdin.readline())
    say("hello", protocol=1, name=request["stage"], version=request["version"])

    with open(request["inputs"]["table"]["path"], newline="") as file:
        rows = list(csv.DictReader(file))
    say("progress", done=1, total=1, unit="table", message=f"{len(rows)} rows")

    summary = {"rows": len(rows)}
    column = request["params"]["column"]
    if column:
        if rows and column not in rows[0]:
            say("error", code="bad-input", message=f"the table has no column '{column}'",
                location={"slot": "table", "line": 1})
            sys.exit(1)
        summary["distinct"] = len({row[column] for row in rows})

    with open(request["outputs"]["summary"]["path"], "w") as file:
        json.dump(summary, file)
    say("result", outputs=["summary"], metrics={"rows": len(rows)})

    """
}
