/// A layer as a file holds it.
public struct StoredLayer: Sendable {
  /// What stands for the tensor.
  public enum Content: Sendable {
    /// Coefficients (see ``CoefficientCode``), bases, and how the former become bits.
    case structured(BlockLayout, coefficients: [Int8], basis: StoredBasis, Encoding)
    /// The numbers themselves.
    case raw(shape: [Int], [Float])
  }

  public var name: String
  public var content: Content

  /// Takes a tensor that stays as it is.
  public init(name: String, shape: [Int], raw weights: [Float]) {
    self.name = name
    content = .raw(shape: shape, weights)
  }

  /// Rounds a decomposition's bases to bytes.
  ///
  /// - Parameters:
  ///   - name: The tensor's.
  ///   - decomposition: What to store.
  ///   - encodings: Which may be used; of those the one with the fewest bits is.
  public init(
    name: String, _ decomposition: Decomposition, encodings: [Encoding] = Encoding.published
  ) {
    self.init(
      name: name, layout: decomposition.layout, coefficients: decomposition.coefficients,
      basis: StoredBasis(
        decomposition.bases, elementsPerBlock: decomposition.layout.n * decomposition.layout.n),
      encodings: encodings)
  }

  /// Takes coefficients and bases.
  public init(
    name: String, layout: BlockLayout, coefficients: [Int8], basis: StoredBasis,
    encodings: [Encoding] = Encoding.published
  ) {
    self.name = name
    let encoding = StorageAccount(layout, coefficients).best(among: encodings)
    content = .structured(layout, coefficients: coefficients, basis: basis, encoding)
  }

  public var shape: [Int] {
    switch content {
    case .structured(let layout, _, _, _): layout.shape
    case .raw(let shape, _): shape
    }
  }

  /// The tensor, row-major.
  public func rebuilt() -> [Float] {
    switch content {
    case .raw(_, let weights): return weights
    case .structured(let layout, let codes, let basis, _):
      var weights = [Float](repeating: 0, count: layout.weights)
      let rebuilder = Rebuilder(layout)
      weights.withUnsafeMutableBufferPointer { weights in
        codes.withUnsafeBufferPointer { codes in
          basis.values.withUnsafeBufferPointer { values in
            let perOutput = layout.blocksPerOutput * layout.coefficientsPerBlock
            for output in 0..<layout.outputs {
              let start = output * layout.weightsPerOutput
              rebuilder.rebuild(
                output,
                UnsafeBufferPointer(
                  rebasing: codes[output * perOutput..<(output + 1) * perOutput]),
                basis.exponents, values,
                into: UnsafeMutableBufferPointer(
                  rebasing: weights[start..<start + layout.weightsPerOutput]))
            }
          }
        }
      }
      return weights
    }
  }
}

/// Turns coefficients and bases in bytes into weights, one output at a time.
struct Rebuilder {
  private let layout: BlockLayout
  private static let powers: [Float] = CoefficientCode.values.map { Float($0) }

  init(_ layout: BlockLayout) { self.layout = layout }

  /// Rebuilds an output's weights.
  ///
  /// The sum of n terms ±2ᵉ 2^q v is exact in binary32, in any order, while exponents span at most 15
  /// and n is at most 4.
  ///
  /// - Parameters:
  ///   - output: Which.
  ///   - codes: Its coefficients.
  ///   - exponents: Those of all bases.
  ///   - values: Those of all bases.
  ///   - weights: Gets the output's weights.
  @inline(__always)
  func rebuild(
    _ output: Int, _ codes: UnsafeBufferPointer<Int8>, _ exponents: [Int8],
    _ values: UnsafeBufferPointer<Int8>, into weights: UnsafeMutableBufferPointer<Float>
  ) {
    let (m, n) = (layout.rowsPerBlock, layout.n)
    let count = weights.count
    Rebuilder.powers.withUnsafeBufferPointer { powers in
      withUnsafeTemporaryAllocation(of: Float.self, capacity: n * n) { basis in
        for slice in 0..<layout.blocksPerOutput {
          let block = output * layout.blocksPerOutput + slice
          let scale = Float(sign: .plus, exponent: Int(exponents[block]), significand: 1)
          for index in 0..<(n * n) { basis[index] = Float(values[block * n * n + index]) * scale }
          let first = slice * m * n
          if n == 3 && !layout.isTransposed {
            rebuild3(first, m, codes, powers, UnsafeBufferPointer(basis), into: weights)
            continue
          }
          for row in 0..<m {
            let start = first + row * n
            for column in 0..<n {
              let position = layout.isTransposed ? column * m + row : start + column
              guard position < count else { continue }
              var sum: Float = 0
              for k in 0..<n {
                sum += powers[Int(codes[start + k]) + 128] * basis[k * n + column]
              }
              weights[position] = sum
            }
          }
        }
      }
    }
  }

  /// The commonest width, unrolled.
  @inline(__always)
  private func rebuild3(
    _ first: Int, _ rows: Int, _ codes: UnsafeBufferPointer<Int8>,
    _ powers: UnsafeBufferPointer<Float>, _ basis: UnsafeBufferPointer<Float>,
    into weights: UnsafeMutableBufferPointer<Float>
  ) {
    let whole = min(rows, max((weights.count - first) / 3, 0))
    let b0 = SIMD4<Float>(basis[0], basis[1], basis[2], 0)
    let b1 = SIMD4<Float>(basis[3], basis[4], basis[5], 0)
    let b2 = SIMD4<Float>(basis[6], basis[7], basis[8], 0)
    var place = first
    if whole > 1, let base = weights.baseAddress.map({ UnsafeMutableRawPointer($0) }) {
      // A row's fourth number is the next row's first, which is written after it.
      for _ in 1..<whole {
        let sum =
          b0 * powers[Int(codes[place]) + 128] + b1 * powers[Int(codes[place + 1]) + 128]
          + b2 * powers[Int(codes[place + 2]) + 128]
        base.storeBytes(
          of: sum, toByteOffset: place * MemoryLayout<Float>.stride, as: SIMD4<Float>.self)
        place += 3
      }
    }
    if whole > 0 {
      let sum =
        b0 * powers[Int(codes[place]) + 128] + b1 * powers[Int(codes[place + 1]) + 128]
        + b2 * powers[Int(codes[place + 2]) + 128]
      weights[place] = sum[0]
      weights[place + 1] = sum[1]
      weights[place + 2] = sum[2]
      place += 3
    }
    guard whole < rows, place < weights.count else { return }
    let sum =
      b0 * powers[Int(codes[place]) + 128] + b1 * powers[Int(codes[place + 1]) + 128]
      + b2 * powers[Int(codes[place + 2]) + 128]
    for column in 0..<(weights.count - place) { weights[place + column] = sum[column] }
  }
}
