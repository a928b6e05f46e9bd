/// Bases in bytes: v · 2^q, one q for each block and one v for each element.
public struct StoredBasis: Hashable, Sendable {
  /// One for each block.
  public var exponents: [Int8]
  /// n² for each block, row-major.
  public var values: [Int8]

  public init(exponents: [Int8], values: [Int8]) {
    self.exponents = exponents
    self.values = values
  }

  /// Rounds real-valued bases, half to even.
  ///
  /// The scale is a block's own: one for a whole layer would cost accuracy where a nearly singular
  /// block needs large coefficients and small basis elements.
  ///
  /// - Parameters:
  ///   - bases: n² numbers for each block.
  ///   - elementsPerBlock: n².
  public init(_ bases: [Double], elementsPerBlock: Int) {
    let blocks = bases.count / max(elementsPerBlock, 1)
    exponents = [Int8](repeating: 0, count: blocks)
    values = [Int8](repeating: 0, count: bases.count)
    for block in 0..<blocks {
      let range = (block * elementsPerBlock)..<((block + 1) * elementsPerBlock)
      var largest = 0.0
      for index in range { largest = max(largest, bases[index].magnitude) }
      guard largest > 0 else { continue }
      // ceil(log2(largest / 127)), without the rounding of a logarithm.
      var exponent = (largest / 127).exponent
      if Double(sign: .plus, exponent: exponent, significand: 127) < largest { exponent += 1 }
      exponent = min(max(exponent, -128), 127)
      exponents[block] = Int8(exponent)
      let scale = Double(sign: .plus, exponent: -exponent, significand: 1)
      for index in range {
        let rounded = (bases[index] * scale).rounded(.toNearestOrEven)
        values[index] = Int8(min(max(rounded, -127), 127))
      }
    }
  }
}
