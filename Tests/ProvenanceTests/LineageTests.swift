import ContentHashing
import Provenance
import RunRecord
import Testing

struct LineageTests {
  let record = sampleRecord("20261123-000001-aaaaaa")

  @Test(arguments: ["plot.figure", "plot", Digest.of("figure \(Digest.of("model 1"))").short])
  func `a figure comes from all predictors, their table and the raw file`(target: String) throws {
    let lineage = try #require(Lineage.backwards(target, in: record))
    #expect(
      lineage.steps.map(\.instance) == [
        "plot", "predictor[device=fpga]", "predictor[device=pixel3]", "tables",
      ])
    #expect(lineage.steps.map(\.depth) == [0, 1, 1, 2])
    #expect(lineage.origins.map(\.from) == ["Data/raw.csv"])
  }

  @Test(arguments: [
    "predictor[device=fpga].rmse", "predictor[device=fpga].model", "Results/fpga.bin",
  ])
  func `a metric, a slot and a published file name one instance`(target: String) throws {
    let lineage = try #require(Lineage.backwards(target, in: record))
    #expect(lineage.steps.map(\.instance) == ["predictor[device=fpga]", "tables"])
  }

  @Test func `a path is its own origin, and an unknown name has no lineage`() throws {
    #expect(Lineage.backwards("Data/raw.csv", in: record)?.origins.map(\.slot) == ["raw"])
    #expect(Lineage.backwards("predictor[device=none].rmse", in: record) == nil)
    #expect(Lineage.backwards("", in: record) == nil)
  }

  @Test func `a data set is used by all that follows, and by the claims on it`() {
    let lineage = Lineage.forwards(.of("raw"), in: record)
    #expect(
      lineage.steps.map(\.instance) == [
        "tables", "predictor[device=fpga]", "predictor[device=pixel3]", "plot",
      ])
    #expect(lineage.claims.map(\.claim) == ["It is exact"])
    #expect(Lineage.forwards(.of("unknown"), in: record).steps.isEmpty)
  }
}
