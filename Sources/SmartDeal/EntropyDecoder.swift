/// Reads what ``EntropyCode`` wrote, some rows at a time.
struct EntropyDecoder {
  private let bytes: UnsafeRawBufferPointer
  private let n: Int
  private let context: EntropyCode.Context
  private let groups: [Range<Int>]
  /// The slots of all tables of a group, one after the other.
  private let patterns: [[UInt32]]
  private let exponents: [UInt32]
  /// For up to three columns, the first slot by the patterns above and before.
  private let tables: [Int]
  private var states: SIMD4<UInt32>
  /// The next word's place.
  private var position: Int
  /// The patterns of the last row and the one before, for each group.
  private var above: [Int]
  private var before: [Int]

  /// Reads the tables; nil where they are none, or do not fit the bytes.
  ///
  /// - Parameters:
  ///   - bytes: Must outlive the decoder.
  ///   - n: Columns.
  ///   - symbols: The exponents in use.
  init?(_ bytes: UnsafeRawBufferPointer, n: Int, _ symbols: SymbolWidths) {
    guard let kind = bytes.first, let context = EntropyCode.Context(rawValue: kind) else {
      return nil
    }
    self.bytes = bytes
    self.n = n
    self.context = context
    groups = EntropyCode.groups(n)
    var cursor = BitCursor(bytes, at: 8)
    var patterns: [[UInt32]] = []
    for group in groups {
      var slots: [UInt32] = []
      for _ in 0..<context.tables(group.count) {
        guard let table = SymbolTable(&cursor, symbols: 1 << group.count) else { return nil }
        slots += table.slots { $0 }
      }
      patterns.append(slots)
    }
    let width = symbols.highest - symbols.lowest + 1
    guard let table = SymbolTable(&cursor, symbols: width) else { return nil }
    exponents = table.slots { $0 + symbols.lowest + 65 }
    self.patterns = patterns
    tables = (0..<64).map {
      context.table(above: ($0 & 7).nonzeroBitCount, before: ($0 >> 3).nonzeroBitCount)
        << EntropyCode.precision
    }
    let start = (cursor.position + 7) / 8
    position = start + 4 * EntropyCode.states
    guard position <= bytes.count else { return nil }
    states = .zero
    for state in 0..<EntropyCode.states {
      states[state] = UInt32(
        littleEndian: bytes.loadUnaligned(fromByteOffset: start + 4 * state, as: UInt32.self))
    }
    above = [Int](repeating: 0, count: groups.count)
    before = above
  }

  /// Whether all has been read: the states are those that the writer began with.
  var isAtEnd: Bool {
    position == bytes.count && states == SIMD4(repeating: EntropyCode.lowest)
  }

  /// Reads whole rows; beyond the end of the words it reads zeros.
  mutating func read(into codes: UnsafeMutableBufferPointer<Int8>) {
    // The last place that a word can be read from.
    let last = bytes.count - 2
    guard let base = bytes.baseAddress, last >= 0 else { return }
    let words = Words(base: base, last: last)
    exponents.withUnsafeBufferPointer { exponents in
      var row = 0
      if n == 3 {
        patterns[0].withUnsafeBufferPointer {
          row = readTriples(into: codes, $0, exponents, base)
        }
      }
      readRows(into: codes, from: row, exponents, words)
    }
  }

  /// The commonest width, unrolled, as long as a row's words can be loaded at once.
  ///
  /// - Returns: Where the rows that are left begin.
  private mutating func readTriples(
    into codes: UnsafeMutableBufferPointer<Int8>, _ patterns: UnsafeBufferPointer<UInt32>,
    _ exponents: UnsafeBufferPointer<UInt32>, _ base: UnsafeRawPointer
  ) -> Int {
    var (a, b, c, d) = (states[0], states[1], states[2], states[3])
    var position = position
    var (above, before) = (self.above[0], self.before[0])
    let end = bytes.count - 8
    var row = 0
    tables.withUnsafeBufferPointer { tables in
      while row < codes.count, position <= end {
        // A row takes at most one word for each of its four symbols.
        var words = RowWords(
          UInt64(littleEndian: base.loadUnaligned(fromByteOffset: position, as: UInt64.self)))
        let pattern = words.pattern(patterns, tables[before << 3 | above], &a)
        codes[row] = words.coefficient(pattern & 1, exponents, &b)
        codes[row &+ 1] = words.coefficient(pattern >> 1 & 1, exponents, &c)
        codes[row &+ 2] = words.coefficient(pattern >> 2, exponents, &d)
        (above, before) = (pattern, above)
        position &+= words.bytes
        row &+= 3
      }
    }
    (self.above[0], self.before[0]) = (above, before)
    states = SIMD4(a, b, c, d)
    self.position = position
    return row
  }

