import Foundation
import StructuredValue
import Testing

/// What shells and people at a terminal get.
struct TerminalTests {
  private func project() throws -> ProjectFolder {
    try ProjectFolder([
      "paper.yaml": pipeline(
        """
          - stage: load
            run: 'echo ${params.n} > ${outputs.o}'
            outputs: {o: {kind: text}}
          - {stage: train, run: "exit 3", inputs: {o: load.o}, outputs: {m: {kind: text}}}
          - include: chapters/more.yaml

        """, head: "params: {n: 1, rate: 0.5}\nprofiles: {quick: {n: 2}, full: {n: 9}}\n"),
      "chapters/more.yaml": "cells:\n  - stage: \"last\"\n    run: 'true'\n",
      "Stages/odd/stage.yaml": "stage: odd\nversion: 1.0.0\nexec: [sh]\n",
    ])
  }

  /// What the program offers for the last word.
  private func offered(_ project: ProjectFolder, _ command: [String], for argument: String) throws
    -> [String]
  {
    let process = try project.start(
      ["---completion"] + command + ["--", argument, "0", "0", "pipeline"] + command)
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return String(decoding: data, as: UTF8.self).split(separator: "\n").map(String.init)
  }

  @Test func `shells complete stages, profiles, parameters, plugins, runs and artifacts`() throws {
    let project = try project()
    #expect(try offered(project, ["run"], for: "--only") == ["load", "train", "last"])
    #expect(try offered(project, ["run"], for: "--force").first == "all")
    #expect(try offered(project, ["run"], for: "--profile").sorted() == ["full", "quick"])
    #expect(try offered(project, ["run"], for: "--set").sorted() == ["n=", "rate="])
    #expect(try offered(project, ["stage", "describe"], for: "positional@0").contains("odd"))
    #expect(try offered(project, ["show"], for: "--output").isEmpty)
    #expect(project.read("Artifacts/format") == nil, "a question makes no store")
    #expect(try project.run("run", "--keep-going").status == 1)
    let run = try project.record()["id"]?.string ?? ""
    #expect(try offered(project, ["diff"], for: "positional@0") == ["latest", "latest~1", run])
    #expect(try offered(project, ["lineage"], for: "positional@0") == ["load.o"])
  }

  @Test(arguments: ["bash", "zsh", "fish"])
  func `a completion script exists for each shell`(shell: String) throws {
    let result = try project().run("--generate-completion-script", shell)
    #expect(result.status == 0 && result.output.contains("pipeline"))
  }

  @Test func `each command's help has an example that is at most 80 columns wide`() throws {
    let project = try ProjectFolder()
    let described = try Value(json: project.run("--experimental-dump-help").output)
    func check(_ command: Value, _ words: [String]) throws {
      let children = (command["subcommands"]?.list ?? []).filter { $0["commandName"] != "help" }
      let help = command["discussion"]?.string ?? ""
      if !words.isEmpty, children.isEmpty {
        let example = "  pipeline " + words.joined(separator: " ")
        let isShown =
          help.contains(example) || help.contains("&& pipeline \(words.joined(separator: " "))")
        #expect(isShown, "\(words): \(help)")
      }
      for line in help.split(separator: "\n") where line.hasPrefix("  ") {
        #expect(line.count <= 80, "\(line)")
      }
      for child in children { try check(child, words + [child["commandName"]?.string ?? ""]) }
    }
    try check(described["command"] ?? .null, [])
  }

  @Test func `manual pages are made from the help`() throws {
    let project = try ProjectFolder()
    let script = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Scripts/manual.py").path
    try project.shell("python3 '\(script)' '\(ProjectFolder.program)' man")
    let page = try #require(project.read("man/pipeline-run.1"))
    for text in [
      ".TH \"PIPELINE\\-RUN\" 1", "\\fB\\-\\-profile\\fR \\fIname\\fR",
      "pipeline run \\-\\-profile quick",
    ] {
      #expect(page.contains(text), "\(text)\n\(page)")
    }
    #expect(project.read("man/pipeline.1")?.contains("pipeline\\-stage\\fR(1)") == true)
    #expect(project.read("man/pipeline-stage-run.1") != nil)
  }

  @Test func `status says what failed, and --watch wants a terminal`() throws {
    let project = try project()
    #expect(try project.run("run", "--keep-going").status == 1)
    let status = try project.run("status")
    #expect(
      status.output.contains(
        "run     train  failed in the latest run: P0301 ended with exit code 3\n"),
      "\(status.output)")
    let watch = try project.run("status", "--watch")
    #expect(watch.status == 2)
    #expect(
      watch.errors
        == "error: --watch needs a terminal; for programs there is `pipeline run --json`\n")
    #expect(try project.run("status", "--watch", "--json").status == 2)
  }

  /// `script` gives the program a terminal.
  @Test(.enabled(if: FileManager.default.fileExists(atPath: "/usr/bin/script")))
  func `at a terminal a run draws bars and leaves its lines`() throws {
    let project = try ProjectFolder([
      "paper.yaml": pipeline(
        """
          - stage: a
            run: |
              echo '{"type":"progress","done":1,"total":2,"unit":"epoch","message":"loss"}' >&3
              sleep 0.4
              echo x > ${outputs.o}
            outputs: {o: {kind: text}}

        """)
    ])
    let output = try project.shell(
      "TERM=xterm script -qec 'stty cols 50; \(ProjectFolder.program) run' /dev/null")
    #expect(output.contains("████···· a"), "\(output)")
    #expect(output.contains("1/2 epoch  loss"))
    #expect(output.contains("[1/1] a"))
    #expect(output.contains("\u{1B}[K"))
    #expect(!output.contains("\u{1B}[2J"))
  }
}

struct DoctorTests {
  @Test func `the doctor says what is there, what is missing, and what to do`() throws {
    let project = try ProjectFolder([:], git: false)
    let result = try project.run("doctor", environment: ["PIPELINE_MIRROR": "/none"])
    #expect(result.status == 7)
    let lines = result.output.split(separator: "\n").map(String.init)
    for (start, advice) in [
      ("missing  provenance", "→ `pipeline init` makes one; without it records stay"),
      ("missing  mirror", "→ set PIPELINE_MIRROR to a folder laid out as HOST/PATH"),
    ] {
      let index = try #require(lines.firstIndex { $0.hasPrefix(start) }, "\(result.all)")
      #expect(lines[index + 1].contains(advice))
    }
    #expect(lines.contains { $0.hasPrefix("ok       libgit2") }, "\(result.output)")
    let json = try Value(json: project.run("doctor", "--json").output)
    let provenance = try #require(json.list?.first)
    #expect(provenance["name"] == "provenance" && provenance["ok"] == false)
  }
}
