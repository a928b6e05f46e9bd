/// SplitMix64 (Steele, Lea and Flood 2014): a small generator whose stream depends only on its seed.
public struct SplitMix64: RandomNumberGenerator, Sendable {
  private var state: UInt64

  public init(seed: UInt64) { state = seed }

  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

/// Distinct elements of a list in random order, by a partial Fisher–Yates shuffle.
///
/// The method is spelt out here, so that a new standard library can't change the sample.
public func sample(_ count: Int, of elements: [Int], seed: UInt64) -> [Int] {
  var generator = SplitMix64(seed: seed)
  var elements = elements
  let taken = min(count, elements.count)
  for position in 0..<taken {
    let remaining = UInt64(elements.count - position)
    // The high half of a full product: a bias of at most n/2⁶⁴.
    let offset = Int(generator.next().multipliedFullWidth(by: remaining).high)
    elements.swapAt(position, position + offset)
  }
  return Array(elements[..<taken])
}
