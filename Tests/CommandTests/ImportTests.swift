import Foundation
import StructuredValue
import Testing

struct ImportTests {
  /// A project of four stages with a folder, foreach, matrix, parameters, metrics and plots.
  private static let files = [
    "dvc.yaml": """
    stages:
      prepare:
        cmd: sh src/prepare.sh data/raw.csv data/prepared
        deps: [src/prepare.sh, data/raw.csv]
        params: [prepare.rows]
        outs: [data/prepared]
      train:
        foreach: ${models}
        do:
          cmd: mkdir -p models; echo ${item} $(wc -l < data/prepared/train.csv) > models/${item}.txt
          deps: [data/prepared/train.csv]
          outs: ["models/${item}.txt"]
      judge:
        matrix: {model: "${models}"}
        cmd: >-
          echo "{\\"size\\": $(wc -c < models/${item.model}.txt), \\"by\\": {\\"n\\": 1}, \\"t\\": \\"x\\"}" > m-${item.model}.json
        deps: ["models/${item.model}.txt"]
        metrics: ["m-${item.model}.json"]
      sum:
        cmd: cat models/*.txt > sum.txt
        deps: [models]
        outs: [sum.txt]
        frozen: false

    """,
    "params.yaml": "prepare: {rows: 2}\nmodels: [cnn, mlp]\n",
    "src/prepare.sh": """
    mkdir -p "$2"
    n=$(sed 's/.*"rows": \\([0-9]*\\).*/\\1/' params.yaml)
    head -$((n + 1)) "$1" > "$2/train.csv"

    """,
    "data/raw.csv": "n\n1\n2\n3\n",
  ]

  @Test func `a DVC project is carried over, passes the check and runs to the same results`() throws
  {
    let project = try ProjectFolder(Self.files)
    let result = try project.run("import", "--dvc", "dvc.yaml")
    #expect(result.status == 0 && result.output == "paper.yaml\n", "\(result.all)")
    #expect(result.errors.contains("dvc.yaml:23:5: warning P0140: 'frozen' of the stage 'sum'"))
    #expect(result.errors.hasSuffix("6 stage instances; 1 thing to look at, see above\n"))
    #expect(try project.run("check").status == 0)
    let run = try project.run("run")
    #expect(run.status == 0, "\(run.all)")
    #expect(project.read("sum.txt") == "cnn 3\nmlp 3\n")
    #expect(project.read("data/prepared/train.csv") == "n\n1\n2\n")
    let instances = try project.record()["instances"]?.list ?? []
    let judged = try #require(instances.first { $0["name"] == "judge[model=cnn]" })
    #expect(judged["metrics"]?["size"]?["value"] == 6)
    #expect(judged["metrics"]?["by.n"]?["value"] == 1)
    #expect(judged["metrics"]?["t"] == nil)
    #expect(try project.run("run", "--set", "prepare.rows=1").status == 0)
    #expect(project.read("sum.txt") == "cnn 2\nmlp 2\n")
    #expect(try project.run("run", "--set", "models=[cnn, mlp]").status == 0)
  }

  @Test func `an existing paper.yaml is kept, and other mistakes have one sentence`() throws {
    let project = try ProjectFolder(Self.files)
    try project.write("paper.yaml", "mine\n")
    let kept = try project.run("import", "--dvc", "dvc.yaml")
    #expect(kept.status == 2 && project.read("paper.yaml") == "mine\n")
    #expect(
      kept.errors.hasSuffix(
        "error: 'paper.yaml' is already there; name another file with --output\n"))
    #expect(try project.run("import", "--dvc", "dvc.yaml", "-o", "p.yaml").output == "p.yaml\n")
    let shown = try project.run("import", "--dvc", "dvc.yaml", "-o", "-")
    #expect(shown.output == project.read("p.yaml"))
    let missing = try project.run("import", "--dvc", "none.yaml")
    #expect(missing.status == 4)
    #expect(missing.errors == "error: 'none.yaml' cannot be read; is it there?\n")
    try project.write("bad.yaml", "stages: {s: {deps: [x]}}\n")
    let bad = try project.run("import", "--dvc", "bad.yaml", "-o", "q.yaml")
    #expect(bad.status == 3 && project.read("q.yaml") == nil)
    #expect(bad.errors.contains("bad.yaml:1:10: error P0140: the stage 's' has no 'cmd'"))
    #expect(try project.run("import").status == 2)
  }
}

struct MetricsFileTests {
  private func run(_ content: String) throws -> (ProjectFolder, ProjectFolder.Result) {
    let project = try ProjectFolder([
      "paper.yaml": pipeline(
        """
          - stage: a
            run: |
              cp ${inputs.m} ${outputs.m}
              echo '{"type":"metric","name":"said","value":1}' >&3
            inputs: {m: ./m.json}
            outputs: {m: {kind: metrics}}
          - text: "{{ a.test.acc | .2 }}"

        """), "m.json": content,
    ])
    return (project, try project.run("run"))
  }

  @Test func `numbers of an output of the kind metrics are the stage's metrics`() throws {
    let (project, result) = try run(
      "{\"test\": {\"acc\": 0.5, \"n\": null}, \"said\": 2, \"rmse\": {\"value\": 3, \"unit\": \"ms\"}, \"x\": \"t\", \"l\": [1]}"
    )
    #expect(result.status == 0, "\(result.all)")
    let metrics = try project.record()["instances"]?.list?.first?["metrics"]
    #expect(metrics?.map?.keys.sorted() == ["rmse", "said", "test.acc", "test.n"])
    #expect(metrics?["said"]?["value"] == 1, "what the stage says itself counts more")
    #expect(metrics?["rmse"]?["value"] == 3)
    _ = try project.run("report", "-o", "r.html")
    #expect(project.read("r.html")?.contains(">0.50<") == true)
  }

  @Test(arguments: [
    ("{", "is of kind 'metrics', but no JSON"), ("[1]", "but a list, not an object"),
  ])
  func `other content fails the stage with the reason`(content: String, words: String) throws {
    let (_, result) = try run(content)
    #expect(result.status == 1)
    #expect(
      result.errors.contains("P0305: its output 'm' is of kind 'metrics'"), "\(result.errors)")
    #expect(result.errors.contains(words), "\(result.errors)")
  }
}
