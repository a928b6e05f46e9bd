import DVCImport
import Foundation
import SpecSyntax
import Testing

struct DVCImportTests {
  private let files = [
    "params.yaml": "lr: 0.1\nname: it's\ntrain: {depth: 3, sizes: [1, 2]}\nmodels: [cnn, mlp]\n",
    "other.json": "{\"alpha\": 0.5, \"deep\": {\"on\": true}}",
  ]

  private func run(
    _ text: String, folders: Set<String> = [], present: Set<String> = ["raw.csv", "a.py"]
  )
    -> DVCImport
  {
    DVCImport(
      text: text, file: "dvc.yaml", name: "demo",
      surroundings: DVCImport.Surroundings(
        text: { files[$0] },
        isFolder: { folders.contains($0) ? true : present.contains($0) ? false : nil }))
  }

  /// The cells of the result, from the given stage on.
  private func stage(_ id: String, _ imported: DVCImport) throws -> String {
    let text = try #require(imported.pipeline, "\(imported.notes)")
    let start = try #require(text.range(of: "  - stage: \(id)\n"), "\(text)")
    let rest = text[start.lowerBound...]
    let end = rest.dropFirst().range(of: "  - stage: ")?.lowerBound ?? rest.endIndex
    return String(rest[..<end])
  }

