import ContentHashing
import StageManifest
import StructuredValue
import Testing

@testable import Planning

/// A world that is told what it knows.
private final class Facts: PlanFacts {
  var files: [String: Digest] = ["in.csv": .of("in")]
  var results: [Digest: KnownResult] = [:]
  var latest: [String: [String: Value]] = [:]
  /// Why the latest run would have executed what it left out.
  var pending: [String: String] = [:]
  var facets: [String: Value] = ["platform": "x86_64-linux"]

  struct Missing: Error, CustomStringConvertible {
    var description: String
  }

  func content(ofPath path: String) throws -> Digest {
    guard let digest = files[path] else { throw Missing(description: "there is no '\(path)'") }
    return digest
  }
  func result(for key: Digest) -> KnownResult? { results[key] }
  func latest(of instance: String) -> LatestAction? {
    latest[instance].map { LatestAction(fields: $0, pending: pending[instance]) }
  }
  func facets(for instance: Instance) throws -> [String: Value] { facets }
}

struct DeciderTests {
  private let facts = Facts()
  private let made = KnownResult(outputs: [
    "o": KnownOutput(kind: "file", digest: .of("o"), isTree: false, size: 1)
  ])

  private func instance(_ name: String, inputs: [Instance.InputSlot] = []) -> Instance {
    Instance(
      name: name, cell: name, matrix: [:], work: .shell("make \(name)"), inputs: inputs,
      outputs: [Instance.OutputSlot(name: "o", kind: "file", isRequired: true, publish: nil)],
      parameters: ["n": 1], seed: nil, environment: [:], tools: [], passes: [], secrets: [],
      network: false, isSandboxed: true, resources: ResourceRequest(), retry: RetryRule(),
      timeout: nil, isCached: true, salt: nil, isEnabled: true, tags: [])
  }

  private func slot(_ name: String, _ source: Instance.Source) -> Instance.InputSlot {
    Instance.InputSlot(name: name, kind: "file", source: source, reference: "")
  }

  /// `a` reads a file, `b` reads `a`.
  private func graph(_ change: (inout [Instance]) -> Void = { _ in }) -> Graph {
    var instances = [
      instance("a", inputs: [slot("i", .path("in.csv"))]),
      instance("b", inputs: [slot("i", .artifact(instance: 0, slot: "o"))]),
    ]
    change(&instances)
    return Graph(instances: instances, order: [0, 1], needs: [[], [0]], users: [[1], []])
  }

  private func decide(
    _ index: Int, _ graph: Graph, forced: Set<Int> = [], standing: Decider.Standing = .pending
  ) -> Decision {
    Decider(graph: graph, facts: facts, salt: nil, forced: forced).decide(index) { _ in standing }
  }

  private func key(_ decision: Decision) -> ActionKey? {
    switch decision {
    case .reuse(let key, _), .execute(let key, _): key
    default: nil
    }
  }

  private func why(_ decision: Decision) -> String? {
    switch decision {
    case .execute(_, let why): "execute: \(why)"
    case .wait(let why): "wait: \(why)"
    case .skip(let why): "skip: \(why)"
    case .block(let why): "block: \(why)"
    case .reuse: "reuse"
    }
  }

  @Test func `a known key is reused`() throws {
    let key = try #require(self.key(decide(0, graph())))
    facts.results[key.digest] = made
    #expect(why(decide(0, graph())) == "reuse")
  }

  @Test func `what was never made is executed`() {
    #expect(why(decide(0, graph())) == "execute: no earlier result")
  }

