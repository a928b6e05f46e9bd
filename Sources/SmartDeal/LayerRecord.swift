/// What became of one weight tensor: how it was cut, what is left of it, what it takes, how far off it is.
public struct LayerRecord: Hashable, Sendable {
  public var name: String
  /// The node that uses the tensor.
  public var node: String
  public var kind: TensorKind
  public var shape: [Int]
  /// Columns and rows of a block, and blocks; 0 for a tensor kept as numbers, as all down to `rows`.
  public var n: Int
  public var rowsPerBlock: Int
  public var blocks: Int
  public var coefficients: Int
  public var basisElements: Int
  public var rows: Int
  /// Rows of coefficients without a non-zero.
  public var zeroRows: Int
  /// Coefficients, or numbers, that are not zero.
  public var nonZeros: Int
  /// How many coefficients have an exponent.
  public var histogram: [Int: Int]
  /// Bits of the coefficients in each encoding that was looked at.
  public var bits: [Encoding: Int]
  /// The one in the file; nil for numbers.
  public var encoding: Encoding?
  public var sweeps: Int
  /// Sums of squares: of the weights, of their distance from the rebuilt ones with real-valued
  /// bases, and with bases of 8 bits.
  public var norm: Double
  public var error: Double
  public var storedError: Double

  public var weights: Int { shape.reduce(1, *) }

  /// A decomposed tensor.
  init(
    _ tensor: WeightTensor, _ found: Decomposition, _ stored: StoredLayer,
    exact: [Float], encodings: [Encoding]
  ) {
    let layout = found.layout
    let account = StorageAccount(layout, found.coefficients)
    name = tensor.name
    node = tensor.node
    kind = layout.kind
    shape = tensor.shape
    n = layout.n
    rowsPerBlock = layout.rowsPerBlock
    blocks = layout.blocks
    coefficients = layout.coefficients
    basisElements = layout.basisElements
    rows = layout.rows
    zeroRows = account.zeroRows
    nonZeros = account.nonZeros
    histogram = account.histogram
    // Among all that may be chosen, and the published ones for the table.
    bits = [:]
    for encoding in Set(encodings + Encoding.published) {
      bits[encoding] = account.bits(of: encoding)
    }
    if case .structured(_, _, _, let encoding) = stored.content { self.encoding = encoding }
    sweeps = found.sweeps
    norm = LayerRecord.squares(tensor.weights, nil)
    error = LayerRecord.squares(tensor.weights, exact)
    storedError = LayerRecord.squares(tensor.weights, stored.rebuilt())
  }

  /// A tensor that stays as it is.
  init(raw tensor: WeightTensor) {
    name = tensor.name
    node = tensor.node
    kind = .raw
    shape = tensor.shape
    n = 0
    rowsPerBlock = 0
    blocks = 0
    coefficients = 0
    basisElements = 0
    rows = 0
    zeroRows = 0
    nonZeros = tensor.weights.reduce(into: 0) { $0 += $1 == 0 ? 0 : 1 }
    histogram = [:]
    bits = [:]
    sweeps = 0
    norm = LayerRecord.squares(tensor.weights, nil)
    error = 0
    storedError = 0
  }

  private static func squares(_ first: [Float], _ second: [Float]?) -> Double {
    var sum = 0.0
    for index in first.indices {
      let difference = Double(first[index]) - Double(second?[index] ?? 0)
      sum += difference * difference
    }
    return sum
  }
}

// MARK: - What it takes

extension LayerRecord {
  /// Bits of a non-zero in the reference accounting, its own magnitudes counted.
  public var referenceSymbolBits: Int { StorageAccount.symbolBits(magnitudes: histogram.count) }
  /// Bits by the reference accounting; numbers take 32 each.
  public var referenceBits: Int { referenceBits(symbolBits: referenceSymbolBits, basisBits: 8) }
  /// Bits of the bases in the file.
  public var storedBasisBits: Int { 8 * (basisElements + blocks) }
  /// Bits in the file: coefficients and bases, or numbers.
  public var storedBits: Int {
    guard let encoding, let coefficients = bits[encoding] else { return 32 * weights }
    return coefficients + storedBasisBits
  }
  /// The fewest bits of the published encodings, with the bases.
  public var autoBits: Int {
    guard kind != .raw else { return 32 * weights }
    return (Encoding.published.compactMap { bits[$0] }.min() ?? 0) + storedBasisBits
  }

  /// Bits by the reference accounting with other sizes; numbers take 32 each.
  ///
  /// - Parameters:
  ///   - symbolBits: Of each non-zero.
  ///   - basisBits: Of each element of a basis.
  /// - Returns: Flags, symbols and bases together.
  public func referenceBits(symbolBits: Int, basisBits: Int) -> Int {
    guard kind != .raw else { return 32 * weights }
    return nonZeros * symbolBits + coefficients + basisElements * basisBits
  }

  /// ‖W − rebuilt‖ / ‖W‖ with real-valued bases, and with those of the file.
  public var relativeError: Double { LayerRecord.ratio(error, norm) }
  public var storedRelativeError: Double { LayerRecord.ratio(storedError, norm) }

  static func ratio(_ error: Double, _ norm: Double) -> Double {
    norm > 0 ? (error / norm).squareRoot() : 0
  }

  /// The layer as the energy model sees it.
  public var storage: LayerStorage {
    LayerStorage(
      bits: storedBits, keptRows: rows > 0 ? 1 - Double(zeroRows) / Double(rows) : 1,
      rebuild: kind == .raw ? nil : LayerStorage.Rebuild(nonZeros: nonZeros, n: n))
  }
}
