extension EntropyCode {
  /// The bytes of coefficients.
  ///
  /// - Parameters:
  ///   - codes: Whole rows of `n`.
  ///   - n: Columns.
  ///   - symbols: The exponents in use.
  /// - Returns: As the file has them.
  static func encode(_ codes: [Int8], n: Int, _ symbols: SymbolWidths) -> [UInt8] {
    let counts = Counts(codes, n: n, symbols)
    let context =
      Context.allCases.min { counts.bits($0) < counts.bits($1) } ?? .nothing
    let patterns = counts.patterns.map { counts in
      counts.merged(context).map { SymbolTable(counts: $0) }
    }
    let exponents = SymbolTable(counts: counts.exponents)
    var header = BitWriter(capacity: 2048)
    header.write(UInt64(context.rawValue), bits: 8)
    for tables in patterns { for table in tables { table.write(to: &header) } }
    exponents.write(to: &header)
    var writer = StateWriter(capacity: codes.count / 4)
    let ranges = patterns.map { $0.map { SymbolRange.all($0) } }
    writer.write(
      codes, n: n, lowest: symbols.lowest, context: context, patterns: ranges,
      exponents: SymbolRange.all(exponents))
    return header.finished() + writer.finished()
  }

  /// How often patterns and exponents come.
  struct Counts {
    /// For each group of columns.
    var patterns: [PatternCounts]
    var exponents: [Int]

    init(_ codes: [Int8], n: Int, _ symbols: SymbolWidths) {
      let groups = EntropyCode.groups(n)
      var patterns = groups.map { PatternCounts(columns: $0.count) }
      var exponents = [Int](repeating: 0, count: symbols.highest - symbols.lowest + 1)
      let first = symbols.lowest + 65
      codes.withUnsafeBufferPointer { codes in
        for (index, group) in groups.enumerated() {
          var (above, before) = (0, 0)
          patterns[index].update { counts, columns in
            for row in stride(from: group.lowerBound, to: codes.count, by: n) {
              var pattern = 0
              for column in 0..<columns {
                let code = codes[row + column]
                guard code != 0 else { continue }
                pattern |= 1 << column
                exponents[Int(code.magnitude) - first] += 1
              }
              let table = Context.countAndMore.table(above: above, before: before)
              counts[table << columns + pattern] += 1
              (above, before) = (pattern.nonzeroBitCount, above)
            }
          }
        }
      }
      self.patterns = patterns
      self.exponents = exponents
    }

    /// The bits of all patterns with such tables, and of these.
    func bits(_ context: Context) -> Double {
      patterns.reduce(0) { sum, counts in
        counts.merged(context).reduce(sum) { $0 + SymbolTable(counts: $1).bits($1) }
      }
    }
  }

  /// How often each pattern of a group of columns comes in each of the finest contexts.
  struct PatternCounts {
    let columns: Int
    private var counts: [Int]

    init(columns: Int) {
      self.columns = columns
      counts = [Int](repeating: 0, count: Context.countAndMore.tables(columns) << columns)
    }

    mutating func update(_ body: (inout [Int], _ columns: Int) -> Void) { body(&counts, columns) }

    /// A list of counts for each table of a coarser context.
    func merged(_ context: Context) -> [[Int]] {
      var merged = [[Int]](
        repeating: [Int](repeating: 0, count: 1 << columns), count: context.tables(columns))
      for fine in 0..<Context.countAndMore.tables(columns) {
        let table = context.table(above: fine / 2, before: fine % 2)
        for pattern in 0..<(1 << columns) {
          merged[table][pattern] += counts[fine << columns + pattern]
        }
      }
      return merged
    }
  }
}

/// The slots of a symbol.
private struct SymbolRange {
  let start: UInt32
  let frequency: UInt32

  static func all(_ table: SymbolTable) -> [SymbolRange] {
    var start: UInt32 = 0
    return table.frequencies.map { frequency in
      defer { start += UInt32(frequency) }
      return SymbolRange(start: start, frequency: UInt32(frequency))
    }
  }
}

/// Four states and the words that left them, the last first.
private struct StateWriter {
  private var states = SIMD4<UInt32>(repeating: EntropyCode.lowest)
  private var words: [UInt16] = []

  init(capacity: Int) { words.reserveCapacity(capacity) }

  /// Codes all rows, the last first: a reader takes symbols in the order in which they did not come.
  mutating func write(
    _ codes: [Int8], n: Int, lowest: Int, context: EntropyCode.Context,
    patterns: [[[SymbolRange]]], exponents: [SymbolRange]
  ) {
    let groups = Array(EntropyCode.groups(n).enumerated().reversed())
    let first = lowest + 65
    codes.withUnsafeBufferPointer { codes in
      func pattern(_ row: Int, _ group: Range<Int>) -> Int {
        guard row >= 0 else { return 0 }
        var pattern = 0
        for column in group where codes[row + column] != 0 {
          pattern |= 1 << (column - group.lowerBound)
        }
        return pattern
      }
      for row in stride(from: codes.count - n, through: 0, by: -n) {
        for (index, group) in groups {
          for column in group.reversed() {
            let code = codes[row + column]
            guard code != 0 else { continue }
            let range = exponents[Int(code.magnitude) - first]
            push(
              range, EntropyCode.state(ofColumn: column), sign: code < 0 ? 1 : 0, signBits: 1)
          }
          let table = context.table(
            above: pattern(row - n, group).nonzeroBitCount,
            before: pattern(row - 2 * n, group).nonzeroBitCount)
          push(patterns[index][table][pattern(row, group)], 0, sign: 0, signBits: 0)
        }
      }
    }
  }

  @inline(__always)
  private mutating func push(_ range: SymbolRange, _ state: Int, sign: UInt32, signBits: UInt32) {
    var x = states[state]
    let bits = UInt32(EntropyCode.precision) + signBits
    if UInt64(x) >= UInt64(range.frequency) << UInt64(32 - bits) {
      words.append(UInt16(truncatingIfNeeded: x))
      x >>= 16
    }
    let (quotient, remainder) = x.quotientAndRemainder(dividingBy: range.frequency)
    states[state] =
      (quotient << UInt32(EntropyCode.precision) + remainder + range.start) << signBits | sign
  }

  func finished() -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(4 * EntropyCode.states + 2 * words.count)
    for state in 0..<EntropyCode.states {
      withUnsafeBytes(of: states[state].littleEndian) { bytes.append(contentsOf: $0) }
    }
    for word in words.reversed() {
      bytes.append(UInt8(truncatingIfNeeded: word))
      bytes.append(UInt8(truncatingIfNeeded: word >> 8))
    }
    return bytes
  }
}
