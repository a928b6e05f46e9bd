extension EntropyCode {
  /// The bytes of coefficients.
  ///
  /// - Parameters:
  ///   - codes: Whole rows of `n`.
  ///   - n: Columns.
  /// - Returns: As the file has them, and the exponents in use, 0...0 where there is none.
  static func encode(_ codes: [Int8], n: Int) -> (bytes: [UInt8], used: ClosedRange<Int>) {
    let counts = Counts(codes, n: n)
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
    let writer = StateWriter(
      n: n, context: context, patterns: patterns.map { $0.flatMap { $0.steps() } },
      exponents: exponents, lowest: counts.used.lowerBound)
    return (header.finished() + writer.bytes(codes, rows: counts.rows), counts.used)
  }

  /// How often patterns and exponents come.
  struct Counts {
    /// For each group of columns.
    var patterns: [PatternCounts]
    /// The exponents in use, 0...0 where there is none, and how often each comes.
    let used: ClosedRange<Int>
    let exponents: [Int]
    /// The pattern of each row, for each group.
    var rows: [[UInt8]]

    init(_ codes: [Int8], n: Int) {
      let groups = EntropyCode.groups(n)
      var rows = groups.map { _ in [UInt8](repeating: 0, count: codes.count / max(n, 1)) }
      let magnitudes = CodeStatistics.magnitudes(codes)
      codes.withUnsafeBufferPointer { codes in
        for (index, group) in groups.enumerated() {
          rows[index].withUnsafeMutableBufferPointer { rows in
            if n == 3 {
              for row in rows.indices {
                rows[row] =
                  (codes[3 * row] == 0 ? 0 : 1) | (codes[3 * row + 1] == 0 ? 0 : 2)
                  | (codes[3 * row + 2] == 0 ? 0 : 4)
              }
              return
            }
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
      let codesInUse = magnitudes.indices.dropFirst().filter { magnitudes[$0] > 0 }
      used = (codesInUse.first ?? 65) - 65...(codesInUse.last ?? 65) - 65
      exponents = used.map { magnitudes[$0 + 65] }
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

/// What coding a symbol does to a state: x becomes ⌊x / f⌋ · 2¹⁰ + x mod f + start, with a sign below it
/// where the symbol has one.
private struct SymbolStep {
  /// A state from here on gives a word away first.
  var limit: UInt64
  /// ⌊2⁵⁴ / f⌋ + 1: the upper bits of its product with a state of 32 bits are the quotient by f, exactly,
  /// since what it is too large by, at most 2¹⁰ / f, is at most 2⁵⁴⁻³².
  var reciprocal: UInt64
  var frequency: UInt32
  var start: UInt32
  var signBits: UInt32

  /// Leaves a state as it is: the step of a coefficient that is zero.
  static let none = SymbolStep(start: 0, frequency: UInt32(EntropyCode.total), signBits: 0)

  init(start: UInt32, frequency: UInt32, signBits: UInt32) {
    let bits = UInt64(EntropyCode.precision) + UInt64(signBits)
    limit = UInt64(frequency) << (32 - bits)
    reciprocal = (1 << 54) / UInt64(max(frequency, 1)) + 1
    self.frequency = frequency
    self.start = start
    self.signBits = signBits
  }
}

extension SymbolTable {
  /// The steps of all symbols.
  fileprivate func steps(signBits: UInt32 = 0) -> [SymbolStep] {
    var start: UInt32 = 0
    return frequencies.map { frequency in
      defer { start += UInt32(frequency) }
      return SymbolStep(start: start, frequency: UInt32(frequency), signBits: signBits)
    }
  }
}

/// Four states and the words that leave them, the last first.
private struct StateWriter {
  private let n: Int
  private let context: EntropyCode.Context
  /// For each group the steps of all tables, one after the other.
  private let patterns: [[SymbolStep]]
  /// By the magnitude of a code; zero leaves a state as it is, so that no branch is needed for what comes
  /// at random.
  private let magnitudes: [SymbolStep]

  init(
    n: Int, context: EntropyCode.Context, patterns: [[SymbolStep]], exponents: SymbolTable,
    lowest: Int
  ) {
    self.n = n
    self.context = context
    self.patterns = patterns
    var magnitudes = [SymbolStep](repeating: .none, count: 129)
    for (place, step) in exponents.steps(signBits: 1).enumerated() where step.frequency > 0 {
      magnitudes[lowest + 65 + place] = step
    }
    self.magnitudes = magnitudes
  }

  /// Codes all rows, the last first: a reader takes symbols in the opposite order.
  ///
  /// - Parameters:
  ///   - codes: Whole rows.
  ///   - rows: Each row's pattern, for each group.
  /// - Returns: States, and words in a reader's order.
  func bytes(_ codes: [Int8], rows: [[UInt8]]) -> [UInt8] {
    // No symbol pushes out more than one word, and one more is written that does not count.
    let capacity = codes.count + rows.reduce(1) { $0 + $1.count }
    return withUnsafeTemporaryAllocation(of: UInt16.self, capacity: capacity) { words in
      var stack = WordStack(words)
      let states = codes.withUnsafeBufferPointer { codes in
        magnitudes.withUnsafeBufferPointer { magnitudes in
          n == 3
            ? pushTriples(codes, rows[0], magnitudes, onto: &stack)
            : pushRows(codes, rows, magnitudes, onto: &stack)
        }
      }
      return stack.bytes(under: states)
    }
  }

  /// The commonest width, unrolled.
  private func pushTriples(
    _ codes: UnsafeBufferPointer<Int8>, _ rows: [UInt8],
    _ magnitudes: UnsafeBufferPointer<SymbolStep>, onto stack: inout WordStack
  ) -> SIMD4<UInt32> {
    var (a, b, c, d) = (
      EntropyCode.lowest, EntropyCode.lowest, EntropyCode.lowest, EntropyCode.lowest
    )
    var words = stack
    rows.withUnsafeBufferPointer { rows in
      patterns[0].withUnsafeBufferPointer { patterns in
        var above = rows.count > 1 ? rows[rows.count - 2].nonzeroBitCount : 0
        for row in stride(from: rows.count - 1, through: 0, by: -1) {
          let before = row > 1 ? rows[row - 2].nonzeroBitCount : 0
          words.push(codes[3 * row + 2], magnitudes, &d)
          words.push(codes[3 * row + 1], magnitudes, &c)
          words.push(codes[3 * row], magnitudes, &b)
          let table = context.table(above: above, before: before)
          words.push(patterns[table << 3 + Int(rows[row])], sign: 0, &a)
          above = before
        }
      }
    }
    stack = words
    return SIMD4(a, b, c, d)
  }

  private func pushRows(
    _ codes: UnsafeBufferPointer<Int8>, _ rows: [[UInt8]],
    _ magnitudes: UnsafeBufferPointer<SymbolStep>, onto stack: inout WordStack
  ) -> SIMD4<UInt32> {
    var states = SIMD4<UInt32>(repeating: EntropyCode.lowest)
    let groups = EntropyCode.groups(n)
    for row in stride(from: codes.count / n - 1, through: 0, by: -1) {
      for index in stride(from: groups.count - 1, through: 0, by: -1) {
        let group = groups[index]
        for column in stride(from: group.upperBound - 1, through: group.lowerBound, by: -1) {
          stack.push(
            codes[row * n + column], magnitudes, &states[EntropyCode.state(ofColumn: column)])
        }
        rows[index].withUnsafeBufferPointer { rows in
          let table = context.table(
            above: row > 0 ? rows[row - 1].nonzeroBitCount : 0,
            before: row > 1 ? rows[row - 2].nonzeroBitCount : 0)
          stack.push(
            patterns[index][table << group.count + Int(rows[row])], sign: 0, &states[0])
        }
      }
    }
    return states
  }
}

/// The words that leave states.
private struct WordStack {
  private let words: UnsafeMutableBufferPointer<UInt16>
  private var count = 0

  init(_ words: UnsafeMutableBufferPointer<UInt16>) { self.words = words }

  /// Codes a coefficient; zero changes nothing.
  @inline(__always)
  mutating func push(
    _ code: Int8, _ magnitudes: UnsafeBufferPointer<SymbolStep>, _ state: inout UInt32
  ) {
    push(magnitudes[Int(code.magnitude)], sign: code < 0 ? 1 : 0, &state)
  }

  /// Codes a symbol, without a branch, as all of it comes at random.
  @inline(__always)
  mutating func push(_ step: SymbolStep, sign: UInt32, _ state: inout UInt32) {
    words[count] = UInt16(truncatingIfNeeded: state)
    let isFull = UInt64(state) >= step.limit
    count &+= isFull ? 1 : 0
    let x = isFull ? state >> 16 : state
    let product = UInt64(x).multipliedFullWidth(by: step.reciprocal)
    let quotient = UInt32(truncatingIfNeeded: product.high << 10 | product.low >> 54)
    let rest = x &- quotient &* step.frequency
    state =
      (quotient &<< UInt32(EntropyCode.precision) &+ rest &+ step.start) &<< step.signBits | sign
  }

  /// The states, then the words with the last first.
  func bytes(under states: SIMD4<UInt32>) -> [UInt8] {
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
