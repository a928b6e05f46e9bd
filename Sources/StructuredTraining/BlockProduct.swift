import SmartDeal

/// Products of blocks, W = C · B block by block, and their derivatives.
///
/// Plain loops: blocks are some hundred rows of three to eight numbers, for which a call of a matrix
/// library costs more than the product.
enum BlockProduct {
  /// C · B.
  ///
  /// - Parameters:
  ///   - coefficients: blocks × m × n.
  ///   - bases: blocks × n × n.
  ///   - layout: How many of which size.
  /// - Returns: blocks × m × n.
  @inline(never)
  static func forward(_ coefficients: [Float], _ bases: [Float], _ layout: BlockLayout) -> [Float] {
    rowsTimesMatrices(coefficients, bases, layout)
  }

  /// D · Bᵀ: the derivative with respect to C, where D is that with respect to the product.
  @inline(never)
  static func coefficientGradient(
    _ derivative: [Float], _ bases: [Float], _ layout: BlockLayout
  ) -> [Float] {
    let n = layout.n
    var turned = bases
    for start in stride(from: 0, to: bases.count, by: n * n) {
      for i in 0..<n { for j in 0..<n { turned[start + i * n + j] = bases[start + j * n + i] } }
    }
    return rowsTimesMatrices(derivative, turned, layout)
  }

  /// Each block's rows times its matrix; rows of three, the commonest, are unrolled.
  @inline(__always)
  private static func rowsTimesMatrices(
    _ rows: [Float], _ matrices: [Float], _ layout: BlockLayout
  ) -> [Float] {
    let (m, n) = (layout.rowsPerBlock, layout.n)
    precondition(rows.count == layout.coefficients && matrices.count == layout.basisElements)
    return [Float](unsafeUninitializedCapacity: rows.count) { result, count in
      rows.withUnsafeBufferPointer { rows in
        matrices.withUnsafeBufferPointer { matrices in
          for block in 0..<layout.blocks {
            let matrix = block * n * n
            let places = stride(from: block * m * n, to: (block + 1) * m * n, by: n)
            if n == 3 {
              let (b0, b1, b2) = (matrices[matrix], matrices[matrix + 1], matrices[matrix + 2])
              let (b3, b4, b5) = (matrices[matrix + 3], matrices[matrix + 4], matrices[matrix + 5])
              let (b6, b7, b8) = (matrices[matrix + 6], matrices[matrix + 7], matrices[matrix + 8])
              for place in places {
                let (x, y, z) = (rows[place], rows[place + 1], rows[place + 2])
                result[place] = x * b0 + y * b3 + z * b6
                result[place + 1] = x * b1 + y * b4 + z * b7
                result[place + 2] = x * b2 + y * b5 + z * b8
              }
              continue
            }
            for place in places {
              for j in 0..<n {
                var sum: Float = 0
                for k in 0..<n { sum += rows[place + k] * matrices[matrix + k * n + j] }
                result[place + j] = sum
              }
            }
          }
        }
      }
      count = rows.count
    }
  }

  /// Cᵀ · D: the derivative with respect to B.
  @inline(never)
  static func basisGradient(
    _ coefficients: [Float], _ derivative: [Float], _ layout: BlockLayout
  ) -> [Float] {
    let (m, n) = (layout.rowsPerBlock, layout.n)
    precondition(coefficients.count == layout.coefficients)
    precondition(derivative.count == layout.coefficients)
    var result = [Float](repeating: 0, count: layout.basisElements)
    coefficients.withUnsafeBufferPointer { coefficients in
      derivative.withUnsafeBufferPointer { derivative in
        result.withUnsafeMutableBufferPointer { result in
          for block in 0..<layout.blocks {
            let start = block * n * n
            let places = stride(from: block * m * n, to: (block + 1) * m * n, by: n)
            if n == 3 {
              var sums = (SIMD4<Float>(), SIMD4<Float>(), SIMD4<Float>())
              for place in places {
                let row = SIMD4<Float>(
                  derivative[place], derivative[place + 1], derivative[place + 2], 0)
                sums.0 += coefficients[place] * row
                sums.1 += coefficients[place + 1] * row
                sums.2 += coefficients[place + 2] * row
              }
              for j in 0..<3 {
                result[start + j] = sums.0[j]
                result[start + 3 + j] = sums.1[j]
                result[start + 6 + j] = sums.2[j]
              }
              continue
            }
            for place in places {
              for i in 0..<n {
                let factor = coefficients[place + i]
                for j in 0..<n { result[start + i * n + j] += factor * derivative[place + j] }
              }
            }
          }
        }
      }
    }
    return result
  }

  // MARK: Between blocks and tensor

  /// The tensor that blocks stand for, without the padding of each output.
  static func tensor(_ blocks: [Float], _ layout: BlockLayout) -> [Float] {
    let perOutput = layout.blocksPerOutput * layout.coefficientsPerBlock
    let weights = layout.weightsPerOutput
    if !layout.isTransposed && perOutput == weights { return blocks }
    var result = [Float](repeating: 0, count: layout.weights)
    for output in 0..<layout.outputs {
      for place in 0..<weights {
        result[output * weights + place] = blocks[output * perOutput + inside(place, layout)]
      }
    }
    return result
  }

  /// A tensor's numbers at their places in blocks; the padding of each output is zero.
  static func blocks(_ tensor: [Float], _ layout: BlockLayout) -> [Float] {
    let perOutput = layout.blocksPerOutput * layout.coefficientsPerBlock
    let weights = layout.weightsPerOutput
    precondition(tensor.count == layout.weights, "\(tensor.count) numbers for \(layout.shape)")
    if !layout.isTransposed && perOutput == weights { return tensor }
    var result = [Float](repeating: 0, count: layout.coefficients)
    for output in 0..<layout.outputs {
      for place in 0..<weights {
        result[output * perOutput + inside(place, layout)] = tensor[output * weights + place]
      }
    }
    return result
  }

  /// Where a weight of an output lies among the numbers of that output's blocks.
  @inline(__always)
  private static func inside(_ place: Int, _ layout: BlockLayout) -> Int {
    guard layout.isTransposed else { return place }
    // A single block that lies on its side.
    let (column, row) = place.quotientAndRemainder(dividingBy: layout.rowsPerBlock)
    return row * layout.n + column
  }
}
