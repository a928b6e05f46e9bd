import Foundation
import SmartDealReportStage
import StageKit
import StageTesting
import StructuredValue
import Testing

struct SmartDealReportTests {
  private func file(_ value: Value) throws -> String {
    let path = NSTemporaryDirectory() + "report-\(UUID().uuidString).json"
    try Data(value.json().utf8).write(to: URL(fileURLWithPath: path))
    return path
  }

  private func point(_ ratio: Double) -> Value {
    ["format": "smartdeal-layers/1", "totals": ["storedCR": .double(ratio), "nonZeros": 5]]
  }

  private func scores(_ before: Double, _ after: Double) -> Value {
    ["accuracy": .double(after), "accuracyBefore": .double(before), "correct": 7]
  }

  @Test func `a point that another beats is not on the front`() async throws {
    // c is smaller and worse than b; d is larger than b and worse.
    let sweep = [("a", 4.0, 0.9), ("b", 8.0, 0.895), ("c", 12.0, 0.8), ("d", 6.0, 0.85)]
    let outcome = try await StageHarness(SmartDealReport.self).run(
      parameters: ["along": "t", "loss": 0.01],
      gathered: [
        "layers": try sweep.map { ("t=\($0.0)", try file(point($0.1))) },
        "scores": try sweep.map { ("t=\($0.0)", try file(scores(0.9, $0.2))) },
      ])
    #expect(outcome.metrics["points"] == 4)
    #expect(outcome.metrics["front"] == 3)
    #expect(outcome.metrics["bestCR"] == 8.0)
    #expect(outcome.metrics["bestRatio"] == .null)
    let rows = String(decoding: try outcome.bytes("table"), as: UTF8.self).split(separator: "\n")
    #expect(rows.count == 5)
    #expect(rows[4].hasPrefix("all,d,5,") && rows[4].hasSuffix(","))
    #expect(rows[2].hasSuffix(",yes"))
  }

  @Test func `points and scores of other instances are refused`() async throws {
    let error = await #expect(throws: StageError.self) {
      try await StageHarness(SmartDealReport.self).run(
        gathered: [
          "layers": [("t=1", try file(point(2)))], "scores": [("t=2", try file(scores(1, 1)))],
        ])
    }
    #expect(error?.message.contains("'t=1' has no scores") == true)
    await #expect(throws: StageError.self) {
      try await StageHarness(SmartDealReport.self).run(
        gathered: ["layers": [("t=1", try file(["format": "other"]))]])
    }
  }
}
