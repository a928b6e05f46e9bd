import Formats
import NetworkImport
public import ONNX
public import SmartDeal
public import Tensors

/// Second moments of what each layer of a network multiplies its weights with.
public struct InputStatistics {
  private let network: ONNXNetwork
  private let names: [String: String]
  private let layouts: [String: BlockLayout]
  private var sums: [String: [Double]] = [:]
  private var groups: [String: Int] = [:]

  /// Prepares a network.
  ///
  /// - Parameters:
  ///   - model: The network.
  ///   - kernels: Which kernels are cut into blocks.
  /// - Throws: `FormatError` for a node that is not known; `SmartDealError` for weights without a layout.
  public init(of model: ONNXModel, kernels: BlockLayout.Kernels = .square) throws {
    network = try ONNXNetwork(model)
    names = model.graph.weightNames()
    layouts = try Dictionary(
      model.graph.weightPlaces().map {
        ($0.name, try BlockLayout(shape: $0.shape, name: $0.name, kernels: kernels))
      }
    ) { first, _ in first }
  }

  /// Adds pictures, float32 in the shape of the network's only input.
  ///
  /// - Throws: What the network throws for them.
  public mutating func add(_ pictures: Tensor) throws {
    guard let input = network.inputs.first else { return }
    let (names, layouts) = (names, layouts)
    var found: [(name: String, products: [Double], groups: Int)] = []
    _ = try withoutGradients {
      try network.evaluate([input: pictures]) { node, inputs, _ in
        guard let name = node.outputs.first.flatMap({ names[$0] }), let layout = layouts[name],
          layout.kind != .raw, !layout.isTransposed,
          let products = try InputStatistics.products(node, inputs, layout)
        else { return }
        found.append((name, products.sums, products.groups))
      }
    }
    for (name, products, count) in found {
      groups[name] = count
      guard var sum = sums[name] else {
        sums[name] = products
        continue
      }
      for index in sum.indices { sum[index] += products[index] }
      sums[name] = sum
    }
  }

  /// The moments of all pictures so far, by the names of weight tensors; layers that multiply in a way
  /// that is not known here are left out.
  ///
  /// - Throws: `SmartDealError` for inputs that were not finite.
  public func moments() throws -> [String: InputMoments] {
    try Dictionary(
      uniqueKeysWithValues: sums.compactMap { name, sums in
        guard let layout = layouts[name] else { return nil }
        return (
          name,
          try InputMoments(
            products: sums, n: layout.n,
            rowsPerOutput: layout.blocksPerOutput * layout.rowsPerBlock, groups: groups[name] ?? 1)
        )
      })
  }

  /// Sums over pictures and places of the products of the inputs that a row's weights meet.
  private static func products(
    _ node: ONNXNode, _ inputs: [Tensor?], _ layout: BlockLayout
  ) throws -> (sums: [Double], groups: Int)? {
    guard let input = inputs.first ?? nil else { return nil }
    // [rows, n, places]: what each weight of a row is multiplied with.
    let seen: Tensor
    var groups = 1
    switch (node.operator, layout.kind) {
    case ("Conv", .spatial):
      let pads = try node.ints("pads", default: [0, 0, 0, 0])
      guard (try node.string("auto_pad", default: "NOTSET")) == "NOTSET", pads.count == 4 else {
        return nil
      }
      let k = layout.n
      let channels = input.shape[1]
      groups = channels / layout.shape[1]
      seen = try input.padded([pads[1], pads[3], pads[0], pads[2]])
        .unfolded(
          [k, k], stride: try node.ints("strides", default: [1, 1]),
          dilation: try node.ints("dilations", default: [1, 1])
        )
        .reshaped([input.shape[0], channels * k, k, -1]).permuted(1, 2, 0, 3)
        .reshaped([channels * k, k, -1])
    case ("Conv", .pointwise):
      // Places that a stride leaves out are counted in, too: they are the same kind of input.
      guard input.shape[1] == layout.shape[1] else { return nil }
      seen = try triples(input.permuted(1, 0, 2, 3).reshaped([input.shape[1], -1]), layout)
    case ("Gemm", .matrix), ("MatMul", .matrix):
      guard input.shape.last == layout.shape[1],
        (try node.operator == "MatMul" || node.int("transA", default: 0) == 0)
      else { return nil }
      seen = try triples(input.reshaped([-1, layout.shape[1]]).transposed(0, 1), layout)
    default: return nil
    }
    return (try seen.matmul(seen.transposed(1, 2)).doubles(), groups)
  }

  /// Rows of three inputs, [inputs, places] → [rows, 3, places], with zeros where blocks are padded.
  private static func triples(_ input: Tensor, _ layout: BlockLayout) throws -> Tensor {
    let rows = layout.blocksPerOutput * layout.rowsPerBlock
    return try input.padded([0, 0, 0, 3 * rows - input.shape[0]]).reshaped([rows, 3, -1])
  }
}