  @Test func `a change is named`() throws {
    facts.latest["a"] = try #require(key(decide(0, graph()))).fields
    let changed = graph { $0[0].parameters["n"] = 2 }
    #expect(why(decide(0, changed)) == "execute: param.n 1 → 2")
    facts.files["in.csv"] = .of("other")
    #expect(
      why(decide(0, graph()))
        == "execute: input.i file \(Digest.of("in").short) → file \(Digest.of("other").short)")
    facts.files["in.csv"] = .of("in")
    facts.facets["platform"] = "aarch64-linux"
    #expect(why(decide(0, graph())) == "execute: platform x86_64-linux → aarch64-linux")
  }

  @Test func `of many changes three are named`() throws {
    facts.latest["a"] = try #require(key(decide(0, graph()))).fields
    let changed = graph { for name in ["p", "q", "r", "s"] { $0[0].parameters[name] = 1 } }
    #expect(
      why(decide(0, changed))
        == "execute: param.p absent → 1; param.q absent → 1; param.r absent → 1; and 1 more")
  }

  @Test func `a result that the store lost is made again`() throws {
    facts.latest["a"] = try #require(key(decide(0, graph()))).fields
    #expect(
      why(decide(0, graph()))
        == "execute: its earlier result is not in the store, or it failed")
  }

  @Test func `why something is to be executed outlasts a run that leaves it out`() throws {
    facts.latest["a"] = try #require(key(decide(0, graph()))).fields
    facts.pending["a"] = "the stage's code changed"
    #expect(why(decide(0, graph())) == "execute: the stage's code changed")
    let changed = graph { $0[0].parameters["n"] = 2 }
    #expect(why(decide(0, changed)) == "execute: param.n 1 → 2")
    // Where that run did not come to its key, nothing can differ.
    facts.latest["a"] = [:]
    facts.pending["a"] = "the latest run left it out"
    #expect(why(decide(0, graph())) == "execute: the latest run left it out")
  }

  @Test func `a known result is passed over when the user or the cell says so`() throws {
    let key = try #require(self.key(decide(0, graph())))
    facts.results[key.digest] = made
    #expect(why(decide(0, graph(), forced: [0])) == "execute: forced")
    #expect(
      why(decide(0, graph { $0[0].isCached = false }))
        == "execute: its cell says 'cache: false'")
  }

  @Test func `a stage that says it is random is executed each time`() throws {
    let (manifest, _) = Manifest.read(
      text: "stage: r\nversion: 1.0.0\ndeterministic: no\n", file: "f")
    let plugin = Plugin(manifest: try #require(manifest), code: "c", home: .builtIn)
    let graph = graph { $0[0].work = .plugin(plugin) }
    #expect(why(decide(0, graph)) == "execute: its manifest says 'deterministic: no'")
    #expect(!graph.instances[0].isReusable)
  }

  @Test func `what needs something pending waits for it`() {
    #expect(why(decide(1, graph())) == "wait: waits for a")
  }

  @Test func `what needs something absent is blocked`() {
    let decision = decide(1, graph(), standing: .absent(reason: "failed"))
    #expect(why(decision) == "block: needs a, which failed")
  }

  @Test func `an output that was left out blocks who needs it`() {
    let decision = decide(1, graph(), standing: .known(KnownResult(outputs: [:])))
    #expect(why(decision) == "block: needs a.o, which that stage did not make")
  }

  @Test func `a missing file blocks with its name`() {
    facts.files = [:]
    #expect(why(decide(0, graph())) == "block: there is no 'in.csv'")
  }

  @Test func `a false 'when' skips, whatever it needs`() {
    let graph = graph { $0[1].isEnabled = false }
    #expect(
      why(decide(1, graph, standing: .absent(reason: "failed"))) == "skip: its 'when' is false")
  }

  @Test func `the key follows the content of what is needed, not its maker`() throws {
    let one = try #require(key(decide(1, graph(), standing: .known(made))))
    let renamed = graph { $0[0].name = "renamed" }
    #expect(key(decide(1, renamed, standing: .known(made))) == one)
    var other = made
    other.outputs["o"]?.digest = .of("other")
    #expect(key(decide(1, graph(), standing: .known(other))) != one)
  }

  @Test func `the names of gathered artifacts count`() throws {
    func gathered(_ names: [String]) -> Graph {
      graph {
        $0[1].inputs = [
          slot(
            "i",
            .gathered(
              names.map { Instance.Gathered(name: $0, matrix: [:], instance: 0, slot: "o") }))
        ]
      }
    }
    func key(_ names: [String]) throws -> Digest {
      try #require(self.key(decide(1, gathered(names), standing: .known(made)))).digest
    }
    #expect(try key(["d=a", "d=b"]) == key(["d=a", "d=b"]))
    #expect(try Set([key(["d=a", "d=b"]), key(["d=b", "d=a"]), key(["d=a"])]).count == 3)
  }
}

struct PinnedKeyTests {
  // Stores of earlier versions hold this key: a change here makes every cached result worthless.
  // It was computed by another program (Python's hashlib).
  @Test func `a key stays what it was`() {
    let instance = Instance(
      name: "a[d=x]", cell: "a", matrix: ["d": "x"], work: .command(["cat", "${inputs.t}"]),
      inputs: [],
      outputs: [Instance.OutputSlot(name: "o", kind: "text", isRequired: true, publish: nil)],
      parameters: ["n": 1, "rate": 0.5], seed: 7, environment: ["LANG": "C"], tools: [],
      passes: [], secrets: ["TOKEN"], network: false, isSandboxed: true,
      resources: ResourceRequest(), retry: RetryRule(), timeout: nil, isCached: true, salt: "s",
      isEnabled: true, tags: [])
    let key = ActionKey(
      of: instance,
      inputs: ["t": ActionKey.InputContent(kind: "table/csv", digest: .of("t"))],
      facets: ["platform": "x86_64-linux"], salt: "p")
    #expect(
      key.fields == [
        "protocol": 1, "command": ["cat", "${inputs.t}"], "param.n": 1, "param.rate": 0.5,
        "input.t": .string("table/csv \(Digest.of("t").hex)"), "output.o": "text",
        "env.LANG": "C", "secrets": ["TOKEN"], "seed": 7, "salt.pipeline": "p",
        "salt.stage": "s", "platform": "x86_64-linux",
      ])
    #expect(key.digest.hex == "9941bd02416fc9c55b018f0853e7f7d88aca4ca0659c013bb6e61cd9f2665fa4")
  }
}
