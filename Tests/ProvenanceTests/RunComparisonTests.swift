import ContentHashing
import Provenance
import RunRecord
import StructuredValue
import Testing

struct RunComparisonTests {
  let old = sampleRecord("20261123-000001-aaaaaa")

  @Test func `equal runs differ in nothing`() {
    let comparison = RunComparison(from: old, to: sampleRecord("20261123-000002-bbbbbb"))
    #expect(comparison.isEmpty)
    #expect(comparison.instances.map(\.kind) == [.unchanged, .unchanged, .unchanged, .unchanged])
  }

  @Test func `a result that was known already is no difference, a failure is one`() {
    var new = sampleRecord("20261123-000002-bbbbbb")
    new.instances[0].outcome = new.instances[0].outcome == .cached ? .executed : .cached
    #expect(RunComparison(from: old, to: new).isEmpty)
    new.instances[0].outcome = .failed
    #expect(!RunComparison(from: old, to: new).isEmpty)
    #expect(RunComparison(from: old, to: new).instances[0].endedOtherwise)
  }

  @Test func `a changed table explains every instance that it reached`() throws {
    let new = sampleRecord(
      "20261123-000002-bbbbbb", rmse: 0.75, table: .of("table 2"), model: .of("model 2"),
      verdict: .fails)
    let comparison = RunComparison(from: old, to: new)
    #expect(comparison.instances.map(\.kind) == [.rerun, .rerun, .rerun, .rerun])
    let fpga = try #require(comparison.instances.first { $0.name == "predictor[device=fpga]" })
    #expect(fpga.fields.map(\.name) == ["input.table"])
    #expect(
      fpga.causes == [
        .init(
          instance: fpga.name, field: "input.table", from: "tables.folder", upstream: "tables"),
        .init(instance: "tables", field: "param.url"),
      ])
    let plot = try #require(comparison.instances.last)
    #expect(
      plot.causes.map(\.instance) == [
        "plot", "plot", "predictor[device=fpga]", "predictor[device=pixel3]", "tables",
      ])
    #expect(fpga.outputs.map(\.slot) == ["model"])
    let metric = try #require(fpga.metrics.first)
    #expect(metric.difference == 0.25 && metric.relative == 0.5 && metric.judgement == .worse)
    #expect(comparison.claims.map(\.verdictChanged) == [true])
  }

  @Test func `a parameter is a cause of its own, and parameters and text are compared`() throws {
    let new = sampleRecord("20261123-000002-bbbbbb", seed: 2)
    let comparison = RunComparison(from: old, to: new)
    #expect(comparison.instances.map(\.kind) == [.unchanged, .rerun, .rerun, .unchanged])
    #expect(
      comparison.instances[1].causes
        == [.init(instance: "predictor[device=fpga]", field: "param.seed")])
    #expect(comparison.instances[1].fields == [.init(name: "param.seed", before: 1, after: 2)])
    #expect(comparison.parameters == [.init(name: "seed", before: 1, after: 2)])
    #expect(
      comparison.specification == [
        .init(path: "paper.yaml", before: "seed: 1\n", after: "seed: 2\n")
      ])
  }

  @Test func `added and removed cells, instances and metrics are told apart`() throws {
    var new = old
    new.cells.removeAll { if case .stage(let cell) = $0 { cell.id == "plot" } else { false } }
    new.instances.removeLast()
    new.instances[1].metrics["mae"] = MetricRecord(value: 1)
    let comparison = RunComparison(from: old, to: new)
    #expect(comparison.cells.map(\.presence) == [.unchanged, .unchanged, .removed])
    #expect(comparison.instances.map(\.kind) == [.unchanged, .unchanged, .unchanged, .removed])
    #expect(comparison.instances[1].metrics.map(\.name) == ["mae"])
    #expect(comparison.instances[1].metrics[0].judgement == .neither)
    let back = RunComparison(from: new, to: old)
    #expect(back.cells.map(\.presence) == [.unchanged, .unchanged, .added])
    #expect(!back.isEmpty)
  }

  @Test func `other outputs from one key are called irreproducible`() {
    var new = old
    new.instances[1].outputs[0].digest = .of("by chance")
    let comparison = RunComparison(from: old, to: new)
    #expect(comparison.instances[1].kind == .irreproducible)
  }
}
