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
    case .entropy: 8 * EntropyCode.encode(codes, n: statistics.n).bytes.count
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
    var zeros = 0
    codes.withUnsafeBufferPointer { codes in
      var index = 0
      for _ in 0..<rows {
        var row: UInt8 = 0
        for _ in 0..<n {
          // Without branches, as zeros come at random.
          let isZero = codes[index] == 0
          row |= codes[index].magnitude
          index += 1
          zeros = isZero ? zeros + 1 : 0
          // Fifteen zeros, and one more as the symbol.
          let isFull = zeros == 16
          runs += isZero && !isFull ? 0 : 1
          zeros = isFull ? 0 : zeros
        }
        keptRows += row == 0 ? 0 : 1
      }
    }
    for (magnitude, count) in CodeStatistics.magnitudes(codes).enumerated()
    where magnitude > 0 && count > 0 {
      histogram[magnitude - 65] = count
      nonZeros += count
    }
  }

  /// How often each magnitude of a code comes, from 0 to 128.
  static func magnitudes(_ codes: [Int8]) -> [Int] {
    // Four counts in turn, since one that is counted up again at once has to be written first.
    var counts = [Int](repeating: 0, count: 4 * 256)
    counts.withUnsafeMutableBufferPointer { counts in
      codes.withUnsafeBufferPointer { codes in
        let whole = codes.count / 4 * 4
        for index in stride(from: 0, to: whole, by: 4) {
          counts[Int(codes[index].magnitude)] += 1
          counts[256 + Int(codes[index + 1].magnitude)] += 1
          counts[512 + Int(codes[index + 2].magnitude)] += 1
          counts[768 + Int(codes[index + 3].magnitude)] += 1
        }
        for index in whole..<codes.count { counts[Int(codes[index].magnitude)] += 1 }
      }
    }
    return (0...128).map { counts[$0] + counts[256 + $0] + counts[512 + $0] + counts[768 + $0] }
  }
}
