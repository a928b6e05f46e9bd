import EdgeOptimization
import Foundation
import LearnedOptimizerStage
import StageKit
import StageTesting
import StructuredValue
import Testing

struct LearnOptimizerTests {
  /// 600 cells whose accuracy grows with 3 × 3 convolutions, and three devices that pay for them.
  static let tables: (latency: String, accuracy: String) = {
    var latency = "index,design,phone,board,chip\n"
    var accuracy = "index,design,cifar\n"
    for index in 0..<600 {
      // A stride that is prime to 5^6 visits different cells.
      var rest = index * 7919 % 15_625
      var digits: [Int] = []
      for _ in 0..<6 {
        digits.append(rest % 5)
        rest /= 5
      }
      // As in real tables, what has no effect changes nothing.
      let effective = NASBench201.effective(digits)
      let large = effective.count { $0 == 3 }
      let small = effective.count { $0 == 2 }
      let text = digits.map(String.init).joined()
      let work = exp(0.3 * Double(2 * large + small))
      latency += "\(index),\(text),\(work),\(3 * work),\(0.5 * work)\n"
      accuracy += "\(index),\(text),\(50 + 5 * large + 2 * small + (effective[5] == 1 ? 1 : 0))\n"
    }
    return (latency, accuracy)
  }()

  static let parameters: [String: Value] = [
    "unseen": ["chip"], "references": [0, 7, 33, 100, 200], "samples": 400, "rounds": 1,
    "designs-per-round": 10, "steps": 400,
  ]

  @Test func `an unseen device gets good designs within its budgets, and the same ones again`()
    async throws
  {
    let first = try await run(Self.parameters)
    let gap = try #require(first.metrics["measured_gap"].flatMap(\.double))
    #expect(gap < 1)
    // The tables have a dozen distinct values, whose ties no prediction can rank.
    #expect(try #require(first.metrics["latency_srcc"].flatMap(\.double)) > 0.9)
    #expect(try #require(first.metrics["accuracy_srcc"].flatMap(\.double)) > 0.95)
    #expect(first.metrics["latencies_measured"] == 5)
    // By the same predictors a search finds what enumeration finds, or nearly.
    let searched = try #require(first.metrics["evolutionary_gap"].flatMap(\.double))
    let enumerated = try #require(first.metrics["exhaustive_gap"].flatMap(\.double))
    #expect(abs(searched - enumerated) < 0.5)
    let judged = try #require(first.metrics["evolutionary_judged"].flatMap(\.double))
    #expect(judged >= 100 && judged <= 15_625)
    // Measuring more random designs loses less.
    let random = try ["random_10_gap", "random_50_gap", "random_200_gap"].map {
      try #require(first.metrics[$0].flatMap(\.double))
    }
    #expect(random[0] > random[1] && random[1] > random[2] && random[2] >= 0)
    // Of ten designs that were measured one keeps the budget wherever the first does.
    let exceeded = try ["exhaustive_measured_exceeded", "exhaustive_exceeded"].map {
      try #require(first.metrics[$0].flatMap(\.double))
    }
    #expect(exceeded[0] <= exceeded[1])
    let table = String(decoding: try first.bytes("designs"), as: UTF8.self)
    #expect(table.split(separator: "\n").count == 9)
    #expect(table.hasPrefix("device,budget,optimum,direct_design,direct_accuracy,direct_latency,"))
    let again = try await run(Self.parameters)
    #expect(try first.bytes("designs") == again.bytes("designs"))
  }

  @Test func `an unseen device's values that are not references have no influence`() async throws {
    // The unseen device's rows 300 to 599, none of them a reference, in reverse: the same budgets, other designs.
    let lines = Self.tables.latency.split(separator: "\n").map { $0.split(separator: ",") }
    var text = lines[0].joined(separator: ",") + "\n"
    for (row, line) in lines.dropFirst().enumerated() {
      let chip = row < 300 ? line[4] : lines[1 + 899 - row][4]
      text += (line[..<4] + [chip]).joined(separator: ",") + "\n"
    }
    let (plain, turned) = (
      try await run(Self.parameters), try await run(Self.parameters, latency: text)
    )
    #expect(try plain.bytes("references") == turned.bytes("references"))
    let tables = try [plain, turned].map { outcome in
      String(decoding: try outcome.bytes("designs"), as: UTF8.self).split(separator: "\n")
        .map { $0.split(separator: ",", omittingEmptySubsequences: false) }
    }
    // device, budget, then the designs that were not measured on it.
    for column in [0, 1, 3, 6, 12, 15] {
      #expect(tables[0].map { $0[column] } == tables[1].map { $0[column] })
    }
    #expect(tables[0] != tables[1])
  }

  @Test func `references are chosen by the known devices where none are given`() async throws {
    var parameters = Self.parameters
    parameters["references"] = nil
    parameters["reference-count"] = 6
    let outcome = try await run(parameters)
    let table = String(decoding: try outcome.bytes("references"), as: UTF8.self)
    #expect(table.hasPrefix("index,design\n") && table.split(separator: "\n").count == 7)
    #expect(outcome.metrics["latencies_measured"] == 6)
    #expect(try #require(outcome.metrics["latency_srcc"].flatMap(\.double)) > 0.9)
  }

  @Test(
    arguments: [
      ("unseen", ["tv"], "no device 'tv' in the latency table; it has phone, board, chip"),
      ("unseen", ["phone", "board", "chip"], "every device is unseen"),
      ("references", [0, 999], "reference design 999 is not in the latency table"),
      ("samples", 601, "601 samples of 600 designs"),
    ] as [(String, Value, String)])
  func `what can't work is refused`(name: String, value: Value, part: String) async throws {
    var parameters = Self.parameters
    parameters[name] = value
    let error = await #expect(throws: StageError.self) { try await run(parameters) }
    #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
  }

  private func run(
    _ parameters: [String: Value], latency table: String = tables.latency
  ) async throws -> StageHarness<LearnOptimizer>.Outcome {
    let folder = FileManager.default.temporaryDirectory.appending(path: "learn-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let latency = folder.appending(path: "latency.csv")
    let accuracy = folder.appending(path: "accuracy.csv")
    try Data(table.utf8).write(to: latency)
    try Data(Self.tables.accuracy.utf8).write(to: accuracy)
    return try await StageHarness(LearnOptimizer.self).run(
      parameters: .map(parameters), inputs: ["latency": latency.path, "accuracy": accuracy.path],
      seed: 3)
  }
}
