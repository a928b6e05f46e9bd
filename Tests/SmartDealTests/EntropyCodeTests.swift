import Foundation
import Testing

@testable import SmartDeal

struct EntropyCodeTests {
  /// Codes whose non-zeros come in clusters, as pruned rows leave them.
  private static func codes(
    rows: Int, n: Int, seed: UInt64, density: Int, exponents: ClosedRange<Int>
  ) -> [Int8] {
    var state = seed
    func next(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    var codes: [Int8] = []
    var isDense = true
    for _ in 0..<rows {
      if next(8) == 0 { isDense.toggle() }
      for _ in 0..<n {
        guard isDense && next(100) < density else {
          codes.append(0)
          continue
        }
        // Smaller exponents come more often.
        let exponent = min(
          exponents.lowerBound + next(exponents.count), exponents.lowerBound + next(exponents.count)
        )
        codes.append(Int8(exponent + 65) * (next(2) == 0 ? 1 : -1))
      }
    }
    return codes
  }

  private static func read(
    _ bytes: [UInt8], rows: Int, n: Int, _ exponents: ClosedRange<Int>, step: Int
  ) throws -> [Int8] {
    var codes = [Int8](repeating: 99, count: rows * n)
    try bytes.withUnsafeBytes { bytes in
      var reader = try CodeReader(
        .entropy, bytes, bits: 8 * bytes.count, rows: rows, n: n,
        lowest: exponents.lowerBound, highest: exponents.upperBound)
      try codes.withUnsafeMutableBufferPointer { codes throws(CodeReader.Fault) in
        for start in stride(from: 0, to: rows, by: step) {
          try reader.read(
            into: UnsafeMutableBufferPointer(
              rebasing: codes[start * n..<min(start + step, rows) * n]))
        }
      }
      try reader.finish()
    }
    return codes
  }

  @Test(arguments: 1...8, [0, 3, 40, 100])
  func `what was written is read, in pieces of any size`(n: Int, density: Int) throws {
    for (rows, exponents) in [(1, 0...0), (7, -3...0), (400, -9...5), (131, -64...62)] {
      let codes = Self.codes(
        rows: rows, n: n, seed: UInt64(100 * n + density), density: density, exponents: exponents)
      let coded = Encoding.entropy.encode(codes, n: n)
      #expect(coded.bits == 8 * coded.bytes.count)
      #expect(
        Encoding.entropy.bits(codes, CodeStatistics(codes, n: n)) == coded.bits)
      for step in [rows, 1, 5] {
        let found = try Self.read(coded.bytes, rows: rows, n: n, coded.exponents, step: step)
        #expect(found == codes)
      }
    }
  }

  /// Bytes of another program, in Python, of the code's description.
  @Test func `bytes are those of the format's description`() {
    var state = 1
    let three = (0..<120).map { _ -> Int8 in
      state = (state * 1_103_515_245 + 12_345) % (1 << 31)
      let value = (state >> 16) % 10
      return value < 5 ? 0 : Int8((65 - value % 4) * (value % 2 == 1 ? 1 : -1))
    }
    #expect(
      hex(EntropyCode.encode(three, n: 3).bytes)
        == "00ff7f94b14c269930c1c4cfb24f62d0fd22007dee52000df7285d02a00300094504483a6094"
        + "88ee1d8586881bfa55a47576589bb148ea6d0153ebd47bf605")
    state = 7
    let five = (0..<60).map { index -> Int8 in
      state = (state * 1_103_515_245 + 12_345) % (1 << 31)
      let value = (state >> 16) % 10
      return value < 7 || index / 5 % 3 == 0
        ? 0 : Int8((65 - value % 3) * (value % 2 == 1 ? 1 : -1))
    }
    #expect(
      hex(EntropyCode.encode(five, n: 5).bytes)
        == "004f555241051547a52a4f6c1d821d3f00d942f807769e020092fe1a00e034a5319eef")
  }

  private func hex(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  @Test func `a code takes no more than the entropy of its symbols and its header`() {
    let codes = Self.codes(rows: 40_000, n: 3, seed: 5, density: 60, exponents: -7...0)
    let counts = EntropyCode.Counts(codes, n: 3)
    func entropy(_ counts: [Int]) -> Double {
      let sum = Double(max(counts.reduce(0, +), 1))
      return counts.filter { $0 > 0 }.reduce(0) {
        $0 - Double($1) * (Double($1) / sum).logarithm / 0.693_147_180_559_945_3
      }
    }
    let patterns = counts.patterns[0].merged(.countAndMore).reduce(0) { $0 + entropy($1) }
    let nonZeros = counts.exponents.reduce(0, +)
    let least = patterns + entropy(counts.exponents) + Double(nonZeros)
    let bits = Double(8 * EntropyCode.encode(codes, n: 3).bytes.count)
    // Tables of ten bits a symbol, four states, and frequencies in 1024ths.
    #expect(bits >= least && bits < 1.002 * least + 1200)
    #expect(bits < Double(Encoding.bitmap.encode(codes, n: 3).bits) * 0.9)
  }

  @Test func `tables and ends that no writer makes are refused`() throws {
    let codes = Self.codes(rows: 50, n: 3, seed: 9, density: 50, exponents: -3...0)
    let good = Encoding.entropy.encode(codes, n: 3).bytes
    func fault(_ change: (inout [UInt8]) -> Void) -> String {
      var bytes = good
      change(&bytes)
      do {
        return "\(try Self.read(bytes, rows: 50, n: 3, -3...0, step: 50))"
      } catch {
        return "\(error)"
      }
    }
    #expect(fault { $0[0] = 3 } == "tables")
    #expect(fault { $0 = [] } == "tables")
    #expect(fault { $0 = Array($0[..<12]) } == "tables")
    // All frequencies of the first table at their highest are more than there are slots.
    #expect(fault { for index in 1..<12 { $0[index] = 255 } } == "tables")
    #expect(fault { $0 += [0, 0] } == "states")
    #expect(fault { $0.removeLast(2) } == "states")
    #expect(fault { $0[$0.count - 1] ^= 1 } == "states")
  }
}

extension Double {
  fileprivate var logarithm: Double { Foundation.log(self) }
}
