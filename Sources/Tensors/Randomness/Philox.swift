/// Philox4x32-10: a block of four numbers as a pure function of a counter and a key.
///
/// Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011),
/// section 4.3 and table 2.
package enum Philox {
  package typealias Block = SIMD4<UInt32>

  /// The block of a counter, given as four words from the least significant, and a key of two.
  @inline(__always)
  package static func block(counter: Block, key: SIMD2<UInt32>) -> Block {
    var counter = counter
    var key = key
    for _ in 0..<9 {
      counter = round(counter, key)
      // Weyl sequences: the golden ratio and the square root of 3 less 1.
      key = SIMD2(key.x &+ 0x9E37_79B9, key.y &+ 0xBB67_AE85)
    }
    return round(counter, key)
  }

  @inline(__always)
  private static func round(_ counter: Block, _ key: SIMD2<UInt32>) -> Block {
    let left = UInt64(0xD251_1F53) &* UInt64(counter.x)
    let right = UInt64(0xCD9E_8D57) &* UInt64(counter.z)
    return Block(
      UInt32(truncatingIfNeeded: right >> 32) ^ counter.y ^ key.x,
      UInt32(truncatingIfNeeded: right),
      UInt32(truncatingIfNeeded: left >> 32) ^ counter.w ^ key.y,
      UInt32(truncatingIfNeeded: left))
  }
}
