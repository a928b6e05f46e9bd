import Foundation

/// Random numbers as a function of a seed, a stream and a position: the same on every machine, at
/// every thread count, and whatever other streams draw.
///
/// Give each purpose a stream of its own, so that drawing more for one changes no other:
/// ```swift
/// let random = RandomStream(seed: 7)
/// var weights = random.child("weights")
/// var noise = random.child("noise").child(epoch)
/// ```
public struct RandomStream: Sendable, RandomNumberGenerator {
  public let seed: UInt64
  /// Which of the seed's 2⁶⁴ streams.
  public let stream: UInt64
  /// How many blocks of 128 bits were drawn.
  public private(set) var position: UInt64 = 0
  /// The second half of a block whose first half `next` gave.
  private var spare: UInt64?

  public init(seed: UInt64, stream: UInt64 = 0) {
    self.seed = seed
    self.stream = stream
  }

  /// The stream at a position, as ``position`` gave it: for resuming.
  public init(seed: UInt64, stream: UInt64, position: UInt64) {
    self.init(seed: seed, stream: stream)
    self.position = position
  }

  // MARK: Streams from streams

  /// A stream for a purpose, independent of this one's position.
  public func child(_ name: String) -> RandomStream {
    // FNV-1a over the name, after the parent's stream.
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
    return derived(hash, salt: 1)
  }

  /// A stream for a step, member or chain, independent of this one's position.
  public func child(_ index: Int) -> RandomStream {
    derived(UInt64(bitPattern: Int64(index)), salt: 2)
  }

  /// The generator itself mixes parent and name: a block whose counter they are.
  private func derived(_ word: UInt64, salt: UInt32) -> RandomStream {
    let parent = Philox.block(
      counter: RandomStream.counter(stream, word), key: RandomStream.key(seed) &+ SIMD2(salt, 0))
    return RandomStream(seed: seed, stream: UInt64(parent.x) | UInt64(parent.y) << 32)
  }

