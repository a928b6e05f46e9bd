import Statistics
public import Tensors

/// Functions drawn from a posterior, at some rows, in the user's units.
///
/// The predictive distribution is the mixture of the draws, all with the same weight.
public struct PredictiveDraws: Sendable {
  public let likelihood: Likelihood
  public let count: Int
  public let rows: Int
  /// Values of a row: means of numbers, logits of classes.
  public let outputs: Int
  /// count × rows × outputs.
  public var values: [Float]
  /// The noise deviation: of each draw, or of each draw and row; empty for classes.
  public var noise: [Float]
  /// The chains that the draws come from, one after the other; 1 where there are none.
  public var chains: Int
  public var method = ""
  public var temperature = 1.0
  public var warnings: [String] = []

  public init(
    likelihood: Likelihood, count: Int, rows: Int, outputs: Int, values: [Float], noise: [Float],
    chains: Int
  ) {
    precondition(values.count == count * rows * outputs, "\(values.count) values")
    self.likelihood = likelihood
    self.count = count
    self.rows = rows
    self.outputs = outputs
    self.values = values
    self.noise = noise
    self.chains = chains
  }

  /// A draw's value of a row with one output.
  @inline(__always)
  public func value(_ draw: Int, _ row: Int) -> Double { Double(values[draw * rows + row]) }

  /// A draw's noise deviation at a row.
  @inline(__always)
  public func deviation(_ draw: Int, _ row: Int) -> Double {
    Double(noise.count == count ? noise[draw] : noise[draw * rows + row])
  }

  /// All draws' values of a row with one output.
  public func values(at row: Int) -> [Double] { (0..<count).map { value($0, row) } }

  /// A row's values chain by chain, for diagnostics of samplers.
  public func chainValues(at row: Int, output: Int = 0) -> [[Double]] {
    let length = count / max(chains, 1)
    return (0..<chains).map { chain in
      (0..<length).map {
        Double(values[((chain * length + $0) * rows + row) * outputs + output])
      }
    }
  }
}

extension ApproximatePosterior {
  /// Draws of the function at some rows.
  ///
  /// - Parameters:
  ///   - rows: In the user's units.
  ///   - count: How many where draws are made afresh, as dropout does; the most, thinned evenly,
  ///     where they are stored. Nil takes all that are stored, and 1000 fresh ones.
  ///   - random: For fresh draws.
  /// - Returns: Draws in the user's units.
  /// - Throws: ``InferenceError`` where the rows have other features.
  public func predict(
    _ rows: Rows, count: Int? = nil, random: RandomStream
  ) throws -> PredictiveDraws {
    guard rows.width == network.inputs else {
      throw InferenceError(
        .badData, "the rows have \(rows.width) features, the network \(network.inputs) inputs")
    }
    guard count ?? 1 > 0 else { throw InferenceError(.badOption, "0 draws; 1 or more are needed") }
    let inputs = scaling.inputs(rows)
    var draws =
      switch rule {
      case .draws: functionDraws(inputs, draws: thinned(from: 0, count))
      case .linearised: linearisedDraws(inputs, draws: thinned(from: 1, count))
      case .dropout: dropoutDraws(inputs, count: count ?? 1000, random: random)
      case .moments: momentDraws(inputs, count: count ?? 1000)
      }
    draws.method = method
    draws.temperature = temperature
    draws.warnings = warnings
    return draws
  }

  /// Stored draws, at most so many, evenly spaced within each chain.
  func thinned(from first: Int, _ limit: Int?) -> [Int] {
    ApproximatePosterior.thinned(from: first, of: count, chains: chains, limit)
  }

  static func thinned(from first: Int, of count: Int, chains: Int, _ limit: Int?) -> [Int] {
    let available = count - first
    guard let limit, limit < available else { return Array(first..<count) }
    let length = available / max(chains, 1)
    let kept = max(limit / max(chains, 1), 1)
    return (0..<max(chains, 1)).flatMap { chain in
      (0..<kept).map { first + chain * length + ($0 + 1) * length / kept - 1 }
    }
  }

  private func functionDraws(_ inputs: Rows, draws: [Int]) -> PredictiveDraws {
    let blocks = RowBlocks(inputs)
    let pass = NetworkPass(network)
    var collector = DrawCollector(self, rows: inputs.count, count: draws.count)
    for (position, draw) in draws.enumerated() {
      let parameters = parameters(draw)
      pass.forEachBlock(of: blocks, parameters) { block, outputs in
        collector.take(position, block, outputs)
      }
      collector.takeNoise(position, draw)
    }
    var result = collector.draws
    result.chains = draws.count % max(chains, 1) == 0 ? chains : 1
    return result
  }

  private func dropoutDraws(
    _ inputs: Rows, count: Int, random: RandomStream
  ) -> PredictiveDraws {
    let blocks = RowBlocks(inputs)
    let pass = NetworkPass(network)
    pass.usesMasks = dropoutRate > 0
    let parameters = parameters(0)
    var collector = DrawCollector(self, rows: inputs.count, count: count)
    var masked = [Double](repeating: 0, count: NetworkPass.blockRows * network.inputs)
    for position in 0..<count {
      var random = random.child(position)
      for block in blocks.blocks {
        let size = block.stride * network.inputs
        for i in 0..<size { masked[i] = blocks.values[block.start + i] }
        DropoutMasks.apply(
          rate: dropoutRate, to: &masked, pass, stride: block.stride, random: &random)
        parameters.withUnsafeBufferPointer { parameters in
          masked.withUnsafeBufferPointer { inputs in
            guard let parameters = parameters.baseAddress, let inputs = inputs.baseAddress else {
              return
            }
            collector.take(position, block, pass.forward(parameters, inputs, rows: block.stride))
          }
        }
      }
      collector.takeNoise(position, 0)
    }
    return collector.draws
  }

