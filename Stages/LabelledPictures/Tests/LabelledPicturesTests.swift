import Foundation
import LabelledPicturesStage
import StageKit
import StageTesting
import StructuredTraining
import StructuredValue
import Testing

struct LabelledPicturesTests {
  /// Five pictures of 1 × 2 with the labels 0, 1, 2, 0, 1, as IDX files.
  private static func folder() throws -> String {
    let folder = NSTemporaryDirectory() + "digits-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let images: [UInt8] =
      [0, 0, 8, 3, 0, 0, 0, 5, 0, 0, 0, 1, 0, 0, 0, 2] + (0..<10).map { UInt8($0) }
    let wide: [UInt8] =
      [0, 0, 8, 3, 0, 0, 0, 5, 0, 0, 0, 2, 0, 0, 0, 1] + (0..<10).map { UInt8($0) }
    try Data(wide).write(to: URL(fileURLWithPath: "\(folder)/wide"))
    let labels: [UInt8] = [0, 0, 8, 1, 0, 0, 0, 5, 0, 1, 2, 0, 1]
    try Data(images).write(to: URL(fileURLWithPath: "\(folder)/images"))
    try Data(labels).write(to: URL(fileURLWithPath: "\(folder)/labels"))
    return folder
  }

  private func run(_ parameters: Value) async throws -> StageHarness<LabelledPictures>.Outcome {
    var all = parameters.map ?? [:]
    all["images"] = all["images"] ?? ["images"]
    all["labels"] = all["labels"] ?? ["labels"]
    return try await StageHarness(LabelledPictures.self).run(
      parameters: .map(all), inputs: ["folder": Self.folder()])
  }

  @Test func `a part is taken in order, and classes are numbered anew`() async throws {
    let outcome = try await run(["first": 1, "count": 4, "classes": [2, 0]])
    let set = try PictureSet(safetensors: outcome.path("pictures"))
    #expect(set.labels == [0, 1] && set.pixels == [4, 5, 6, 7])
    #expect(outcome.metrics["pictures"] == 2 && outcome.metrics["classes"] == 2)
  }

  private static let refused: [(Value, String)] = [
    (["first": 5], "the first is picture 5; there are 5"),
    (["first": 3, "count": 3], "3 pictures are asked for from picture 3 on; there are 2"),
    (["classes": [7]], "no picture is of class 7"),
    (["shares": ["9": 0.5]], "no picture is of class 9"),
    (["shares": ["1": 0]], "the share of class 1 is 0.0; above 0 and at most 1"),
    (["shares": ["three": 0.5]], "'shares' names 'three'"),
    (["images": ["../images"]], "'../images' is no name of a file"),
    (["images": ["labels"]], "expected pictures"),
    (["images": ["images", "images"]], "5 labels; expected 5 from label 5 on"),
    (
      ["images": ["images", "wide"], "labels": ["labels", "labels"]],
      "1 × 2 × 1, the files before it of 1 × 1 × 2"
    ),
    (["labels": ["labels", "labels"]], "2 files of labels for 1 of pictures"),
    (["images": ["none"]], "none"),
  ]

  @Test(arguments: refused.indices)
  func `what is not there is one clear sentence`(number: Int) async throws {
    let (parameters, part) = Self.refused[number]
    let error = await #expect(throws: StageError.self) { try await run(parameters) }
    #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
  }
}
