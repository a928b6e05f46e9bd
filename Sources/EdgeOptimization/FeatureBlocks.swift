#if canImport(Glibc)
  import Glibc
#endif

/// The parts that a space's features are made of.
public enum FeatureBlock: String, CaseIterable, Hashable, Sendable {
  /// An indicator for each position and operation.
  case oneHot = "one-hot"
  /// The same of the design without what has no effect; only of cells.
  case effective
  /// What is known of the structure: counts, costs, paths.
  case graph
  /// The products of the indicators of each two positions.
  case pairs
}

extension SearchSpace {
  /// One block of features; nil where the space has none.
  public func block(_ block: FeatureBlock, _ designs: [[Int]]) -> FeatureMatrix? {
    let width = operations.count
    switch (self, block) {
    case (_, .oneHot):
      return FeatureMatrix(rows: designs.map { indicators($0, operations: width) })
    case (_, .pairs):
      return FeatureMatrix(rows: designs.map { SearchSpace.pairs($0, operations: width) })
    case (.nasbench201, .effective):
      return FeatureMatrix(
        rows: designs.map { indicators(NASBench201.effective($0), operations: width) })
    case (.nasbench201, .graph):
      return FeatureMatrix(
        rows: designs.map { Array(NASBench201.features($0)[60...]) })
    case (.fbnet, .graph):
      return FeatureMatrix(
        rows: designs.map { Array(FBNet.features($0)[198...]) })
    case (.fbnet, .effective):
      return nil
    }
  }

  /// Blocks side by side, with the columns that each takes; those that the space lacks are left out.
  public func blocks(
    _ blocks: [FeatureBlock], _ designs: [[Int]]
  ) -> (features: FeatureMatrix, columns: [FeatureBlock: Range<Int>]) {
    var parts: [FeatureMatrix] = []
    var columns: [FeatureBlock: Range<Int>] = [:]
    var start = 0
    for block in blocks {
      guard let part = self.block(block, designs) else { continue }
      columns[block] = start..<start + part.columnCount
      start += part.columnCount
      parts.append(part)
    }
    return (FeatureMatrix.joined(parts), columns)
  }

  /// For each two positions, the earlier one first, an indicator for each two operations.
  private static func pairs(_ design: [Int], operations: Int) -> [Double] {
    let positions = design.count
    var result = [Double](
      repeating: 0, count: positions * (positions - 1) / 2 * operations * operations)
    var start = 0
    for first in 0..<positions {
      for second in first + 1..<max(positions, first + 1) {
        result[start + design[first] * operations + design[second]] = 1
        start += operations * operations
      }
    }
    return result
  }
}

/// What a network costs, whatever the device.
public struct NetworkCost: Hashable, Sendable {
  /// Multiply-accumulates.
  public var operations = 0
  /// Numbers written by all convolutions.
  public var activations = 0
  /// Weights of all convolutions, and of the last linear layer.
  public var parameters = 0

  public init() {}

  /// Adds a convolution without bias.
  ///
  /// - `size`: Height and width of its output.
  mutating func addConvolution(
    _ inputs: Int, _ outputs: Int, kernel: Int, groups: Int = 1, size: Int
  ) {
    let weights = kernel * kernel * inputs / groups * outputs
    parameters += weights
    operations += weights * size * size
    activations += outputs * size * size
  }
}

extension FBNet {
  /// Layers and channels of each stage.
  ///
  /// Source: Wu et al. (CVPR 2019), table 1.
  static let stages: [(layers: Int, channels: Int)] = [
    (1, 16), (4, 24), (4, 32), (4, 64), (4, 112), (4, 184), (1, 352),
  ]

  /// Where a network is used, which sets its strides and its ends.
  public enum Variant: Hashable, Sendable {
    /// 32 × 32 pixels, a stem of stride 1, a head of 1504 channels.
    case cifar100
    /// 224 × 224 pixels, a stem of stride 2, a head of 1984 channels.
    case imageNet
  }

  /// Counts a network layer by layer.
  ///
  /// A block is a 1×1 to e times the channels, a k×k for each channel, and a 1×1 back, the 1×1 ones
  /// in g groups; a skip is free where the shapes match, else a 1×1.
  public static func cost(_ design: [Int], _ variant: Variant = .cifar100) -> NetworkCost {
    let isSmall = variant == .cifar100
    var cost = NetworkCost()
    var size = isSmall ? 32 : 112
    var channels = 16
    cost.addConvolution(3, channels, kernel: 3, size: size)
    let strides = isSmall ? [1, 1, 2, 2, 1, 2, 1] : [1, 2, 2, 2, 1, 2, 1]
    var position = 0
    for (stage, stride) in zip(stages, strides) {
      for layer in 0..<stage.layers {
        let stride = layer == 0 ? stride : 1
        let inner = size
        size /= stride
        addBlock(design[position], channels, stage.channels, inner, size, &cost)
        channels = stage.channels
        position += 1
      }
    }
    let (head, classes) = isSmall ? (1504, 100) : (1984, 1000)
    cost.addConvolution(channels, head, kernel: 1, size: size)
    cost.addConvolution(head, classes, kernel: 1, size: 1)
    return cost
  }

  private static func addBlock(
    _ operation: Int, _ inputs: Int, _ outputs: Int, _ inner: Int, _ size: Int,
    _ cost: inout NetworkCost
  ) {
    if operation == 8 {
      if inputs != outputs || inner != size {
        cost.addConvolution(inputs, outputs, kernel: 1, size: size)
      }
      return
    }
    let expansion = [1, 1, 3, 6][operation % 4]
    let groups = operation % 4 == 1 ? 2 : 1
    let kernel = operation < 4 ? 3 : 5
    let wide = expansion * inputs
    cost.addConvolution(inputs, wide, kernel: 1, groups: groups, size: inner)
    cost.addConvolution(wide, wide, kernel: kernel, groups: wide, size: size)
    cost.addConvolution(wide, outputs, kernel: 1, groups: groups, size: size)
  }

  /// The logarithms of multiply-accumulates, activations and parameters for CIFAR-100.
  static func costFeatures(_ design: [Int]) -> [Double] {
    let cost = cost(design)
    return [
      log(Double(cost.operations)), log(Double(cost.activations)), log(Double(cost.parameters)),
    ]
  }

  /// Six bits for each layer, 132 in all, as HELP writes designs: 3×3, 5×5, then one of four
  /// expansions; all 0 for a skip.
  public static func helpEncoding(_ design: [Int]) -> [Double] {
    design.flatMap { operation -> [Double] in
      var bits = [Double](repeating: 0, count: 6)
      guard operation < 8 else { return bits }
      bits[operation / 4] = 1
      bits[2 + operation % 4] = 1
      return bits
    }
  }
}
