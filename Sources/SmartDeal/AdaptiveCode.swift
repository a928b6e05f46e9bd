/// Coefficients in an arithmetic code whose probabilities adapt to what was coded.
///
/// Each coefficient is a few yes-or-no questions: is it zero, what is its sign, which exponent. The
/// answer's probability is estimated from earlier answers in the same context, which for zeros is the
/// column and the neighbours to the left and above; the coder is a binary range coder with 32 bits.
enum AdaptiveCode {
  /// The estimates of all contexts, the chance of a 0 in 1/4096.
  struct Model {
    private let n: Int
    private let exponentBits: Int
    private var zero: [UInt16]
    private var exponent: [UInt16]
    private static let even: UInt16 = 2048

    init(n: Int, _ symbols: SymbolWidths) {
      self.n = n
      exponentBits = symbols.symbol - 1
      zero = [UInt16](repeating: Model.even, count: n * 18)
      exponent = [UInt16](repeating: Model.even, count: n << exponentBits)
    }

    /// Codes one coefficient, through a coder that writes or reads its bits.
    ///
    /// - Parameters:
    ///   - code: The coefficient, when it is written.
    ///   - column: Its column.
    ///   - left: How many of the row's coefficients so far are not zero.
    ///   - above: What ``Neighbours`` says of the column.
    ///   - symbols: The exponents in use.
    ///   - coder: Writes or reads.
    /// - Returns: The coefficient that was written or read.
    @inline(__always)
    mutating func code<Coder: BinaryCoder>(
      _ code: Int8, column: Int, left: Int, above: Int, _ symbols: SymbolWidths,
      _ coder: inout Coder
    ) -> Int8 {
      let context = (column * 3 + min(left, 2)) * 6 + above
      guard coder.code(code != 0, &zero[context]) else { return 0 }
      let isNegative = coder.codeEven(code < 0)
      var node = 1
      let index = code == 0 ? 0 : CoefficientCode.exponent(code) - symbols.lowest
      for bit in stride(from: exponentBits - 1, through: 0, by: -1) {
        let isSet = coder.code(
          index >> bit & 1 == 1, &exponent[column << exponentBits | node])
        node = node << 1 | (isSet ? 1 : 0)
      }
      let found = node - (1 << exponentBits) + symbols.lowest + 65
      let magnitude = Int8(truncatingIfNeeded: min(max(found, 1), 127))
      return isNegative ? -magnitude : magnitude
    }
  }

  /// Which neighbours of each column are not zero.
  struct Neighbours {
    private var first: [Bool]
    private var second: [Bool]
    private var wasEmpty = false

    init(n: Int) {
      first = [Bool](repeating: false, count: n)
      second = first
    }

    /// The context above a column: the two rows above, and whether the last one had any non-zero.
    @inline(__always)
    func above(_ column: Int) -> Int {
      (first[column] ? 2 : 0) + (second[column] ? 1 : 0)
        + (wasEmpty && !first[column] ? 4 : 0)
    }

    mutating func push(_ row: UnsafeBufferPointer<Int8>) {
      wasEmpty = true
      for column in first.indices {
        second[column] = first[column]
        first[column] = row[column] != 0
        if first[column] { wasEmpty = false }
      }
    }
  }

  static func encode(_ codes: [Int8], n: Int, _ symbols: SymbolWidths) -> [UInt8] {
    var model = Model(n: n, symbols)
    var neighbours = Neighbours(n: n)
    var encoder = RangeEncoder()
    codes.withUnsafeBufferPointer { codes in
      for start in stride(from: 0, to: codes.count, by: n) {
        var left = 0
        for column in 0..<n {
          let code = model.code(
            codes[start + column], column: column, left: left, above: neighbours.above(column),
            symbols, &encoder)
          if code != 0 { left += 1 }
        }
        neighbours.push(UnsafeBufferPointer(rebasing: codes[start..<start + n]))
      }
    }
    return encoder.finished()
  }
}

/// Writes or reads yes-or-no answers.
protocol BinaryCoder {
  /// Codes an answer under an estimate, and moves the estimate towards it.
  mutating func code(_ answer: Bool, _ estimate: inout UInt16) -> Bool
  /// Codes an answer whose chances are even.
  mutating func codeEven(_ answer: Bool) -> Bool
}

extension UInt16 {
  /// Moves an estimate of "no" by a sixteenth towards an answer; it stays within 15...4081 of 4096.
  @inline(__always)
  fileprivate mutating func learn(_ answer: Bool) {
    if answer { self -= self >> 4 } else { self += (4096 - self) >> 4 }
  }
}

struct RangeEncoder: BinaryCoder {
  private var low: UInt64 = 0
  private var range: UInt32 = .max
  private var bytes: [UInt8] = []

  @inline(__always)
  mutating func code(_ answer: Bool, _ estimate: inout UInt16) -> Bool {
    let bound = (range >> 12) * UInt32(estimate)
    if answer {
      low += UInt64(bound)
      range -= bound
    } else {
      range = bound
    }
    estimate.learn(answer)
    normalise()
    return answer
  }

  @inline(__always)
  mutating func codeEven(_ answer: Bool) -> Bool {
    range >>= 1
    if answer { low += UInt64(range) }
    normalise()
    return answer
  }

  @inline(__always)
  private mutating func normalise() {
    while range < 1 << 24 {
      shift()
      range <<= 8
    }
  }

  private mutating func shift() {
    if low > 0xFFFF_FFFF {
      // The carry runs through bytes that are already out.
      var index = bytes.count - 1
      while index >= 0 {
        bytes[index] &+= 1
        if bytes[index] != 0 { break }
        index -= 1
      }
      low &= 0xFFFF_FFFF
    }
    bytes.append(UInt8(truncatingIfNeeded: low >> 24))
    low = (low << 8) & 0xFFFF_FFFF
  }

  /// All bytes; zeros at the end are left out, since reading beyond the end gives zeros.
  func finished() -> [UInt8] {
    var copy = self
    for _ in 0..<4 { copy.shift() }
    while copy.bytes.last == 0 { copy.bytes.removeLast() }
    return copy.bytes
  }
}

struct RangeDecoder: BinaryCoder {
  private let bytes: UnsafeRawBufferPointer
  private(set) var position = 0
  private var range: UInt32 = .max
  private var code: UInt32 = 0

  init(_ bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
    for _ in 0..<4 { pull() }
  }

  @inline(__always)
  private mutating func pull() {
    code = code << 8 | (position < bytes.count ? UInt32(bytes[position]) : 0)
    position += 1
  }

  @inline(__always)
  mutating func code(_ answer: Bool, _ estimate: inout UInt16) -> Bool {
    let bound = (range >> 12) * UInt32(estimate)
    let found = code >= bound
    if found {
      code -= bound
      range -= bound
    } else {
      range = bound
    }
    estimate.learn(found)
    normalise()
    return found
  }

  @inline(__always)
  mutating func codeEven(_ answer: Bool) -> Bool {
    range >>= 1
    let found = code >= range
    if found { code -= range }
    normalise()
    return found
  }

  @inline(__always)
  private mutating func normalise() {
    while range < 1 << 24 {
      pull()
      range <<= 8
    }
  }
}
