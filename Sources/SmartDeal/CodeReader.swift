/// Reads a layer's coefficients, some rows at a time.
struct CodeReader {
  /// What the bytes have that no writer makes.
  enum Fault: Error {
    case symbolAboveWindow
    case runPastEnd
    case emptyRun
    case length(found: Int)
    case padding
    case tables
    case states
  }

  private let encoding: Encoding
  private let n: Int
  private let bits: Int
  private let bytes: UnsafeRawBufferPointer
  private let coefficients: Int
  private let symbols: SymbolWidths
  private var read = 0
  private var rowFlags: BitCursor
  private var flags: BitCursor
  private var values: BitCursor
  /// The code of each symbol, 0 where it stands for none.
  private let symbolCodes: [Int8]
  private let denseCodes: [Int8]
  private var zeros = 0
  private var pending: Int8 = 0
  private var isPending = false
  private var decoder: EntropyDecoder?

  /// Checks that the flags fit the bits.
  ///
  /// - Parameters:
  ///   - encoding: How the coefficients became bits.
  ///   - bytes: The coefficients' section; must outlive the reader.
  ///   - bits: Those that count.
  ///   - rows: Of the layer.
  ///   - n: Columns of its blocks.
  ///   - lowest: The least exponent.
  ///   - highest: The greatest exponent.
  /// - Throws: ``Fault`` where the bits cannot hold so many coefficients.
  init(
    _ encoding: Encoding, _ bytes: UnsafeRawBufferPointer, bits: Int, rows: Int, n: Int,
    lowest: Int, highest: Int
  ) throws(Fault) {
    self.encoding = encoding
    self.bytes = bytes
    self.bits = bits
    self.n = n
    coefficients = rows * n
    let symbols = SymbolWidths(lowest: lowest, highest: highest)
    self.symbols = symbols
    let width = highest - lowest + 1
    symbolCodes = (0..<(1 << symbols.symbol)).map { symbol in
      let exponent = symbol & ((1 << (symbols.symbol - 1)) - 1)
      guard exponent < width else { return 0 }
      let code = Int8(exponent + lowest + 65)
      return symbol >> (symbols.symbol - 1) == 1 ? -code : code
    }
    denseCodes = (0..<(1 << symbols.dense)).map { symbol in
      guard symbol > 0, (symbol - 1) / 2 < width else { return 0 }
      let code = Int8((symbol - 1) / 2 + lowest + 65)
      return symbol.isMultiple(of: 2) ? -code : code
    }
    rowFlags = BitCursor(bytes, at: 0)
    flags = BitCursor(bytes, at: 0)
    values = BitCursor(bytes, at: 0)
    switch encoding {
    case .bitmap:
      guard coefficients <= bits else { throw .length(found: bits) }
      values.skip(coefficients)
    case .dense:
      guard bits == coefficients * symbols.dense else { throw .length(found: bits) }
    case .rowBitmap:
      guard rows <= bits else { throw .length(found: bits) }
      let start = rows + BitCursor.ones(bytes, bits: rows) * n
      guard start <= bits else { throw .length(found: bits) }
      flags.skip(rows)
      values.skip(start)
    case .rle4:
      guard bits % (4 + symbols.dense) == 0 else { throw .length(found: bits) }
    case .entropy:
      guard bits % 8 == 0 else { throw .length(found: bits) }
      decoder = EntropyDecoder(bytes, n: n, symbols)
      guard decoder != nil else { throw .tables }
    }
  }

  /// Reads the next coefficients, whole rows of them.
  mutating func read(into codes: UnsafeMutableBufferPointer<Int8>) throws(Fault) {
    switch encoding {
    case .bitmap:
      try readFlagged(into: codes)
    case .dense:
      for index in codes.indices {
        let symbol = values.take(symbols.dense)
        let code = denseCodes[Int(symbol)]
        guard code != 0 || symbol == 0 else { throw .symbolAboveWindow }
        codes[index] = code
      }
    case .rowBitmap:
      try readRows(into: codes)
    case .rle4:
      try readRuns(into: codes)
    case .entropy: decoder?.read(into: codes)
    }
    read += codes.count
  }

  /// Checks that nothing is left, once all rows were read.
  func finish() throws(Fault) {
    switch encoding {
    case .bitmap, .dense, .rowBitmap:
      guard values.position == bits else { throw .length(found: bits) }
    case .rle4:
      guard values.position == bits else { throw .runPastEnd }
    case .entropy:
      guard decoder?.isAtEnd == true else { throw .states }
    }
    if bits % 8 != 0, let last = bytes.last, last >> UInt8(bits % 8) != 0 { throw .padding }
  }

  @inline(__always)
  private mutating func readFlagged(into codes: UnsafeMutableBufferPointer<Int8>) throws(Fault) {
    let width = symbols.symbol
    let mask: UInt64 = (1 << UInt64(width)) - 1
    var flags = flags
    var values = values
    var faults = 0
    var index = 0
    symbolCodes.withUnsafeBufferPointer { table in
      while index < codes.count {
        // As many as one look at the flags shows; without branches, as zeros come at random.
        var word = flags.peek()
        let step = min(codes.count - index, 56)
        for _ in 0..<step {
          let flag = Int(truncatingIfNeeded: word & 1)
          let code = table[Int(truncatingIfNeeded: values.peek() & mask)]
          codes[index] = code & Int8(truncatingIfNeeded: -flag)
          faults |= flag & (code == 0 ? 1 : 0)
          values.skip(width & -flag)
          word >>= 1
          index += 1
        }
        flags.skip(step)
      }
    }
    guard faults == 0 else { throw .symbolAboveWindow }
    guard values.position <= bits else { throw .length(found: bits) }
    self.flags = flags
    self.values = values
  }

