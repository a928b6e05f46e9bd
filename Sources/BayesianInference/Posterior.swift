import Tensors

/// What inference is about: a network, its prior, a likelihood, and data.
///
/// Methods work on whitened coordinates z = θ / prior deviation, in which the prior is N(0, I).
public struct Posterior: Sendable {
  public let network: Network
  public let likelihood: Likelihood
  /// The prior deviation of each parameter.
  public let priorDeviations: [Double]
  /// What is fitted, standardised where that is wanted.
  public let rows: LabelledRows
  /// How ``rows`` come from the user's units.
  public let scaling: Standardisation
  /// What energies and their gradients are computed in.
  public let arithmetic: Arithmetic
  private let doubleRows: RowBlocks?
  private let floatRows: SingleRows?
  /// The inputs for ``SingleOneHiddenPass``; nil where the network or the arithmetic isn't its.
  let laneRows: SingleLaneRows?

  /// What energies and their gradients are computed in.
  public enum Arithmetic: String, Hashable, Sendable, CaseIterable {
    /// float64: to rounding what the formulas say.
    case double
    /// float32: some six digits, two to five times as fast.
    case single
  }

  /// The inputs for ``NetworkPass``.
  var blocks: RowBlocks { doubleRows ?? RowBlocks(rows.inputs) }
  /// The inputs for ``SingleNetworkPass``.
  var singleRows: SingleRows { floatRows ?? SingleRows(rows.inputs) }

  public var parameterCount: Int { network.parameterCount }

  /// - Throws: ``InferenceError`` where network, prior, likelihood and data don't fit each other.
  public init(
    network: Network, prior: Prior, likelihood: Likelihood, rows: LabelledRows,
    scaling: Standardisation? = nil, arithmetic: Arithmetic = .double
  ) throws {
    guard rows.inputs.width == network.inputs else {
      throw InferenceError(
        .badData,
        "the rows have \(rows.inputs.width) features, the network \(network.inputs) inputs")
    }
    guard network.outputs == likelihood.outputs else {
      throw InferenceError(
        .badOption,
        "the network has \(network.outputs) outputs, the likelihood \(likelihood.outputs)")
    }
    try likelihood.check(rows.targets)
    self.network = network
    self.likelihood = likelihood
    self.rows = rows
    self.scaling = scaling ?? .identity(width: rows.inputs.width)
    priorDeviations = try prior.deviations(of: network)
    self.arithmetic = arithmetic
    doubleRows = arithmetic == .double ? RowBlocks(rows.inputs) : nil
    floatRows = arithmetic == .single ? SingleRows(rows.inputs) : nil
    laneRows =
      arithmetic == .single && SingleOneHiddenPass.runs(network)
      ? SingleLaneRows(rows.inputs) : nil
  }

  /// The same model given only some of the rows.
  func selected(_ indices: [Int]) throws -> Posterior {
    try Posterior(self, rows: rows.selected(indices))
  }

  private init(_ other: Posterior, rows: LabelledRows) throws {
    try other.likelihood.check(rows.targets)
    network = other.network
    likelihood = other.likelihood
    priorDeviations = other.priorDeviations
    self.rows = rows
    scaling = other.scaling
    arithmetic = other.arithmetic
    doubleRows = arithmetic == .double ? RowBlocks(rows.inputs) : nil
    floatRows = arithmetic == .single ? SingleRows(rows.inputs) : nil
    laneRows =
      arithmetic == .single && SingleOneHiddenPass.runs(network)
      ? SingleLaneRows(rows.inputs) : nil
  }

  /// Parameters θ of whitened coordinates z.
  public func parameters(_ z: [Double]) -> [Double] { zip(z, priorDeviations).map { $0 * $1 } }

  /// A noise precision to start from: that of targets that nothing explains yet.
  var startingPrecision: Double {
    switch likelihood {
    case .gaussian(.known(let deviation)): return 1 / (deviation * deviation)
    case .gaussian(.learned):
      let mean = rows.targets.reduce(0, +) / Double(rows.count)
      let square = rows.targets.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(rows.count)
      return square > 0 ? 1 / square : 1
    case .heteroscedastic, .bernoulli, .categorical: return 1
    }
  }

  /// The noise precision given the network's squared errors, drawn from its gamma posterior; nil where
  /// the noise is known.
  func precision(squares: Double, random: inout RandomStream) -> Double? {
    guard let prior = likelihood.noisePrior else { return nil }
    let rate = prior.rate + squares / 2
    return random.gamma(shape: prior.shape + Double(rows.count) / 2) / rate
  }

  /// The mean of the noise precision given the squared errors; nil where the noise is known.
  func expectedPrecision(squares: Double) -> Double? {
    guard let prior = likelihood.noisePrior else { return nil }
    return (prior.shape + Double(rows.count) / 2) / (prior.rate + squares / 2)
  }
}

