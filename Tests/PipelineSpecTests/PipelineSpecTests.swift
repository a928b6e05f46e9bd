import PipelineSpec
import SpecSyntax
import StructuredValue
import Testing

struct PipelineSpecTests {
  private static let place = SourceLocation(file: "p", line: 1, column: 1)

  @Test(
    arguments: [
      (">= 0.5", 0.5, nil, true), ("<0.5", 0.5, nil, false), ("== 1", 1, nil, true),
      ("!= 1", 1, nil, false), ("between 0.8 and 0.9", 0.85, nil, true),
      ("within 0.02 of published", 0.93, 0.9, false), ("within 5% of published", 0.93, 0.9, true),
      ("within 5% of published", 0.93, nil, nil),
    ] as [(String, Double, Double?, Bool?)])
  func `conditions judge`(text: String, measured: Double, published: Double?, holds: Bool?) throws {
    let condition = try #require(Condition(text))
    #expect(condition.holds(measured: measured, published: published) == holds)
  }

  @Test(arguments: ["", "0.5", ">= x", "between 2 and 1", "within 5% of measured", "=> 1"])
  func `what is no condition is refused`(text: String) { #expect(Condition(text) == nil) }

  @Test func `references are read`() throws {
    func parse(_ text: String) throws -> InputReference {
      try InputReference.parse(text, at: Self.place)
    }
    #expect(try parse("a.b") == .artifact(stage: "a", nil, slot: "b"))
    #expect(try parse("a-1[*].b") == .artifact(stage: "a-1", Selector(pins: [:]), slot: "b"))
    #expect(
      try parse("a[x=1, y=*].b") == .artifact(stage: "a", Selector(pins: ["x": "1"]), slot: "b"))
    #expect(try parse("./a.b") == .path("./a.b"))
    #expect(try parse("dir/a") == .path("dir/a"))
    #expect(throws: Diagnostic.self) { try parse("ab") }
    #expect(MetricReference.parse("a[d=x.y].m")?.selector?.pins == ["d": "x.y"])
    #expect(MetricReference.parse("a") == nil)
  }

  @Test func `interpolation keeps types and reports names`() {
    let names: Value = ["params": ["n": 3, "count": 1, "d": ["e": "x"]], "matrix": ["k": true]]
    func expand(_ value: Value) -> (Value, [Diagnostic]) {
      Interpolation.expand(value, names: names, deferred: ["inputs"], at: Self.place)
    }
    #expect(expand("${params.n}").0 == 3)
    #expect(expand("n=${params.n}, ${params.d.e}").0 == "n=3, x")
    #expect(expand(["a": ["${matrix.k}"]]).0 == ["a": [true]])
    #expect(expand("cat ${inputs.x} $${HOME} $x").0 == "cat ${inputs.x} ${HOME} $x")
    #expect(expand("${params.cuont}").1.first?.help == "did you mean '${params.count}'?")
    #expect(expand("${params.n").1.first?.code == "P0110")
  }

