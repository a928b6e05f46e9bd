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

  /// The same for a block of float32 rows.
  ///
  /// - `inputs`: rows × padded inputs.
  static func apply(
    rate: Double, to inputs: UnsafeMutablePointer<Float>, _ pass: SingleNetworkPass, rows: Int,
    random: inout RandomStream
  ) {
    guard rate > 0 else { return }
    var source = MaskSource(rate: rate, random: random)
    let first = pass.layout.layers[0]
    for row in 0..<rows {
      let row = inputs + row * first.inputStride
      for i in 0..<first.inputs { row[i] *= Float(source.next()) }
    }
    for (layer, mask) in zip(pass.layout.layers.dropLast(), pass.masks) {
      for row in 0..<rows {
        let row = mask + row * layer.stride
        for i in 0..<layer.outputs { row[i] = Float(source.next()) }
      }
    }
    random = source.random
  }

  /// Fresh masks for each batch of an energy's rows.
  static func source(rate: Double, _ energy: Energy, _ random: RandomStream) -> BlockMasks? {
    guard rate > 0 else { return nil }
    if let single = energy.single {
      single.pass.usesMasks = true
    } else {
      energy.pass.usesMasks = true
    }
    let stream = Stream(random)
    return BlockMasks(
      double: { pass, inputs, _, stride in
        apply(rate: rate, to: &inputs, pass, stride: stride, random: &stream.random)
      },
      single: { pass, inputs, rows in
        apply(rate: rate, to: inputs, pass, rows: rows, random: &stream.random)
      }, align: { stream.random.align() }, resume: { stream.random.resume(at: $0) })
  }

  /// A stream that both closures of a source draw from.
  private final class Stream {
    var random: RandomStream
    init(_ random: RandomStream) { self.random = random }
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
