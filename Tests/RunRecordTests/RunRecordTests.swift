import ContentHashing
import Foundation
import RunRecord
import StructuredValue
import Testing

struct RunRecordTests {
  @Test func `a record survives JSON`() throws {
    let instance = InstanceRecord(
      name: "a[x=1]", cell: "a", matrix: ["x": 1], outcome: .executed, why: "no earlier result",
      key: .of("key"), keyFields: ["param.x": 1.5],
      inputs: [InputRecord(slot: "t", kind: "file", digest: .of("in"), from: "b.t")],
      outputs: [
        ArtifactRecord(slot: "o", kind: "text", digest: .of("out"), isTree: false, size: 3)
      ],
      metrics: ["m": MetricRecord(value: .null, unit: "ms", direction: .lower)],
      error: StageFailure(code: "P0301", message: "no", excerpt: ["line"]))
    let record = RunRecord(
      id: "20261123-163417-3f9a2c", started: "s", finished: "f", status: .failed,
      tool: RunRecord.Tool(version: "1"),
      source: RunRecord.Source(
        commit: nil, tree: nil, branch: "main", remote: nil, dirty: true, snapshot: nil),
      file: "paper.yaml", specification: [], name: "n", title: "t", profile: "quick",
      overrides: ["a.b": true], parameters: ["p": ["q": [1, 2.5]]], platform: "x86_64-linux",
      cells: [
        .text("# T"),
        .stage(
          StageCellRecord(
            id: "a", uses: "a@1", description: nil,
            show: [.figure(slot: "f"), .table(slot: "t", rows: 3), .metrics([])])),
        .claim(
          ClaimRecord(
            claim: "c", published: 0.5, source: nil, measured: "a.m", measuredValue: nil,
            holds: ">= 1", verdict: .unmeasured, note: "why")),
      ], instances: [instance])
    let data = try JSONEncoder().encode(record)
    #expect(try JSONDecoder().decode(RunRecord.self, from: data) == record)
  }
}
