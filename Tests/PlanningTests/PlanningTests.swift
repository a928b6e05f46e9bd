import ContentHashing
import PipelineSpec
import Planning
import SpecSyntax
import StageManifest
import StructuredValue
import Testing

struct PlanningTests {
  private struct Catalog: PluginCatalog {
    var plugins: [String: Plugin]
    var searchPath = ["Stages"]

    init() {
      let (manifest, _) = Manifest.read(
        text: """
          stage: learn
          version: 1.0.0
          inputs: {table: {kind: table/csv}, models: {kind: model, many: true, required: false}}
          outputs: {model: {kind: model}}
          params: {rate: {type: number, default: 0.1}}
          invariant-under: [cpus]
          """, file: "stage.yaml")
      plugins =
        manifest.map {
          ["learn": Plugin(manifest: $0, code: "c0de", home: .builtIn)]
        } ?? [:]
    }
  }

  private func build(_ cells: String) throws -> (Graph?, [Diagnostic]) {
    let read = PipelineReader.read(file: "p.yaml", options: SpecOptions()) { _ in
      "pipeline: v1\ncells:\n" + cells
    }
    var builder = GraphBuilder(pipeline: try #require(read.pipeline), catalog: Catalog())
    let graph = builder.build()
    return (graph, read.diagnostics + builder.diagnostics)
  }

  private static let cells = """
      - {stage: raw, run: "true", outputs: {t: {kind: table/csv}}}
      - {stage: one, uses: learn@1, matrix: {d: [a, b]}, inputs: {table: raw.t}}
      - {stage: two, uses: learn@1, matrix: {d: [a, b]}, inputs: {table: raw.t, models: one.model}}
      - {stage: all, uses: learn@1, inputs: {table: raw.t, models: "one[*].model"}}

    """

  @Test func `the graph follows the inputs and shared axes`() throws {
    let (graph, problems) = try build(Self.cells)
    #expect(problems.isEmpty, "\(problems.map(\.message))")
    let found = try #require(graph)
    #expect(
      found.instances.map(\.name) == [
        "raw", "one[d=a]", "one[d=b]", "two[d=a]", "two[d=b]", "all",
      ])
    #expect(found.needs[3] == [0, 1] && found.needs[4] == [0, 2] && found.needs[5] == [0, 1, 2])
    #expect(found.withUsers([1]) == [1, 3, 5])
    #expect(found.withNeeds([4]) == [0, 2, 4])
    #expect(found.instances[1].parameters == ["rate": 0.1])
  }

  @Test(arguments: [
    ("  - {stage: a, uses: learn@1}\n", "lacks the input 'table'"),
    ("  - {stage: a, uses: learn@1, inputs: {tabel: ./x.csv}}\n", "has no input 'tabel'"),
    (
      "  - {stage: a, run: x, outputs: {m: {kind: model}}}\n  - {stage: b, uses: learn@1, inputs: {table: a.m}}\n",
      "wants table/csv, but is given model"
    ),
    (
      cells + "  - {stage: z, uses: learn@1, inputs: {table: raw.t, models: \"one[e=a].model\"}}\n",
      "has no matrix axis 'e'"
    ),
    (
      cells + "  - {stage: z, uses: learn@1, inputs: {table: raw.t, models: \"one[d=c].model\"}}\n",
      "no instance of 'one' has d=c"
    ),
    (
      cells + "  - {stage: z, run: x, inputs: {m: one.model}}\n", "names 2 instances of 'one'"
    ),
    (
      "  - {stage: a, run: x, outputs: {o: {publish: f}}}\n  - {stage: b, run: x, outputs: {o: {publish: f}}}\n",
      "'f' is published by a and by b"
    ),
    ("  - {stage: a, run: x, needs: [b]}\n", "'needs' names 'b'"),
  ])
  func `a wrong connection is refused`(cells: String, words: String) throws {
    let (graph, problems) = try build(cells)
    #expect(graph == nil)
    #expect(problems.contains { $0.message.contains(words) }, "\(problems.map(\.message))")
  }

  @Test func `a cycle is printed`() throws {
    let (_, problems) = try build(
      """
        - {stage: a, run: x, inputs: {i: c.o}, outputs: {o: {kind: file}}}
        - {stage: b, run: x, inputs: {i: a.o}, outputs: {o: {kind: file}}}
        - {stage: c, run: x, inputs: {i: b.o}, outputs: {o: {kind: file}}}

      """)
    #expect(
      problems.contains { $0.message.contains("a → b → c → a") }, "\(problems.map(\.message))")
  }

  @Test func `a chain of ten thousand stages has an order`() throws {
    let cells = (0..<10_000).map {
      "  - {stage: s\($0), run: x, inputs: {i: \($0 == 0 ? "./a" : "s\($0 - 1).o")}, outputs: {o: {kind: file}}}\n"
    }.joined()
    #expect(try build(cells).0?.order.count == 10_000)
  }

  @Test func `each component changes the key, and resources don't where they can't`() throws {
    let graph = try #require(try build(Self.cells).0)
    let instance = graph.instances[1]
    let inputs = ["table": ActionKey.InputContent(kind: "table/csv", digest: .of("t"))]
    func key(_ change: (inout Instance) -> Void = { _ in }) -> Digest {
      var changed = instance
      change(&changed)
      return ActionKey(of: changed, inputs: inputs, facets: ["platform": "x"], salt: nil).digest
    }
    let different: [(inout Instance) -> Void] = [
      { $0.parameters["rate"] = 0.2 }, { $0.seed = 1 }, { $0.environment["A"] = "b" },
      { $0.salt = "s" }, { $0.secrets = ["S"] }, { $0.resources.gpus = 1 },
      { $0.outputs[0].kind = "file" },
    ]
    #expect(Set(different.map { key($0) } + [key()]).count == different.count + 1)
    let equal: [(inout Instance) -> Void] = [
      { $0.name = "other" }, { $0.cell = "other" }, { $0.resources.cpus = 8 },
      { $0.resources.memory = 1 }, { $0.timeout = 5 }, { $0.retry.max = 9 }, { $0.tags = ["t"] },
      { $0.outputs[0].publish = "p" }, { $0.network = true }, { $0.isSandboxed = false },
    ]
    for change in equal { #expect(key(change) == key()) }
    let other = ["table": ActionKey.InputContent(kind: "table/csv", digest: .of("u"))]
    #expect(
      ActionKey(of: instance, inputs: other, facets: ["platform": "x"], salt: nil).digest != key())
  }

  @Test func `differences are sentences, and JSON's loss of 2.0 is none`() {
    let differences = KeyDifference.between(
      ["param.a": 2, "param.b": 1, "code": "x"], ["param.a": 2.0, "param.b": 3, "code": "y"])
    #expect(differences.map(\.sentence) == ["the stage's code changed", "param.b 1 → 3"])
  }
}
