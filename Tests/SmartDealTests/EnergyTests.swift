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
      let layers = name.hasPrefix("ResNet") ? Architectures.resNet18 : Architectures.mobileNetV2
      #expect(list.count == layers.count)
      var totals = (weights: 0, coefficients: 0, basis: 0, nonZeros: 0)
      var bits = 0
      var compressed: [(LayerGeometry, LayerStorage)] = []
      for (layer, share) in zip(layers, list) {
        let shape = [layer.outputs, layer.inputsPerGroup, layer.kernel, layer.kernel]
        let isLast = layer == layers.last
        let layout = try BlockLayout(
          shape: isLast ? Array(shape.prefix(2)) : shape, name: layer.name)
        let rows = layer.inputsPerGroup * (layer.kernel == 1 ? 1 : layer.kernel)
        let kept = isLast ? rows : rows - Int((share * Double(rows) - 1e-9).rounded(.up))
        let nonZeros = layer.outputs * kept * layer.kernel
        let stored = nonZeros * 4 + layout.coefficients + layout.basisElements * 8
        totals.weights += layout.weights
        totals.coefficients += layout.coefficients
        totals.basis += layout.basisElements
        totals.nonZeros += nonZeros
        bits += stored
        compressed.append(
          (
            layer,
            LayerStorage(
              bits: stored, keptRows: Double(kept) / Double(rows),
              rebuild: .init(nonZeros: nonZeros, n: layout.n))
          ))
      }
      #expect(totals.weights == expected["weights"]?.int)
      #expect(totals.coefficients == expected["coefficients"]?.int)
      #expect(totals.basis == expected["basisElements"]?.int)
      #expect(totals.nonZeros == expected["nonZeros"]?.int)
      #expect(bits == expected["storedBits"]?.int)
      let model = EnergyModel()
      try check(model.energy(layers.map { ($0, .dense($0)) }), expected["dense8"], name)
      try check(model.energy(compressed), expected["smartDeal"], name)
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

/// The layers of networks for pictures of 32 × 32, in parameter order.
private enum Architectures {
  static let resNet18: [LayerGeometry] = {
    var layers = [convolution(64, 3, 3, from: 32, to: 32)]
    var (channels, side) = (64, 32)
    for (stage, width) in [64, 128, 256, 512].enumerated() {
      for block in 0..<2 {
        let next = block == 0 && stage > 0 ? side / 2 : side
        layers.append(convolution(width, channels, 3, from: side, to: next))
        layers.append(convolution(width, width, 3, from: next, to: next))
        if channels != width {
          layers.append(convolution(width, channels, 1, from: side, to: next))
        }
        (channels, side) = (width, next)
      }
    }
    return layers + [convolution(10, 512, 1, from: 1, to: 1)]
  }()

  static let mobileNetV2: [LayerGeometry] = {
    var layers = [convolution(32, 3, 3, from: 32, to: 32)]
    var (channels, side) = (32, 32)
    let stages = [
      (1, 16, 1, 1), (6, 24, 2, 1), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2),
      (6, 320, 1, 1),
    ]
    for (expansion, width, count, stride) in stages {
      for block in 0..<count {
        let wide = channels * expansion
        let next = block == 0 ? side / stride : side
        layers.append(convolution(wide, channels, 1, from: side, to: side))
        layers.append(convolution(wide, 1, 3, groups: wide, from: side, to: next))
        layers.append(convolution(width, wide, 1, from: next, to: next))
        if block == 0 && stride == 1 && channels != width {
          layers.append(convolution(width, channels, 1, from: side, to: next))
        }
        (channels, side) = (width, next)
      }
    }
    layers.append(convolution(1280, 320, 1, from: side, to: side))
    return layers + [convolution(10, 1280, 1, from: 1, to: 1)]
  }()

  private static func convolution(
    _ outputs: Int, _ inputs: Int, _ kernel: Int, groups: Int = 1, from: Int, to: Int
  ) -> LayerGeometry {
    LayerGeometry(
      name: "\(outputs)×\(inputs)", outputs: outputs, inputsPerGroup: inputs, groups: groups,
      kernel: kernel, inputHeight: from, inputWidth: from, outputHeight: to, outputWidth: to)
  }
}
