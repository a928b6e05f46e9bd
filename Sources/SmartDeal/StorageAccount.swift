/// What a layer's coefficients and bases take, by the reference accounting and in a file.
public struct StorageAccount: Hashable, Sendable {
  public let weights: Int
  public let coefficients: Int
  public let nonZeros: Int
  /// Rows of coefficients, and those among them without a non-zero.
  public let rows: Int
  public let zeroRows: Int
  /// How many non-zeros have an exponent.
  public let histogram: [Int: Int]
  public let basisElements: Int
  public let blocks: Int
  private let codes: [Int8]
  private let statistics: CodeStatistics

  /// Counts a layer's coefficients.
  ///
  /// - Parameters:
  ///   - layout: How its tensor is cut.
  ///   - codes: Its coefficients.
  public init(_ layout: BlockLayout, _ codes: [Int8]) {
    weights = layout.weights
    coefficients = layout.coefficients
    rows = layout.rows
    blocks = layout.blocks
    basisElements = layout.basisElements
    let statistics = CodeStatistics(codes, n: layout.n)
    nonZeros = statistics.nonZeros
    zeroRows = layout.rows - statistics.keptRows
    histogram = statistics.histogram
    self.codes = codes
    self.statistics = statistics
  }

  /// Exponents in use, 0...0 where there is none.
  public var exponents: ClosedRange<Int> { statistics.exponents }

  /// The bits that the coefficients take in an encoding; ``Encoding/entropy`` has to encode them.
  public func bits(of encoding: Encoding) -> Int { encoding.bits(codes, statistics) }

  /// Bits of a coefficient in the reference accounting: a sign, and an index of its magnitude.
  public var referenceSymbolBits: Int { StorageAccount.symbolBits(magnitudes: histogram.count) }
  /// One bit for each coefficient, `referenceSymbolBits` for each non-zero, eight for each element of
  /// a basis.
  public var referenceBits: Int { bits(symbolBits: referenceSymbolBits, basisBits: 8) }
  /// Elements and exponents of the bases, a byte each.
  public var storedBasisBits: Int { 8 * (basisElements + blocks) }
  /// The encoding of the fewest bits, ties to the lower number.
  ///
  /// One that packs more coefficients into a byte than a reader takes is left out; where none is left,
  /// flags and symbols are taken.
  public func best(among encodings: [Encoding]) -> Encoding {
    encodings.map { (bits: bits(of: $0), encoding: $0) }
      .filter { bits, _ in
        coefficients / SDLFile.expansionLimit <= (bits + 7) / 8 + storedBasisBits / 8
      }
      .min { ($0.bits, $0.encoding.rawValue) < ($1.bits, $1.encoding.rawValue) }?.encoding
      ?? .bitmap
  }

  /// Bits by the reference accounting with other sizes.
  ///
  /// - Parameters:
  ///   - symbolBits: Of each non-zero.
  ///   - basisBits: Of each element of a basis; 32 in the training of the paper.
  /// - Returns: Bits of flags, symbols and bases together.
  public func bits(symbolBits: Int, basisBits: Int) -> Int {
    nonZeros * symbolBits + coefficients + basisElements * basisBits
  }

  /// ⌈log₂ of the number of magnitudes⌉ and one for the sign.
  public static func symbolBits(magnitudes: Int) -> Int { 1 + ceilLog2(max(magnitudes, 1)) }
}

/// The least k with 2ᵏ ≥ n.
func ceilLog2(_ n: Int) -> Int { n <= 1 ? 0 : Int.bitWidth - (n - 1).leadingZeroBitCount }