/// What changes a block of rows before it runs through a network, in either arithmetic.
struct BlockMasks {
  /// Takes inputs that are feature-major.
  var double: (NetworkPass, inout [Double], _ rows: Int, _ stride: Int) -> Void
  /// Takes inputs that are row-major and padded.
  var single: (SingleNetworkPass, UnsafeMutablePointer<Float>, _ rows: Int) -> Void
  /// Where its random numbers are, and going on from there, for checkpoints.
  var align: () -> Int = { 0 }
  var resume: (Int) -> Void = { _ in }
}

/// The energy U(z) = −log p(data | z) − log p(z), up to the prior's constant, and its gradient.
///
/// One per thread: it isn't safe to share.
public final class Energy {
  public let posterior: Posterior
  /// 1/σ² of a Gaussian likelihood.
  public var precision: Double
  /// The sum of squared errors at the last evaluation, over the rows that it saw.
  public private(set) var squares = 0.0
  /// −log p(data | z) at the last evaluation.
  public private(set) var loss = 0.0
  /// Gradients computed so far, in passes over all rows.
  public internal(set) var passes = 0.0

  /// Computes instead where the posterior's arithmetic is float32.
  let single: SingleEnergy?
  private(set) lazy var pass = NetworkPass(posterior.network)
  private lazy var blocks = posterior.blocks
  private lazy var targets = posterior.rows.targets
  private var singleGradient: [Float]
  private var parameters: [Double]
  private var batchInputs: [Double]
  private var batchTargets: [Double]

  public init(_ posterior: Posterior) {
    self.posterior = posterior
    precision = posterior.startingPrecision
    single = posterior.arithmetic == .single ? SingleEnergy(posterior) : nil
    singleGradient = [Float](repeating: 0, count: single?.layout.count ?? 0)
    let isDouble = single == nil
    parameters = [Double](repeating: 0, count: posterior.parameterCount)
    batchInputs = [Double](
      repeating: 0, count: isDouble ? NetworkPass.blockRows * posterior.network.inputs : 0)
    batchTargets = [Double](repeating: 0, count: isDouble ? NetworkPass.blockRows : 0)
  }

  /// The energy and its gradient over all rows.
  ///
  /// - Parameters:
  ///   - z: Whitened coordinates.
  ///   - gradient: As many numbers, overwritten.
  /// - Returns: U(z).
  public func evaluate(_ z: [Double], gradient: inout [Double]) -> Double {
    let sum = dataLoss(z, gradient: &gradient)
    var prior = 0.0
    for i in 0..<z.count {
      gradient[i] += z[i]
      prior += z[i] * z[i]
    }
    return sum + prior / 2
  }

  /// −log p(data | z) and its gradient by z over all rows.
  func dataLoss(_ z: [Double], gradient: inout [Double]) -> Double {
    if let single, rowWeights == nil {
      single.precision = precision
      single.setParameters(z)
      loss = single.loss(gradient: &singleGradient)
      squares = single.squares
      single.layout.unpack(singleGradient, times: posterior.priorDeviations, &gradient)
      passes += 1
      return loss
    }
    setParameters(z)
    (loss, squares) = (0, 0)
    parameters.withUnsafeBufferPointer { parameters in
      gradient.withUnsafeMutableBufferPointer { gradient in
        blocks.values.withUnsafeBufferPointer { values in
          targets.withUnsafeBufferPointer { targets in
            guard let parameters = parameters.baseAddress, let sums = gradient.baseAddress,
              let values = values.baseAddress, let targets = targets.baseAddress
            else { return }
            gradient.update(repeating: 0)
            for block in blocks.blocks {
              add(
                parameters, values + block.start, targets + block.first, count: block.count,
                stride: block.stride, sums, weights: rowWeights?[block.first...])
            }
          }
        }
      }
    }
    for i in 0..<z.count { gradient[i] *= posterior.priorDeviations[i] }
    passes += 1
    return loss
  }

