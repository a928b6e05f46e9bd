/// How coefficients become bits.
public enum Encoding: UInt8, Hashable, Sendable, CaseIterable {
  /// A flag for each coefficient, then the symbols of the non-zeros.
  case bitmap = 0
  /// A symbol for each coefficient, one of them for zero.
  case dense = 1
  /// A flag for each row, flags for the coefficients of kept rows, then symbols.
  case rowBitmap = 2
  /// Runs of up to 15 zeros, each with the symbol that follows.
  case rle4 = 3
  /// An entropy code whose frequencies stand before it.
  case entropy = 5

  /// Its name in options and tables.
  public var name: String {
    switch self {
    case .bitmap: "bitmap"
    case .dense: "dense"
    case .rowBitmap: "rowBitmap"
    case .rle4: "rle4"
    case .entropy: "entropy"
    }
  }

  /// Those of the published format, among which `auto` chooses.
  public static let published: [Encoding] = [.bitmap, .dense, .rowBitmap, .rle4]

  /// The bits that coefficients take.
  func bits(_ codes: [Int8], _ statistics: CodeStatistics) -> Int {
    let symbols = SymbolWidths(statistics)
    return switch self {
    case .bitmap: codes.count + statistics.nonZeros * symbols.symbol
    case .dense: codes.count * symbols.dense
    case .rowBitmap:
      statistics.rows + statistics.keptRows * statistics.n + statistics.nonZeros * symbols.symbol
    case .rle4: statistics.runs * (4 + symbols.dense)
    case .entropy: 8 * EntropyCode.encode(codes, n: statistics.n, symbols).count
    }
  }
}

/// Bits of a coefficient where exponents span a range.
struct SymbolWidths {
  let lowest: Int
  let highest: Int
  /// Of a non-zero: its sign on top, its exponent above the lowest below.
  let symbol: Int
  /// Of any coefficient: 0 for zero, else 1 + 2 · exponent + sign.
  let dense: Int

  init(lowest: Int, highest: Int) {
    self.lowest = lowest
    self.highest = highest
    let width = highest - lowest + 1
    symbol = 1 + ceilLog2(width)
    dense = ceilLog2(2 * width + 1)
  }

  init(_ statistics: CodeStatistics) {
    self.init(
      lowest: statistics.exponents.lowerBound, highest: statistics.exponents.upperBound)
  }

  @inline(__always)
  func symbol(of code: Int8) -> UInt64 {
    let exponent = UInt64(CoefficientCode.exponent(code) - lowest)
    return code < 0 ? exponent | 1 << UInt64(symbol - 1) : exponent
  }

  @inline(__always)
  func denseSymbol(of code: Int8) -> UInt64 {
    code == 0 ? 0 : 1 + 2 * UInt64(CoefficientCode.exponent(code) - lowest) + (code < 0 ? 1 : 0)
  }
}

/// What the sizes of all encodings follow from.
struct CodeStatistics: Hashable, Sendable {
  let n: Int
  var rows: Int
  var keptRows = 0
  var nonZeros = 0
  /// Entries of run-length coding.
  var runs = 0
  var histogram: [Int: Int] = [:]
  /// The exponents in use, 0...0 where there is none.
  var exponents: ClosedRange<Int> {
    guard let lowest = histogram.keys.min(), let highest = histogram.keys.max() else {
      return 0...0
    }
    return lowest...highest
  }

  init(_ codes: [Int8], n: Int) {
    self.n = n
    rows = codes.count / max(n, 1)
    var counts = [Int](repeating: 0, count: 256)
    var zeros = 0
    codes.withUnsafeBufferPointer { codes in
      var index = 0
      for _ in 0..<rows {
        var isKept = false
        for _ in 0..<n {
          let code = codes[index]
          index += 1
          counts[Int(code) + 128] += 1
          if code == 0 {
            zeros += 1
            if zeros == 16 {
              // Fifteen zeros, and one more as the symbol.
              runs += 1
              zeros = 0
            }
          } else {
            isKept = true
            runs += 1
            zeros = 0
          }
        }
        if isKept { keptRows += 1 }
      }
    }
    for code in Int8.min...Int8.max where code != 0 && counts[Int(code) + 128] > 0 {
      histogram[CoefficientCode.exponent(code), default: 0] += counts[Int(code) + 128]
      nonZeros += counts[Int(code) + 128]
    }
  }
}