  private mutating func readRows(
    into codes: UnsafeMutableBufferPointer<Int8>, from start: Int,
    _ exponents: UnsafeBufferPointer<UInt32>, _ words: Words
  ) {
    for row in stride(from: start, to: codes.count, by: n) {
      for (index, group) in groups.enumerated() {
        let table = context.table(
          above: above[index].nonzeroBitCount, before: before[index].nonzeroBitCount)
        let pattern = patterns[index].withUnsafeBufferPointer {
          words.pattern($0, table, &states[0], &position)
        }
        for column in group {
          codes[row + column] = words.coefficient(
            pattern >> (column - group.lowerBound) & 1, exponents,
            &states[EntropyCode.state(ofColumn: column)], &position)
        }
        (above[index], before[index]) = (pattern, above[index])
      }
    }
  }

  /// The next four words, of which a row takes some; without branches, as that comes at random.
  private struct RowWords {
    private var words: UInt64
    private(set) var bytes = 0

    @inline(__always)
    init(_ words: UInt64) { self.words = words }

    @inline(__always)
    private mutating func refilled(_ state: UInt32, if isUsed: Int) -> UInt32 {
      let needs = (state < EntropyCode.lowest ? 1 : 0) & isUsed
      let filled = state << 16 | UInt32(truncatingIfNeeded: words & 0xFFFF)
      words = words &>> UInt64(truncatingIfNeeded: needs << 4)
      bytes &+= needs &+ needs
      return needs == 1 ? filled : state
    }

    @inline(__always)
    mutating func pattern(
      _ slots: UnsafeBufferPointer<UInt32>, _ first: Int, _ state: inout UInt32
    ) -> Int {
      let slot = slots[first + Int(state & UInt32(EntropyCode.total - 1))]
      state = refilled(EntropyCode.popped(state, slot, bits: EntropyCode.precision), if: 1)
      return Int(slot >> 21)
    }

    @inline(__always)
    mutating func coefficient(
      _ isUsed: Int, _ slots: UnsafeBufferPointer<UInt32>, _ state: inout UInt32
    ) -> Int8 {
      let slot = slots[Int(state >> 1 & UInt32(EntropyCode.total - 1))]
      let code = EntropyCode.signed(slot, state, if: isUsed)
      let next = EntropyCode.popped(state, slot, bits: EntropyCode.precision + 1)
      state = refilled(isUsed == 1 ? next : state, if: isUsed)
      return code
    }
  }

  /// Words, taken where a state needs one; without branches, as that comes at random.
  private struct Words {
    let base: UnsafeRawPointer
    let last: Int

    @inline(__always)
    private func refilled(_ state: UInt32, if isUsed: Int, _ position: inout Int) -> UInt32 {
      let word = UInt32(
        UInt16(
          littleEndian: base.loadUnaligned(
            fromByteOffset: min(position, last), as: UInt16.self)))
      let needs = (state < EntropyCode.lowest ? 1 : 0) & isUsed
      position &+= 2 &* needs
      return needs == 1 ? state << 16 | word : state
    }

    @inline(__always)
    func pattern(
      _ slots: UnsafeBufferPointer<UInt32>, _ table: Int, _ state: inout UInt32,
      _ position: inout Int
    ) -> Int {
      let mask = UInt32(EntropyCode.total - 1)
      let slot = slots[table << EntropyCode.precision + Int(state & mask)]
      state = refilled(
        EntropyCode.popped(state, slot, bits: EntropyCode.precision), if: 1, &position)
      return Int(slot >> 21)
    }

    /// The next coefficient of a state where the pattern has one, else zero.
    @inline(__always)
    func coefficient(
      _ isUsed: Int, _ slots: UnsafeBufferPointer<UInt32>, _ state: inout UInt32,
      _ position: inout Int
    ) -> Int8 {
      let mask = UInt32(EntropyCode.total - 1)
      let slot = slots[Int(state >> 1 & mask)]
      let code = EntropyCode.signed(slot, state, if: isUsed)
      let next = EntropyCode.popped(state, slot, bits: EntropyCode.precision + 1)
      state = refilled(isUsed == 1 ? next : state, if: isUsed, &position)
      return code
    }
  }
}

extension EntropyCode {
  /// The state without its symbol.
  @inline(__always)
  fileprivate static func popped(_ state: UInt32, _ slot: UInt32, bits: Int) -> UInt32 {
    (slot & 0x7FF) &* (state >> UInt32(bits)) &+ (slot >> 11 & 0x3FF)
  }

  /// A slot's coefficient with the state's sign, zero where it is not used.
  @inline(__always)
  fileprivate static func signed(_ slot: UInt32, _ state: UInt32, if isUsed: Int) -> Int8 {
    let sign = Int8(truncatingIfNeeded: state & 1)
    let code = Int8(truncatingIfNeeded: slot >> 21)
    return ((code ^ -sign) &+ sign) & Int8(truncatingIfNeeded: -isUsed)
  }
}