  /// An unbiased estimate from a batch of rows: N/B times the batch's loss.
  ///
  /// `masks` changes a block's inputs and sets the masks of hidden units, as dropout does.
  func dataLoss(
    _ z: [Double], batch: ArraySlice<Int>, gradient: inout [Double], masks: BlockMasks? = nil
  ) -> Double {
    if let single {
      single.precision = precision
      single.setParameters(z)
      let scale = Double(posterior.rows.count) / Double(batch.count)
      loss =
        scale * single.loss(batch: batch, gradient: &singleGradient, prepare: masks?.single)
      squares = scale * single.squares
      single.layout.unpack(singleGradient, times: posterior.priorDeviations, &gradient)
      for i in gradient.indices { gradient[i] *= scale }
      passes += 1 / scale
      return loss
    }
    setParameters(z)
    (loss, squares) = (0, 0)
    let width = posterior.network.inputs
    for i in gradient.indices { gradient[i] = 0 }
    var first = batch.startIndex
    while first < batch.endIndex {
      let count = min(NetworkPass.blockRows, batch.endIndex - first)
      let stride = RowBlocks.padded(count)
      for position in 0..<stride {
        let row = batch[first + min(position, count - 1)]
        for feature in 0..<width {
          batchInputs[feature * stride + position] =
            position < count ? posterior.rows.inputs.values[row * width + feature] : 0
        }
        if position < count { batchTargets[position] = posterior.rows.targets[row] }
      }
      masks?.double(pass, &batchInputs, count, stride)
      parameters.withUnsafeBufferPointer { parameters in
        gradient.withUnsafeMutableBufferPointer { gradient in
          batchInputs.withUnsafeBufferPointer { inputs in
            batchTargets.withUnsafeBufferPointer { targets in
              guard let parameters = parameters.baseAddress, let sums = gradient.baseAddress,
                let inputs = inputs.baseAddress, let targets = targets.baseAddress
              else { return }
              add(parameters, inputs, targets, count: count, stride: stride, sums)
            }
          }
        }
      }
      first += count
    }
    let scale = Double(posterior.rows.count) / Double(batch.count)
    for i in 0..<z.count { gradient[i] *= posterior.priorDeviations[i] * scale }
    passes += 1 / scale
    loss *= scale
    squares *= scale
    return loss
  }

  /// −log p of each row given whitened coordinates.
  func rowLosses(_ z: [Double]) -> [Double] {
    setParameters(z)
    var losses: [Double] = []
    let (likelihood, targets) = (posterior.likelihood, targets)
    pass.forEachBlock(of: blocks, parameters) { block, outputs in
      for row in 0..<block.count {
        losses.append(
          likelihood.rowLoss(
            outputs, row: row, stride: block.stride, target: targets[block.first + row],
            precision: precision))
      }
    }
    return losses
  }

  /// The network's outputs, row after row, given whitened coordinates.
  func outputs(_ z: [Double]) -> [Double] {
    setParameters(z)
    var values: [Double] = []
    pass.forEachBlock(of: blocks, parameters) { block, outputs in
      for row in 0..<block.count {
        for output in 0..<posterior.network.outputs {
          values.append(outputs[output * block.stride + row])
        }
      }
    }
    return values
  }

  /// Makes some rows all that ``rowLosses(_:)`` and weighted losses see, in float64.
  func select(_ rows: ArraySlice<Int>) {
    blocks = RowBlocks(posterior.rows.inputs.selected(Array(rows)))
    targets = rows.map { posterior.rows.targets[$0] }
  }

  /// A factor a row of all rows' losses in ``dataLoss(_:gradient:)``'s gradient; nil is 1 for all.
  var rowWeights: [Double]?

  private func setParameters(_ z: [Double]) {
    for i in 0..<z.count { parameters[i] = z[i] * posterior.priorDeviations[i] }
  }

  private func add(
    _ parameters: UnsafePointer<Double>, _ inputs: UnsafePointer<Double>,
    _ targets: UnsafePointer<Double>, count: Int, stride: Int,
    _ gradient: UnsafeMutablePointer<Double>, weights: ArraySlice<Double>? = nil
  ) {
    let outputs = pass.forward(parameters, inputs, rows: stride)
    let part = posterior.likelihood.loss(
      outputs, targets, count: count, stride: stride, precision: precision,
      derivatives: pass.outputDerivatives)
    if let weights {
      for output in 0..<posterior.network.outputs {
        for row in 0..<count {
          pass.outputDerivatives[output * stride + row] *= weights[weights.startIndex + row]
        }
      }
    }
    loss += part.loss
    squares += part.squares
    pass.backward(parameters, inputs, rows: stride, gradient: gradient)
  }
}

extension RandomStream {
  /// Fills a list with numbers of the standard normal distribution, two of each block.
  mutating func fillNormals(_ values: inout [Double]) {
    for i in values.indices { values[i] = normal() }
  }

  /// A list of numbers of the standard normal distribution.
  mutating func normals(_ count: Int) -> [Double] {
    var values = [Double](repeating: 0, count: count)
    fillNormals(&values)
    return values
  }

  /// A gamma variable of scale 1 by Marsaglia and Tsang (ACM TOMS 2000).
  mutating func gamma(shape: Double) -> Double {
    guard shape >= 1 else {
      // Their section 6: a shape below 1 from one above, times a power of a uniform variable.
      return gamma(shape: shape + 1) * power(1 - uniform(), 1 / shape)
    }
    let d = shape - 1 / 3
    let c = 1 / (9 * d).squareRoot()
    while true {
      let x = normal()
      let v = (1 + c * x) * (1 + c * x) * (1 + c * x)
      if v > 0, logarithm(1 - uniform()) < 0.5 * x * x + d - d * v + d * logarithm(v) {
        return d * v
      }
    }
  }
}
