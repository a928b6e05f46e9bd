/// Reads what ``EntropyCode`` wrote, some rows at a time.
struct EntropyDecoder {
  private let bytes: UnsafeRawBufferPointer
  private let n: Int
  private let context: EntropyCode.Context
  private let groups: [Range<Int>]
  /// The slots of all tables of a group, one after the other.
  private let patterns: [[UInt32]]
  private let exponents: [UInt32]
  private var states: SIMD4<UInt32>
  /// The next word's place.
  private var position: Int
  /// Non-zeros in the last row and the one before, for each group.
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
      if n == 3 {
        patterns[0].withUnsafeBufferPointer { readTriples(into: codes, $0, exponents, words) }
      } else {
        readRows(into: codes, exponents, words)
      }
    }
  }

  /// The commonest width, unrolled.
  private mutating func readTriples(
    into codes: UnsafeMutableBufferPointer<Int8>, _ patterns: UnsafeBufferPointer<UInt32>,
    _ exponents: UnsafeBufferPointer<UInt32>, _ words: Words
  ) {
    var (a, b, c, d) = (states[0], states[1], states[2], states[3])
    var position = position
    var (above, before) = (self.above[0], self.before[0])
    let context = context
    var row = 0
    while row < codes.count {
      let table = context.table(above: above, before: before)
      let pattern = words.pattern(patterns, table, &a, &position)
      codes[row] = words.coefficient(pattern & 1, exponents, &b, &position)
      codes[row + 1] = words.coefficient(pattern >> 1 & 1, exponents, &c, &position)
      codes[row + 2] = words.coefficient(pattern >> 2, exponents, &d, &position)
      (above, before) = (pattern.nonzeroBitCount, above)
      row += 3
    }
    (self.above[0], self.before[0]) = (above, before)
    states = SIMD4(a, b, c, d)
    self.position = position
  }

  private mutating func readRows(
    into codes: UnsafeMutableBufferPointer<Int8>, _ exponents: UnsafeBufferPointer<UInt32>,
    _ words: Words
  ) {
    for row in stride(from: 0, to: codes.count, by: n) {
      for (index, group) in groups.enumerated() {
        let table = context.table(above: above[index], before: before[index])
        let pattern = patterns[index].withUnsafeBufferPointer {
          words.pattern($0, table, &states[0], &position)
        }
        for column in group {
          codes[row + column] = words.coefficient(
            pattern >> (column - group.lowerBound) & 1, exponents,
            &states[EntropyCode.state(ofColumn: column)], &position)
        }
        (above[index], before[index]) = (pattern.nonzeroBitCount, above[index])
      }
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
      let next =
        (slot & 0x7FF) &* (state >> UInt32(EntropyCode.precision)) &+ (slot >> 11 & 0x3FF)
      state = refilled(next, if: 1, &position)
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
      let next =
        (slot & 0x7FF) &* (state >> UInt32(EntropyCode.precision + 1)) &+ (slot >> 11 & 0x3FF)
      let sign = Int8(truncatingIfNeeded: state & 1)
      let code = Int8(truncatingIfNeeded: slot >> 21)
      let filled = refilled(next, if: isUsed, &position)
      state = isUsed == 1 ? filled : state
      return ((code ^ -sign) &+ sign) & Int8(truncatingIfNeeded: -isUsed)
    }
  }
}
