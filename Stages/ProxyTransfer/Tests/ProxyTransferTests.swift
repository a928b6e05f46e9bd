import Foundation
import ProxyTransferStage
import StageKit
import StageTesting
import StructuredValue
import Testing

struct TransferFromProxyTests {
  /// Accuracy rises with latency on the proxy; the target is twice as slow.
  static let latency =
    "index,phone,board,other\n"
    + (0..<60).map { "\($0),\($0 + 1),\(2 * $0 + 2),\(60 - $0)\n" }.joined()
  static let accuracy = "index,cifar\n" + (0..<60).map { "\($0),\(40 + $0)\n" }.joined()

  @Test func `a target with the proxy's ranking keeps the whole front`() async throws {
    let outcome = try await run(["proxy": "phone", "target": "board", "layers": 1, "samples": 20])
    #expect(outcome.metrics["check_srcc"].flatMap(\.double).map { abs($0 - 1) < 1e-12 } == true)
    #expect(outcome.metrics["passes"] == 1)
    #expect(outcome.metrics["candidates"] == 60)
    #expect(outcome.metrics["measurements"] == 60)
    #expect(outcome.metrics["mean_gap"] == 0.0)
    #expect(outcome.metrics["hv_ratio"] == 1.0)
    let ranking = String(decoding: try outcome.bytes("ranking"), as: UTF8.self)
    #expect(ranking.hasPrefix("rank,index,accuracy,proxy_latency,target_latency\n1,0,40.0,1.0,2.0"))
  }

  @Test func `a reversed target fails the check and keeps one design`() async throws {
    let outcome = try await run(["proxy": "phone", "target": "other", "layers": 1, "samples": 20])
    #expect(outcome.metrics["passes"] == 0)
    #expect(outcome.metrics["front"] == 1)
    #expect(outcome.notes.first?.contains("**fails**") == true)
  }

  @Test func `the same seed gives the same bytes, another one other samples`() async throws {
    let parameters: Value = ["proxy": "phone", "target": "board", "layers": 1, "samples": 20]
    let first = try await run(parameters, seed: 7)
    let again = try await run(parameters, seed: 7)
    let other = try await run(parameters, seed: 8)
    for slot in ["ranking", "measurements", "front"] {
      #expect(try first.bytes(slot) == again.bytes(slot))
    }
    #expect(try first.bytes("measurements") != other.bytes("measurements"))
  }

  @Test func `a target with the proxy's values is a trivial transfer`() async throws {
    let twin = "index,phone,twin\n" + (0..<60).map { "\($0),\($0 + 1),\($0 + 1)\n" }.joined()
    let outcome = try await run(
      ["proxy": "phone", "target": "twin", "layers": 1, "samples": 20], latency: twin)
    #expect(
      outcome.log.contains {
        $0.contains("'phone' and 'twin' hold the same values: a trivial transfer")
      })
  }

  @Test func `devices that run no common design are refused`() async throws {
    let apart =
      "index,phone,board\n"
      + (0..<60).map { $0 < 30 ? "\($0),\($0 + 1),\n" : "\($0),,\($0)\n" }.joined()
    let error = await #expect(throws: StageError.self) {
      try await run(["proxy": "phone", "target": "board", "samples": 20], latency: apart)
    }
    #expect(
      error?.message.hasPrefix("none of the 60 designs is valid on both 'phone' and 'board'")
        == true, "\(error?.message ?? "")")
  }

  private static let refused: [(Value, String)] = [
    (["proxy": "phone", "target": "phone"], "'phone' is both proxy and target"),
    (["proxy": "phone", "target": "tv"], "no device 'tv'"),
    (["proxy": "phone", "target": "board", "samples": 61], "61 samples of 60 valid designs"),
    (["proxy": "phone", "target": "board", "budget": 10], "10 allowed are spent"),
  ]

  @Test(arguments: refused)
  func `what can't work is refused before anything is measured`(
    parameters: Value, part: String
  ) async throws {
    let error = await #expect(throws: StageError.self) { try await run(parameters) }
    #expect(error?.code == .badParameter)
    #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
  }

  @Test func `tables of other designs are refused with both counts`() async throws {
    let error = await #expect(throws: StageError.self) {
      try await StageHarness(TransferFromProxy.self).run(
        parameters: ["proxy": "phone", "target": "board"],
        inputs: [
          "latency": try file(Self.latency), "accuracy": try file("index,cifar\n0,1\n5,2\n"),
        ])
    }
    #expect(
      error?.message
        == "the latency table has 60 designs, the accuracy table 2; the first difference is 1 "
        + "against 5; both need the same indices")
  }

  private func run(
    _ parameters: Value, latency: String = latency, seed: UInt64 = 1
  ) async throws -> StageHarness<TransferFromProxy>.Outcome {
    try await StageHarness(TransferFromProxy.self).run(
      parameters: parameters,
      inputs: ["latency": try file(latency), "accuracy": try file(Self.accuracy)], seed: seed)
  }

  private func file(_ text: String) throws -> String {
    let path = NSTemporaryDirectory() + "transfer-\(UUID().uuidString).csv"
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    return path
  }
}
