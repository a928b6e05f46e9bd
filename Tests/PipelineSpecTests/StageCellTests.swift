import PipelineSpec
import SpecSyntax
import StructuredValue
import Testing

/// Reads a file whose only cell is the given one.
private func read(_ cell: String) -> (StageCell?, [Diagnostic]) {
  let body = cell.split(separator: "\n").joined(separator: "\n    ")
  let read = PipelineReader.read(file: "p.yaml", options: SpecOptions()) { _ in
    "pipeline: v1\ncells:\n  - \(body)\n"
  }
  for case .stage(let stage) in read.pipeline?.cells ?? [] { return (stage, read.diagnostics) }
  return (nil, read.diagnostics)
}

struct StageCellTests {
  @Test func `every field of a stage is read`() throws {
    let (cell, diagnostics) = read(
      """
      stage: train-1
      run: [python3, train.py, 3]
      inputs: {table: tables.folder, all: ["a[*].m", b.m]}
      outputs:
        model: model
        plot: {kind: figure/vega-lite, publish: plots/a.json, optional: true}
      params: {rate: 0.1, deep: {er: "${params.x}"}}
      matrix: {device: [a, b], include: [{device: c}], exclude: [{device: a}]}
      resources: {cpus: 3, memory: 1.5GB, gpus: 1, time: 20m}
      retry: {max: 2, on: [signal, "exit:75"], backoff: 5s}
      timeout: 90s
      when: "${params.flag}"
      cache: false
      salt: v2
      sandbox: off
      network: true
      secrets: [TOKEN]
      env: {LANG: C}
      tools: python3 --version
      needs: [other]
      show: [metrics, {metrics: [rmse]}, figure: plot, {table: t, rows: 5}, text: log]
      tags: [slow]
      description: Trains.
      """)
    #expect(diagnostics.isEmpty, "\(diagnostics.map(\.message))")
    let stage = try #require(cell)
    #expect(stage.id == Located("train-1", at: SourceLocation(file: "p.yaml", line: 3, column: 12)))
    guard case .command(let arguments) = stage.action else { return #expect(Bool(false)) }
    #expect(arguments == ["python3", "train.py", "3"])
    #expect(stage.inputs.map(\.name.value) == ["table", "all"])
    #expect(stage.inputs.map(\.reference.value) == ["tables.folder", ["a[*].m", "b.m"]])
    #expect(stage.outputs.map(\.name.value) == ["model", "plot"])
    #expect(stage.outputs.map(\.kind) == ["model", "figure/vega-lite"])
    #expect(stage.outputs.map(\.isOptional) == [false, true])
    #expect(stage.outputs[1].publish?.value == "plots/a.json")
    #expect(stage.params.mapValues(\.value) == ["rate": 0.1, "deep": ["er": "${params.x}"]])
    #expect(stage.matrix?.axes.map(\.name) == ["device"])
    #expect(stage.matrix?.include.map(\.value) == [["device": "c"]])
    #expect(stage.matrix?.exclude.map(\.value) == [["device": "a"]])
    #expect(stage.cpus == 3 && stage.gpus == 1 && stage.memory == 1_500_000_000)
    #expect(stage.retryMax == 2 && stage.retryOn == ["signal", "exit:75"])
    #expect(stage.retryBackoff == 5)
    #expect(stage.timeout == 90, "'timeout' goes before 'resources.time'")
    #expect(stage.when?.value == "${params.flag}")
    #expect(!stage.isCached && !stage.isSandboxed && stage.network == true)
    #expect(stage.salt == "v2" && stage.secrets == ["TOKEN"])
    #expect(stage.environment.mapValues(\.value) == ["LANG": "C"])
    #expect(stage.tools == ["python3 --version"] && stage.needs.map(\.value) == ["other"])
    #expect(
      stage.show.map(\.value) == [
        .metrics([]), .metrics(["rmse"]), .figure("plot"), .table("t", rows: 5), .text("log"),
      ])
    #expect(stage.tags == ["slow"] && stage.description == "Trains.")
  }

