import BayesianInference
import BnnPicturesStage
import Formats
import Foundation
import StageKit
import StageTesting
import StructuredValue
import Testing

struct PictureEvaluationTests {
  /// A linear network of two classes on pictures of 1 × 2: the logit of class c is weight · pixel c.
  private static func posterior(_ weights: [Float]) throws -> String {
    let network = try Network(inputs: 2, hidden: [], outputs: 2, activation: .relu)
    let posterior = ApproximatePosterior(
      method: "made", network: network, likelihood: .categorical(classes: 2),
      scaling: Standardisation(
        inputMeans: [0, 0], inputScales: [255, 255], targetMean: 0, targetScale: 1),
      rule: .draws, draws: weights.flatMap { [$0, 0, 0, $0, 0, 0] }, chains: 1, noise: [])
    let path = NSTemporaryDirectory() + "posterior-\(UUID().uuidString).safetensors"
    try posterior.file().write(to: path)
    return path
  }

  private static func pictures(
    _ pixels: [[UInt8]], _ labels: [Int], height: Int = 1, width: Int = 2
  ) throws -> String {
    let path = NSTemporaryDirectory() + "pictures-\(UUID().uuidString).safetensors"
    try Safetensors([
      NamedTensor(
        name: "images",
        data: TensorData(
          type: .uint8, shape: [labels.count, 1, height, width], bytes: pixels.flatMap { $0 })),
      NamedTensor(name: "labels", data: TensorData(labels, shape: [labels.count])),
    ]).write(to: path)
    return path
  }

  private func run(
    _ parameters: Value, posterior: String, pictures: String
  ) async throws -> StageHarness<PictureEvaluation>.Outcome {
    try await StageHarness(PictureEvaluation.self).run(
      parameters: parameters, inputs: ["posterior": posterior, "pictures": pictures])
  }

  /// Three sure ones, of which all are right, and one unsure one, which is wrong.
  private func four() async throws -> StageHarness<PictureEvaluation>.Outcome {
    try await run(
      [
        "smoothing": 0, "cost": [[0, 1], [10, 0]], "reject": 0.25, "shifts": ["roll"],
        "title": "four",
      ], posterior: Self.posterior([8]),
      pictures: Self.pictures([[255, 0], [0, 255], [255, 0], [0, 51]], [0, 1, 0, 0]))
  }

  @Test func `pictures are judged in closed form`() async throws {
    let outcome = try await four()
    let metric = { (name: String) in outcome.metrics[name]?.double ?? .nan }
    #expect(metric("accuracy") == 0.75 && metric("error_percent") == 25)
    // Logits apart by 8 and, of the unsure one, by 1.6.
    let (sure, unsure) = (-log(1 / (1 + exp(-8.0))), -log(1 / (1 + exp(1.6))))
    #expect(abs(metric("log_likelihood") + (3 * sure + unsure) / 4) < 1e-5)
    #expect(metric("error_auroc") == 1)
    #expect(metric("error_auroc_model").isNaN)
    // One risk of 1/4, after three of 0.
    #expect(abs(metric("aurc") - 1.0 / 16) < 1e-12 && metric("uncertainty_useless") == 0)
    // Rejecting the unsure one leaves right ones only.
    #expect(metric("kept_accuracy") == 1 && metric("classification_quality") == 1)
    #expect(metric("rejection_quality") == .infinity || metric("rejection_quality").isNaN)
    // All expected costs favour the likelier class here; the wrong one costs 1.
    #expect(metric("decision_cost") == 1)
    // Rolled by 0, 2, 4, … of two pixels nothing changes.
    #expect(metric("shifted_accuracy") == 0.75)
    let shift = try CSV.read(path: outcome.path("shift"))
    #expect(shift.rowCount == 8)
    let table = try CSV.read(path: outcome.path("uncertainty"))
    #expect(try table.doubles("label") == [0, 1, 0, 0])
    #expect(try table.doubles("class") == [0, 1, 0, 1])
    let scores = try Value(json: Data(outcome.bytes("scores")))
    #expect(scores.map?["method"]?.string == "four")
    let model = scores.map?["metrics"]?.map?["error_auroc_model"]?.map
    #expect(model?["value"] == .null && model?["reason"]?.string?.contains("one member") == true)
    let accuracy = scores.map?["metrics"]?.map?["accuracy"]?.map
    #expect(abs((accuracy?["standard_error"]?.double ?? 0) - (0.75 * 0.25 / 4).squareRoot()) < 1e-9)
  }

  @Test func `members that disagree give model uncertainty`() async throws {
    let outcome = try await run(
      ["smoothing": 0], posterior: Self.posterior([8, -8]),
      pictures: Self.pictures([[255, 0], [30, 0]], [0, 1]))
    let table = try CSV.read(path: outcome.path("uncertainty"))
    let (total, model) = (
      try table.doubles("entropy"), try table.doubles("mutual_information")
    )
    #expect(abs(total[0] - log(2)) < 1e-6 && model[0] > 0.6 && model[1] < 0.2)
    #expect(outcome.metrics["draws"] == 2)
  }

  @Test func `foreign pictures get uncertainties only, and draws are thinned`() async throws {
    let outcome = try await run(
      ["labelled": false, "draws": 2, "limit": 1], posterior: Self.posterior([1, 2, 3, 4]),
      pictures: Self.pictures([[255, 0], [0, 255]], [0, 1]))
    let table = try CSV.read(path: outcome.path("uncertainty"))
    #expect(table.rowCount == 1)
    #expect(try table.doubles("members") == [2])
    #expect(outcome.metrics["accuracy"] == nil)
  }

  @Test func `what doesn't fit is one clear sentence`() async throws {
    let posterior = try Self.posterior([1])
    let cases: [(Value, String, String)] = [
      ([:], try Self.pictures([[1, 2, 3]], [0], width: 3), "pictures of 1 × 3 for a network of 2"),
      ([:], try Self.pictures([[1, 2]], [2]), "row 0: the label 2 is none of 0 to 1"),
      (["cost": [[0, 1]]], try Self.pictures([[1, 2]], [1]), "a cost matrix of 1 × 2"),
      ([:], posterior, "labelled-pictures"),
    ]
    for (parameters, pictures, part) in cases {
      let error = await #expect(throws: StageError.self) {
        try await run(parameters, posterior: posterior, pictures: pictures)
      }
      #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
    }
  }
}
