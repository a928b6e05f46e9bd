import Foundation
import PipelineSpec
import StageManifest
import StructuredValue
import Testing

/// Runs Python with a script and its arguments.
private func python(_ script: String, _ arguments: [String]) throws -> (status: Int32, text: String)
{
  let process = Process()
  process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
  process.arguments = ["python3", "-c", script] + arguments
  let output = Pipe()
  process.standardOutput = output
  process.standardError = FileHandle.nullDevice
  try process.run()
  let data = output.fileHandleForReading.readDataToEndOfFile()
  process.waitUntilExit()
  return (process.terminationStatus, String(decoding: data, as: UTF8.self))
}

private let hasValidator = (try? python("import jsonschema, yaml", []).status) == 0

struct PipelineSchemaTests {
  private let schema: Value

  init() throws {
    let (manifest, problems) = Manifest.read(
      text: """
        stage: learn
        version: 2.1.0
        inputs: {table: {kind: table/csv}}
        outputs: {model: {kind: model}}
        params:
          rate: {type: number, minimum: 0, default: 0.1, unit: "1/s", doc: Step}
          kind: {type: string, enum: [ridge, lut], required: true}
        """, file: "stage.yaml")
    schema = PipelineSchema.json(manifests: [try #require(manifest, "\(problems)")])
  }

  @Test func `it names every key that the reader knows`() {
    #expect(
      Set(schema.value(at: "properties")?.map?.keys.map { $0 } ?? [])
        == [
          "pipeline", "name", "title", "authors", "params", "profiles", "include", "datasets",
          "cells", "seed", "salt",
        ])
  }

  @Test(.enabled(if: hasValidator, "python3 has no jsonschema or no yaml"))
  func `it lets a good file pass and finds each mistake`() throws {
    let script = """
      import json, sys, yaml, jsonschema
      schema = json.loads(sys.argv[1])
      validator = jsonschema.Draft202012Validator(schema)
      validator.check_schema(schema)
      for text in sys.argv[2:]:
        print(validator.is_valid(yaml.safe_load(text)))
      """
    let head = "pipeline: v1\ncells:\n"
    let good = [
      """
      pipeline: v1
      name: n
      title: t
      authors: [a]
      params: {x: 1}
      profiles: {quick: {x: 2}}
      include: one.yaml
      seed: ${params.x}
      datasets: {iris: {url: "https://a.example/i", sha256: aa}}
      cells:
        - text: hello
        - include: [two.yaml]
        - stage: raw
          run: [sh, -c, "true"]
          outputs: {o: text}
          resources: {cpus: 2}
          retry: 2
          sandbox: "off"
          tools: python3 --version
        - stage: fit
          uses: learn@2
          matrix: {kind: [ridge]}
          inputs: {table: raw.o}
          params: {rate: "${params.x}", kind: ridge}
          show: [metrics]
        - claim: c
          published: {value: 1}
          measured: fit.rmse
          holds: "< 1"
      """
    ]
    let bad = [
      "cells: []", "pipeline: v2\ncells: []", "pipeline: v1\ntitel: x\ncells: []",
      head + "  - {txt: x}", head + "  - {stage: A, run: x}",
      head + "  - {stage: a, run: x, cach: true}", head + "  - {stage: a, run: x, cache: 3}",
      head + "  - {claim: c, measured: a.m}",
      head + "  - {stage: a, uses: learn@2, params: {kind: ridge, rat: 1}}",
      head + "  - {stage: a, uses: learn@2, params: {kind: ridge, rate: -1}}",
      head + "  - {stage: a, uses: learn@2, params: {kind: deep}}",
      head + "  - {stage: a, uses: learn@2, params: {rate: 1}}",
      head + "  - {stage: a, uses: learn@2, params: {kind: lut}, inputs: {tabel: b.o}}",
    ]
    let (status, text) = try python(script, [schema.json()] + good + bad)
    #expect(status == 0)
    #expect(
      text.split(separator: "\n").map { $0 == "True" }
        == good.map { _ in true } + bad.map { _ in false })
  }

  /// `kind` has a list of choices; where the file takes one from the matrix, an editor must not
  /// underline it.
  @Test(.enabled(if: hasValidator, "python3 has no jsonschema or no yaml"))
  func `an expression may stand for a choice`() throws {
    let script = """
      import json, sys, yaml, jsonschema
      print(jsonschema.Draft202012Validator(json.loads(sys.argv[1])).is_valid(
        yaml.safe_load(sys.argv[2])))
      """
    let (_, text) = try python(
      script,
      [
        schema.json(),
        "pipeline: v1\ncells:\n  - {stage: a, uses: learn@2, params: {kind: '${matrix.k}'}}",
      ])
    #expect(text == "True\n")
  }
}
