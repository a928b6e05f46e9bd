import Tensors

/// Draws which inputs and hidden units of a pass are kept.
enum DropoutMasks {
  /// Multiplies inputs by a fresh mask and sets the masks of the hidden units: 1/(1 − rate) with the
  /// probability 1 − rate, else 0, for each row on its own.
  ///
  /// - Parameters:
  ///   - rate: The probability that a value is dropped.
  ///   - inputs: inputs × stride, feature-major.
  ///   - pass: Whose masks are set.
  ///   - stride: The rows of the block.
  ///   - random: Where the masks come from.
  static func apply(
    rate: Double, to inputs: inout [Double], _ pass: NetworkPass, stride: Int,
    random: inout RandomStream
  ) {
    guard rate > 0 else { return }
    var source = MaskSource(rate: rate, random: random)
    for i in 0..<stride * pass.network.inputs { inputs[i] *= source.next() }
    for (layer, mask) in zip(pass.network.layers.dropLast(), pass.masks) {
      for i in 0..<layer.outputs * stride { mask[i] = source.next() }
    }
    random = source.random
  }

  private struct MaskSource {
    let threshold: UInt32
    let scale: Double
    var random: RandomStream
    var bits: UInt64 = 0
    var isHalfUsed = false

    init(rate: Double, random: RandomStream) {
      threshold = UInt32(rate * 0x1p32)
      scale = 1 / (1 - rate)
      self.random = random
    }

    @inline(__always)
    mutating func next() -> Double {
      let word: UInt32
      if isHalfUsed {
        word = UInt32(truncatingIfNeeded: bits >> 32)
      } else {
        bits = random.next()
        word = UInt32(truncatingIfNeeded: bits)
      }
      isHalfUsed.toggle()
      return word < threshold ? 0 : scale
    }
  }
}
