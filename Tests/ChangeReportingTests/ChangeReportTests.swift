import ArtifactComparison
import ChangeReporting
import ContentHashing
import Foundation
import Notebook
import Provenance
import RunRecord
import StructuredValue
import Testing

struct ChangeReportTests {
  private let runs = SampleRuns()

  private func report() throws -> ChangeReport {
    ChangeReport(from: runs.before, to: runs.after) { old, new in
      let folder = NSTemporaryDirectory() + "changes-\(UUID().uuidString)"
      defer { try? FileManager.default.removeItem(atPath: folder) }
      func content(_ artifact: ArtifactRecord?) -> ArtifactContent? {
        guard let artifact, let bytes = try? runs.artifacts.bytes(of: artifact.digest) else {
          return nil
        }
        try? FileManager.default.createDirectory(
          atPath: folder, withIntermediateDirectories: true)
        FileManager.default.createFile(
          atPath: "\(folder)/\(artifact.digest.hex)", contents: Data(bytes))
        return .file(path: "\(folder)/\(artifact.digest.hex)")
      }
      return compare(kind: new?.kind ?? "file", old: content(old), new: content(new))
    }
  }

  @Test func `a change is traced to where it began, with all that it reached`() throws {
    let report = try report()
    #expect(report.origins.map(\.instance) == ["tables"])
    let origin = try #require(report.origins.first)
    #expect(origin.change == .init(name: "param.url", before: "plain2", after: "plain3"))
    #expect(origin.reached == ["tables", "predictor[device=fpga]", "predictor[device=pixel3]"])
  }

  @Test func `the terminal sees claims, parameters, causes, metrics and cells in this order`()
    throws
  {
    let expected = """
      20261123-000001-aaaaaa → 20261123-000002-bbbbbb
      claim  holds → fails  Turns plain (0.5 → 0.75)
      claim  still holds  Stays plain (2 → 3)
      param  slope 2 → 3
      param  word plain2 → plain3
      file   paper.yaml changed
      cause  tables: param.url plain2 → plain3; explains predictor[device=fpga], predictor[device=pixel3]
      tables rerun
        because param.url plain2 → plain3
        output table \(runs.before.instances[0].outputs[0].digest.short) (20 B) → \(runs.after.instances[0].outputs[0].digest.short) (20 B)
          rows: 2 → 2, 0 removed, 0 added, 2 changed (by name)
          column 'ms': mean 3 → 4.5, Δ +1.5 (+50 %); 2 cells, largest |Δ| 2
            [p2] ms: 4 → 6, Δ +2
            [p1] ms: 2 → 3, Δ +1
      predictor[device=fpga] rerun
        because tables.table changed, since in tables param.url plain2 → plain3
        rmse 0.5 ms → 0.75 ms (+50.00 %) worse
        tau 0.2 → 0.3 (+50.00 %) better
      """
    let lines = try report().lines()
    #expect(lines.prefix(18).joined(separator: "\n") == expected)
  }

  @Test func `programs get the records' comparison, the artifacts' and the origins`() throws {
    let value = try report().value
    #expect(value["before"] == "20261123-000001-aaaaaa")
    #expect(value["claims"]?.list?.count == 2)
    let artifact = try #require(value["artifacts"]?.list?.first)
    #expect(artifact["instance"] == "tables" && artifact["slot"] == "table")
    #expect(artifact["comparison"]?["difference"] == "table")
    #expect(artifact["comparison"]?["content"]?["changedCells"] == 2)
    #expect(value["origins"]?.list?.first?["explains"]?.list?.count == 3)
  }

  @Test func `equal runs say so in every form`() throws {
    let report = ChangeReport(from: runs.before, to: runs.before)
    #expect(report.isEmpty)
    #expect(report.lines().last == "no difference")
    #expect(report.markdown.hasSuffix("No difference.\n"))
    let page = ChangePage.render(report, artifacts: runs.artifacts, figures: RecordingDrawer())
    #expect(page.html.contains("No difference."))
  }

  @Test func `Markdown shows texts as themselves`() throws {
    let runs = SampleRuns(text: "a|b <c> *d*")
    let markdown = ChangeReport(from: runs.before, to: runs.after).markdown
    #expect(
      markdown.contains(
        "| Turns a\\|b \\<c\\> \\*d\\* | holds | fails | 0.5 → 0.75 |"))
    #expect(!markdown.contains("<c>"))
  }

  /// Equal means differ by what the seeds make, or by more.
  @Test(arguments: [
    (
      [0.90, 0.92, 0.94],
      "train.acc 0.91 ± 0.01 → 0.92 ± 0.02 over 3 seeds, within the seeds' spread"
    ),
    (
      [0.99, 0.98, 1.0],
      "train.acc 0.91 ± 0.01 → 0.99 ± 0.01 over 3 seeds, beyond the seeds' spread"
    ),
  ])
  func `a metric over several seeds is judged by their spread`(after: [Double], words: String)
    throws
  {
    func run(_ run: RunRecord, _ values: [Double]) -> RunRecord {
      var run = run
      run.instances = values.enumerated().map { seed, value in
        InstanceRecord(
          name: "train[seed=\(seed)]", cell: "train", matrix: ["seed": .int(seed)],
          outcome: .executed, why: "", key: .of("\(value)"), keyFields: ["param.x": .double(value)],
          metrics: ["acc": MetricRecord(value: .double(value))])
      }
      return run
    }
    let report = ChangeReport(
      from: run(runs.before, [0.90, 0.91, 0.92]), to: run(runs.after, after))
    #expect(report.lines().contains("seeds  " + words), "\(report.lines())")
    #expect(try report.value["seeds"]?.list?.first?["after"]?["count"] == 3)
    let page = ChangePage.render(report, artifacts: runs.artifacts, figures: RecordingDrawer())
    #expect(page.html.contains("<h3>Over seeds</h3>"))
  }
}
