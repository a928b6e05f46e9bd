import ContentHashing
import Exports
import Foundation
import Notebook
import RunRecord
import StructuredValue

/// A run with every kind of cell and output.
struct SampleRun {
  let artifacts = MemoryArtifacts()
  var record: RunRecord

  /// - `text`: Put wherever a user's text may stand.
  init(text: String = "plain") {
    let table = artifacts.add(
      "device,ms\n\(text.replacing("\n", with: " ").replacing("\"", with: "")),1.5\nfpga,2\n")
    let figure = artifacts.add(SampleRun.figure)
    let note = artifacts.add("note \(text)\n")
    func instance(_ device: String, _ value: Double) -> InstanceRecord {
      InstanceRecord(
        name: "fit[device=\(device)]", cell: "fit", matrix: ["device": .string(device)],
        plugin: "predictor", version: "1.4.0", outcome: .executed, why: "", key: .of(device),
        keyFields: ["param.device": .string(device)],
        inputs: [InputRecord(slot: "table", kind: "table/csv", digest: table, from: "data.table")],
        outputs: [
          ArtifactRecord(
            slot: "scatter", kind: "figure/vega-lite", digest: figure, isTree: false, size: 90)
        ],
        metrics: [
          "rmse": MetricRecord(value: .double(value), unit: "ms", direction: .lower, doc: text)
        ], attempts: 1, seconds: 1.5)
    }
    let data = InstanceRecord(
      name: "data", cell: "data", outcome: .cached, why: "", key: .of("data"),
      inputs: [
        InputRecord(slot: "raw", kind: "file", digest: .of("raw"), from: "Data/raw.csv")
      ],
      outputs: [
        ArtifactRecord(
          slot: "table", kind: "table/csv", digest: table, isTree: false, size: 30,
          published: "out/table.csv"),
        ArtifactRecord(slot: "note", kind: "text", digest: note, isTree: false, size: 10),
      ], metrics: ["rows": MetricRecord(value: 2), "rate": MetricRecord(value: -0.4567)])
    let failed = InstanceRecord(
      name: "late", cell: "late", outcome: .failed, why: "", key: .of("late"),
      error: StageFailure(
        code: "P0301", message: "exit code 1 \(text)", excerpt: ["Traceback", text]))
    record = RunRecord(
      id: "20261123-163417-3f9a2c", started: "2026-11-23T16:34:17Z",
      finished: "2026-11-23T16:35:00Z", status: .failed, tool: .init(version: "0.1.0"),
      source: .init(
        commit: "4be1d0c7f2f1a0d94b8c0f3e2a5d6c7b8a9f0e1d", tree: nil, branch: "main",
        remote: "https://example.org/group/paper.git", dirty: false, snapshot: nil),
      file: "paper.yaml",
      specification: [.init(path: "paper.yaml", text: "pipeline: v1\n")], name: "paper",
      title: "Paper \(text)", profile: "quick", overrides: ["seed": 7],
      parameters: [
        "seed": 7, "rate": 0.5, "deep": ["on": true, "names": ["a", .string(text)], "none": nil],
      ], platform: "x86_64-linux",
      cells: [
        .text("# Head \(text)"), .text("same"), .text("same"),
        .stage(
          StageCellRecord(
            id: "data", uses: "cut -d, -f1\nsort # \(text)", description: "About \(text).",
            show: [.table(slot: "table", rows: 1), .text(slot: "note"), .metrics([])])),
        .stage(
          StageCellRecord(
            id: "fit", uses: "predictor@1", description: nil,
            show: [.figure(slot: "scatter"), .metrics(["rmse"])])),
        .stage(StageCellRecord(id: "late", uses: "false", description: nil, show: [])),
        .claim(
          ClaimRecord(
            claim: "Small \(text)", published: 0.4, source: "Table 2 \(text)",
            measured: "fit[device=fpga].rmse", measuredValue: 0.5, holds: "<= 0.6",
            verdict: .holds, note: nil)),
        .claim(
          ClaimRecord(
            claim: "Open", published: nil, source: nil, measured: "late.x", measuredValue: nil,
            holds: "> 0", verdict: .unmeasured, note: "late failed")),
      ], instances: [data, instance("fpga", 0.5), instance("pixel3", 0.25), failed])
  }

  var exported: ExportedRun {
    ExportedRun(
      record, artifacts: artifacts, figures: SquareDrawer(),
      formatting: .init(
        prose: { $0 },
        number: { number, format in format.isEmpty ? "\(number)" : "\(number)|\(format)" }))
  }

  static let figure = """
    {"$schema":"https://vega.github.io/schema/vega-lite/v5.json","data":{"values":[{"n":1}]},"mark":"bar"}
    """
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
    guard let bytes = files[digest] else {
      throw Missing(description: "the store has no such file")
    }
    return bytes
  }
}

/// Draws every figure as a square.
struct SquareDrawer: FigureDrawing {
  func draw(_ specs: [String]) -> [DrawnFigure] {
    specs.map { _ in
      .svg("<svg xmlns=\"http://www.w3.org/2000/svg\"><rect width=\"9\" height=\"9\"/></svg>")
    }
  }

  func interactiveBundle() -> String? { nil }
}
