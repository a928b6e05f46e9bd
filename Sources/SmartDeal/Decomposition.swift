import Dispatch
public import Foundation

/// A weight tensor as coefficients and bases, W ≈ C · B block by block.
public struct Decomposition: Sendable {
  public let layout: BlockLayout
  /// One code for each coefficient (see ``CoefficientCode``), blocks in file order, row-major.
  public let coefficients: [Int8]
  /// One n × n basis for each block, row-major.
  public let bases: [Double]
  /// Sweeps, or rounds of joint rounding, over all blocks.
  public let sweeps: Int

  /// Decomposes a tensor.
  ///
  /// The result is the same at any number of threads.
  ///
  /// - Parameters:
  ///   - weights: Row-major numbers of the shape.
  ///   - shape: Outputs × inputs, or outputs × inputs per group × k × k.
  ///   - name: What errors call the tensor.
  ///   - options: How to decompose.
  ///   - moments: What the inputs were like on calibration data, for joint rounding; nil counts all
  ///     errors alike.
  ///   - threads: How many to use at most.
  /// - Throws: ``SmartDealError`` for an option out of range, a number that is not finite, or a shape
  ///   that has no blocks.
  public init(
    _ weights: [Float], shape: [Int], name: String, options: DecompositionOptions,
    moments: InputMoments? = nil,
    threads: Int = ProcessInfo.processInfo.activeProcessorCount
  ) throws(SmartDealError) {
    try options.check()
    let layout = try BlockLayout(shape: shape, name: name, kernels: options.kernels)
    guard layout.kind != .raw else {
      throw SmartDealError(
        .badTensor,
        "tensor '\(name)' has kernels of \(shape[2]) × \(shape[3]), which stay as they are")
    }
    try Decomposition.check(weights, layout, name)
    if let moments {
      guard case .joint = options.rounding, moments.fits(layout) else {
        throw SmartDealError(
          .badOption,
          "tensor '\(name)' was given moments of its inputs, which need joint rounding and blocks of "
            + "\(layout.n) columns")
      }
    }
    self.layout = layout
    var largest: Float = 0
    for weight in weights { largest = max(largest, weight.magnitude) }
    let joint = JointRounding.Problem(options, largest: Double(largest))
    var coefficients = [Int8](repeating: 0, count: layout.coefficients)
    var bases = [Double](repeating: 0, count: layout.basisElements)
    let blocks = layout.blocks
    // Few enough to be cheap, many enough that a slow one at the end does not keep others waiting.
    let parts = min(blocks, max(threads, 1) == 1 ? 1 : 32 * threads)
    var sweeps = [Int](repeating: 0, count: parts)
    weights.withUnsafeBufferPointer { weights in
      coefficients.withUnsafeMutableBufferPointer { coefficients in
        bases.withUnsafeMutableBufferPointer { bases in
          sweeps.withUnsafeMutableBufferPointer { sweeps in
            // Parts write to places of their own.
            nonisolated(unsafe) let weights = weights
            nonisolated(unsafe) let coefficients = coefficients
            nonisolated(unsafe) let bases = bases
            nonisolated(unsafe) let sweeps = sweeps
            let work = { @Sendable (part: Int) in
              let range = (part * blocks / parts)..<((part + 1) * blocks / parts)
              let output = BlockOutput(layout: layout, coefficients: coefficients, bases: bases)
              if let joint {
                sweeps[part] = joint.solve(range, of: weights, options, moments, into: output)
              } else {
                sweeps[part] = Decomposition.solve(range, of: weights, options, into: output)
              }
            }
            if parts == 1 {
              work(0)
            } else {
              DispatchQueue.concurrentPerform(iterations: parts, execute: work)
            }
          }
        }
      }
    }
    self.coefficients = coefficients
    self.bases = bases
    self.sweeps = sweeps.reduce(0, +)
  }

  private static func solve(
    _ range: Range<Int>, of weights: UnsafeBufferPointer<Float>, _ options: DecompositionOptions,
    into output: BlockOutput
  ) -> Int {
    let layout = output.layout
    var options = options
    // Rows of matrices are only cut for the format's sake, so that none means anything by itself.
    if layout.kind != .spatial { options.vectorWise = false }
    let solver = BlockSolver(rows: layout.rowsPerBlock, n: layout.n, options: options)
    var sweeps = 0
    for block in range {
      for column in 0..<layout.n {
        (solver.block + column * solver.stride).update(repeating: 0, count: solver.stride)
      }
      output.gather(weights, block: block, stride: solver.stride, into: solver.block)
      solver.solve()
      sweeps += solver.sweeps
      output.store(block, basis: solver.basis, coefficient: solver.coefficient)
    }
    return sweeps
  }

  private static func check(
    _ weights: [Float], _ layout: BlockLayout, _ name: String
  ) throws(SmartDealError) {
    guard weights.count == layout.weights else {
      throw SmartDealError(
        .badTensor,
        "tensor '\(name)' has \(weights.count) weights; its shape asks for "
          + "\(layout.weights)")
    }
    if let index = weights.firstIndex(where: { !$0.isFinite }) {
      throw SmartDealError(
        .badTensor,
        "tensor '\(name)' holds \(weights[index]) at position \(index); weights must be finite")
    }
  }

  public var nonZeros: Int {
    coefficients.withUnsafeBufferPointer { $0.reduce(into: 0) { $0 += $1 == 0 ? 0 : 1 } }
  }

  /// The tensor that the blocks stand for, row-major, with real-valued bases.
  public func rebuilt() -> [Float] {
    let layout = layout
    let n = layout.n
    var weights = [Float](repeating: 0, count: layout.weights)
    weights.withUnsafeMutableBufferPointer { target in
      layout.scatter(into: target) { block, row, column in
        let first = (block * layout.rowsPerBlock + row) * n
        var sum = 0.0
        for k in 0..<n {
          let code = coefficients[first + k]
          guard code != 0 else { continue }
          sum += CoefficientCode.values[Int(code) + 128] * bases[(block * n + k) * n + column]
        }
        return Float(sum)
      }
    }
    return weights
  }
}

/// Where the results of blocks go.
struct BlockOutput {
  let layout: BlockLayout
  let coefficients: UnsafeMutableBufferPointer<Int8>
  let bases: UnsafeMutableBufferPointer<Double>

  /// Copies a block's weights, column after column.
  func gather(
    _ weights: UnsafeBufferPointer<Float>, block: Int, stride: Int,
    into columns: UnsafeMutablePointer<Double>
  ) {
    let (output, slice) = block.quotientAndRemainder(dividingBy: layout.blocksPerOutput)
    let perOutput = layout.weightsPerOutput
    let start = output * perOutput
    let (m, n) = (layout.rowsPerBlock, layout.n)
    for row in 0..<m {
      for column in 0..<n {
        let position = layout.isTransposed ? column * m + row : (slice * m + row) * n + column
        columns[column * stride + row] =
          position < perOutput ? Double(weights[start + position]) : 0
      }
    }
  }

  func store(_ block: Int, basis: [Double], coefficient: (_ row: Int, _ column: Int) -> Double) {
    let (m, n) = (layout.rowsPerBlock, layout.n)
    for row in 0..<m {
      for column in 0..<n {
        coefficients[(block * m + row) * n + column] =
          CoefficientCode.encode(coefficient(row, column))
      }
    }
    for index in 0..<(n * n) { bases[block * n * n + index] = basis[index] }
  }
}
