import Foundation
import Formats
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

  @Test func `the fixtures are there`() { #expect(Self.names.count == 33) }

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
}