  @Test func `a stage finds its files under the names that it knows`() throws {
    let imported = run(
      """
      stages:
        prep:
          cmd: python a.py raw.csv out/table.csv
          deps: [a.py, raw.csv]
          params: [lr, name, train.depth, "other.json:"]
          outs: [out/table.csv]
      """.replacing(", \"other.json:\"", with: ""))
    #expect(imported.notes.isEmpty, "\(imported.notes)")
    #expect(
      try stage("prep", imported) == """
          - stage: prep
            inputs:
              a_py: ./a.py
              raw: ./raw.csv
            outputs:
              table: {kind: table/csv, publish: "out/table.csv"}
            run: |
              mkdir project
              cd project
              mkdir -p out
              cp -R "${inputs.a_py}" a.py
              ln -s "${inputs.raw}" raw.csv
              chmod -R u+w .
              cat > params.yaml <<'END'
              {"lr": ${params.lr}, "name": "${params.name}", "train": {"depth": ${params.train.depth}}}
              END
              python a.py raw.csv out/table.csv
              mv out/table.csv "${outputs.table}"

        """)
  }

  @Test func `a dependency on another stage's output is an edge, also inside a folder`() throws {
    let imported = run(
      """
      stages:
        make: {cmd: make.sh, outs: [data]}
        use: {cmd: use.sh data/x/train.csv, deps: [data/x/train.csv], outs: [r.txt]}
        all: {cmd: all.sh, deps: [data], metrics: [m.json], plots: [p.csv]}
      """)
    #expect(imported.notes.isEmpty)
    let use = try stage("use", imported)
    #expect(use.contains("      train: make.data\n"))
    #expect(use.contains("ln -s \"${inputs.train}\"/x/train.csv data/x/train.csv\n"))
    #expect(use.contains("{kind: text, publish: \"r.txt\"}"))
    let all = try stage("all", imported)
    #expect(all.contains("m: {kind: metrics, publish: \"m.json\"}"))
    #expect(all.contains("show: [metrics, {table: p}]"))
  }

  @Test func `foreach over a list, a map and a parameter`() throws {
    let imported = run(
      """
      stages:
        list:
          foreach: [a, b]
          do: {cmd: "echo ${item} ${lr} > ${item}.txt", outs: ["${item}.txt"]}
        map:
          foreach: {one: {n: 1, net: {depth: 2}}, two: {n: 2, net: {depth: 4}}}
          do: {cmd: "echo ${key} ${item.n} ${item.net.depth}"}
        refer:
          foreach: ${models}
          do: {cmd: "echo ${item}", deps: ["${item}.txt"]}
      """)
    let list = try stage("list", imported)
    #expect(list.contains("matrix: {item: [a, b]}\n"))
    #expect(list.contains("echo ${matrix.item} ${params.lr} > ${matrix.item}.txt\n"))
    let map = try stage("map", imported)
    #expect(
      map.contains("foreach: [{key: one, n: 1, net_depth: 2}, {key: two, n: 2, net_depth: 4}]"))
    #expect(map.contains("echo ${matrix.key} ${matrix.n} ${matrix.net_depth}\n"))
    #expect(try stage("refer", imported).contains("matrix: {item: \"${params.models}\"}\n"))
    // The files cnn.txt and mlp.txt are made by nobody.
    #expect(imported.notes.map(\.message) == ["'cnn.txt' is not there, and no stage makes it"])
    #expect(imported.notes[0].location?.line == 10)
  }

  @Test func `instances of a matrix meet by value, constant or all together`() throws {
    let imported = run(
      """
      stages:
        train:
          matrix: {model: [cnn, mlp], seed: [1, 2]}
          cmd: t ${item.model} ${item.seed}
          outs: ["m/${item.model}-${item.seed}.pkl"]
        test:
          foreach: [cnn, mlp]
          do: {cmd: "e m/${item}-1.pkl", deps: ["m/${item}-1.pkl"]}
        sum: {cmd: s m, deps: [m]}
      """)
    #expect(imported.notes.isEmpty, "\(imported.notes)")
    #expect(try stage("test", imported).contains("\"train[model=${matrix.item},seed=1].m\"\n"))
    let sum = try stage("sum", imported)
    #expect(sum.contains("      cnn_1: \"train[model=cnn,seed=1].m\"\n"))
    #expect(sum.contains("ln -s \"${inputs.mlp_2}\" m/mlp-2.pkl\n"))
  }

  @Test func `vars, wdir, several commands, the shell's own variables`() throws {
    let imported = run(
      """
      vars: [{base: data}, other.json]
      stages:
        Odd Name:
          wdir: sub
          cmd: ["echo $HOME ${alpha}", "echo \\\\${SHELL} ${deep.on}"]
          params: [{other.json: [alpha]}]
          outs: ["../${base}/x.txt"]
          always_changed: true
          desc: "What: it does"
      """)
    #expect(imported.notes.isEmpty, "\(imported.notes)")
    let stage = try stage("odd-name", imported)
    for text in [
      "description: \"What: it does\"\n", "cache: false\n", "      set +u\n",
      "        cd sub\n", "        echo $HOME ${params.alpha}\n",
      "        echo $${SHELL} ${params.deep.on}\n",
      "publish: \"${params.base}/x.txt\"", "cat > sub/other.json <<'END'\n",
      "{\"alpha\": ${params.other.alpha}}\n", "mv \"${params.base}/x.txt\" \"${outputs.x}\"\n",
    ] {
      #expect(stage.contains(text), "\(text)\n\(stage)")
    }
  }

  @Test(arguments: [
    ("frozen: true", "'frozen' of the stage 's' is not carried over"),
    ("vars: [x.yaml]", "'vars' of the stage 's' is not carried over"),
    ("outs: [{o: {persist: true}}]", "'persist' of 'o' in the stage 's' is not carried over"),
    ("metrics: [m.yaml]", "metrics in 'm.yaml' are kept as a file, but not read"),
    (
      "plots: [{p.csv: {x: a, template: t}}]",
      "'x', 'template' of 'p.csv' in the stage 's' describe"
    ),
    ("deps: ['s3://b/x']", "the dependency 's3://b/x' of the stage 's' is not in the project"),
    ("deps: [../x]", "lies outside of the folder of dvc.yaml"),
    ("deps: [none.csv]", "'none.csv' is not there, and no stage makes it"),
    ("params: [nope]", "there is no parameter 'nope' in 'params.yaml'"),
    ("params: [{conf.toml: [a]}]", "'conf.toml' is an input of the stage 's' as a whole"),
    ("live: x", "'live' of the stage 's' is not carried over"),
  ])
  func `what cannot be carried over is named with its line`(field: String, words: String) {
    let imported = run("stages:\n  s:\n    cmd: echo ok\n    \(field)\n")
    #expect(imported.notes.count == 1, "\(imported.notes)")
    #expect(imported.notes.first?.message.contains(words) == true, "\(imported.notes)")
    #expect(imported.notes.first?.location?.line == 4)
    #expect(imported.pipeline != nil)
  }

  @Test(arguments: [
    ("[]", "a dvc.yaml is a map"), ("a: 1", "the file has no 'stages'"),
    ("stages: [x]", "'stages' must be a map"), ("stages: {s: {deps: [a]}}", "has no 'cmd'"),
    ("stages: {s: {foreach: 5, do: {cmd: x}}}", "is neither a list nor a map"),
    ("stages: {s: {matrix: {a: 5}, cmd: x}}", "the axis 'a' of the stage 's' is no list"),
    ("stages: {s: [", "YAML"),
  ])
  func `a file that is no dvc.yaml is refused in one sentence`(text: String, words: String) {
    let imported = run(text)
    #expect(imported.pipeline == nil)
    #expect(
      imported.notes.contains { "\($0.message) \($0.code)".contains(words) || words == "YAML" })
    #expect(!imported.notes.isEmpty)
  }

  @Test func `an unknown template stays the shell's, and is named`() throws {
    let imported = run("stages:\n  s: {cmd: \"echo ${nope}\"}\n")
    #expect(
      imported.notes.map(\.message) == ["there is no parameter 'nope' in params.yaml or 'vars'"])
    #expect(try stage("s", imported).contains("echo $${nope}\n"))
  }
}
