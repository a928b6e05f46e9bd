import StageKit
import StructuredValue
import Tensors

/// What two networks say about the same labelled pictures.
struct Comparison {
  private let labels: [Int]
  private var before: [Int] = []
  private var after: [Int] = []
  private var difference = 0.0
  private var norm = 0.0

  init(_ labels: [Int]) { self.labels = labels }

  /// Takes the outputs of both networks for a range of pictures, float[pictures, classes].
  mutating func add(_ range: Range<Int>, before first: Tensor, after second: Tensor) throws {
    let one = try first.reshaped([range.count, -1])
    let two = try second.reshaped([range.count, -1])
    guard one.shape == two.shape else {
      throw StageError(
        code: .badInput,
        message: "the networks before and after give \(one.shape[1]) and \(two.shape[1]) classes",
        slot: "rebuilt")
    }
    if let label = labels[range].max(), label >= one.shape[1] {
      throw StageError(
        code: .badInput,
        message: "a picture is labelled \(label), but the network has \(one.shape[1]) classes",
        slot: "images")
    }
    before += try one.argmax(along: 1).integers()
    after += try two.argmax(along: 1).integers()
    difference += try (two - one).to(.float64).square().sum().double()
    norm += try one.to(.float64).square().sum().double()
  }

  var counts: [(String, Int)] {
    [
      ("images", labels.count), ("correctBefore", same(before, labels)),
      ("correct", same(after, labels)), ("agree", same(before, after)),
    ]
  }

  var shares: [(String, Double)] {
    let count = Double(labels.count)
    let accuracy = Double(same(after, labels)) / count
    return [
      ("accuracyBefore", Double(same(before, labels)) / count), ("accuracy", accuracy),
      ("accuracyError", (accuracy * (1 - accuracy) / count).squareRoot()),
      ("agreement", Double(same(before, after)) / count),
      ("outputError", norm > 0 ? (difference / norm).squareRoot() : 0),
    ]
  }

  var json: Value {
    var fields: [String: Value] = ["format": "smartdeal-scores/1"]
    for (name, count) in counts { fields[name] = .int(count) }
    for (name, share) in shares { fields[name] = .double(share) }
    return .map(fields)
  }

  var table: String {
    labels.indices.reduce(into: "index,label,before,after\n") { text, index in
      text += "\(index),\(labels[index]),\(before[index]),\(after[index])\n"
    }
  }

  var classes: String {
    var text = "class,images,correctBefore,correct,agree\n"
    for name in Set(labels).sorted() {
      let places = labels.indices.filter { labels[$0] == name }
      text += "\(name),\(places.count),\(places.count { before[$0] == name }),"
      text += "\(places.count { after[$0] == name }),\(places.count { before[$0] == after[$0] })\n"
    }
    return text
  }

  private func same(_ first: [Int], _ second: [Int]) -> Int {
    zip(first, second).reduce(0) { $0 + ($1.0 == $1.1 ? 1 : 0) }
  }
}