  /// Rows with a flag of their own, and flags for the coefficients of those that are kept.
  private mutating func readRows(into codes: UnsafeMutableBufferPointer<Int8>) throws(Fault) {
    let width = symbols.symbol
    let mask: UInt64 = (1 << UInt64(width)) - 1
    var (rowFlags, flags, values) = (rowFlags, flags, values)
    var faults = 0
    var start = 0
    symbolCodes.withUnsafeBufferPointer { table in
      while start < codes.count {
        var rows = rowFlags.peek()
        let step = min((codes.count - start) / n, 56)
        for _ in 0..<step {
          // Of a row that is not kept all flags count as zero, and none is taken.
          let kept = Int(truncatingIfNeeded: rows & 1)
          var word = flags.peek() & UInt64(bitPattern: Int64(-kept))
          for index in start..<start + n {
            let flag = Int(truncatingIfNeeded: word & 1)
            let code = table[Int(truncatingIfNeeded: values.peek() & mask)]
            codes[index] = code & Int8(truncatingIfNeeded: -flag)
            faults |= flag & (code == 0 ? 1 : 0)
            values.skip(width & -flag)
            word >>= 1
          }
          flags.skip(n & -kept)
          rows >>= 1
          start += n
        }
        rowFlags.skip(step)
      }
    }
    guard faults == 0 else { throw .symbolAboveWindow }
    guard values.position <= bits else { throw .length(found: bits) }
    (self.rowFlags, self.flags, self.values) = (rowFlags, flags, values)
  }

  /// Runs of zeros, each with the coefficient that follows; a run may reach into the next call.
  private mutating func readRuns(into codes: UnsafeMutableBufferPointer<Int8>) throws(Fault) {
    let width = symbols.dense
    let mask: UInt64 = (1 << UInt64(width)) - 1
    let end = bits - 4 - width
    var values = values
    var (zeros, pending, isPending) = (zeros, pending, isPending)
    guard let base = codes.baseAddress else { return }
    var index = 0
    var fault: Fault?
    denseCodes.withUnsafeBufferPointer { table in
      while index < codes.count {
        if zeros > 0 {
          let step = min(zeros, codes.count - index)
          for place in index..<index + step { codes[place] = 0 }
          index += step
          zeros -= step
          continue
        }
        if isPending {
          codes[index] = pending
          index += 1
          isPending = false
          continue
        }
        // Zeros after the last entry are not written.
        guard values.position <= end else {
          for place in index..<codes.count { codes[place] = 0 }
          break
        }
        if index + 64 <= codes.count, values.position + 3 * (4 + width) <= end {
          fault = CodeReader.readFourRuns(base, &index, &values, table, width)
          if fault != nil { return }
          continue
        }
        let word = values.peek()
        values.skip(4 + width)
        zeros = Int(truncatingIfNeeded: word & 15)
        let symbol = word >> 4 & mask
        pending = table[Int(truncatingIfNeeded: symbol)]
        if pending == 0 && symbol != 0 {
          fault = .symbolAboveWindow
          return
        }
        if symbol == 0 && zeros != 15 {
          fault = .emptyRun
          return
        }
        if read + index + zeros >= coefficients {
          fault = .runPastEnd
          return
        }
        if index + 16 <= codes.count {
          // Sixteen zeros at once, and the coefficient among them or after them.
          UnsafeMutableRawPointer(base + index).storeBytes(
            of: SIMD16<Int8>.zero, as: SIMD16<Int8>.self)
          codes[index + zeros] = pending
          index += zeros + 1
          zeros = 0
        } else {
          isPending = true
        }
      }
    }
    if let fault { throw fault }
    self.values = values
    (self.zeros, self.pending, self.isPending) = (zeros, pending, isPending)
  }

  /// Four entries at one look, each with sixteen zeros written at once and its coefficient among them or
  /// after them.
  ///
  /// - Parameters:
  ///   - base: Codes; at least 64 follow `index`.
  ///   - index: The next code's place.
  ///   - values: Entries; at least four are left.
  ///   - table: The code of each symbol, 0 where it stands for none.
  ///   - width: Bits of a symbol.
  /// - Returns: What is wrong in one of the entries.
  @inline(__always)
  private static func readFourRuns(
    _ base: UnsafeMutablePointer<Int8>, _ index: inout Int, _ values: inout BitCursor,
    _ table: UnsafeBufferPointer<Int8>, _ width: Int
  ) -> Fault? {
    let mask: UInt64 = (1 << UInt64(width)) - 1
    // At most 4 · 12 bits of the 56.
    var word = values.peek()
    var (unknown, empty) = (0, 0)
    for _ in 0..<4 {
      let zeros = Int(truncatingIfNeeded: word & 15)
      let symbol = word >> 4 & mask
      let code = table[Int(truncatingIfNeeded: symbol)]
      UnsafeMutableRawPointer(base + index).storeBytes(
        of: SIMD16<Int8>.zero, as: SIMD16<Int8>.self)
      base[index + zeros] = code
      unknown |= code == 0 && symbol != 0 ? 1 : 0
      empty |= symbol == 0 && zeros != 15 ? 1 : 0
      index &+= zeros &+ 1
      word = word &>> UInt64(4 &+ width)
    }
    values.skip(4 * (4 + width))
    return unknown == 1 ? .symbolAboveWindow : empty == 1 ? .emptyRun : nil
  }
}
