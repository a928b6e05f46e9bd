import Foundation
import Tensors

/// Variational inference whose weights are the outcome of a small network fed with noise.
public struct Hypernetwork: InferenceMethod {
  public static let name = "hypernet"
  public static let summary =
    "Bayes by Hypernet (Pawlowski et al. 2017), divergence by nearest neighbours layer by layer"

  private let inference: LayerwiseVariational
  private let noise: Int
  private let width: Int

  public init(options: inout MethodOptions) throws {
    inference = try LayerwiseVariational(
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
    try inference.fit(Self.name, posterior, context) { inputs, outputs, _ in
      Layer(rows: inputs + 1, columns: outputs, noise: noise, width: width)
    }
  }

  /// W = relu(ε W₁ + b₁) W₂ + b₂ with ε ~ N(0, I).
  struct Layer: LayerFamily {
    let rows: Int
    let columns: Int
    let noise: Int
    let width: Int

    private var size: Int { rows * columns }
    var parameterCount: Int { noise * width + width + width * size + size }

    func start(_ random: inout RandomStream) -> [Double] {
      random.normals(noise * width).map { $0 / Double(noise).squareRoot() }
        + [Double](repeating: 0, count: width)
        + random.normals(width * size).map { 0.1 * $0 / Double(width).squareRoot() }
        + random.normals(size)
    }

    /// count × size.
    private func weights(
      _ parameters: Tensor, _ count: Int, _ random: inout RandomStream
    ) throws -> Tensor {
      let ends = [noise * width, noise * width + width, parameterCount - size, parameterCount]
      let first = try parameters[0..<ends[0]].reshaped(noise, width)
      let second = try parameters[ends[1]..<ends[2]].reshaped(width, size)
      let epsilon = try random.normal([count, noise], dtype: .float64)
      let hidden = try (epsilon.matmul(first) + parameters[ends[0]..<ends[1]]).relu()
      return try hidden.matmul(second) + parameters[ends[2]..<ends[3]]
    }

    func forward(
      _ parameters: Tensor, _ inputs: [Tensor], _ random: inout RandomStream
    ) throws -> (outputs: [Tensor], divergence: Tensor) {
      let draws = try weights(parameters, inputs.count, &random)
      let outputs = try inputs.enumerated().map { index, x in
        try x.matmul(draws[index].reshaped(rows, columns))
      }
      let prior = try random.normal([inputs.count, size], dtype: .float64)
      return (outputs, try NeighbourDivergence.estimate(draws, prior))
    }

    func draw(_ parameters: Tensor, _ random: inout RandomStream) throws -> [Double] {
      try weights(parameters, 1, &random).doubles()
    }
  }
}

/// KL(q ‖ p) from draws of both.
enum NeighbourDivergence {
  /// (d/n) Σᵢ log(minⱼ |wᵢ − pⱼ| / min_{j≠i} |wᵢ − wⱼ|) + log(m / (n − 1)).
  ///
  /// Wang, Kulkarni and Verdú (IEEE TIT 2009), with one neighbour; biased in many dimensions.
  ///
  /// - Parameters:
  ///   - draws: n × d, of q.
  ///   - prior: m × d, of p.
  /// - Returns: A number with derivatives by the draws.
  /// - Throws: `TensorError` where the dimensions differ.
  static func estimate(_ draws: Tensor, _ prior: Tensor) throws -> Tensor {
    let (n, m, d) = (draws.shape[0], prior.shape[0], draws.shape[1])
    let toPrior = try (draws.unsqueezed(1) - prior.unsqueezed(0)).square().sum(along: 2)
    let own = try (draws.unsqueezed(1) - draws.unsqueezed(0)).square().sum(along: 2)
    // A draw is no neighbour of itself.
    let far = try Tensor(
      (0..<n * n).map { $0 / n == $0 % n ? 1e30 : 0 }, shape: [n, n])
    let ratio =
      try (toPrior.min(along: 1) + 1e-12).log() - ((own + far).min(along: 1) + 1e-12).log()
    // Half, since these are logarithms of squares.
    return try ratio.sum() * (0.5 * Double(d) / Double(n)) + log(Double(m) / Double(n - 1))
  }
}
