import BranchingSamplesStage
import Foundation
import StageKit
import StageTesting
import StructuredValue
import Testing

struct BranchingSamplesTests {
  @Test(.enabled(if: Mirror.isPresent, "\(Mirror.isMissing)"))
  func `examples are equal at any thread count`() async throws {
    let files = try Mirror.files()
    func run(cpus: Int) async throws -> (String, [UInt8]) {
      let outcome = try await StageHarness(BranchingSamples.self).run(
        parameters: [
          "tables": ["base_easy"], "properties": 1, "records": 2, "best": 6, "best-of-layer": 3,
          "share": 0.01, "steps": 4, "easiest": 40, "hardest": 40,
        ], inputs: ["files": files], seed: 1, cpus: cpus)
      #expect(outcome.metrics["properties"] == 1)
      let path = outcome.path("samples") + "/property-0000.safetensors"
      return (
        String(decoding: try outcome.bytes("properties"), as: UTF8.self),
        Array(try Data(contentsOf: URL(fileURLWithPath: path)))
      )
    }
    let (table, bytes) = try await run(cpus: 1)
    let (other, others) = try await run(cpus: 2)
    #expect(table == other && bytes == others)
    let cells = table.split(separator: "\n")[1].split(separator: ",")
    // A third to all of what was wanted, and what a round of eight more may add.
    let branches = try #require(Int(cells[5]))
    #expect(3 * branches >= 40 && branches <= 56)
    #expect(cells[7] == "1" || cells[7] == "2")
  }

  @Test func `branches that are no range are refused`() async throws {
    let error = await #expect(throws: StageError.self) {
      try await StageHarness(BranchingSamples.self).run(
        parameters: ["easiest": 60, "hardest": 10], inputs: ["files": "/tmp"])
    }
    #expect(error?.message.contains("the hardest's no smaller") == true)
  }
}
