import ContentHashing
import Foundation
import LineageReporting
import Notebook
import RunRecord
import StructuredValue
import Testing

struct LineageReportTests {
  private static let commit = "4be1d0c7f2f1a0d94b8c0f3e2a5d6c7b8a9f0e1d"

  /// A raw file feeds a table, which two fits read, whose models a plot gathers.
  private func record(text: String = "plain") -> RunRecord {
    let source = RunRecord.Source(
      commit: Self.commit, tree: nil, branch: nil, remote: nil, dirty: true, snapshot: nil)
    let table = Digest.of("table")
    let data = InstanceRecord(
      name: "data", cell: "data", plugin: "fetch", version: "1.0.0", outcome: .cached, why: "",
      key: .of("data"),
      inputs: [InputRecord(slot: "raw", kind: "file", digest: .of("raw"), from: "Data/\(text)")],
      outputs: [
        ArtifactRecord(
          slot: "table", kind: "table/csv", digest: table, isTree: false, size: 9,
          published: "out/\(text)")
      ])
    let fits = ["a", "b"].map { name in
      InstanceRecord(
        name: "fit[x=\(name)]", cell: "fit", matrix: ["x": .string(name)], outcome: .executed,
        why: "", key: .of(name),
        inputs: [InputRecord(slot: "table", kind: "table/csv", digest: table, from: "data.table")],
        outputs: [
          ArtifactRecord(
            slot: "model", kind: "model", digest: .of("m\(name)"), isTree: false, size: 5)
        ], metrics: ["rmse": MetricRecord(value: 0.5, unit: "ms")])
    }
    let plot = InstanceRecord(
      name: "plot", cell: "plot", outcome: .executed, why: "", key: .of("plot"),
      inputs: [
        InputRecord(slot: "models", kind: "folder", digest: .of("gathered"), from: "fit[*].model")
      ],
      outputs: [
        ArtifactRecord(
          slot: "figure", kind: "figure/vega-lite", digest: .of("figure"), isTree: false, size: 7)
      ])
    return RunRecord(
      id: "20261123-163417-3f9a2c", started: "2026-11-23T16:34:17Z",
      finished: "2026-11-23T16:35:00Z", status: .succeeded, tool: .init(version: "0.1.0"),
      source: source, file: "paper.yaml", specification: [], name: "paper", title: "Paper \(text)",
      profile: nil, overrides: [:], parameters: [:], platform: "x86_64-linux",
      cells: [
        .stage(StageCellRecord(id: "data", uses: "fetch@1", description: nil, show: [])),
        .stage(
          StageCellRecord(id: "fit", uses: "python3 fit.py\nsecond", description: nil, show: [])),
        .stage(StageCellRecord(id: "plot", uses: "plot \(text)", description: nil, show: [])),
        .claim(
          ClaimRecord(
            claim: "Fits \(text)", published: nil, source: nil, measured: "fit[x=a].rmse",
            measuredValue: 0.5, holds: "< 1", verdict: .holds, note: nil)),
      ], instances: [data] + fits + [plot])
  }

  private let earlier = LineageReport.Execution(
    run: "20261120-000000-000001", started: "2026-11-20T00:00:00Z",
    source: .init(
      commit: "0123456789abcdef", tree: nil, branch: nil, remote: nil, dirty: false, snapshot: nil))

  private func report(_ target: String, text: String = "plain") throws -> LineageReport {
    try #require(
      LineageReport(target, in: record(text: text)) { keys in
        keys.contains(.of("data")) ? [.of("data"): earlier] : [:]
      })
  }

  @Test func `backwards: makers, inputs, the run and commit that executed each, and users`() throws
  {
    let short = { (text: String) in Digest.of(text).short }
    let expected = """
      plot.figure  figure/vega-lite, \(short("figure")), 7 bytes
        made by plot (plot plain), key \(short("plot"))
          in run 20261123-163417-3f9a2c at commit 4be1d0c7f2f1 with changes
          from fit[*].model (\(short("gathered")))
            made by fit[x=a] (python3 fit.py …), key \(short("a"))
              in run 20261123-163417-3f9a2c at commit 4be1d0c7f2f1 with changes
              from data.table (\(short("table")))
                made by data (fetch@1.0.0), key \(short("data"))
                  in run 20261120-000000-000001 at commit 0123456789ab
                  from Data/plain (\(short("raw"))), read from the project
            made by fit[x=b] (python3 fit.py …), key \(short("b"))
              in run 20261123-163417-3f9a2c at commit 4be1d0c7f2f1 with changes
              from data.table (\(short("table")))
                made by data, as above
      used by nothing
      """
    #expect(try report("plot.figure").lines(.backwards).joined(separator: "\n") == expected)
  }

  @Test(arguments: ["data.table", "out/plain"])
  func `forwards: users near and far, and the claims on them`(target: String) throws {
    let expected = """
      data.table  table/csv, \(Digest.of("table").short), 9 bytes, published as out/plain
        used by fit[x=a] (python3 fit.py …) as table (data.table)
        used by fit[x=b] (python3 fit.py …) as table (data.table)
          used by plot (plot plain) as models (fit[*].model)
      claim holds: Fits plain
      """
    #expect(try report(target).lines(.forwards).joined(separator: "\n") == expected)
  }

  @Test func `a metric, a source and an unknown name`() throws {
    #expect(
      try report("fit[x=a].rmse").lines(.backwards).first == "fit[x=a].rmse  0.5 ms, a metric")
    #expect(
      try report("Data/plain").lines(.backwards) == [
        "Data/plain  file, \(Digest.of("raw").short)",
        "  read from the project; no stage made it", "used by data", "claim holds: Fits plain",
      ])
    #expect(LineageReport("nothing", in: record()) == nil)
  }

  @Test func `programs get both directions`() throws {
    let value = try report("data.table").value
    #expect(value["madeFrom"]?.list?.first?["commit"] == "0123456789abcdef")
    #expect(
      value["usedBy"]?.list?.map { $0["instance"]?.string } == ["fit[x=a]", "fit[x=b]", "plot"])
    #expect(value["origins"]?.list?.first?["path"] == "Data/plain")
  }

  @Test func `on the page every link leads to a place that is there`() throws {
    let html = LineagePage.render(
      record(), report: try report("plot.figure"), executions: [.of("data"): earlier]
    ).html
    let targets = html.components(separatedBy: "href=\"#").dropFirst().map {
      $0.prefix { $0 != "\"" }
    }
    let places = Set(
      html.components(separatedBy: " id=\"").dropFirst().map { $0.prefix { $0 != "\"" } })
    #expect(targets.count > 12)
    #expect(targets.filter { !places.contains($0) } == [])
    for text in ["artifact-data-table", "source-data-plain", "20261120-000000-000001"] {
      #expect(html.contains(text), "\(text)")
    }
  }

  @Test func `hostile text stays text`() throws {
    let attack = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'"
    let html = LineagePage.render(
      record(text: attack), report: try report("Data/" + attack, text: attack), executions: [:]
    ).html
    #expect(html.contains("&lt;script&gt;alert(1)"))
    #expect(!html.contains("<script>alert") && !html.contains("<img src=x"))
  }
}