  private static func key(_ seed: UInt64) -> SIMD2<UInt32> {
    SIMD2(UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32))
  }

  @inline(__always)
  private static func counter(_ low: UInt64, _ high: UInt64) -> Philox.Block {
    Philox.Block(
      UInt32(truncatingIfNeeded: low), UInt32(truncatingIfNeeded: low >> 32),
      UInt32(truncatingIfNeeded: high), UInt32(truncatingIfNeeded: high >> 32))
  }

  // MARK: Numbers

  /// 64 random bits.
  public mutating func next() -> UInt64 {
    if let spare {
      self.spare = nil
      return spare
    }
    let block = Philox.block(
      counter: RandomStream.counter(position, stream), key: RandomStream.key(seed))
    position &+= 1
    spare = UInt64(block.z) | UInt64(block.w) << 32
    return UInt64(block.x) | UInt64(block.y) << 32
  }

  /// Hands out so many fresh blocks, from the next whole one.
  private mutating func blocks(_ count: Int, _ body: (Int, Philox.Block) -> Void) {
    spare = nil
    let key = RandomStream.key(seed)
    for index in 0..<count {
      body(
        index,
        Philox.block(counter: RandomStream.counter(position &+ UInt64(index), stream), key: key))
    }
    position &+= UInt64(count)
  }

  /// A number from 0 up to 1, of 53 bits.
  public mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// A number of the standard normal distribution.
  public mutating func normal() -> Double {
    var result = 0.0
    blocks(1) { _, block in result = RandomStream.normals(block).0 }
    return result
  }

  /// The numbers 0 up to `count` in random order.
  public mutating func permutation(_ count: Int) -> [Int] {
    var order = Array(0..<count)
    order.shuffle(using: &self)
    return order
  }

  // MARK: Tensors

  /// Numbers from 0 up to 1, evenly distributed: float32 of 24 bits, float64 of 53.
  ///
  /// - Throws: ``TensorError`` for types other than float32 and float64.
  public mutating func uniform(_ shape: [Int], dtype: DType = .float32) throws -> Tensor {
    try drawn(
      shape, dtype, single: { Float($0 >> 8) * 0x1p-24 },
      double: { Double($0 >> 11) * 0x1p-53 })
  }

  /// Numbers of the standard normal distribution, by the Box-Muller transform.
  ///
  /// - Throws: ``TensorError`` for types other than float32 and float64.
  public mutating func normal(_ shape: [Int], dtype: DType = .float32) throws -> Tensor {
    switch dtype {
    case .float32:
      // Two blocks of 32 bits make two numbers; double arithmetic keeps the tails right.
      return try .filled(shape, dtype) { bytes in
        let numbers = bytes.bindMemory(to: Float.self)
        blocks((numbers.count + 3) / 4) { index, block in
          let (a, b) = RandomStream.pair(
            (Double(block.x) + 0.5) * 0x1p-32, Double(block.y) * 0x1p-32)
          let (c, d) = RandomStream.pair(
            (Double(block.z) + 0.5) * 0x1p-32, Double(block.w) * 0x1p-32)
          let start = index * 4
          numbers[start] = Float(a)
          if start + 1 < numbers.count { numbers[start + 1] = Float(b) }
          if start + 2 < numbers.count { numbers[start + 2] = Float(c) }
          if start + 3 < numbers.count { numbers[start + 3] = Float(d) }
        }
      }
    case .float64:
      return try .filled(shape, dtype) { bytes in
        let numbers = bytes.bindMemory(to: Double.self)
        blocks((numbers.count + 1) / 2) { index, block in
          let (a, b) = RandomStream.normals(block)
          numbers[index * 2] = a
          if index * 2 + 1 < numbers.count { numbers[index * 2 + 1] = b }
        }
      }
    default: throw RandomStream.unsupported(dtype)
    }
  }

  /// Integers from 0 up to `bound`, evenly distributed, int64.
  ///
  /// - Throws: ``TensorError`` for a bound below 1.
  public mutating func integers(below bound: Int, _ shape: [Int]) throws -> Tensor {
    guard bound > 0 else {
      throw TensorError(.mismatch, "no integer is from 0 up to \(bound)")
    }
    return try .filled(shape, .int64) { bytes in
      let numbers = bytes.bindMemory(to: Int64.self)
      blocks((numbers.count + 1) / 2) { index, block in
        // The high word of a product with 64 bits: biased by at most bound / 2^64.
        numbers[index * 2] = Int64(
          UInt64(bound).multipliedFullWidth(by: UInt64(block.x) | UInt64(block.y) << 32).high)
        if index * 2 + 1 < numbers.count {
          numbers[index * 2 + 1] = Int64(
            UInt64(bound).multipliedFullWidth(by: UInt64(block.z) | UInt64(block.w) << 32).high)
        }
      }
    }
  }

  /// True with the given probability, bool.
  ///
  /// - Throws: ``TensorError`` for a probability outside of 0…1.
  public mutating func bernoulli(_ probability: Double, _ shape: [Int]) throws -> Tensor {
    guard (0...1).contains(probability) else {
      throw TensorError(.mismatch, "\(probability) is no probability")
    }
    let threshold = UInt64(probability * 0x1p32)
    return try .filled(shape, .bool) { bytes in
      blocks((bytes.count + 3) / 4) { index, block in
        let start = index * 4
        for lane in 0..<Swift.min(4, bytes.count - start) {
          bytes[start + lane] = UInt64(block[lane]) < threshold ? 1 : 0
        }
      }
    }
  }

  private mutating func drawn(
    _ shape: [Int], _ dtype: DType, single: (UInt32) -> Float, double: (UInt64) -> Double
  ) throws -> Tensor {
    switch dtype {
    case .float32:
      return try .filled(shape, dtype) { bytes in
        let numbers = bytes.bindMemory(to: Float.self)
        blocks((numbers.count + 3) / 4) { index, block in
          let start = index * 4
          for lane in 0..<Swift.min(4, numbers.count - start) {
            numbers[start + lane] = single(block[lane])
          }
        }
      }
    case .float64:
      return try .filled(shape, dtype) { bytes in
        let numbers = bytes.bindMemory(to: Double.self)
        blocks((numbers.count + 1) / 2) { index, block in
          numbers[index * 2] = double(UInt64(block.x) | UInt64(block.y) << 32)
          if index * 2 + 1 < numbers.count {
            numbers[index * 2 + 1] = double(UInt64(block.z) | UInt64(block.w) << 32)
          }
        }
      }
    default: throw RandomStream.unsupported(dtype)
    }
  }

  private static func unsupported(_ dtype: DType) -> TensorError {
    TensorError(.unsupported, "random numbers are float32 or float64, not \(dtype)")
  }

  /// Two normal numbers from a block: 53 bits each.
  private static func normals(_ block: Philox.Block) -> (Double, Double) {
    pair(
      (Double((UInt64(block.x) | UInt64(block.y) << 32) >> 11) + 0.5) * 0x1p-53,
      Double((UInt64(block.z) | UInt64(block.w) << 32) >> 11) * 0x1p-53)
  }

  /// The Box-Muller transform of one number above 0 and one from 0 up to 1.
  private static func pair(_ radial: Double, _ angular: Double) -> (Double, Double) {
    let radius = (-2 * Foundation.log(radial)).squareRoot()
    let angle = 2 * Double.pi * angular
    return (radius * Foundation.cos(angle), radius * Foundation.sin(angle))
  }
}