  @Test func `prose takes numbers, and leaves code alone`() {
    let values: [String: Value] = ["a.m": 0.12345, "a.n": 1_234_567, "a.z": .null, "params.s": "x"]
    func fill(_ text: String) -> String { Prose.fill(text) { values[$0] } }
    #expect(
      fill("{{ a.m }} {{a.m|.2}} {{ a.m | .1% }} {{ a.m | .1e }}") == "0.1235 0.12 12.3 % 1.2e-01")
    #expect(fill("{{ a.n | , }} {{ a.n }} {{ params.s }}") == "1,234,567 1234567 x")
    #expect(fill("{{ a.z }} {{ no.pe }}") == "– ⟨no.pe?⟩")
    #expect(fill("`{{ a.m }}`\n```\n{{ a.m }}\n```") == "`{{ a.m }}`\n```\n{{ a.m }}\n```")
    for (number, shown) in [
      (Double.nan, "NaN"), (.infinity, "∞"), (1e300, "1e+300"), (-1e19, "-1e+19"),
    ] {
      #expect(Prose.fill("{{ a.m | , }}") { _ in .double(number) } == shown)
    }
    #expect(Prose.fill("{{ a.m | .99999999999999999999 }}") { _ in 0.5 } == "0.50")
    #expect(Prose.fill("{{ a.m | .900000000 }}") { _ in 0.5 } == "0.50000000000000000")
    #expect(Prose.references("x\n{{ a.m }} {{ b.n | .2 }}").map(\.name) == ["a.m", "b.n"])
  }

  @Test func `a matrix is the product with changes`() {
    func located(_ value: Value) -> Located<Value> { Located(value, at: Self.place) }
    let matrix = Matrix(
      location: Self.place,
      axes: [("x", located("${params.xs}")), ("y", located(["p", "q"]))],
      include: [located(["x": 9])], exclude: [located(["x": 1, "y": "q"])], foreach: nil)
    let (rows, problems) = matrix.combinations(names: ["params": ["xs": [1, 2]]])
    #expect(problems.isEmpty)
    #expect(
      rows.map { $0.map { "\($0.axis)\($0.value.text)" }.joined() }
        == ["x1yp", "x2yp", "x2yq", "x9"])
  }

  @Test func `what foreach takes from an expression is not expanded twice`() {
    let matrix = Matrix(
      location: Self.place, axes: [], include: [], exclude: [],
      foreach: Located("${params.rows}", at: Self.place))
    let (rows, problems) = matrix.combinations(names: ["params": ["rows": [["x": "${HOME}"]]]])
    #expect(problems.isEmpty)
    #expect(rows.map { $0.map(\.value) } == [["${HOME}"]])
  }

  @Test func `the sample of the design reads without a mistake`() {
    let text = """
      pipeline: v1
      name: edge
      title: One proxy device is enough
      params: {seed: 7, samples: 20}
      profiles: {quick: {samples: 10}, full: {samples: 150}}
      cells:
        - text: |
            # Monotonicity
            From {{ srcc.lowest | .2 }} to {{ srcc.highest | .2 }}.
        - stage: tables
          uses: fetch@1
          params: {files: [{url: "https://a.example/pixel3.pickle", sha256: 9f2c}]}
        - stage: predictor
          uses: predictor@1
          matrix: {device: [pixel3, raspi4, fpga]}
          inputs: {table: tables.folder}
          params: {device: "${matrix.device}", model: ridge, seed: "${params.seed}"}
          show: [figure: scatter, metrics]
        - stage: srcc
          uses: srcc-matrix@1
          inputs: {models: "predictor[*].model"}
          resources: {cpus: 2, memory: 2GiB, time: 20m}
          retry: {max: 2, on: [signal, timeout, exit:75], backoff: 5s}
          show: [figure: heatmap]
        - claim: The proxy's ranking carries over to most devices.
          published: {value: 0.9, source: "Lu et al. 2021, Fig. 5"}
          measured: srcc.share_above_threshold
          holds: ">= 0.5"
      """
    let read = PipelineReader.read(
      file: "paper.yaml", options: SpecOptions(profile: "full", overrides: [("seed", "8")])
    ) { _ in text }
    #expect(read.diagnostics.isEmpty, "\(read.diagnostics.map(\.message))")
    #expect(read.pipeline?.params == ["seed": 8, "samples": 150])
    #expect(read.pipeline?.cells.count == 5)
    guard case .stage(let srcc)? = read.pipeline?.cells[3] else { return }
    #expect(srcc.memory == 2 << 30 && srcc.timeout == 1200 && srcc.retryBackoff == 5)
  }

  @Test func `files that include each other are an error with the path`() {
    let read = PipelineReader.read(file: "a.yaml", options: SpecOptions()) { path in
      "pipeline: v1\ninclude: [\(path == "a.yaml" ? "b" : "a").yaml]\n"
    }
    #expect(read.diagnostics.contains { $0.message.contains("a.yaml → b.yaml → a.yaml") })
  }
}
