import ContentHashing
import Provenance
import RunRecord
import StructuredValue
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

  @Test(arguments: [
    ("Data/raw.csv", ["tables", "predictor[device=fpga]", "predictor[device=pixel3]", "plot"]),
    ("tables.folder", ["predictor[device=fpga]", "predictor[device=pixel3]", "plot"]),
    ("predictor[device=fpga].model", ["plot"]), ("Results/pixel3.bin", ["plot"]),
    ("predictor", ["plot"]), ("plot.figure", []),
  ])
  func `users are found by any name of what they used`(target: String, users: [String]) throws {
    let lineage = try #require(Lineage.forwards(target, in: record))
    #expect(lineage.steps.map(\.instance) == users)
  }

  @Test func `an output that nobody reads has no users, although its stage has`() throws {
    var record = record
    record.instances[0].outputs.append(
      ArtifactRecord(slot: "log", kind: "text", digest: .of("log"), isTree: false, size: 1))
    #expect(try #require(Lineage.forwards("tables.log", in: record)).steps.isEmpty)
    #expect(Lineage.forwards("tables.none", in: record) == nil)
  }

  @Test(arguments: [
    (
      "predictor[device=fpga].model",
      ["predictor[device=fpga,seed=1]", "predictor[device=fpga,seed=2]"]
    ),
    (
      "predictor[device=*,seed=2].model",
      ["predictor[device=fpga,seed=2]", "predictor[device=pixel3,seed=2]"]
    ),
    (
      "[\"predictor[device=fpga,seed=2].model\",\"predictor[device=pixel3,seed=1].model\"]",
      ["predictor[device=fpga,seed=2]", "predictor[device=pixel3,seed=1]"]
    ),
    (
      "predictor[*].model",
      [
        "predictor[device=fpga,seed=1]", "predictor[device=fpga,seed=2]",
        "predictor[device=pixel3,seed=1]", "predictor[device=pixel3,seed=2]",
      ]
    ),
  ])
  func `lists and selectors lead to their makers; an axis that is not named may have any value`(
    from: String, makers: [String]
  )
    throws
  {
    var record = record
    let models = record.instances[1...2].flatMap { instance in
      [1, 2].map { seed in
        var instance = instance
        instance.matrix["seed"] = .int(seed)
        instance.name = instance.name.replacing("]", with: ",seed=\(seed)]")
        return instance
      }
    }
    record.instances = [record.instances[0]] + models + [record.instances[3]]
    record.instances[5].inputs[0].from = from
    let lineage = try #require(Lineage.backwards("plot", in: record))
    #expect(lineage.steps.filter { $0.depth == 1 }.map(\.instance) == makers)
  }
}
