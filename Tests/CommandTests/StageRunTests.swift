import Foundation
import Testing

/// A stage in Python that counts a table's rows, as `stage new` writes it, with a file name of its
/// own.
private let counter = [
  "Stages/counter/stage.yaml": """
  stage: counter
  version: 1.2.0
  protocol: 1
  summary: Counts.
  exec: [python3, main.py]
  inputs:
    table: {kind: table/csv, doc: "any CSV file"}
  outputs:
    rows: {kind: table/csv, file: counted.csv}
    note: {kind: text}
  params:
    column: {type: string, default: ""}
    maxRows: {type: integer, default: 100, minimum: 1}
    strict: {type: boolean, default: false}
    nested: {type: object, default: {}, properties: {depth: {type: number, default: 0.5}}}
  metrics:
    rows: {doc: "rows without the header", unit: rows}
  """,
  "Stages/counter/main.py": """
  import json, os, sys
  say = lambda kind, **fields: print(json.dumps({"type": kind, **fields}), file=channel, flush=True)
  channel = os.fdopen(int(os.environ["PIPELINE_FD"]), "w")
  request = json.loads(sys.stdin.readline())
  say("hello", protocol=1, name=request["stage"], version=request["version"])
  lines = open(request["inputs"]["table"]["path"]).read().split()
  rows = lines[1:][: request["params"]["maxRows"]]
  open(request["outputs"]["rows"]["path"], "w").write("row,length\\n" + "".join(f"{r},{len(r)}\\n" for r in rows))
  open(request["outputs"]["note"]["path"], "w").write(json.dumps(request["params"], sort_keys=True))
  say("result", outputs=["rows", "note"], metrics={"rows": len(rows)})
  """,
]

struct StageRunTests {
  private func project() throws -> ProjectFolder {
    try ProjectFolder(counter.merging(["data/some.csv": "name\nab\nabc\n"]) { $1 })
  }

  @Test
  func `a stage runs by its name and shows and writes what it gives`() throws {
    let project = try project()
    let run = try project.run(
      "stage", "run", "counter", "--table", "data/some.csv", "--max-rows=1", "--strict",
      "--nested.depth", "2")
    #expect(run.status == 0, "\(run.all)")
    #expect(
      run.output == """
        rows  1  rows  rows without the header

        rows
          row  length
          ab        2

        counter/note.txt  68 B
        counter/counted.csv  16 B

        """)
    #expect(project.read("counter/counted.csv") == "row,length\nab,2\n")
    #expect(
      project.read("counter/note.txt")
        == #"{"column": "", "maxRows": 1, "nested": {"depth": 2}, "strict": true}"#)
    // It is cached like any other, and is no part of the history.
    let again = try project.run(
      "stage", "run", "counter", "--table", "data/some.csv", "--maxRows", "1", "--strict",
      "--nested.depth", "2")
    #expect(again.status == 0 && again.errors.contains("cached"))
    #expect(try project.run("log").output == "")
  }

  @Test
  func `a file that somebody edited is kept`() throws {
    let project = try project()
    let arguments = ["stage", "run", "counter", "--table", "data/some.csv", "--out", "there"]
    #expect(try project.run(arguments).status == 0)
    try project.write("there/counted.csv", "mine")
    let run = try project.run(arguments)
    #expect(run.status == 0 && run.errors.contains("had been edited; it is kept as"))
    let names = try FileManager.default.contentsOfDirectory(atPath: project.path + "/there")
    let kept = names.first { $0.hasPrefix("counted.csv.orig-") } ?? ""
    #expect(project.read("there/" + kept) == "mine")
  }

  @Test(arguments: [
    (
      ["counter"],
      """
      command line:1:1: error P0103: the stage 'counter' needs the input '--table' (table/csv)
        1 | counter 
          | ^
        help: any CSV file

      """
    ),
    (
      ["counter", "--tabel", "data/some.csv", "--table", "none.csv", "x"],
      """
      command line:1:9: error P0103: the stage 'counter' has no input or parameter 'tabel'
        1 | counter --tabel data/some.csv --table none.csv x 
          |         ^
        help: did you mean '--table'?
      command line:1:31: error P0201: there is no file 'none.csv' for the input 'table'
        1 | counter --tabel data/some.csv --table none.csv x 
          |                               ^
      command line:1:48: error P0103: 'x' stands alone, where '--name value' is needed
        1 | counter --tabel data/some.csv --table none.csv x 
          |                                                ^
      command line:1:1: error P0103: the stage 'counter' needs the input '--table' (table/csv)
      """
    ),
    (
      ["counter", "--table", "data/some.csv", "--maxRows", "0"],
      """
      command line:1:31: error P0133: in 'counter': 'maxRows' is 0, but must be at least 1
        1 | counter --table data/some.csv --maxRows 0 
          |                               ^

      """
    ),
    (
      ["countr", "--table", "data/some.csv"],
      """
      error P0130: there is no stage 'countr'
        help: did you mean 'counter'?

      """
    ),
  ])
  func `a wrong word is pointed at`(arguments: [String], message: String) throws {
    let run = try project().run(["stage", "run"] + arguments)
    #expect(run.status == 2)
    for line in message.split(separator: "\n") {
      #expect(run.errors.contains(line), "\(run.errors)")
    }
  }

  @Test
  func `outside of a project the store is in the cache folder`() throws {
    let cache = try ProjectFolder(git: false)
    let folder = try ProjectFolder(counter.merging(["some.csv": "name\nab\n"]) { $1 }, git: false)
    let run = try folder.run(
      ["stage", "run", "counter", "--table", "some.csv"],
      environment: ["XDG_CACHE_HOME": cache.path, "PIPELINE_STAGES": folder.path + "/Stages"])
    #expect(run.status == 0, "\(run.all)")
    #expect(folder.read("counter/counted.csv") == "row,length\nab,2\n")
    #expect(!FileManager.default.fileExists(atPath: folder.path + "/Artifacts"))
    #expect(cache.read("pipeline/Artifacts/format") != nil)
  }
}

struct ExternalPathTests {
  @Test(arguments: [true, false])
  func `only a cell that says so reads files outside of the project`(isExternal: Bool) throws {
    let outside = try ProjectFolder(["data.txt": "hello"], git: false)
    let project = try ProjectFolder([
      "paper.yaml": """
      pipeline: v1
      cells:
        - stage: copy
          run: ["cp", "${inputs.data}", "${outputs.out}"]
          inputs: {data: \(outside.path)/data.txt}
          outputs: {out: {kind: text, publish: copied.txt}}
      \(isExternal ? "    external: true" : "")
      """
    ])
    let run = try project.run("run")
    #expect(run.status == (isExternal ? 0 : 3), "\(run.all)")
    #expect(project.read("copied.txt") == (isExternal ? "hello" : nil))
    if !isExternal { #expect(run.errors.contains("'external: true'")) }
  }
}
