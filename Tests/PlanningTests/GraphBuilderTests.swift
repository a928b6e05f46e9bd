import ContentHashing
import PipelineSpec
import SpecSyntax
import StageManifest
import StructuredValue
import Testing

@testable import Planning

private struct Catalog: PluginCatalog {
  var plugins: [String: Plugin] = [:]
  var searchPath = ["Stages"]

  init() {
    let texts = [
      """
      stage: learn
      version: 2.1.0
      inputs: {table: {kind: table/csv}}
      outputs: {model: {kind: model}}
      metrics: {rmse: {direction: lower}}
      """,
      """
      stage: compare
      version: 1.0.0
      inputs: {models: {kind: model, many: true}}
      outputs: {table: {kind: table/csv}}
      seeded: false
      """,
    ]
    for text in texts {
      guard let manifest = Manifest.read(text: text, file: "stage.yaml").0 else { continue }
      plugins[manifest.name] = Plugin(manifest: manifest, code: "c0de", home: .builtIn)
    }
  }
}

private func build(_ cells: String) throws -> (graph: Graph?, problems: [Diagnostic]) {
  let read = PipelineReader.read(file: "sub/p.yaml", options: SpecOptions()) { _ in
    "pipeline: v1\nseed: 3\nparams: {on: true, n: 2, many: &n [1, 2, 3, 4, 5, 6, 7, 8]}\ncells:\n"
      + cells
  }
  var builder = GraphBuilder(pipeline: try #require(read.pipeline), catalog: Catalog())
  let graph = builder.build()
  return (graph, read.diagnostics + builder.diagnostics)
}

struct GraphBuilderTests {
  private static let models = """
      - {stage: raw, run: "true", outputs: {t: table/csv}}
      - stage: one
        uses: learn@2
        matrix: {d: [a, b], m: [x, y]}
        inputs: {table: raw.t}

    """

  private static func published(_ path: String) -> String {
    "  - {stage: a, run: x, outputs: {o: {kind: file, publish: \(path)}}}\n"
  }

  @Test(arguments: [
    ("  - {stage: a, uses: lern@1}\n", "there is no stage 'lern'", "did you mean 'learn'?"),
    (
      "  - {stage: a, uses: learn@1}\n", "wants 'learn@1', but version 2.1.0 is installed",
      "learn@2"
    ),
    (
      "  - {stage: a, uses: learn@2, outputs: {modle: model}}\n", "has no output 'modle'", "'model'"
    ),
    ("  - {stage: a, run: x, inputs: {i: /etc/passwd}}\n", "is absolute", "relative"),
    ("  - {stage: a, run: x, inputs: {i: ../../x}}\n", "leaves the project", "copy the file"),
    ("  - {stage: a, run: x, inputs: {i: plain}}\n", "neither 'stage.slot' nor a path", "./plain"),
    ("  - {stage: a, run: x, inputs: {i: 5}}\n", "an input is integer", ""),
    ("  - {stage: a, run: x, inputs: {i: [./x, ./y]}}\n", "a list of inputs holds a path", ""),
    ("  - {stage: a, run: x, when: maybe}\n", "'when' is maybe", ""),
    ("  - {stage: a, run: x, env: {A: \"${params.m}\"}}\n", "there is no 'params.m'", "params.n"),
    ("  - {stage: a, run: x, show: [{figure: f}]}\n", "'show' names 'f'", ""),
    ("  - {stage: a, run: x, inputs: {i: b.o}}\n", "there is no stage cell 'b'", "'a'"),
    (models + "  - {stage: z, run: x, inputs: {i: one.modl}}\n", "has no output 'modl'", "model"),
    (
      models + "  - {stage: z, run: x, matrix: {d: [a]}, inputs: {i: one.model}}\n",
      "names 2 instances of 'one'", "one[*].model"
    ),
    (
      models + "  - {stage: z, uses: learn@2, inputs: {table: \"one[d=a,m=x].model\"}}\n",
      "the input 'table' wants table/csv, but is given model", ""
    ),
    (
      models
        + """
          - {stage: t, run: x, matrix: {d: [a, b]}, outputs: {o: table/csv}}
          - {stage: z, uses: learn@2, inputs: {table: "t[*].o"}}

        """, "takes one artifact, not several", "pin every axis"
    ),
    (models + "  - {text: \"{{ one.rmse }}\"}\n", "names 4 instances of 'one'", "pin every axis"),
    (
      models + "  - {text: \"{{ one[d=a,m=x].rsme }}\"}\n", "'learn' measures no 'rsme'", "'rmse'"
    ),
    ("  - {stage: a, run: x}\n  - {text: \"{{ params.x }}\"}\n", "there is no parameter 'x'", ""),
    (
      "  - {stage: a, run: x}\n  - {claim: c, measured: b.m, holds: \"> 1\"}\n",
      "there is no stage cell 'b'", "'a'"
    ),
    ("  - {stage: a, run: x, matrix: {d: []}}\n", "needs a list of values", ""),
    (
      "  - {stage: a, run: x, matrix: {d: [1, '1']}}\n", "have the name 'a[d=1]'", "one of them"
    ),
    (
      "  - {stage: a, run: x, matrix: {d: [1], include: [{d: 1}]}}\n", "have the name 'a[d=1]'",
      "one of them"
    ),
    (
      "  - {stage: a, run: x, matrix: {a: *n, b: *n, c: *n, d: *n, e: *n, f: *n}}\n",
      "more than 200000 combinations", "split it"
    ),
    (published("../.git/config"), "cannot be published as '.git/config', which is git's", "name"),
    (published("module/.GIT/x"), "which is git's", "name"),
    (published("../Artifacts/format"), "which is the store's", "name"),
    (published("p.yaml"), "which is a file of this pipeline", "name"),
    (published("../."), "which is the project's own folder", "name"),
    (
      published("out/x.csv") + "  - {stage: b, run: x, inputs: {i: ./out/x.csv}}\n",
      "'sub/out/x.csv' is what a publishes", "write 'a.o'"
    ),
    (
      "  - {stage: a, run: x, matrix: {d: [1], exclude: [{d: 1}]}}\n", "the matrix of 'a' is empty",
      ""
    ),
  ])
  func `a mistake is found without running anything`(
    cells: String, words: String, help: String
  ) throws {
    let (graph, problems) = try build(cells)
    #expect(graph == nil)
    let found = problems.first { $0.message.contains(words) }
    #expect(found != nil, "\(problems.map(\.message))")
    #expect(help.isEmpty || found?.help?.contains(help) == true, "\(found?.help ?? "no help")")
    #expect(found?.location != nil)
  }

  @Test func `a folder that is read and published into is a warning`() throws {
    let (graph, problems) = try build(
      Self.published("out/x/y.csv") + "  - {stage: b, run: x, inputs: {i: ./out}}\n")
    #expect(graph != nil)
    #expect(problems.map(\.severity) == [.warning])
    #expect(problems.first?.message.contains("the folder './out' holds 'sub/out/x/y.csv'") == true)
    #expect(problems.first?.help?.contains("read it as 'a.o'") == true)
  }

  @Test(arguments: [
    ("tabel/csv", "table/csv"), ("csv", "table/csv"), ("figure", "figure/vega-lite"),
    ("txt", "text"), ("image/png", nil), ("text", nil),
  ])
  func `a kind that is nearly a known one is a warning`(kind: String, near: String?) throws {
    let (graph, problems) = try build("  - {stage: a, run: x, outputs: {o: \(kind)}}\n")
    #expect(graph != nil)
    #expect(problems.map(\.help) == (near.map { ["did you mean '\($0)'?"] } ?? []))
  }

  @Test func `one mistake in a cell is told once, however many instances it has`() throws {
    let (_, problems) = try build(
      "  - {stage: a, run: x, matrix: {d: [1, 2, 3]}, inputs: {i: b.o}}\n")
    #expect(problems.count == 1)
  }

  @Test func `a selector gathers what it fits, in the order of the matrix`() throws {
    let (graph, problems) = try build(
      Self.models + "  - {stage: all, uses: compare@1, inputs: {models: \"one[m=y].model\"}}\n")
    let all = try #require(graph?.instances.last, "\(problems.map(\.message))")
    guard case .gathered(let items)? = all.inputs.first?.source else {
      return #expect(Bool(false))
    }
    #expect(items.map(\.name) == ["d=a,m=y", "d=b,m=y"])
    #expect(items.map(\.matrix) == [["d": "a", "m": "y"], ["d": "b", "m": "y"]])
    #expect(all.seed == nil, "its manifest says that the seed does not matter")
  }

  @Test func `an input of many takes one artifact as a list of one`() throws {
    let (graph, problems) = try build(
      Self.models + "  - {stage: c, uses: compare@1, inputs: {models: \"one[d=a,m=x].model\"}}\n")
    let only = try #require(graph?.instances.last, "\(problems.map(\.message))")
    guard case .gathered(let items)? = only.inputs.first?.source else {
      return #expect(Bool(false))
    }
    #expect(items.count == 1)
  }

  @Test func `the order puts needs first, whatever the order of the cells`() throws {
    let (graph, problems) = try build(
      """
        - {stage: last, run: x, inputs: {i: middle.o}}
        - {stage: middle, run: x, needs: [first], outputs: {o: file}}
        - {stage: first, run: x}

      """)
    let found = try #require(graph, "\(problems.map(\.message))")
    #expect(found.instances.map(\.name) == ["last", "middle", "first"])
    #expect(found.order == [2, 1, 0])
    #expect(found.withNeeds([1]) == [1, 2] && found.withUsers([1]) == [0, 1])
  }

  @Test func `values reach an instance with their types, paths below its file`() throws {
    let (graph, problems) = try build(
      """
        - stage: a
          run: [echo, "${matrix.k}", "${inputs.i}", "${seed}"]
          matrix: {k: [1.5]}
          when: ${params.on}
          env: {N: "${params.n}"}
          params: {n: "${params.n}", k: "k${matrix.k}"}
          inputs: {i: ./data/x.csv}
          outputs: {o: {kind: text, publish: "out/${matrix.k}.txt"}}

      """)
    let instance = try #require(graph?.instances.first, "\(problems.map(\.message))")
    #expect(instance.name == "a[k=1.5]" && instance.isEnabled)
    guard case .command(let arguments) = instance.work,
      case .path(let path)? = instance.inputs.first?.source
    else { return #expect(Bool(false)) }
    #expect(arguments == ["echo", "1.5", "${inputs.i}", "3"])
    #expect(path == "sub/data/x.csv")
    #expect(instance.parameters == ["n": 2, "k": "k1.5"])
    #expect(instance.environment == ["N": "2"])
    #expect(instance.outputs.first?.publish == "sub/out/1.5.txt")
  }

  @Test func `what a plugin is enters its keys, and so do surroundings and salt`() throws {
    let graph = try #require(try build(Self.models).graph)
    func key(
      facets: [String: Value] = ["platform": "x"], salt: String? = nil,
      kind: String = "table/csv", _ change: (inout Plugin) -> Void = { _ in }
    ) -> Digest {
      var instance = graph.instances[1]
      if case .plugin(var plugin) = instance.work {
        change(&plugin)
        instance.work = .plugin(plugin)
      }
      let inputs = ["table": ActionKey.InputContent(kind: kind, digest: .of("t"))]
      return ActionKey(of: instance, inputs: inputs, facets: facets, salt: salt).digest
    }
    let keys = [
      key(), key { $0.code = "c1de" }, key { $0.manifest.name = "other" },
      key { $0.manifest.version.patch = 1 }, key(facets: ["platform": "y"]),
      key(facets: ["platform": "x", "tool.python3 --version": "3.11"]), key(salt: "s"),
      key(kind: "file"), key { $0.manifest.invariantUnder = ["cpus"] },
    ]
    #expect(Set(keys).count == keys.count)
    #expect(key { $0.manifest.summary = "new" } == key())
    #expect(key { $0.home = .folder("/elsewhere") } == key())
    #expect(key { $0.manifest.metrics = [:] } == key())
  }
}
