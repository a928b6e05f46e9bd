/// Networks for pictures of 32 × 32 with ten classes whose pruning lists are published with the code.
public enum PublishedArchitecture: String, Hashable, Sendable, CaseIterable {
  case resNet18 = "resnet18-cifar10"
  case mobileNetV2 = "mobilenetv2-cifar10"

  /// The layers with weights, in parameter order; the last is the classifier.
  public var layers: [LayerGeometry] {
    var layers = self == .resNet18 ? PublishedArchitecture.residual : PublishedArchitecture.mobile
    for index in layers.indices {
      let layer = layers[index]
      layers[index].name =
        "\(index + 1) \(layer.outputs)×\(layer.inputsPerGroup)×\(layer.kernel)×\(layer.kernel)"
    }
    return layers
  }

  private static var residual: [LayerGeometry] {
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
  }

  private static var mobile: [LayerGeometry] {
    var layers = [convolution(32, 3, 3, from: 32, to: 32)]
    var (channels, side) = (32, 32)
    // Expansion, channels, blocks and stride of each stage.
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
  }

  private static func convolution(
    _ outputs: Int, _ inputs: Int, _ kernel: Int, groups: Int = 1, from: Int, to: Int
  ) -> LayerGeometry {
    LayerGeometry(
      name: "", outputs: outputs, inputsPerGroup: inputs, groups: groups, kernel: kernel,
      inputHeight: from, inputWidth: from, outputHeight: to, outputWidth: to)
  }
}

extension PublishedArchitecture {
  /// How the layers are stored once a list has zeroed its shares of kernel rows, and nothing else.
  ///
  /// Symbols of 4 bits, a bit for each coefficient, 8 bits for each element of a basis; the
  /// classifier is decomposed without pruning.
  ///
  /// - Parameter list: A share for each layer.
  /// - Returns: One for each of ``layers``.
  /// - Throws: ``SmartDealError`` for a list that does not fit.
  public func storage(prunedBy list: [Double]) throws(SmartDealError) -> [LayerStorage] {
    let layers = layers
    try StructuredPruning().check(list, tensors: layers.map(\.name))
    var storage: [LayerStorage] = []
    for (index, layer) in layers.enumerated() {
      let isClassifier = index == layers.count - 1
      let layout = try layout(ofLayer: index)
      let rows = layer.inputsPerGroup * (layer.kernel == 1 ? 1 : layer.kernel)
      let dropped =
        isClassifier ? 0 : Int((list[index] * Double(rows) - 1e-9).rounded(.up))
      let nonZeros = layer.outputs * (rows - dropped) * layer.kernel
      storage.append(
        LayerStorage(
          bits: nonZeros * 4 + layout.coefficients + layout.basisElements * 8,
          keptRows: Double(rows - dropped) / Double(rows),
          rebuild: .init(nonZeros: nonZeros, n: layout.n)))
    }
    return storage
  }

  /// The blocks of a layer's weights; the last layer is the fully connected classifier.
  package func layout(ofLayer index: Int) throws(SmartDealError) -> BlockLayout {
    let layer = layers[index]
    let shape = [layer.outputs, layer.inputsPerGroup, layer.kernel, layer.kernel]
    return try BlockLayout(
      shape: index == layers.count - 1 ? Array(shape.prefix(2)) : shape, name: layer.name)
  }
}
