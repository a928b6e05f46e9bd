import Foundation
import Formats
import Statistics
import StructuredValue
import Testing
import Verification

/// Operators that a chain of linear layers and ReLUs takes in another form; what they give is
/// PyTorch's, in float64 (`Fixtures/operators.py`).
struct OperatorTests {
  static let folder = Reference.fixtures.appendingPathComponent("operators")
  static let names: [String] = {
    let answers = try? JSONText.read(
      FileContent(path: folder.appendingPathComponent("answers.json").path))
    return (answers?.map?.keys).map(Array.init)?.sorted() ?? []
  }()

  private func network(_ name: String) throws -> ReLUNetwork {
    try ReLUNetwork.read(onnx: Self.folder.appendingPathComponent("\(name).onnx").path)
  }

  @Test func `the fixtures are there`() { #expect(Self.names.count == 39) }

  @Test(arguments: names)
  func `a network is the function that PyTorch computes`(_ name: String) throws {
    let answers = try JSONText.read(
      FileContent(path: Self.folder.appendingPathComponent("answers.json").path))
    let network = try network(name)
    let cases = zip(
      answers.map?[name]?.map?["inputs"]?.list ?? [],
      answers.map?[name]?.map?["outputs"]?.list ?? [])
    var count = 0
    for (input, output) in cases {
      let given = network.evaluate(network.reordered(input.numbers))
      let wanted = output.numbers
      try #require(given.count == wanted.count && !wanted.isEmpty)
      // The file's slopes, bounds and epsilons are float32.
      for (given, wanted) in zip(given, wanted) { #expect(abs(given - wanted) < 2e-6) }
      count += 1
    }
    #expect(count == 3)
  }

  @Test(arguments: names)
  func `a verdict on such a network is never against its samples`(_ name: String) throws {
    let answers = try JSONText.read(
      FileContent(path: Self.folder.appendingPathComponent("answers.json").path))
    let network = try network(name)
    let centre = network.reordered(
      answers.map?[name]?.map?["inputs"]?.list?.first?.numbers ?? [])
    let box = Box(around: centre, radius: 0.05)
    var generator = SplitMix64(seed: 11)
    let first = [1] + [Double](repeating: 0, count: network.outputCount - 1)
    let sampled = (0..<300).map { _ in
      network.evaluate(
        zip(box.lower, box.upper).map {
          $0 + ($1 - $0) * Double.random(in: 0...1, using: &generator)
        }
      )[0]
    }
    let lowest = sampled.min() ?? .nan
    let spread = (sampled.max() ?? .nan) - lowest
    var options = SearchOptions()
    options.branchLimit = 300
    let verifier = try Verifier(network, options)
    for distance in [-0.1 * spread, 2 * spread + 0.01] {
      let row = OutputRow(coefficients: first, offset: distance - lowest)
      let property = Property(problems: [Problem(box: box, clauses: [Clause(rows: [row])])])
      switch try verifier.verify(property).verdict {
      case .unsat: #expect(distance > 0)
      case .sat(let witness):
        #expect(box.contains(witness.input))
        #expect(network.evaluate(witness.input)[0] <= lowest - distance)
      case .unknown(let reason): #expect(distance > 0, "\(reason)")
      }
    }
  }
}
