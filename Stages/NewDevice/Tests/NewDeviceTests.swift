import EdgeOptimization
import Foundation
import NewDeviceStage
import StageKit
import StageTesting
import StructuredValue
import Testing

struct NewDeviceTests {
  private static let cells = (0..<200).map { row in
    (0..<6).map { (row * 7919 / [1, 5, 25, 125, 625, 3125][$0] + row * $0) % 5 }
  }
  private static func latency(_ cost: [Double], _ cell: [Int]) -> Double {
    1 + cell.reduce(0) { $0 + cost[$1] }
  }
  private static func accuracy(_ row: Int) -> Double {
    cells[row].reduce(50.0) { $0 + [0, 2, 5, 7, 1][$1] } + Double(row % 3)
  }
  private static let known = [[0, 0.1, 1, 4, 0.5], [0, 0.3, 2, 3, 1]]
  private static let new = [0, 0.1, 1.2, 3.5, 0.9]
  static let tables: (latency: String, accuracy: String) = {
    var latency = "index,design,phone,board\n"
    var accuracy = "index,cifar\n"
    for (row, cell) in cells.enumerated() {
      let values = known.map { "\(Self.latency($0, cell))" }.joined(separator: ",")
      latency += "\(row),\(cell.map(String.init).joined()),\(values)\n"
      accuracy += "\(row),\(Self.accuracy(row))\n"
    }
    return (latency, accuracy)
  }()

  @Test func `a newcomer is told what to measure, measures it, and gets designs to run`()
    async throws
  {
    let first = try await run(measured: nil)
    #expect(first.metrics["missing"] == 10)
    #expect(!FileManager.default.fileExists(atPath: first.path("designs")))
    let asked = try indices(first, "next")
    #expect(asked.count == 10)
    let second = try await run(measured: csv(asked))
    #expect(second.metrics["missing"] == 0)
    #expect(second.metrics["measured"] == 10)
    #expect(second.metrics["adapted_srcc"]?.double ?? 0 > 0.8)
    #expect(second.notes.first?.contains("mine") == true)
    let predicted = String(decoding: try second.bytes("predictions"), as: UTF8.self)
      .split(separator: "\n").dropFirst().map { $0.split(separator: ",").map { Double($0) ?? 0 } }
    let truth = Self.cells.map { Self.latency(Self.new, $0) }
    #expect(Correlation.spearman(predicted.map { $0[1] }, truth).value ?? 0 > 0.95)
    // What to measure next is new, and looks good.
    let more = try indices(second, "next")
    #expect(more.count == 10 && Set(more).isDisjoint(with: asked))
    let third = try await run(measured: csv(asked + more))
    #expect(third.metrics["measured"] == 20)
    #expect(third.metrics["check_srcc"] == second.metrics["check_srcc"], "the samples alone judge")
  }

  @Test func `a unit changes nothing but the numbers in it`() async throws {
    let asked = try indices(try await run(measured: nil), "next")
    let one = try await run(measured: csv(asked))
    let other = try await run(measured: csv(asked, unit: 1024))
    #expect(try indices(one, "next") == indices(other, "next"))
    #expect(try indices(one, "designs") == indices(other, "designs"))
    #expect(one.metrics["check_lower"] == other.metrics["check_lower"])
  }

  @Test func `a design that the device can't run is left out, and not proposed again`() async throws
  {
    let asked = try indices(try await run(measured: nil), "next")
    var text = csv(Array(asked.dropFirst()))
    text += "\(asked[0]),\n"
    let outcome = try await run(measured: text)
    #expect(outcome.metrics["measured"] == 10)
    #expect(try !indices(outcome, "next").contains(asked[0]))
    #expect(try !indices(outcome, "designs").contains(asked[0]))
  }

  @Test func `designs of no use are neither proposed nor reported`() async throws {
    let asked = try indices(try await run(measured: nil), "next")
    let outcome = try await run(measured: csv(asked), leastAccuracy: 70)
    for slot in ["next", "designs"] {
      let found = try indices(outcome, slot)
      #expect(!found.isEmpty)
      #expect(found.allSatisfy { Self.accuracy($0) >= 70 })
    }
  }

  @Test(
    arguments: [
      ("index,mine\n0,1\n999,2\n", "design 999 was measured, but is not in the latency table"),
      ("index,mine,yours\n0,1,2\n", "the measurements have the columns mine, yours"),
      ("index,mine\n0,-1\n", "'mine', index 0: -1.0 is no positive finite value"),
      (
        "index,mine\n" + (0..<12).map { "\($0),3\n" }.joined(),
        "no proxy has a rank correlation with the samples"
      ),
    ])
  func `measurements that can't be are refused`(text: String, part: String) async throws {
    let error = await #expect(throws: StageError.self) { try await run(measured: text) }
    #expect(error?.code == .badInput)
    #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
    #expect(error?.slot == "measured")
  }

  private func csv(_ designs: [Int], unit: Double = 1) -> String {
    "index,mine\n"
      + designs.map { "\($0),\(unit * Self.latency(Self.new, Self.cells[$0]))\n" }.joined()
  }

  private func indices(
    _ outcome: StageHarness<NewDevice>.Outcome, _ slot: String
  ) throws -> [Int] {
    let lines = String(decoding: try outcome.bytes(slot), as: UTF8.self).split(separator: "\n")
    let column = try #require(lines.first?.split(separator: ",").firstIndex(of: "index"))
    return try lines.dropFirst().map {
      try #require(Int($0.split(separator: ",", omittingEmptySubsequences: false)[column]))
    }
  }

  private func run(
    measured: String?, leastAccuracy: Double = 0
  ) async throws -> StageHarness<NewDevice>.Outcome {
    var inputs = [
      "latency": try file(Self.tables.latency), "accuracy": try file(Self.tables.accuracy),
    ]
    if let measured { inputs["measured"] = try file(measured) }
    return try await StageHarness(NewDevice.self).run(
      parameters: ["pool": 100, "least-accuracy": .double(leastAccuracy)], inputs: inputs, seed: 1)
  }

  private func file(_ text: String) throws -> String {
    let path = NSTemporaryDirectory() + "new-device-\(UUID().uuidString).csv"
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    return path
  }
}
