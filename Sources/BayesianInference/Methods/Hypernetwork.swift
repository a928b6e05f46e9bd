import Foundation
import Tensors

/// Variational inference whose weights are the outcome of a small network fed with noise.
public struct Hypernetwork: InferenceMethod {
  public static let name = "hypernet"
  public static let summary =
    "Bayes by Hypernet (Pawlowski et al. 2017), by default with a semi-implicit bound (Yin and Zhou 2018)"

  /// How the divergence of a layer's weights from their prior is told.
  enum Divergence: String, CaseIterable {
    /// An upper bound, for weights that have some independent noise besides the generator's.
    case semiImplicit = "semi-implicit"
    /// The sum over weights of estimates by nearest neighbours, as if weights were independent.
    case weights
    /// One estimate by nearest neighbours, of a layer's weights as one vector.
    case layer
  }

  private let inference: LayerwiseVariational
  private let divergence: Divergence
  private let noise: Int
  private let width: Int

  public init(options: inout MethodOptions) throws {
    divergence = try options.choice("divergence", .semiImplicit)
    // A bound may be minimised from the first step on; what neighbours say is annealed, as published.
    inference =
      divergence == .semiImplicit
      ? try LayerwiseVariational(&options, steps: 5000, samples: 5, rate: 0.01)
      : try LayerwiseVariational(
        &options, steps: 10_000, samples: 5, rate: 1e-3, annealing: (0.05, 0.2))
    guard inference.samples > 1 else {
      throw InferenceError(
        .badOption, "\(Self.name): one draw has no neighbour; 'samples' must be 2 or more")
    }
    noise = try options.integer("noise", 8, in: 1...1000)
    width = try options.integer("width", 64, in: 1...10_000)
  }

  public func fit(
    _ posterior: Posterior, _ context: FitContext
  ) async throws -> ApproximatePosterior {
    var result = try inference.fit(Self.name, posterior, context) { inputs, outputs, _ in
      let generator = WeightGenerator(
        noise: noise, width: width, size: (inputs + 1) * outputs)
      return divergence == .semiImplicit
        ? SemiImplicitLayer(generator: generator, rows: inputs + 1, columns: outputs)
        : ImplicitLayer(
          generator: generator, rows: inputs + 1, columns: outputs,
          eachWeight: divergence == .weights)
    }
    if divergence != .semiImplicit {
      result.warnings.append(
        "unreliable: a divergence by nearest neighbours bounds nothing; these draws may be far too sure "
          + "or not sure enough")
    }
    return result
  }
}

/// relu(ε W₁ + b₁) W₂ + b₂ with ε ~ N(0, I).
struct WeightGenerator {
  /// The length of ε.
  let noise: Int
  let width: Int
  /// How many weights it makes.
  let size: Int

  var parameterCount: Int { noise * width + width + width * size + size }

  func start(_ random: inout RandomStream) -> [Double] {
    random.normals(noise * width).map { $0 / Double(noise).squareRoot() }
      + [Double](repeating: 0, count: width)
      + random.normals(width * size).map { 0.1 * $0 / Double(width).squareRoot() }
      + random.normals(size)
  }

  /// - `parameters`: Those of the generator first.
  /// - Returns: count × size.
  func weights(
    _ parameters: Tensor, _ count: Int, _ random: inout RandomStream
  ) throws -> Tensor {
    let ends = [noise * width, noise * width + width, parameterCount - size, parameterCount]
    let first = try parameters[0..<ends[0]].reshaped(noise, width)
    let second = try parameters[ends[1]..<ends[2]].reshaped(width, size)
    let epsilon = try random.normal([count, noise], dtype: .float64)
    let hidden = try (epsilon.matmul(first) + parameters[ends[0]..<ends[1]]).relu()
    return try hidden.matmul(second) + parameters[ends[2]..<ends[3]]
  }
}

/// Weights W = G(ε) + s ξ with ξ ~ N(0, I): a mixture of normals around what a generator makes.
///
/// A generator fed with few random numbers fills no volume of the weights' space, so that its divergence from
/// a prior is infinite, whatever an estimate says. With a noise s of each weight it is finite, and the draws'
/// own ε bound it (Yin and Zhou, "Semi-Implicit Variational Inference", ICML 2018, section 3): a mixture of
/// n components is less diverse than one of all ε, and a generator that makes the same of any ε leaves
/// independent normals.
struct SemiImplicitLayer: LayerFamily {
  let generator: WeightGenerator
  let rows: Int
  let columns: Int

  /// The generator's, then log s of each weight.
  var parameterCount: Int { generator.parameterCount + generator.size }

  func start(_ random: inout RandomStream) -> [Double] {
    generator.start(&random) + [Double](repeating: log(0.05), count: generator.size)
  }

  private func logDeviations(_ parameters: Tensor) throws -> Tensor {
    try parameters[generator.parameterCount..<parameterCount]
  }

