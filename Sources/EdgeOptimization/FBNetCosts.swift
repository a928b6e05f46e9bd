#if canImport(Glibc)
  import Glibc
#endif

/// What a layer of an FBNet design costs, by the shapes of the CIFAR network (HELP's, 32 × 32).
enum FBNetCosts {
  /// Layers of the stages, and the channels after each.
  static let stageSizes = [1, 4, 4, 4, 4, 4, 1]
  private static let channels = [16, 24, 32, 64, 112, 184, 352]
  private static let strides = [1, 1, 2, 2, 1, 2, 1]
  /// Kernel, expansion and groups of each operation; nil for `skip`.
  static let blocks: [(kernel: Int, expansion: Int, groups: Int)?] = [
    (3, 1, 1), (3, 1, 2), (3, 3, 1), (3, 6, 1), (5, 1, 1), (5, 1, 2), (5, 3, 1), (5, 6, 1), nil,
  ]

  struct Cost {
    /// Multiply-accumulates of the 1×1 and the depthwise convolutions.
    var pointwise = 0.0
    var depthwise = 0.0
    /// Activations read and written.
    var moved = 0.0
    var parameters = 0.0
    /// 1 where the layer computes anything.
    var layers = 0.0

    static func + (left: Cost, right: Cost) -> Cost {
      Cost(
        pointwise: left.pointwise + right.pointwise, depthwise: left.depthwise + right.depthwise,
        moved: left.moved + right.moved, parameters: left.parameters + right.parameters,
        layers: left.layers + right.layers)
    }

    var list: [Double] { [pointwise, depthwise, moved, parameters, layers] }
  }

  /// The cost of each operation at each of the 22 layers.
  static let table: [[Cost]] = {
    var table: [[Cost]] = []
    var (size, input) = (32.0, 16.0)
    for (stage, count) in stageSizes.enumerated() {
      let output = Double(channels[stage])
      for position in 0..<count {
        let stride = position == 0 ? Double(strides[stage]) : 1
        let next = size / stride
        table.append(blocks.map { cost($0, input, output, size, next) })
        (size, input) = (next, output)
      }
    }
    return table
  }()

  private static func cost(
    _ block: (kernel: Int, expansion: Int, groups: Int)?, _ input: Double, _ output: Double,
    _ size: Double, _ next: Double
  ) -> Cost {
    let (before, after) = (size * size, next * next)
    guard let block else {
      if input == output && size == next { return Cost() }
      return Cost(
        pointwise: input * output * after, depthwise: 0,
        moved: input * before + output * after, parameters: input * output, layers: 1)
    }
    let (kernel, groups) = (Double(block.kernel), Double(block.groups))
    let wide = Double(block.expansion) * input
    return Cost(
      pointwise: (before * input * wide + after * wide * output) / groups,
      depthwise: after * wide * kernel * kernel,
      moved: before * (input + 2 * wide) + after * (2 * wide + output),
      parameters: (input * wide + wide * output) / groups + wide * kernel * kernel, layers: 1)
  }

  /// Counts of the operations, logarithms of the totals, and costs by stage and kind of layer.
  static func features(_ design: [Int]) -> [Double] {
    let counts = operationCounts(design, operations: 9)
    let costs = design.enumerated().map { table[$0][$1] }
    let total = costs.reduce(Cost(), +)
    var stages = [Cost](repeating: Cost(), count: stageSizes.count)
    var moved = [Double](repeating: 0, count: 9)
    var (wideKernels, grouped, expansions) = (0.0, 0.0, 0.0)
    var layer = 0
    for (stage, count) in stageSizes.enumerated() {
      for _ in 0..<count {
        let (operation, cost) = (design[layer], costs[layer])
        stages[stage] = stages[stage] + cost
        moved[operation] += cost.moved
        if let block = blocks[operation] {
          if block.kernel == 5 { wideKernels += cost.depthwise }
          if block.groups == 2 { grouped += cost.pointwise }
          expansions += Double(block.expansion * block.expansion)
        }
        layer += 1
      }
    }
    let wide = counts[4] + counts[5] + counts[6] + counts[7]
    let narrow = counts[0] + counts[1] + counts[2] + counts[3]
    return counts
      + [log(total.pointwise + total.depthwise), log(total.moved), log(total.parameters)]
      + [22 - counts[8], counts[1] + counts[5], wide - narrow] + total.list
      + stages.flatMap(\.list) + moved + [wideKernels, grouped, expansions]
  }
}
