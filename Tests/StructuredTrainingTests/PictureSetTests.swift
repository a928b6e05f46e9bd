import Formats
import Foundation
import NeuralNetworks
import StructuredTraining
import Tensors
import Testing

struct PictureSetTests {
  private static func toy(_ count: Int = 4) throws -> PictureSet {
    try PictureSet(
      pixels: (0..<count * 6).map { UInt8($0 * 10 % 256) }, channels: 1, height: 2, width: 3,
      labels: (0..<count).map { $0 % 3 })
  }

  @Test func `pictures go to a file and back`() throws {
    let path = NSTemporaryDirectory() + "pictures-\(UUID().uuidString)"
    try Self.toy().write(safetensors: path)
    #expect(try PictureSet(safetensors: path) == Self.toy())
  }

  @Test func `pixels are scaled channel by channel`() throws {
    let set = try PictureSet(
      pixels: [0, 255, 51, 102], channels: 2, height: 1, width: 2, labels: [5])
    let data = try set.dataset(
      shape: [4, 1], scaling: .init(mean: [0.5, 0.2], deviation: [0.25, 2]))
    #expect(data.tensors[0].shape == [1, 4, 1])
    let numbers = try data.tensors[0].doubles()
    for (found, wanted) in zip(numbers, [-2, 2, 0, 0.1]) { #expect(abs(found - wanted) < 1e-6) }
    #expect(try data.tensors[1].integers() == [5])
  }

  @Test func `classes are chosen and numbered anew`() throws {
    let part = try Self.toy(7).only([2, 0])
    #expect(part.labels == [1, 0, 1, 0, 1])
    #expect(try Array(part.pixels.prefix(6)) == Self.toy(7)[0..<1].pixels)
  }

  @Test func `rare classes keep the first of their pictures and the others keep all`() throws {
    let all = try Self.toy(12)
    let thin = try all.thinned([1: 0.5, 2: 0.001])
    #expect(thin.labels == [0, 1, 2, 0, 1, 0, 0])
    #expect(try Array(thin.pixels[24..<30]) == all[4..<5].pixels)
    #expect(try all.thinned([:]) == all)
  }

  @Test func `what does not fit is one clear sentence`() throws {
    let set = try Self.toy()
    let cases: [(String, () throws -> Void)] = [
      (
        "3 pixels are not 1 pictures of 1 × 2 × 3",
        {
          _ = try PictureSet(pixels: [1, 2, 3], channels: 1, height: 2, width: 3, labels: [0])
        }
      ),
      (
        "a label is -1",
        {
          _ = try PictureSet(pixels: [1], channels: 1, height: 1, width: 1, labels: [-1])
        }
      ),
      ("pictures 3 to 9 are asked for; there are 4", { _ = try set[3..<9] }),
      ("no picture is of class 8", { _ = try set.only([8]) }),
      ("class 1 is named twice", { _ = try set.only([1, 1]) }),
      ("the network takes [7]", { _ = try set.dataset(shape: [7], scaling: .init()) }),
      (
        "mean is [0.1, 0.2]",
        {
          _ = try set.dataset(shape: [6], scaling: .init(mean: [0.1, 0.2]))
        }
      ),
      ("deviation is [0.0]", { _ = try set.dataset(shape: [6], scaling: .init(deviation: [0])) }),
    ]
    for (part, body) in cases {
      let error = #expect(throws: TrainingError.self) { try body() }
      #expect(error?.message.contains(part) == true, "\(error?.message ?? "") has no '\(part)'")
    }
  }

  @Test(.enabled(if: Mirror.isPresent, "\(Mirror.isAbsent)"))
  func `rows of PNG files are the training digits in their order`() throws {
    let images = (0..<20).map { Mirror.batch($0) }
    let set = try PictureSet(files: images, labels: [Mirror.trainingLabels])
    #expect(set.count == 60_000 && set.labels.prefix(5) == [5, 0, 4, 1, 9])
    // The first is the well-known five: its first ink is in row 5, and its rows above are empty.
    let five = set.pixels[0..<784]
    #expect(five.prefix(5 * 28 + 12).allSatisfy { $0 == 0 })
    #expect(five[5 * 28 + 12] == 3)
  }

  @Test(.enabled(if: Mirror.isPresent, "\(Mirror.isAbsent)"))
  func `IDX files are the test digits, and labels must be as many`() throws {
    let set = try Mirror.pictures(0..<10_000)
    #expect(set.classes == 10 && set.height == 28 && set.labels.prefix(4) == [7, 2, 1, 0])
    let batches = (0..<4).map { Mirror.batch($0) }
    let error = #expect(throws: FormatError.self) {
      try PictureSet(files: batches, labels: [Mirror.labels])
    }
    #expect(error?.found == "10000 labels")
  }
}
