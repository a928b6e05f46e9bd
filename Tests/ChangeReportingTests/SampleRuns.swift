import ContentHashing
import Foundation
import Notebook
import RunRecord
import StructuredValue

/// Two runs of one small paper: tables feed two predictors, which feed a plot.
struct SampleRuns {
  let artifacts = MemoryArtifacts()
  var before: RunRecord
  var after: RunRecord

  /// - `text`: Put wherever a user's text may stand.
  init(text: String = "plain") {
    before = SampleRuns.run("20261123-000001-aaaaaa", slope: 2, text: text, artifacts)
    after = SampleRuns.run("20261123-000002-bbbbbb", slope: 3, text: text, artifacts)
  }

  private static func run(
    _ id: String, slope: Int, text: String, _ artifacts: MemoryArtifacts
  ) -> RunRecord {
    let table = artifacts.add(
      "name,ms\n\(text.prefix(1))1,\(slope)\n\(text.prefix(1))2,\(2 * slope)\n")
    let tables = InstanceRecord(
      name: "tables", cell: "tables", plugin: "fetch", version: "1.0.0", outcome: .executed,
      why: "", key: .of("tables \(slope)"),
      keyFields: ["param.url": .string("\(text)\(slope)"), "code": "same"],
      outputs: [
        ArtifactRecord(slot: "table", kind: "table/csv", digest: table, isTree: false, size: 20)
      ])
    let predictors = ["fpga", "pixel3"].map { device in
      let figure = artifacts.add(Self.figure(slope: slope, title: "\(text) \(device)"))
      return InstanceRecord(
        name: "predictor[device=\(device)]", cell: "predictor", matrix: ["device": .string(device)],
        outcome: .executed, why: "", key: .of("\(device) \(slope)"),
        keyFields: ["input.table": .string("table/csv \(table.hex)")],
        inputs: [
          InputRecord(slot: "table", kind: "table/csv", digest: table, from: "tables.table")
        ],
        outputs: [
          ArtifactRecord(
            slot: "scatter", kind: "figure/vega-lite", digest: figure, isTree: false, size: 99)
        ],
        metrics: [
          "rmse": MetricRecord(value: .double(Double(slope) / 4), unit: "ms", direction: .lower),
          "tau": MetricRecord(value: .double(Double(slope) / 10), direction: .higher, doc: text),
        ])
    }
    let holds = slope == 2
    return RunRecord(
      id: id, started: "2026-11-23T16:34:17Z", finished: "2026-11-23T16:35:00Z",
      status: .succeeded, tool: .init(version: "0.1.0"),
      source: .init(
        commit: "4be1d0c7f2f1a0d94b8c0f3e2a5d6c7b8a9f0e1d", tree: nil, branch: text, remote: nil,
        dirty: false, snapshot: nil),
      file: "paper.yaml",
      specification: [.init(path: "paper.yaml", text: "slope: \(slope)\n\(text)")],
      name: "paper", title: "Paper \(text)", profile: nil, overrides: [:],
      parameters: ["slope": .int(slope), "word": .string("\(text)\(slope)")],
      platform: "x86_64-linux",
      cells: [
        .stage(StageCellRecord(id: "tables", uses: "fetch@1", description: nil, show: [])),
        .stage(StageCellRecord(id: "predictor", uses: text, description: nil, show: [])),
        .claim(
          ClaimRecord(
            claim: "Stays \(text)", published: nil, source: nil,
            measured: "predictor[device=pixel3].tau", measuredValue: .double(Double(slope)),
            holds: "> 0", verdict: .holds, note: nil)),
        .claim(
          ClaimRecord(
            claim: "Turns \(text)", published: nil, source: nil,
            measured: "predictor[device=fpga].rmse", measuredValue: .double(Double(slope) / 4),
            holds: "<= 0.6", verdict: holds ? .holds : .fails, note: nil)),
      ], instances: [tables] + predictors)
  }

  static func figure(slope: Int, title: String) -> String {
    Value.map([
      "$schema": "https://vega.github.io/schema/vega-lite/v5.json", "title": .string(title),
      "data": ["values": .list((1...3).map { ["n": .int($0), "ms": .int($0 * slope)] })],
      "mark": "line",
      "encoding": [
        "x": ["field": "n", "type": "quantitative"], "y": ["field": "ms", "type": "quantitative"],
      ],
    ]).json()
  }
}

/// A store in memory.
final class MemoryArtifacts: ArtifactReading {
  struct Missing: Error, CustomStringConvertible { let description: String }
  private(set) var files: [Digest: [UInt8]] = [:]

  func add(_ text: String) -> Digest {
    let digest = Digest.of(text)
    files[digest] = Array(text.utf8)
    return digest
  }

  func bytes(of digest: Digest) throws -> [UInt8] {
    guard let bytes = files[digest] else { throw Missing(description: "The store has no file.") }
    return bytes
  }
}

/// Draws nothing but remembers what it was asked for.
final class RecordingDrawer: FigureDrawing {
  private(set) var asked: [String] = []

  func draw(_ specs: [String]) -> [DrawnFigure] {
    asked += specs
    return specs.map { spec in
      let title = (try? Value(json: spec))?["title"]?.text ?? ""
      return .svg(
        "<svg xmlns=\"http://www.w3.org/2000/svg\"><text>\(HTML.escape(title))</text></svg>")
    }
  }

  func interactiveBundle() -> String? { nil }
}
