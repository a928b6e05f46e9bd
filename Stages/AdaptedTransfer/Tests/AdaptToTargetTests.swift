import AdaptedTransferStage
import Foundation
import StageKit
import StageTesting
import StructuredValue
import Testing

struct AdaptToTargetTests {
  private static let operations = (0..<200).map { row in
    (0..<6).map { (row * 7919 / [1, 5, 25, 125, 625, 3125][$0] + row * $0) % 5 }
  }
  private static func column(_ cost: [Double]) -> [Double] {
    operations.map { design in 1 + design.reduce(0) { $0 + cost[$1] } }
  }
  static let latency: String = {
    let devices = [
      column([0, 0.1, 1, 4, 0.5]), column([0, 0.3, 2, 3, 1]), column([0, 0.1, 1.2, 3.5, 0.9]),
    ]
    return "index,design,phone,board,new\n"
      + operations.enumerated().map { row, design in
        "\(row),\(design.map(String.init).joined()),"
          + devices.map { "\($0[row])" }
          .joined(separator: ",") + "\n"
      }.joined()
  }()
  static let accuracy =
    "index,cifar\n"
    + operations.enumerated().map { row, design in
      "\(row),\(50 + design.reduce(0) { $0 + [0, 2, 5, 7, 1][$1] } + row % 3)\n"
    }.joined()

  @Test(arguments: ["none", "adaproxy", "gp"])
  func `a device like the known ones is ranked well from few samples`(
    adapter: String
  ) async throws {
    let outcome = try await run([
      "target": "new", "proxies": ["phone", "board"], "adapter": .string(adapter), "samples": 12,
      "candidates": 20, "pool": 100,
    ])
    #expect(outcome.metrics["srcc"]?.double ?? 0 > 0.9)
    #expect(outcome.metrics["measurements"]?.int ?? 99 <= 32)
    let cost = String(decoding: try outcome.bytes("cost"), as: UTF8.self)
    #expect(cost.hasSuffix("a predictor of its own,900,18000.0\n"))
    let log = String(decoding: try outcome.bytes("measurements"), as: UTF8.self)
    #expect(log.split(separator: "\n").count(where: { $0.contains(",sample,") }) == 12)
  }

  @Test func `the same seed gives the same bytes`() async throws {
    let parameters: Value = [
      "target": "new", "proxies": ["phone", "board"], "candidates": 10, "pool": 100,
    ]
    let (first, again) = (try await run(parameters), try await run(parameters))
    for slot in ["ranking", "measurements", "predictions", "proxies", "cost", "scatter"] {
      #expect(try first.bytes(slot) == again.bytes(slot))
    }
  }

  private static let refused: [(Value, String)] = [
    (["target": "new", "proxies": ["phone", "new"]], "the target 'new' is among the proxies"),
    (["target": "new", "proxies": ["tv"]], "no device 'tv'"),
    (["target": "new", "proxies": ["phone"], "samples": 201, "pool": 200], "201 samples of"),
  ]

  @Test(arguments: refused)
  func `what can't work is refused with its reason`(parameters: Value, part: String) async throws {
    let error = await #expect(throws: StageError.self) { try await run(parameters) }
    #expect(error?.code == .badParameter)
    #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
  }

  private func run(_ parameters: Value) async throws -> StageHarness<AdaptToTarget>.Outcome {
    try await StageHarness(AdaptToTarget.self).run(
      parameters: parameters,
      inputs: ["latency": try file(Self.latency), "accuracy": try file(Self.accuracy)], seed: 1)
  }

  private func file(_ text: String) throws -> String {
    let path = NSTemporaryDirectory() + "adapted-\(UUID().uuidString).csv"
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    return path
  }
}
