/// What a weight tensor is, as far as its decomposition depends on it.
public enum TensorKind: String, Hashable, Sendable, CaseIterable {
  /// A fully connected layer's weights, outputs × inputs.
  case matrix
  /// Kernels of one pixel, outputs × inputs × 1 × 1.
  case pointwise
  /// Square kernels, outputs × inputs per group × k × k, k in 2...8.
  case spatial
  /// Kept as numbers, since no rule says how to cut it into blocks.
  case raw
}

/// How a weight tensor is cut into blocks of m rows and n columns.
///
/// An output's weights follow each other in the tensor and, padded with zeros, in its blocks: the
/// blocks of output after output, slice after slice, each row-major (Chen et al., "SmartDeal", 2021,
/// arXiv 2101.01163, and its public code).
public struct BlockLayout: Hashable, Sendable {
  /// Which kernels are cut into blocks.
  public enum Kernels: String, Hashable, Sendable, CaseIterable {
    /// All square kernels up to 8 × 8.
    case square
    /// 1 × 1 and 3 × 3 only, as in the public code.
    case reference
  }

  /// The tensor's extents, outputs first.
  public let shape: [Int]
  public let kind: TensorKind
  /// Columns of a block, and the side of its basis.
  public let n: Int
  /// Rows of a block, m.
  public let rowsPerBlock: Int
  public let blocksPerOutput: Int
  /// Whether a block is stored on its side, which happens to outputs of fewer than seven weights.
  public let isTransposed: Bool

  public var outputs: Int { shape[0] }
  public var weightsPerOutput: Int { shape.dropFirst().reduce(1, *) }
  public var weights: Int { outputs * weightsPerOutput }
  public var blocks: Int { outputs * blocksPerOutput }
  public var coefficientsPerBlock: Int { rowsPerBlock * n }
  /// All coefficients, those of padding included.
  public var coefficients: Int { blocks * coefficientsPerBlock }
  public var basisElements: Int { blocks * n * n }
  public var rows: Int { blocks * rowsPerBlock }

  /// Lays out a tensor.
  ///
  /// - Parameters:
  ///   - shape: Outputs × inputs, or outputs × inputs per group × height × width.
  ///   - name: What errors call the tensor.
  ///   - kernels: Which kernels are cut into blocks; others become ``TensorKind/raw``.
  /// - Throws: ``SmartDealError`` for another rank, an extent of 0 or more weights than fit a file.
  public init(
    shape: [Int], name: String, kernels: Kernels = .square
  ) throws(SmartDealError) {
    guard shape.count == 2 || shape.count == 4 else {
      throw SmartDealError(
        .badTensor,
        "tensor '\(name)' has rank \(shape.count); weights have rank 2 (fully connected) or 4 "
          + "(convolution)")
    }
    guard shape.allSatisfy({ $0 > 0 }) else {
      throw SmartDealError(
        .badTensor, "tensor '\(name)' has the shape \(shape); each extent must be at least 1")
    }
    var count = 1
    for extent in shape {
      let (product, overflow) = count.multipliedReportingOverflow(by: extent)
      guard !overflow, product <= BlockLayout.limit, extent <= UInt32.max else {
        throw SmartDealError(
          .badTensor,
          "tensor '\(name)' has the shape \(shape); at most \(BlockLayout.limit) weights are taken")
      }
      count = product
    }
    self.shape = shape
    let perOutput = count / shape[0]
    let kernel = shape.count == 4 ? (shape[2], shape[3]) : (1, 1)
    var rows: Int
    var columns: Int
    switch kernel {
    case (1, 1):
      kind = shape.count == 2 ? .matrix : .pointwise
      rows = BlockLayout.paddedLength(perOutput) / 3
      columns = 3
    case (let k, let width)
    where k == width && (2...8).contains(k) && (kernels == .square || k == 3):
      kind = .spatial
      rows = perOutput / k
      columns = k
    default:
      kind = .raw
      n = 0
      rowsPerBlock = 0
      blocksPerOutput = 0
      isTransposed = false
      return
    }
    isTransposed = rows < columns
    if isTransposed { swap(&rows, &columns) }
    n = columns
    rowsPerBlock = BlockLayout.sliceRows(rows, columns: columns)
    blocksPerOutput = rows / rowsPerBlock
  }

  /// The same tensor cut into slices of another height, as a file may have it.
  ///
  /// - Returns: Nil where an output's rows can't be cut so.
  func sliced(rowsPerBlock rows: Int) -> BlockLayout? {
    let all = rowsPerBlock * blocksPerOutput
    guard kind != .raw, rows > 0, all % rows == 0, !isTransposed || rows == rowsPerBlock else {
      return nil
    }
    return BlockLayout(self, rowsPerBlock: rows, blocksPerOutput: all / rows)
  }

  private init(_ other: BlockLayout, rowsPerBlock: Int, blocksPerOutput: Int) {
    shape = other.shape
    kind = other.kind
    n = other.n
    isTransposed = other.isTransposed
    self.rowsPerBlock = rowsPerBlock
    self.blocksPerOutput = blocksPerOutput
  }

  /// Weights that a tensor may have, so that no product of its sizes overflows.
  static let limit = 1 << 40

  /// What a row of inputs is padded to: a multiple of 3, longer for three lengths of the public code,
  /// so that they divide into slices.
  static func paddedLength(_ inputs: Int) -> Int {
    switch inputs {
    case 4096: 4104
    case 2048: 2052
    case 1280: 1287
    default: (inputs + 2) / 3 * 3
    }
  }

  /// The rows of a slice of a tall matrix: at most 64 for each column where the rows' factors allow it.
  static func sliceRows(_ rows: Int, columns: Int) -> Int {
    let limit = 64 * columns
    var rest = rows
    var factor = 2
    while rest > limit {
      while factor * factor <= rest && rest % factor != 0 { factor += 1 }
      // The rest is prime.
      if factor * factor > rest { return rest }
      rest /= factor
    }
    return rest
  }

  /// The tensor that blocks stand for.
  ///
  /// - Parameters:
  ///   - weights: Gets all weights, row-major.
  ///   - element: The rebuilt number at a block, row and column.
  @inline(__always)
  func scatter(
    into weights: UnsafeMutableBufferPointer<Float>,
    element: (_ block: Int, _ row: Int, _ column: Int) -> Float
  ) {
    let perOutput = weightsPerOutput
    let perBlock = coefficientsPerBlock
    for output in 0..<outputs {
      let start = output * perOutput
      for position in 0..<perOutput {
        let (slice, inside) = position.quotientAndRemainder(dividingBy: perBlock)
        let (row, column) =
          isTransposed
          ? (inside % rowsPerBlock, inside / rowsPerBlock) : (inside / n, inside % n)
        weights[start + position] = element(output * blocksPerOutput + slice, row, column)
      }
    }
  }
}
