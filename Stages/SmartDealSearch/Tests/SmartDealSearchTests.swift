import Formats
import Foundation
import ONNX
import SmartDeal
import SmartDealSearchStage
import StageKit
import StageTesting
import StructuredValue
import Testing

struct SmartDealSearchTests {
  private static let parameters: Value = [
    "thresholds": [0.01, 0.05, 0.2], "roots": [0.02, 0.1], "measurements": 30, "agreement": 0.8,
    "tested": 10, "pictures-count": 24,
  ]

  @Test func `the chosen network's file, model and table tell the same`() async throws {
    let (model, pictures) = (try write(network()), try file(pictures(40, from: 0)))
    let outcome = try await StageHarness(SmartDealSearch.self).run(
      parameters: Self.parameters,
      inputs: [
        "model": model, "pictures": pictures, "images": try file(self.pictures(20, from: 50)),
      ])
    let file = try SDLFile(path: outcome.path("weights"))
    let after = try ONNXModel(path: outcome.path("model"))
    for (layer, tensor) in zip(file.layers, after.graph.weightTensors()) {
      #expect(try file.weights(of: layer) == tensor.weights)
    }
    #expect(outcome.metrics["fileBytes"]?.int == file.byteCount)
    let weights = after.graph.weightTensors().reduce(0) { $0 + $1.weights.count }
    #expect(outcome.metrics["fileCR"]?.double == 4 * Double(weights) / Double(file.byteCount))
    #expect((outcome.metrics["agreement"]?.double ?? 0) >= 0.8)
    #expect(outcome.metrics["images"] == 20 && outcome.metrics["paperNetworks"] == 3)
    #expect(
      (outcome.metrics["fileCR"]?.double ?? 0)
        >= (outcome.metrics["uniformCR"]?.double ?? .infinity))
    #expect(try #require(outcome.metrics["gain"].flatMap(\.double)) >= 1)
    // A row for each of three θ, two √λ in two forms, and at most eleven of the front.
    let rows = String(decoding: try outcome.bytes("networks"), as: UTF8.self).split(separator: "\n")
    #expect(rows.count > 1 + 7 && rows.count <= 1 + 7 + 11)
    #expect(rows.contains { $0.hasPrefix("searched,,\(file.byteCount),") })
    let layers = String(decoding: try outcome.bytes("layers"), as: UTF8.self).split(separator: "\n")
    #expect(layers.count == 3)
    let bytes = layers.dropFirst().compactMap { Int($0.split(separator: ",")[3]) }
    #expect(bytes.reduce(20, +) == file.byteCount)
  }

  @Test func `the number of processors changes no byte`() async throws {
    let inputs = [
      "model": try write(network()), "pictures": try file(pictures(24, from: 0)),
      "images": try file(pictures(10, from: 50)),
    ]
    let one = try await StageHarness(SmartDealSearch.self).run(
      parameters: Self.parameters, inputs: inputs, cpus: 1)
    let three = try await StageHarness(SmartDealSearch.self).run(
      parameters: Self.parameters, inputs: inputs, cpus: 3)
    for slot in ["weights", "model", "networks", "layers", "figure"] {
      #expect(try one.bytes(slot) == three.bytes(slot))
    }
  }

  @Test func `what does not fit is one clear sentence that names the slot`() async throws {
    let model = try write(network())
    let good = try file(pictures(4, from: 0))
    func error(_ parameters: Value, _ pictures: String, _ images: String) async -> StageError? {
      await #expect(throws: StageError.self) {
        try await StageHarness(SmartDealSearch.self).run(
          parameters: parameters, inputs: ["model": model, "pictures": pictures, "images": images])
      }
    }
    let none = await error(["thresholds": [], "roots": []], good, good)
    #expect(none?.code == .badParameter)
    #expect(none?.message.hasPrefix("there is no form to choose") == true)
    let twice = await error(["thresholds": [0.1, 0.1]], good, good)
    #expect(twice?.message.hasPrefix("a form is given twice") == true)
    let label = await error([:], good, try file("7,1,2,3,4\n"))
    #expect(label?.message == "a picture is labelled 7, but the network has 4 classes")
    #expect(label?.slot == "images")
    let size = await error([:], try file("0,1,2,3,4,5,6,7,8,9\n"), good)
    #expect(size?.slot == "pictures" && size?.message.contains("which the network takes") == true)
  }

  // MARK: - A network of two layers on pictures of 2 × 2

  private func network() -> ONNXModel {
    func weights(_ name: String, _ shape: [Int]) -> NamedTensor {
      let numbers = (0..<shape.reduce(1, *)).map { index -> Float in
        let mixed = (index * 7919 + index / 7 * 31) % 997
        return Float(mixed) / 997 - 0.5
      }
      return NamedTensor(name: name, data: TensorData(numbers, shape: shape))
    }
    return ONNXModel(
      graph: ONNXGraph(
        inputs: [
          ONNXValue(
            name: "x", type: .float32, shape: [.symbol("n"), .fixed(1), .fixed(2), .fixed(2)])
        ],
        outputs: [ONNXValue(name: "y", type: .float32, shape: nil)],
        initializers: [weights("first", [4, 60]), weights("second", [60, 4])],
        nodes: [
          ONNXNode(operator: "Flatten", inputs: ["x"], outputs: ["f"]),
          ONNXNode(operator: "MatMul", inputs: ["f", "first"], outputs: ["h"]),
          ONNXNode(operator: "Relu", inputs: ["h"], outputs: ["r"]),
          ONNXNode(operator: "MatMul", inputs: ["r", "second"], outputs: ["y"]),
        ]))
  }

  private func pictures(_ count: Int, from first: Int) -> String {
    (first..<first + count).map { picture in
      let pixels = (0..<4).map { (picture * 67 + $0 * 91 + picture * $0 * 13) % 256 }
      return ([picture % 4] + pixels).map(String.init).joined(separator: ",") + "\n"
    }.joined()
  }

  private func file(_ text: String) throws -> String {
    let path = NSTemporaryDirectory() + "search-\(UUID().uuidString).csv"
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    return path
  }

  private func write(_ model: ONNXModel) throws -> String {
    let path = NSTemporaryDirectory() + "search-\(UUID().uuidString).onnx"
    try model.write(to: path)
    return path
  }
}
