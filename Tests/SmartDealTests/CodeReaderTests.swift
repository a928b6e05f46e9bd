import Testing

@testable import SmartDeal

/// Bits that no writer makes, one by one.
struct CodeReaderTests {
  /// Reads fields of bits as coefficients with exponents −2...0: symbols of 3 bits, dense ones of 3.
  private func read(
    _ encoding: Encoding, _ fields: [(value: UInt64, bits: Int)], rows: Int, n: Int = 2,
    padding: UInt8 = 0
  ) throws -> [Int8] {
    var writer = BitWriter(capacity: 64)
    for field in fields { writer.write(field.value, bits: field.bits) }
    var bytes = writer.finished()
    if !bytes.isEmpty { bytes[bytes.count - 1] |= padding }
    let count = writer.count
    var codes = [Int8](repeating: 99, count: rows * n)
    try bytes.withUnsafeBytes { bytes in
      var reader = try CodeReader(
        encoding, bytes, bits: count, rows: rows, n: n, lowest: -2, highest: 0)
      try codes.withUnsafeMutableBufferPointer { codes throws(CodeReader.Fault) in
        try reader.read(into: codes)
      }
      try reader.finish()
    }
    return codes
  }

  private func fault(
    _ encoding: Encoding, _ fields: [(value: UInt64, bits: Int)], rows: Int, padding: UInt8 = 0
  ) -> String {
    do {
      return "\(try read(encoding, fields, rows: rows, padding: padding))"
    } catch {
      return "\(error)"
    }
  }

  @Test func `a symbol above the window is refused in each encoding`() throws {
    // Of four exponents that two bits can name there are three.
    #expect(try read(.bitmap, [(1, 1), (1, 1), (2, 3), (4, 3)], rows: 1) == [65, -63])
    #expect(fault(.bitmap, [(1, 1), (1, 1), (2, 3), (3, 3)], rows: 1) == "symbolAboveWindow")
    #expect(
      fault(.rowBitmap, [(1, 1), (1, 1), (0, 1), (7, 3)], rows: 1) == "symbolAboveWindow")
    #expect(try read(.dense, [(6, 3), (0, 3)], rows: 1) == [-65, 0])
    #expect(fault(.dense, [(7, 3), (0, 3)], rows: 1) == "symbolAboveWindow")
    #expect(fault(.rle4, [(0, 4), (7, 3)], rows: 1) == "symbolAboveWindow")
  }

  @Test func `a run past the last coefficient is refused, and a short one without its coefficient`()
    throws
  {
    #expect(try read(.rle4, [(1, 4), (1, 3)], rows: 1) == [0, 63])
    #expect(fault(.rle4, [(2, 4), (1, 3)], rows: 1) == "runPastEnd")
    #expect(fault(.rle4, [(15, 4), (0, 3)], rows: 1) == "runPastEnd")
    #expect(fault(.rle4, [(1, 4), (0, 3)], rows: 1) == "emptyRun")
    // Entries after the last coefficient.
    #expect(fault(.rle4, [(1, 4), (1, 3), (0, 4), (1, 3)], rows: 1) == "runPastEnd")
    // Seventeen zeros and a coefficient, over nine rows.
    let long = try read(.rle4, [(15, 4), (0, 3), (1, 4), (3, 3)], rows: 9)
    #expect(long == [Int8](repeating: 0, count: 17) + [64])
  }

  @Test func `a row that is kept without a coefficient is read, and not written so`() throws {
    let codes = try read(.rowBitmap, [(1, 1), (0, 1), (0, 2)], rows: 2)
    #expect(codes == [0, 0, 0, 0])
    #expect(Encoding.rowBitmap.encode(codes, n: 2).bytes == [0])
  }

  @Test func `bits that are left over or missing are refused, and so is padding that is not zero`()
  {
    #expect(fault(.bitmap, [(0, 2)], rows: 1) == "[0, 0]")
    #expect(fault(.bitmap, [(0, 2)], rows: 1, padding: 4) == "padding")
    #expect(fault(.bitmap, [(0, 2), (0, 3)], rows: 1).hasPrefix("length"))
    #expect(fault(.bitmap, [(3, 2), (0, 3)], rows: 1).hasPrefix("length"))
    #expect(fault(.bitmap, [(0, 1)], rows: 1).hasPrefix("length"))
    #expect(fault(.dense, [(0, 3)], rows: 1).hasPrefix("length"))
    #expect(fault(.rowBitmap, [(3, 2)], rows: 2).hasPrefix("length"))
  }
}