  /// f(θ*) + ∂f/∂θ (θ − θ*), block by block, without the Jacobian itself.
  private func linearisedDraws(_ inputs: Rows, draws: [Int]) -> PredictiveDraws {
    let centre = parameters(0)
    let blocks = RowBlocks(inputs)
    let pass = NetworkPass(network)
    var collector = DrawCollector(self, rows: inputs.count, count: draws.count)
    var values = [Double](repeating: 0, count: network.outputs * NetworkPass.blockRows)
    pass.forEachBlock(of: blocks, centre) { block, outputs in
      let size = network.outputs * block.stride
      for i in 0..<size { values[i] = outputs[i] }
      for (position, draw) in draws.enumerated() {
        let change = zip(parameters(draw), centre).map { $0 - $1 }
        pass.withTangent(centre, change, blocks, block) { tangent in
          let sums = (0..<size).map { values[$0] + tangent[$0] }
          sums.withUnsafeBufferPointer { sums in
            if let sums = sums.baseAddress { collector.take(position, block, sums) }
          }
        }
      }
    }
    for (position, draw) in draws.enumerated() { collector.takeNoise(position, draw) }
    return collector.draws
  }

  /// Normal marginals as their own quantiles, which have the right moments and tails without chance.
  private func momentDraws(_ inputs: Rows, count: Int) -> PredictiveDraws {
    var collector = DrawCollector(self, rows: inputs.count, count: count)
    var trace = MomentTrace(network, parameters(0), parameters(1))
    let moments = (0..<inputs.count).map { trace.forward(inputs[$0]) }
    let quantiles = NormalDistribution.standardisedQuantiles(count)
    for position in 0..<count {
      collector.take(
        position, moments.map { $0.mean + $0.variance.squareRoot() * quantiles[position] })
      collector.takeNoise(position, 0)
    }
    return collector.draws
  }
}

extension NetworkPass {
  /// Runs all blocks forwards.
  func forEachBlock(
    of blocks: RowBlocks, _ parameters: [Double],
    _ body: (RowBlocks.Block, UnsafePointer<Double>) -> Void
  ) {
    parameters.withUnsafeBufferPointer { parameters in
      blocks.values.withUnsafeBufferPointer { values in
        guard let parameters = parameters.baseAddress, let values = values.baseAddress else {
          return
        }
        for block in blocks.blocks {
          body(block, forward(parameters, values + block.start, rows: block.stride))
        }
      }
    }
  }
}

extension NetworkPass {
  /// Calls with the outputs' change on a block that was just run forwards.
  fileprivate func withTangent(
    _ parameters: [Double], _ change: [Double], _ blocks: RowBlocks, _ block: RowBlocks.Block,
    _ body: (UnsafePointer<Double>) -> Void
  ) {
    parameters.withUnsafeBufferPointer { parameters in
      change.withUnsafeBufferPointer { change in
        blocks.values.withUnsafeBufferPointer { values in
          guard let parameters = parameters.baseAddress, let change = change.baseAddress,
            let values = values.baseAddress
          else { return }
          body(tangent(parameters, change, values + block.start, rows: block.stride))
        }
      }
    }
  }
}

/// Puts outputs of the network in the user's units, draw after draw.
private struct DrawCollector {
  private let posterior: ApproximatePosterior
  private(set) var draws: PredictiveDraws
  private let isHeteroscedastic: Bool

  init(_ posterior: ApproximatePosterior, rows: Int, count: Int) {
    self.posterior = posterior
    isHeteroscedastic = posterior.likelihood == .heteroscedastic
    let outputs = isHeteroscedastic ? 1 : posterior.network.outputs
    let noise =
      isHeteroscedastic ? count * rows : posterior.likelihood.isRegression ? count : 0
    draws = PredictiveDraws(
      likelihood: posterior.likelihood, count: count, rows: rows, outputs: outputs,
      values: [Float](repeating: 0, count: count * rows * outputs),
      noise: [Float](repeating: 0, count: noise), chains: 1)
  }

  /// Takes a block's outputs, outputs × stride.
  mutating func take(_ draw: Int, _ block: RowBlocks.Block, _ outputs: UnsafePointer<Double>) {
    let scaling = posterior.scaling
    let first = draw * draws.rows + block.first
    for output in 0..<draws.outputs {
      for row in 0..<block.count {
        draws.values[(first + row) * draws.outputs + output] = Float(
          outputs[output * block.stride + row] * scaling.targetScale + scaling.targetMean)
      }
    }
    if isHeteroscedastic {
      for row in 0..<block.count {
        let variance = softplus(outputs[block.stride + row]) + Likelihood.leastVariance
        draws.noise[first + row] = Float(variance.squareRoot() * scaling.targetScale)
      }
    }
  }

  /// Takes a value a row of a draw.
  mutating func take(_ draw: Int, _ outputs: [Double]) {
    let scaling = posterior.scaling
    for (index, output) in outputs.enumerated() {
      draws.values[draw * outputs.count + index] = Float(
        output * scaling.targetScale + scaling.targetMean)
    }
  }

  /// Takes the noise of a stored draw, where the likelihood has one, after its outputs.
  mutating func takeNoise(_ draw: Int, _ stored: Int) {
    if isHeteroscedastic, !posterior.noise.isEmpty {
      let added = Float(posterior.noise[stored] * posterior.scaling.targetScale)
      for index in draw * draws.rows..<(draw + 1) * draws.rows {
        draws.noise[index] =
          (draws.noise[index] * draws.noise[index] + added * added).squareRoot()
      }
    }
    guard case .gaussian = posterior.likelihood else { return }
    draws.noise[draw] = Float(posterior.noise[stored] * posterior.scaling.targetScale)
  }
}