  @Test func `what is left out has its default`() throws {
    let (cell, diagnostics) = read("stage: a\nuses: fetch@1")
    #expect(diagnostics.isEmpty)
    let stage = try #require(cell)
    guard case .plugin("fetch", 1) = stage.action else { return #expect(Bool(false)) }
    #expect(stage.cpus == 1 && stage.gpus == 0 && stage.memory == nil && stage.timeout == nil)
    #expect(stage.isCached && stage.isSandboxed && stage.network == nil && stage.matrix == nil)
    #expect(stage.retryMax == 0 && stage.retryOn.isEmpty && stage.retryBackoff == 1)
    #expect(stage.inputs.isEmpty && stage.outputs.isEmpty && stage.show.isEmpty)
  }

  @Test(arguments: [
    ("512MiB", 536_870_912), ("2GiB", 2_147_483_648), ("1.5GB", 1_500_000_000), ("1 KiB", 1024),
    ("3kB", 3000), ("3KB", 3000), ("1TiB", 1_099_511_627_776), ("2G", 2_147_483_648),
    ("4096", 4096), ("7B", 7),
  ])
  func `sizes are read`(text: String, bytes: Int) {
    #expect(read("stage: a\nrun: x\nresources: {memory: \(text)}").0?.memory == bytes)
  }

  @Test(arguments: ["lots", "-1GiB", "1XiB", "GiB", "1e30TiB", "9999999TiB", "[1]"])
  func `what is no size is refused`(text: String) {
    let (cell, diagnostics) = read("stage: a\nrun: x\nresources: {memory: \(text)}")
    #expect(cell?.memory == nil)
    #expect(diagnostics.map(\.code) == ["P0104"])
  }

  @Test(arguments: [
    ("90", 90.0), ("90s", 90), ("1.5m", 90), ("20min", 1200), ("2h", 7200), ("1d", 86400),
  ])
  func `durations are read`(text: String, seconds: Double) {
    #expect(read("stage: a\nrun: x\ntimeout: \(text)").0?.timeout == seconds)
  }

  @Test(arguments: ["0", "-5s", "5 parsecs", "s", "true"])
  func `what is no duration is refused`(text: String) {
    let (_, diagnostics) = read("stage: a\nrun: x\ntimeout: \(text)")
    #expect(diagnostics.map(\.code) == ["P0104"])
  }

  @Test(arguments: [
    ("stage: A\nrun: x", "'A' cannot name a stage"),
    ("stage: 1a\nrun: x", "cannot name a stage"),
    ("stage: a.b\nrun: x", "cannot name a stage"),
    ("stage: a", "lacks 'uses'"),
    ("stage: a\nuses: fetch", "does not say which version it wants"),
    ("stage: a\nuses: fetch@new", "does not say which version it wants"),
    ("stage: a\nuses: fetch@1\nrun: x", "has 'uses' and 'run'"),
    ("stage: a\nrun: []", "where a command"),
    ("stage: a\nrun: x\nresources: {cpus: 0}", "an integer of at least 1"),
    ("stage: a\nrun: x\nresources: {cpu: 1}", "unknown key 'cpu'"),
    ("stage: a\nrun: x\nretry: -1", "where a map is needed"),
    ("stage: a\nrun: x\nretry: {on: [exit]}", "unknown condition 'exit' for a retry"),
    ("stage: a\nrun: x\nsandbox: loose", "'sandbox' is 'loose'"),
    ("stage: a\nrun: x\ncache: sometimes", "where true or false is needed"),
    ("stage: a\nrun: x\nshow: metrics", "where a list such as"),
    ("stage: a\nrun: x\nshow: [{rows: 3}]", "an item of 'show' names nothing"),
    ("stage: a\nrun: x\nshow: [{figur: p}]", "unknown key 'figur'"),
    ("stage: a\nrun: x\nforeach: {over: b.o}", "is not supported yet"),
    ("stage: a\nrun: x\nmatrix: {exclude: {d: 1}}", "where a list of maps is needed"),
    ("stage: a\nrun: x\ninptus: {}", "unknown key 'inptus'"),
    ("stage: a\nrun: x\noutputs: {o: {knd: text}}", "unknown key 'knd' in the output 'o'"),
  ])
  func `a mistake is told with its place`(cell: String, words: String) {
    let (_, diagnostics) = read(cell)
    #expect(diagnostics.count == 1, "\(diagnostics.map(\.message))")
    #expect(diagnostics.first?.message.contains(words) == true)
    #expect((diagnostics.first?.location?.line ?? 0) >= 3)
  }

  @Test func `a number as retry says how often`() {
    let (cell, diagnostics) = read("stage: a\nrun: x\nretry: 3")
    #expect(diagnostics.isEmpty && cell?.retryMax == 3)
  }

  @Test func `all mistakes of a file are told at once`() {
    let read = PipelineReader.read(file: "p.yaml", options: SpecOptions()) { _ in
      """
      pipeline: v2
      titel: x
      cells:
        - stage: a
          run: x
          cach: true
        - txt: hello
        - claim: c
          measured: a.m
          holds: maybe
      """
    }
    #expect(read.diagnostics.compactMap(\.location?.line).sorted() == [1, 2, 6, 7, 10])
  }
}
