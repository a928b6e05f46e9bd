extension Encoding {
  /// The bytes of coefficients, the last one filled with zeros, the bits among them that count, and the
  /// exponents that their symbols start and end with.
  func encode(
    _ codes: [Int8], n: Int
  ) -> (bytes: [UInt8], bits: Int, exponents: ClosedRange<Int>) {
    if self == .entropy {
      let (bytes, used) = EntropyCode.encode(codes, n: n)
      return (bytes, 8 * bytes.count, used)
    }
    let statistics = CodeStatistics(codes, n: n)
    let symbols = SymbolWidths(statistics)
    var writer = BitWriter(capacity: bits(codes, statistics))
    codes.withUnsafeBufferPointer { codes in
      switch self {
      case .bitmap:
        for code in codes { writer.write(code == 0 ? 0 : 1, bits: 1) }
        for code in codes where code != 0 {
          writer.write(symbols.symbol(of: code), bits: symbols.symbol)
        }
      case .dense:
        for code in codes { writer.write(symbols.denseSymbol(of: code), bits: symbols.dense) }
      case .rowBitmap:
        let starts = stride(from: 0, to: codes.count, by: n)
        func isKept(_ start: Int) -> Bool { (start..<start + n).contains { codes[$0] != 0 } }
        for start in starts { writer.write(isKept(start) ? 1 : 0, bits: 1) }
        for start in starts where isKept(start) {
          for index in start..<start + n { writer.write(codes[index] == 0 ? 0 : 1, bits: 1) }
        }
        for code in codes where code != 0 {
          writer.write(symbols.symbol(of: code), bits: symbols.symbol)
        }
      case .rle4:
        var zeros = 0
        for code in codes {
          guard code != 0 else {
            zeros += 1
            // Written at once, at the end too; fewer zeros at the end are not.
            if zeros == 16 {
              writer.write(15, bits: 4)
              writer.write(0, bits: symbols.dense)
              zeros = 0
            }
            continue
          }
          writer.write(UInt64(zeros), bits: 4)
          writer.write(symbols.denseSymbol(of: code), bits: symbols.dense)
          zeros = 0
        }
      case .entropy: break
      }
    }
    return (writer.finished(), writer.count, statistics.exponents)
  }
}
