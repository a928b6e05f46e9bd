import BnnDetectStage
import Formats
import Foundation
import StageKit
import StageTesting
import StructuredValue
import Testing

struct ForeignDetectionTests {
  /// A table of bnn-pictures with these entropies; mutual information is half of each.
  private static func table(
    _ entropies: [Double], labels: [Int]? = nil, members: Int = 3
  ) throws -> String {
    var text =
      "label,class,confidence,entropy,expected_entropy,mutual_information,variation_ratio,members\n"
    for (row, entropy) in entropies.enumerated() {
      let label = labels.map { "\($0[row])" } ?? ""
      text +=
        "\(label),0,\(1 - entropy / 4),\(entropy),\(entropy / 2),\(entropy / 2),0,\(members)\n"
    }
    let path = NSTemporaryDirectory() + "uncertainty-\(UUID().uuidString).csv"
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    return path
  }

  private func run(
    test: String, foreign: [String], parameters: Value = [:]
  ) async throws -> StageHarness<ForeignDetection>.Outcome {
    try await StageHarness(ForeignDetection.self).run(
      parameters: parameters, inputs: ["test": test],
      gathered: ["foreign": foreign.enumerated().map { ("set=\($0)", $1) }])
  }

  @Test func `foreign sets are found by how far their uncertainty is from the test set's`()
    async throws
  {
    // The class is 0 throughout, so that the label 1 is wrong.
    let test = try Self.table([0.1, 0.2, 0.3, 0.9], labels: [0, 0, 0, 1])
    let outcome = try await run(
      test: test, foreign: [Self.table([1, 1.2, 0.95]), Self.table([0.25, 0.5])],
      parameters: ["names": ["far", "near"]])
    let metric = { (name: String) in outcome.metrics[name]?.double ?? .nan }
    #expect(metric("auroc_total") == 1 && metric("auroc_model") == 1)
    // 0.25 is above two of four, 0.5 above three.
    #expect(metric("least_auroc_total") == 5.0 / 8)
    #expect(abs(metric("gap_total")) < 1e-12)
    #expect(metric("sets") == 2)
    let table = try CSV.read(path: outcome.path("table"))
    #expect(table.rowCount == 9)
    #expect(try table.doubles("auroc").prefix(3).allSatisfy { $0 == 1 })
    let matrix = try CSV.read(path: outcome.path("divergences"))
    let (far, near, itself) = (
      try matrix.doubles("far"), try matrix.doubles("near"), try matrix.doubles("test")
    )
    #expect(far[0] == itself[1] && near[0] == itself[2] && far[1] == 0)
    #expect(far[0] > near[0])
    let scores = try Value(json: Data(outcome.bytes("scores")))
    #expect(scores.map?["metrics"]?.map?["auroc_total"]?.map?["value"]?.double == 1)
  }

  @Test func `one member has no model uncertainty, which is no AUROC of a half`() async throws {
    let outcome = try await run(
      test: Self.table([0.1, 0.9], labels: [0, 1], members: 1),
      foreign: [Self.table([0.5], members: 1)])
    #expect(outcome.metrics["auroc_total"]?.double == 0.5)
    #expect(outcome.metrics["auroc_model"]?.double == nil)
    let text = String(decoding: try outcome.bytes("table"), as: UTF8.self)
    #expect(text.contains("one member has no model uncertainty"))
  }

  @Test func `what doesn't fit is one clear sentence`() async throws {
    let labelled = try Self.table([0.1], labels: [0])
    let bare = try Self.table([0.1])
    let other = NSTemporaryDirectory() + "other-\(UUID().uuidString).csv"
    try Data("a,b\n1,2\n".utf8).write(to: URL(fileURLWithPath: other))
    let cases: [(String, [String], Value, String)] = [
      (bare, [bare], [:], "the test set has no labels"),
      (labelled, [bare], ["names": ["a", "b"]], "2 names for 1 foreign sets"),
      (labelled, [other], [:], "entropy"),
    ]
    for (test, foreign, parameters, part) in cases {
      let error = await #expect(throws: StageError.self) {
        try await run(test: test, foreign: foreign, parameters: parameters)
      }
      #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
    }
  }
}
