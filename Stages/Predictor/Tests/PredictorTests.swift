import Foundation
import PredictorStage
import StageKit
import StageTesting
import StructuredValue
import Testing

struct PredictorStageTests {
  /// All cells whose latency is a sum over their edges: a look-up table knows them exactly.
  static let table: String = {
    var text = "index,design,phone\n"
    for index in 0..<400 {
      let number = index * 7919 % 15_625
      let design = (0..<6).map { number / [1, 5, 25, 125, 625, 3125][$0] % 5 }
      let latency = design.enumerated().reduce(1.0) { $0 + Double(($1.offset + 2) * $1.element) }
      text += "\(index),\(design.map(String.init).joined()),\(latency)\n"
    }
    return text
  }()

  @Test func `an additive device is predicted exactly by a look-up table`() async throws {
    let outcome = try await run(["device": "phone", "model": "lut", "train-rows": 200])
    #expect(outcome.metrics["srcc"].flatMap(\.double).map { abs($0 - 1) < 1e-12 } == true)
    // Sums of about 60 ms: some hundred roundings of 1e-14.
    #expect((outcome.metrics["rmse"]?.double ?? 1) < 1e-11)
    #expect(outcome.metrics["rank"] == 25)
    #expect(outcome.metrics["n"] == 200)
  }

  @Test func `ridge writes a model and figures that are the same each time`() async throws {
    let first = try await run(["device": "phone", "train-rows": 200])
    let again = try await run(["device": "phone", "train-rows": 200])
    for slot in ["model", "predictions", "scatter"] {
      #expect(try first.bytes(slot) == again.bytes(slot))
    }
    #expect((first.metrics["srcc"]?.double ?? 0) > 0.9)
  }

  /// Graph networks don't see which edge an operation is on, which these latencies depend on.
  @Test(arguments: [
    ("lasso", 0.95), ("gbdt", 0.9), ("gp", 0.95), ("mlp", 0.85), ("gcn", 0.5), ("gcn-pair", 0.3),
  ])
  func `each model ranks unseen designs and has the same bytes each time`(
    model: String, spearman: Double
  ) async throws {
    let parameters: Value = [
      "device": "phone", "model": .string(model), "train-rows": 200, "test-rows": 150, "epochs": 20,
    ]
    let outcome = try await run(parameters)
    #expect((outcome.metrics["srcc"]?.double ?? 0) > spearman)
    #expect(outcome.metrics["n"] == 150)
    #expect((outcome.metrics["regret"]?.double ?? -1) >= 0)
    let again = try await run(parameters)
    #expect(try outcome.bytes("model") == again.bytes("model"))
    #expect(try outcome.bytes("predictions") == again.bytes("predictions"))
  }

  @Test(arguments: ["ridge", "gp"])
  func `in rounds the model chooses what is measured`(model: String) async throws {
    let rounds = { (count: Int) in
      try await run([
        "device": "phone", "model": .string(model), "train-rows": 100, "test-rows": 150,
        "rounds": .int(count),
      ])
    }
    let (first, chosen, again) = try await (rounds(0), rounds(4), rounds(4))
    #expect(try chosen.bytes("model") == again.bytes("model"))
    let indices = { (outcome: StageHarness<Predictor>.Outcome) in
      let text = String(decoding: try outcome.bytes("predictions"), as: UTF8.self)
      return text.split(separator: "\n").dropFirst().map { $0.split(separator: ",")[0] }
    }
    // Those of the test stay out of what may be measured.
    #expect(try indices(chosen) == indices(first))
    let record = try Value(json: Data(chosen.bytes("model")))
    let measured = try #require(record.map?["measured"]?.list).compactMap { $0.int }
    #expect(Set(measured).count == 100 && chosen.metrics["train_n"] == 100)
    #expect(measured.allSatisfy { $0 < 100 || $0 >= 250 })
    #expect(try Value(json: Data(first.bytes("model"))).map?["measured"] == nil)
    // Of the 250 there are 15 fastest; by chance 6 are measured.
    let latencies = Self.table.split(separator: "\n").dropFirst()
      .map { Double($0.split(separator: ",")[2]) ?? 0 }
    let pool = (0..<400).filter { $0 < 100 || $0 >= 250 }
    let limit = pool.map { latencies[$0] }.sorted()[14]
    #expect(measured.count { latencies[$0] <= limit } >= 13)
  }

