import Foundation
import ModelledOptimizerStage
import StageKit
import StageTesting
import StructuredValue
import Testing

struct OptimizeModelledTests {
  /// 400 cells whose accuracy grows with their convolutions.
  static let accuracy: String = {
    var text = "index,design,cifar\n"
    for index in 0..<400 {
      var rest = index * 7919 % 15_625
      var digits: [Int] = []
      for _ in 0..<6 {
        digits.append(rest % 5)
        rest /= 5
      }
      let value = 50 + 4 * digits.count { $0 == 3 } + 2 * digits.count { $0 == 2 }
      text += "\(index),\(digits.map(String.init).joined()),\(value)\n"
    }
    return text
  }()

  static let parameters: [String: Value] = [
    "devices": [
      ["name": "phone", "peaks": [80, 80, 80, 40, 20], "bandwidth": 15, "cache": 1024],
      ["name": "board", "peaks": [8, 8, 8, 8, 8], "bandwidth": 4],
    ],
    "operation-picojoules": [0.1, 0.15, 0.23, 0.8, 3.2], "memory-picojoules": 160,
    "cache-picojoules": 1.5, "width-losses": [2, 0.5, 0.1, 0, 0],
    "share-losses": [0, 0.5, 2, 8], "samples": 200, "steps": 100,
  ]

  @Test
  func `a network names compressed cells nearly as good as the exact ones, and the same again`()
    async throws
  {
    let first = try await run(Self.parameters)
    let regret = try #require(first.metrics["regret"].flatMap(\.double))
    let random = try #require(first.metrics["random_regret"].flatMap(\.double))
    let dense = try #require(first.metrics["dense_regret"].flatMap(\.double))
    #expect(regret >= 0 && regret < random && regret < dense)
    #expect(try #require(first.metrics["exact_regret"].flatMap(\.double)) >= 0)
    let table = String(decoding: try first.bytes("designs"), as: UTF8.self)
    #expect(table.split(separator: "\n").count == 19)
    #expect(String(decoding: try first.bytes("figure"), as: UTF8.self).contains("modelled"))
    let again = try await run(Self.parameters)
    #expect(try first.bytes("designs") == again.bytes("designs"))
  }

  @Test(
    arguments: [
      (
        "devices",
        [
          ["name": "a", "peaks": [1, 1, 1, 1, 1], "bandwidth": 1],
          ["name": "a", "peaks": [1, 1, 1, 1, 1], "bandwidth": 1],
        ], "two devices are called 'a'"
      ),
      ("samples", 401, "401 samples of 400 cells"),
      ("share-losses", [0, 1, 2, 3, 4], "share-losses has 5 numbers; 4 are right"),
      (
        "devices", [["name": "a", "peaks": [1, 1, 1, 1, 1, 1], "bandwidth": 1]],
        "'peaks' of the device 'a' has 6 numbers; 5 are right"
      ),
    ] as [(String, Value, String)])
  func `what can't work is refused`(name: String, value: Value, part: String) async throws {
    var parameters = Self.parameters
    parameters[name] = value
    let error = await #expect(throws: StageError.self) { try await run(parameters) }
    #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
  }

  private func run(
    _ parameters: [String: Value]
  ) async throws -> StageHarness<OptimizeModelled>.Outcome {
    let file = FileManager.default.temporaryDirectory.appending(path: "modelled-\(UUID()).csv")
    try Data(Self.accuracy.utf8).write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    return try await StageHarness(OptimizeModelled.self).run(
      parameters: .map(parameters), inputs: ["accuracy": file.path], seed: 3)
  }
}