  func forward(
    _ parameters: Tensor, _ inputs: [Tensor], _ random: inout RandomStream
  ) throws -> (outputs: [Tensor], divergence: Tensor) {
    let means = try generator.weights(parameters, inputs.count, &random)
    let logDeviations = try logDeviations(parameters)
    let variances = try (logDeviations * 2).exp().reshaped(rows, columns)
    let outputs = try inputs.enumerated().map { index, x in
      // The noise of weights as one of each row's pre-activations (Kingma et al. 2015), which has the same
      // moments and varies gradients less.
      let noise = try random.normal([x.shape[0], columns], dtype: .float64)
      return try x.matmul(means[index].reshaped(rows, columns))
        + x.square().matmul(variances).sqrt() * noise
    }
    let noise = try random.normal(means.shape, dtype: .float64)
    return (outputs, try Self.bound(means, logDeviations, noise))
  }

  /// The mean of KL(N(mᵢ, s²) ‖ N(0, 1)) less that of log N(wᵢ; mᵢ, s²) / ((1/n) Σⱼ N(wᵢ; mⱼ, s²)), for
  /// wᵢ = mᵢ + s ξᵢ.
  ///
  /// Its mean is no less than the divergence of the mixture of all m; what is taken off has a mean between 0
  /// and log n.
  ///
  /// - Parameters:
  ///   - means: n × d.
  ///   - logDeviations: log s, d numbers.
  ///   - noise: ξ, n × d.
  /// - Returns: A number with derivatives.
  /// - Throws: `TensorError` where the dimensions differ.
  static func bound(_ means: Tensor, _ logDeviations: Tensor, _ noise: Tensor) throws -> Tensor {
    let (count, size) = (Double(means.shape[0]), Double(means.shape[1]))
    let squares = try (logDeviations * 2).exp().sum() + means.square().sum() * (1 / count)
    let conditional = try (squares - size) * 0.5 - logDeviations.sum()
    // (wᵢ − mⱼ) / s
    let scaled = try means / logDeviations.exp()
    let offsets = try scaled.unsqueezed(1) - scaled.unsqueezed(0) + noise.unsqueezed(1)
    let logs = try offsets.square().sum(along: 2) * -0.5
    let own = try noise.square().sum(along: 1) * -0.5
    let shared = try (own - logs.logSumExp(along: 1)).mean() + log(count)
    return try conditional - shared
  }

  func draw(_ parameters: Tensor, _ random: inout RandomStream) throws -> [Double] {
    let means = try generator.weights(parameters, 1, &random)
    let noise = try random.normal([1, generator.size], dtype: .float64)
    return try (means + logDeviations(parameters).exp() * noise).doubles()
  }
}

/// Weights W = G(ε), whose divergence nearest neighbours estimate, as published.
struct ImplicitLayer: LayerFamily {
  let generator: WeightGenerator
  let rows: Int
  let columns: Int
  /// Whether the divergences of single weights are summed.
  let eachWeight: Bool

  var parameterCount: Int { generator.parameterCount }

  func start(_ random: inout RandomStream) -> [Double] { generator.start(&random) }

  func forward(
    _ parameters: Tensor, _ inputs: [Tensor], _ random: inout RandomStream
  ) throws -> (outputs: [Tensor], divergence: Tensor) {
    let draws = try generator.weights(parameters, inputs.count, &random)
    let outputs = try inputs.enumerated().map { index, x in
      try x.matmul(draws[index].reshaped(rows, columns))
    }
    let prior = try random.normal([inputs.count, generator.size], dtype: .float64)
    return (outputs, try NeighbourDivergence.estimate(draws, prior, eachColumn: eachWeight))
  }

  func draw(_ parameters: Tensor, _ random: inout RandomStream) throws -> [Double] {
    try generator.weights(parameters, 1, &random).doubles()
  }
}

/// KL(q ‖ p) from draws of both.
enum NeighbourDivergence {
  /// (d/n) Σᵢ log(minⱼ |wᵢ − pⱼ| / min_{j≠i} |wᵢ − wⱼ|) + d log(m / (n − 1)) for columns one by one, else with
  /// log(m / (n − 1)) once.
  ///
  /// Wang, Kulkarni and Verdú (IEEE TIT 2009), with one neighbour; biased in many dimensions.
  ///
  /// - Parameters:
  ///   - draws: n × d, of q.
  ///   - prior: m × d, of p.
  ///   - eachColumn: Whether it is the sum over the d columns, as if they were independent.
  /// - Returns: A number with derivatives by the draws.
  /// - Throws: `TensorError` where the dimensions differ.
  static func estimate(
    _ draws: Tensor, _ prior: Tensor, eachColumn: Bool = false
  ) throws -> Tensor {
    let (n, m, d) = (draws.shape[0], prior.shape[0], draws.shape[1])
    var toPrior = try (draws.unsqueezed(1) - prior.unsqueezed(0)).square()
    var own = try (draws.unsqueezed(1) - draws.unsqueezed(0)).square()
    if !eachColumn {
      toPrior = try toPrior.sum(along: 2, keeping: true)
      own = try own.sum(along: 2, keeping: true)
    }
    // A draw is no neighbour of itself.
    let far = try Tensor(
      (0..<n * n).map { $0 / n == $0 % n ? 1e30 : 0 }, shape: [n, n, 1])
    let ratio =
      try (toPrior.min(along: 1) + 1e-12).log() - ((own + far).min(along: 1) + 1e-12).log()
    let columns = Double(eachColumn ? d : 1)
    // Half, since these are logarithms of squares.
    return try ratio.sum() * (0.5 * Double(d) / columns / Double(n))
      + columns * log(Double(m) / Double(n - 1))
  }
}
