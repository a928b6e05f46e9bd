import Foundation

/// Coefficients in an entropy code with frequencies that a layer's own header states.
///
/// A row's pattern of zeros is one symbol, whose frequencies depend on how many non-zeros the rows above
/// have; each non-zero is another, its exponent, with an even bit for the sign. All of them go through asymmetric numeral
/// systems with a range of slots for each symbol (Duda, "Asymmetric numeral systems", 2013, arXiv 1311.2540),
/// four states in turn over one stream of 16-bit words, so that a processor works on several at once.
///
/// In the file: 8 bits for what patterns depend on; for each group of columns and each context the table
/// of its patterns, then that of the exponents (a bit for each symbol that occurs, then 10 bits for the
/// frequency less one of each of these but the last); zeros up to a byte; the states, 4 bytes each; words. Rows of
/// more than four columns are two groups.
enum EntropyCode {
  /// Frequencies sum to 2¹⁰.
  static let precision = 10
  static let total = 1 << precision
  /// States stay at or above it; a word comes in where one falls below.
  static let lowest: UInt32 = 1 << 16
  /// One for patterns, the others for the columns in turn.
  static let states = 4

  /// What the frequencies of a row's pattern depend on.
  enum Context: UInt8, CaseIterable {
    case nothing
    /// How many non-zeros the row above has.
    case count
    /// That, and whether the row above that one has any.
    case countAndMore

    /// How many tables a group of columns needs.
    func tables(_ columns: Int) -> Int {
      switch self {
      case .nothing: 1
      case .count: columns + 1
      case .countAndMore: 2 * (columns + 1)
      }
    }

    /// The table's number.
    ///
    /// - Parameters:
    ///   - above: Non-zeros in the row above, of the same group of columns.
    ///   - before: Those in the row above that.
    /// - Returns: From 0.
    @inline(__always)
    func table(above: Int, before: Int) -> Int {
      switch self {
      case .nothing: 0
      case .count: above
      case .countAndMore: 2 * above + (before > 0 ? 1 : 0)
      }
    }
  }

  /// Groups of at most four columns.
  static func groups(_ n: Int) -> [Range<Int>] {
    n <= 4 ? [0..<n] : [0..<(n + 1) / 2, (n + 1) / 2..<n]
  }

  /// The state that codes a column's coefficients.
  @inline(__always)
  static func state(ofColumn column: Int) -> Int { 1 + column % 3 }
}

/// How often each symbol comes, in 1024 slots.
struct SymbolTable: Equatable {
  /// 0 for a symbol that does not occur; all are 0 where none does.
  private(set) var frequencies: [Int]

  /// Frequencies in proportion to counts, at least one for each symbol that occurs.
  init(counts: [Int]) {
    let sum = counts.reduce(0, +)
    frequencies = [Int](repeating: 0, count: counts.count)
    guard sum > 0 else { return }
    let total = EntropyCode.total
    for (symbol, count) in counts.enumerated() where count > 0 {
      frequencies[symbol] = max(1, (count * total + sum / 2) / sum)
    }
    // What rounding left over or took too much goes to, or comes from, the commonest.
    var rest = total - frequencies.reduce(0, +)
    while rest != 0 {
      let largest = frequencies.indices.max { frequencies[$0] < frequencies[$1] } ?? 0
      let change = max(rest, 1 - frequencies[largest])
      frequencies[largest] += change
      rest -= change
    }
  }

  /// The bits of the table, and of so many symbols in it.
  func bits(_ counts: [Int]) -> Double {
    let used = frequencies.count { $0 > 0 }
    var bits = Double(frequencies.count + max(used - 1, 0) * EntropyCode.precision)
    for (count, frequency) in zip(counts, frequencies) where count > 0 {
      bits += Double(count) * (Double(EntropyCode.precision) - log2(Double(frequency)))
    }
    return bits
  }

  func write(to writer: inout BitWriter) {
    for frequency in frequencies { writer.write(frequency > 0 ? 1 : 0, bits: 1) }
    for frequency in frequencies.filter({ $0 > 0 }).dropLast() {
      writer.write(UInt64(frequency - 1), bits: EntropyCode.precision)
    }
  }

  /// Reads what ``write(to:)`` wrote.
  ///
  /// - Returns: Nil where frequencies sum to more than there are slots.
  init?(_ cursor: inout BitCursor, symbols: Int) {
    frequencies = (0..<symbols).map { _ in Int(cursor.take(1)) }
    let used = frequencies.indices.filter { frequencies[$0] > 0 }
    var rest = EntropyCode.total
    for symbol in used.dropLast() {
      frequencies[symbol] = Int(cursor.take(EntropyCode.precision)) + 1
      rest -= frequencies[symbol]
    }
    guard let last = used.last else { return }
    guard rest > 0 else { return nil }
    frequencies[last] = rest
  }

  /// For each slot: the symbol's frequency in 11 bits, the slot's place within it in 10, and the
  /// symbol's code above.
  ///
  /// A table without symbols gives the first one for certain, which no writer needs.
  func slots(_ code: (Int) -> Int) -> [UInt32] {
    var slots: [UInt32] = []
    slots.reserveCapacity(EntropyCode.total)
    for (symbol, frequency) in frequencies.enumerated() {
      for place in 0..<frequency {
        slots.append(UInt32(frequency) | UInt32(place) << 11 | UInt32(code(symbol)) << 21)
      }
    }
    if slots.isEmpty {
      slots = (0..<EntropyCode.total).map {
        UInt32(EntropyCode.total) | UInt32($0) << 11 | UInt32(code(0)) << 21
      }
    }
    return slots
  }
}
