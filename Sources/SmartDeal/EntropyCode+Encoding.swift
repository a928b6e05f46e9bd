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
    return header.finished()
      + StateWriter(
        n: n, lowest: symbols.lowest, context: context,
        patterns: patterns.map { $0.flatMap { SymbolRange.all($0) } },
        exponents: SymbolRange.all(exponents)
      ).bytes(codes, rows: counts.rows)
  }

  /// How often patterns and exponents come.
  struct Counts {
    /// For each group of columns.
    var patterns: [PatternCounts]
    var exponents: [Int]
    /// The pattern of each row, for each group.
    var rows: [[UInt8]]

    init(_ codes: [Int8], n: Int, _ symbols: SymbolWidths) {
      let groups = EntropyCode.groups(n)
      let first = symbols.lowest + 65
      // By magnitude, so that zeros need no branch.
      var magnitudes = [Int](repeating: 0, count: 129)
      var rows = groups.map { _ in [UInt8](repeating: 0, count: codes.count / max(n, 1)) }
      codes.withUnsafeBufferPointer { codes in
        for code in codes { magnitudes[Int(code.magnitude)] += 1 }
        for (index, group) in groups.enumerated() {
          rows[index].withUnsafeMutableBufferPointer { rows in
            var place = group.lowerBound
            for row in rows.indices {
              var pattern: UInt8 = 0
              for column in 0..<group.count {
                pattern |= (codes[place + column] == 0 ? 0 : 1) << UInt8(column)
              }
              rows[row] = pattern
              place += n
            }
          }
        }
      }
      self.rows = rows
      exponents = (first...symbols.highest + 65).map { magnitudes[$0] }
      patterns = zip(groups, rows).map { PatternCounts(columns: $0.count, $1) }
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
    private let counts: [Int]

    init(columns: Int, _ rows: [UInt8]) {
      self.columns = columns
      var counts = [Int](repeating: 0, count: Context.countAndMore.tables(columns) << columns)
      var (above, before) = (0, 0)
      rows.withUnsafeBufferPointer { rows in
        for pattern in rows {
          let table = Context.countAndMore.table(above: above, before: before)
          counts[table << columns + Int(pattern)] += 1
          (above, before) = (pattern.nonzeroBitCount, above)
        }
      }
      self.counts = counts
    }

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

/// Four states and the words that leave them, the last first.
private struct StateWriter {
  let n: Int
  let lowest: Int
  let context: EntropyCode.Context
  /// For each group the ranges of all tables, one after the other.
  let patterns: [[SymbolRange]]
  let exponents: [SymbolRange]

  /// Codes all rows, the last first: a reader takes symbols in the opposite order.
  ///
  /// - Parameters:
  ///   - codes: Whole rows.
  ///   - rows: Each row's pattern, for each group.
  /// - Returns: States, and words in a reader's order.
  func bytes(_ codes: [Int8], rows: [[UInt8]]) -> [UInt8] {
    // No symbol pushes out more than one word.
    let capacity = codes.count + rows.reduce(0) { $0 + $1.count }
    return withUnsafeTemporaryAllocation(of: UInt16.self, capacity: max(capacity, 1)) { words in
      var stack = StateStack(words)
      codes.withUnsafeBufferPointer { push($0, rows, onto: &stack) }
      return stack.bytes
    }
  }

  private func push(
    _ codes: UnsafeBufferPointer<Int8>, _ rows: [[UInt8]], onto stack: inout StateStack
  ) {
    let groups = EntropyCode.groups(n)
    let first = lowest + 65
    exponents.withUnsafeBufferPointer { exponents in
      for row in stride(from: codes.count / n - 1, through: 0, by: -1) {
        for index in stride(from: groups.count - 1, through: 0, by: -1) {
          let group = groups[index]
          for column in stride(from: group.upperBound - 1, through: group.lowerBound, by: -1) {
            let code = codes[row * n + column]
            guard code != 0 else { continue }
            stack.push(
              exponents[Int(code.magnitude) - first], EntropyCode.state(ofColumn: column),
              sign: code < 0 ? 1 : 0, signBits: 1)
          }
          rows[index].withUnsafeBufferPointer { rows in
            let table = context.table(
              above: row > 0 ? rows[row - 1].nonzeroBitCount : 0,
              before: row > 1 ? rows[row - 2].nonzeroBitCount : 0)
            stack.push(
              patterns[index][table << group.count + Int(rows[row])], 0, sign: 0, signBits: 0)
          }
        }
      }
    }
  }
}

/// States, and where their words go.
private struct StateStack {
  private var states = SIMD4<UInt32>(repeating: EntropyCode.lowest)
  private let words: UnsafeMutableBufferPointer<UInt16>
  private var count = 0

  init(_ words: UnsafeMutableBufferPointer<UInt16>) { self.words = words }

  @inline(__always)
  mutating func push(_ range: SymbolRange, _ state: Int, sign: UInt32, signBits: UInt32) {
    var x = states[state]
    let bits = UInt32(EntropyCode.precision) + signBits
    // Without a branch, as it comes at random.
    words[count] = UInt16(truncatingIfNeeded: x)
    let isFull = UInt64(x) >= UInt64(range.frequency) << UInt64(32 - bits)
    count += isFull ? 1 : 0
    x = isFull ? x >> 16 : x
    let (quotient, remainder) = x.quotientAndRemainder(dividingBy: range.frequency)
    states[state] =
      (quotient << UInt32(EntropyCode.precision) + remainder + range.start) << signBits | sign
  }

  /// The states, then the words with the last first.
  var bytes: [UInt8] {
    let start = 4 * EntropyCode.states
    let size = start + 2 * count
    return [UInt8](unsafeUninitializedCapacity: size) { bytes, initialized in
      let target = UnsafeMutableRawBufferPointer(bytes)
      for state in 0..<EntropyCode.states {
        target.storeBytes(
          of: states[state].littleEndian, toByteOffset: 4 * state, as: UInt32.self)
      }
      for index in 0..<count {
        target.storeBytes(
          of: words[count - 1 - index].littleEndian, toByteOffset: start + 2 * index,
          as: UInt16.self)
      }
      initialized = size
    }
  }
}