  @Test func `rounds too many for the measurements are refused`() async throws {
    let error = await #expect(throws: StageError.self) {
      try await run(["device": "phone", "train-rows": 20, "test-rows": 50, "rounds": 7])
    }
    #expect(error?.code == .badParameter)
    #expect(
      error?.message == "a budget of 20 measurements in 7 rounds; needed are at least 21 and at "
        + "most the pool's 350")
  }

  @Test func `the table's unit and metric reach the figure`() async throws {
    let lines = Self.table.split(separator: "\n").enumerated().map { row, line -> String in
      let parts = line.split(separator: ",")
      let about = row == 0 ? "metric,unit" : "energy,mJ"
      return "\(parts[0]),\(parts[1]),\(about),\(parts[2])"
    }
    let outcome = try await StageHarness(Predictor.self).run(
      parameters: ["device": "phone", "train-rows": 100],
      inputs: ["table": try file(lines.joined(separator: "\n") + "\n")])
    let figure = String(decoding: try outcome.bytes("scatter"), as: UTF8.self)
    #expect(figure.contains("predicted energy in mJ"))
  }

  @Test func `a graph network of transformers is refused`() async throws {
    var text = "index,design,pi\n"
    for index in 0..<20 { text += "\(index),\(index)-6-1-1-1-1-1-1-1-1,\(index + 1)\n" }
    let path = try file(text)
    let error = await #expect(throws: StageError.self) {
      try await StageHarness(Predictor.self).run(
        parameters: ["device": "pi", "space": "hat", "model": "gcn", "train-rows": 10],
        inputs: ["table": path])
    }
    #expect(error?.code == .badParameter)
    #expect(
      error?.message == "'gcn' needs designs that are graphs; of 'hat' take mlp or gbdt")
  }

  @Test func `fewer designs than table entries are warned of, with the rank`() async throws {
    let outcome = try await run(["device": "phone", "model": "lut", "train-rows": 20])
    #expect(
      outcome.log.contains {
        $0.contains("20 training designs for 31 table entries (rank 1")
          && $0.contains("without regularisation")
      }, "\(outcome.log)")
  }

  @Test func `more training rows than the table has is refused`() async throws {
    let error = await #expect(throws: StageError.self) {
      try await run(["device": "phone", "train-rows": 399])
    }
    #expect(error?.code == .badParameter)
    #expect(error?.message.contains("'phone' has 400 valid rows") == true)
  }

  @Test func `a table without designs can't be predicted from`() async throws {
    let error = await #expect(throws: StageError.self) {
      try await StageHarness(Predictor.self).run(
        parameters: ["device": "a"], inputs: ["table": try file("index,a\n0,1\n1,2\n")])
    }
    #expect(error?.message.hasPrefix("the table has no column 'design'") == true)
  }

  @Test func `a constant device has undefined correlations, not zero`() async throws {
    let text = Self.table.split(separator: "\n").enumerated().map { row, line in
      row == 0 ? String(line) : line.split(separator: ",").dropLast().joined(separator: ",") + ",2"
    }.joined(separator: "\n")
    let outcome = try await StageHarness(Predictor.self).run(
      parameters: ["device": "phone", "train-rows": 100], inputs: ["table": try file(text + "\n")])
    #expect(outcome.metrics["srcc"] == .null)
    #expect(outcome.log.contains { $0.contains("'srcc' is undefined") })
  }

  private func run(_ parameters: Value) async throws -> StageHarness<Predictor>.Outcome {
    try await StageHarness(Predictor.self).run(
      parameters: parameters, inputs: ["table": try file(Self.table)])
  }

  private func file(_ text: String) throws -> String {
    let path = NSTemporaryDirectory() + "predictor-\(UUID().uuidString).csv"
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    return path
  }
}
