/// What a layer's inputs were like on calibration data: how much an error in each weight matters.
///
/// For each row of a block the mean products of the n inputs that its weights are multiplied with. An
/// error e in a row then costs e H eᵀ at the layer's output, as far as rows are independent.
public struct InputMoments: Hashable, Sendable {
  public let n: Int
  /// Rows of all blocks of an output.
  public let rowsPerOutput: Int
  public let groups: Int
  /// The lower Cholesky factor of each row's H, row-major n × n: group after group, row after row.
  let factors: [Double]

  /// The share of the mean diagonal that is added to each, so that inputs that never stirred on the
  /// calibration data are not given up.
  private static let floor = 0.01

  /// Takes sums of products.
  ///
  /// H is scaled so that the layer's mean diagonal is 1: squared errors keep the size that they have
  /// without moments, and a price λ its meaning.
  ///
  /// - Parameters:
  ///   - products: Symmetric n × n for each row, group after group, row after row.
  ///   - n: Columns of the blocks.
  ///   - rowsPerOutput: Rows of all blocks of an output.
  ///   - groups: Of the convolution.
  /// - Throws: ``SmartDealError`` for another number of products, or one that is not finite.
  public init(
    products: [Double], n: Int, rowsPerOutput: Int, groups: Int = 1
  ) throws(SmartDealError) {
    guard n >= 1, products.count == groups * rowsPerOutput * n * n else {
      throw SmartDealError(
        .badTensor,
        "\(products.count) products of inputs; \(groups) groups of \(rowsPerOutput) rows of \(n) × "
          + "\(n) are needed")
    }
    guard products.allSatisfy(\.isFinite) else {
      throw SmartDealError(.badTensor, "the calibration gave inputs that are not finite")
    }
    self.n = n
    self.rowsPerOutput = rowsPerOutput
    self.groups = groups
    let rows = groups * rowsPerOutput
    var trace = 0.0
    for row in 0..<rows { for j in 0..<n { trace += products[(row * n + j) * n + j] } }
    let mean = trace / Double(max(rows * n, 1))
    var factors = [Double](repeating: 0, count: products.count)
    for row in 0..<rows {
      let start = row * n * n
      for i in 0..<n {
        for j in 0...i {
          // All inputs zero on all data: every error counts alike.
          var sum = mean > 0 ? products[start + i * n + j] / mean : (i == j ? 1 : 0)
          if i == j { sum += InputMoments.floor }
          for k in 0..<j { sum -= factors[start + i * n + k] * factors[start + j * n + k] }
          factors[start + i * n + j] =
            i == j
            ? max(sum, 1e-6 * InputMoments.floor).squareRoot() : sum / factors[start + j * n + j]
        }
      }
    }
    self.factors = factors
  }

  /// A number of the factors, in their order, for tests of other modules.
  package func factor(_ index: Int) -> Double { factors[index] }

  /// Whether the moments are of a tensor that is cut so.
  func fits(_ layout: BlockLayout) -> Bool {
    layout.n == n && !layout.isTransposed && layout.outputs % groups == 0
      && layout.blocksPerOutput * layout.rowsPerBlock == rowsPerOutput
  }

  /// Where the factors of a block's rows start.
  func offset(of block: Int, _ layout: BlockLayout) -> Int {
    let (output, slice) = block.quotientAndRemainder(dividingBy: layout.blocksPerOutput)
    let group = output / (layout.outputs / groups)
    return (group * rowsPerOutput + slice * layout.rowsPerBlock) * n * n
  }
}
