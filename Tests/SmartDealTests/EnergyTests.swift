import Foundation
import ONNX
import StructuredValue
import Testing

@testable import SmartDeal

/// The energy model beside figures that were computed independently.
@Suite(.enabled(if: Mirror.isPresent, "\(Mirror.isAbsent)")) struct EnergyTests {
  private func golden() throws -> [Value] {
    try #require(try Reference.file("energy.json")["cases"]?.list)
  }

  private func check(_ shares: [EnergyShares], _ expected: Value?, _ name: String) throws {
    let expected = try #require(expected)
    let sum = shares.reduce(EnergyShares(), +)
    let pairs = [
      ("dramWeights", sum.dramWeights), ("dramActivations", sum.dramActivations),
      ("inputBuffer", sum.inputBuffer), ("weightBuffer", sum.weightBuffer),
      ("outputBuffer", sum.outputBuffer), ("mac", sum.multiplyAccumulate),
      ("rebuild", sum.rebuild), ("total", sum.total),
    ]
    for (key, found) in pairs {
      let wanted = try #require(expected[key]?.double)
      #expect((found - wanted).magnitude <= 1e-6 * wanted.magnitude, "\(name) \(key) \(found)")
    }
  }

  @Test func agreesOnPublishedNetworks() throws {
    /// Sides of each layer's kernel, input and output; those networks are chains of a few layers.
    let sides = [
      "cifar_base_kw.onnx": [(4, 32, 16), (4, 16, 8), (1, 1, 1), (1, 1, 1)],
      "cifar_wide_kw.onnx": [(4, 32, 16), (4, 16, 8), (1, 1, 1), (1, 1, 1)],
      "cifar_deep_kw.onnx": [
        (4, 32, 16), (3, 16, 16), (3, 16, 16), (4, 16, 8), (1, 1, 1), (1, 1, 1),
      ],
    ]
    var compared = 0
    for expected in try golden() {
      guard let file = expected["network"]?.string, let sides = sides[file],
        let threshold = expected["threshold"]?.double
      else { continue }
      let tensors = try ONNXModel(path: Mirror.network(file)).graph.weightTensors()
      #expect(tensors.count == sides.count)
      var dense: [(LayerGeometry, LayerStorage)] = []
      var compressed: [(LayerGeometry, LayerStorage)] = []
      for (tensor, (kernel, input, output)) in zip(tensors, sides) {
        let found = try Decomposition(
          tensor.weights, shape: tensor.shape, name: tensor.name,
          options: DecompositionOptions(threshold: threshold))
        let account = StorageAccount(found.layout, found.coefficients)
        let geometry = LayerGeometry(
          name: tensor.name, outputs: tensor.shape[0], inputsPerGroup: tensor.shape[1],
          kernel: kernel, inputHeight: input, inputWidth: input, outputHeight: output,
          outputWidth: output)
        dense.append((geometry, .dense(geometry)))
        compressed.append(
          (
            geometry,
            LayerStorage(
              account, encoding: account.best(among: Encoding.published), n: found.layout.n)
          ))
      }
      let model = EnergyModel()
      try check(model.energy(dense), expected["dense8"], file)
      try check(model.energy(compressed), expected["smartDeal"], file)
      compared += 1
    }
    #expect(compared == 9)
  }

  @Test func agreesOnPublishedPruningLists() throws {
    let lists = [
      "ResNet-18 CIFAR-10, structural list": "resnet18-structure-percentage.txt",
      "ResNet-18 CIFAR-10, smaller list": "resnet18-structure-percentage-smaller.txt",
      "MobileNetV2 CIFAR-10, structural list": "mobilenetv2-structure-percentage.txt",
      "MobileNetV2 CIFAR-10, smaller list": "mobilenetv2-structure-percentage-smaller.txt",
    ]
    var compared = 0
    for expected in try golden() {
      guard let name = expected["network"]?.string, let file = lists[name] else { continue }
      let list = try Mirror.pruningList(file)
      let architecture: PublishedArchitecture =
        name.hasPrefix("ResNet") ? .resNet18 : .mobileNetV2
      let layers = architecture.layers
      #expect(list.count == layers.count)
      let storage = try architecture.storage(prunedBy: list)
      #expect(layers.reduce(0) { $0 + $1.weights } == expected["weights"]?.int)
      let layouts = try layers.indices.map { try architecture.layout(ofLayer: $0) }
      #expect(layouts.reduce(0) { $0 + $1.coefficients } == expected["coefficients"]?.int)
      #expect(layouts.reduce(0) { $0 + $1.basisElements } == expected["basisElements"]?.int)
      #expect(
        storage.reduce(0) { $0 + ($1.rebuild?.nonZeros ?? 0) } == expected["nonZeros"]?.int)
      #expect(storage.reduce(0) { $0 + $1.bits } == expected["storedBits"]?.int)
      let compressed = Array(zip(layers, storage))
      let model = EnergyModel()
      try check(model.energy(layers.map { ($0, .dense($0)) }), expected["dense8"], name)
      try check(
        model.energy(compressed.map { ($0.0, $0.1) }), expected["smartDeal"], name)
      compared += 1
    }
    #expect(compared == 4)
  }

  @Test func prunesTheSameRowsInEachGroup() throws {
    let shape = [70, 4, 3, 3]
    let weights = (0..<2520).map { Float(($0 * 7919) % 997) / 997 - 0.5 }
    for criterion in StructuredPruning.Criterion.allCases {
      let pruning = StructuredPruning(criterion: criterion)
      let pruned = pruning.applied(
        to: weights, shape: shape, number: criterion == .value ? 23.5 : 0.3)
      for group in [0..<32, 32..<64, 64..<70] {
        let zero = (0..<12).filter { row in
          group.allSatisfy { filter in
            (0..<3).allSatisfy { pruned[filter * 36 + row * 3 + $0] == 0 }
          }
        }
        if criterion == .population { #expect(zero.count == 4) }
        for filter in group {
          for position in 0..<36 where !zero.contains(position / 3) {
            #expect(pruned[filter * 36 + position] == weights[filter * 36 + position])
          }
        }
      }
      #expect(pruned != weights)
      let found = try Decomposition(
        pruned, shape: shape, name: "w", options: DecompositionOptions())
      for (row, weights) in stride(from: 0, to: pruned.count, by: 3).enumerated()
      where pruned[weights..<weights + 3].allSatisfy({ $0 == 0 }) {
        #expect(found.coefficients[row * 3..<row * 3 + 3].allSatisfy { $0 == 0 })
      }
    }
    #expect(throws: SmartDealError.self) {
      try StructuredPruning().check([0.5], tensors: ["a", "b"])
    }
    #expect(throws: SmartDealError.self) {
      try StructuredPruning().check([0.5, 1.5], tensors: ["a", "b"])
    }
  }
}
