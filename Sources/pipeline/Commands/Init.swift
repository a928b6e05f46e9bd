import ArgumentParser
import Foundation
import PipelineSpec
import Planning
import Projects
import StageManifest
import StructuredValue

struct Schema: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "schema",
    abstract: "Print the JSON Schema of pipeline files, for editors.",
    discussion: """
      Put `# yaml-language-server: $schema=FILE` at the top of your paper.yaml.

      Example:
        pipeline schema > paper.schema.json
      """)

  @OptionGroup var options: ProjectOptions

  func run() throws {
    let manifests = try options.project().catalog.plugins.values.map(\.manifest)
    Terminal.print(PipelineSchema.json(manifests: manifests).json(indented: true))
  }
}

struct Init: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "init",
    abstract: "Make a project: a git repository, where there is none, and a first paper.yaml.",
    discussion: """
      Example:
        mkdir paper && cd paper && pipeline init && pipeline run
      """)

  @OptionGroup var options: ProjectOptions

  func run() throws {
    try options.enter()
    let folder = FileManager.default.currentDirectoryPath
    let project = try options.project(writes: true)
    if project.log == nil && project.logProblem == nil {
      let git = Process()
      git.executableURL = URL(fileURLWithPath: "/usr/bin/env")
      git.arguments = ["git", "init", "--quiet", folder]
      try git.run()
      git.waitUntilExit()
      guard git.terminationStatus == 0 else {
        throw ProjectError(status: 7, "error: `git init` did not succeed; is git installed?")
      }
      Terminal.print("made a git repository: runs are recorded in it from now on")
    }
    guard !FileManager.default.fileExists(atPath: "paper.yaml") else {
      return Terminal.print("paper.yaml is already there")
    }
    try Init.paper.write(toFile: "paper.yaml", atomically: true, encoding: .utf8)
    Terminal.print("wrote paper.yaml; `pipeline run` runs it")
  }

  static let paper = #"""
    pipeline: v1
    name: paper
    title: A first paper
    params: {count: 100}
    profiles: {quick: {count: 10}}
    cells:
      - text: |
          # Squares
          The table has {{ squares.rows }} rows.
      - stage: squares
        run: |
          i=0
          echo "n,square" > "${outputs.table}"
          while [ $i -lt ${params.count} ]; do
            i=$((i + 1)); echo "$i,$((i * i))" >> "${outputs.table}"
          done
          echo "{\"type\":\"metric\",\"name\":\"rows\",\"value\":$i}" >&3
        outputs: {table: {kind: table/csv}}
        show: [{table: table, rows: 5}, metrics]
      - claim: The table is not empty.
        measured: squares.rows
        holds: ">= 1"

    """#
}
