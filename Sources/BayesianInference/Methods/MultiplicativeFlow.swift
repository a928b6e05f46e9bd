import Foundation
import Tensors

/// Variational inference whose weights' means are multiplied by the outcome of a normalising flow.
public struct MultiplicativeFlow: InferenceMethod {
  public static let name = "mnf"
  public static let summary = "Multiplicative normalizing flows (Louizos and Welling 2017)"

  private let inference: LayerwiseVariational
  private let width: Int

  public init(options: inout MethodOptions) throws {
    inference = try LayerwiseVariational(&options, steps: 5000, samples: 1, rate: 0.01)
    width = try options.integer("flow-width", 50, in: 1...10_000)
  }

  public func fit(
    _ posterior: Posterior, _ context: FitContext
  ) async throws -> ApproximatePosterior {
    try inference.fit(Self.name, posterior, context) { inputs, outputs, random in
      Layer(rows: inputs + 1, columns: outputs, flowWidth: width, random: &random)
    }
  }

  /// W_ij | z ~ N(z_i μ_ij, σ_ij²) with z from two masked steps, one entry an input.
  struct Layer: LayerFamily {
    let rows: Int
    let columns: Int
    /// Of the first step; the second one's is the rest, so that every entry is changed.
    private let mask: [Double]
    private let flow: MaskedFlow

    init(rows: Int, columns: Int, flowWidth: Int, random: inout RandomStream) {
      self.rows = rows
      self.columns = columns
      mask = (0..<rows).map { _ in random.uniform() < 0.5 ? 1 : 0 }
      flow = MaskedFlow(size: rows, width: flowWidth)
    }

    // Means and log deviations of the weights; mean and log deviation of z₀; the flow; the reverse
    // flow; and c [columns], b₁, b₂ [rows] of the auxiliary distribution.
    var parameterCount: Int {
      2 * rows * columns + 2 * rows + 4 * flow.parameterCount + columns + 2 * rows
    }

    func start(_ random: inout RandomStream) -> [Double] {
      let weights = rows * columns
      return random.normals(weights) + [Double](repeating: log(0.05), count: weights)
        + [Double](repeating: 1, count: rows) + [Double](repeating: log(0.1), count: rows)
        + (0..<4).flatMap { _ in flow.start(&random) }
        + random.normals(columns + 2 * rows).map { 0.1 * $0 }
    }

    private struct Parts {
      var mean: Tensor
      var logDeviation: Tensor
      var centre: Tensor
      var logWidth: Tensor
      var steps: [Tensor]
      var c: Tensor
      var b1: Tensor
      var b2: Tensor
    }

    private func parts(_ parameters: Tensor) throws -> Parts {
      var start = 0
      func next(_ count: Int) throws -> Tensor {
        defer { start += count }
        return try parameters[start..<start + count]
      }
      return Parts(
        mean: try next(rows * columns).reshaped(rows, columns),
        logDeviation: try next(rows * columns).reshaped(rows, columns), centre: try next(rows),
        logWidth: try next(rows), steps: try (0..<4).map { _ in try next(flow.parameterCount) },
        c: try next(columns), b1: try next(rows), b2: try next(rows))
    }

    /// z_T and log q(z_T).
    private func multiplier(
      _ parts: Parts, _ random: inout RandomStream
    ) throws -> (z: Tensor, logDensity: Tensor) {
      let noise = try random.normal([rows], dtype: .float64)
      var z = try parts.centre + parts.logWidth.exp() * noise
      var logDensity = try (noise.square() * -0.5 - parts.logWidth).sum()
      for (index, step) in parts.steps[..<2].enumerated() {
        let (next, logDeterminant) = try flow.forward(z, step, mask(index))
        z = next
        logDensity = try logDensity - logDeterminant
      }
      return (z, logDensity)
    }

    private func mask(_ index: Int) throws -> Tensor {
      try Tensor(index % 2 == 0 ? mask : mask.map { 1 - $0 })
    }

    func forward(
      _ parameters: Tensor, _ inputs: [Tensor], _ random: inout RandomStream
    ) throws -> (outputs: [Tensor], divergence: Tensor) {
      let parts = try parts(parameters)
      let variance = try (parts.logDeviation * 2.0).exp()
      var outputs: [Tensor] = []
      var divergence = try Tensor(0.0, dtype: .float64)
      for x in inputs {
        let (z, logDensity) = try multiplier(parts, &random)
        let spread = try x.square().matmul(variance).sqrt()
        let noise = try random.normal([x.shape[0], columns], dtype: .float64)
        outputs.append(try (x * z).matmul(parts.mean) + spread * noise)
        let scaled = try z.unsqueezed(1) * parts.mean
        let weights = try ((variance + scaled.square() - 1.0) * 0.5 - parts.logDeviation).sum()
        let auxiliary = try logAuxiliary(parts, z, scaled, variance, &random)
        divergence = try divergence + weights + logDensity - auxiliary
      }
      return (outputs, try divergence * (1 / Double(inputs.count)))
    }

    /// log r(z_T | W), up to the constant that log q(z_T) lacks, too.
    private func logAuxiliary(
      _ parts: Parts, _ z: Tensor, _ scaled: Tensor, _ variance: Tensor,
      _ random: inout RandomStream
    ) throws -> Tensor {
      // c·W is normal given z, one entry an input.
      let mean = try scaled.matmul(parts.c)
      let spread = try variance.matmul(parts.c.square()).sqrt()
      let activation = try (mean + spread * random.normal([rows], dtype: .float64)).tanh().mean()
      var back = z
      var logDeterminant = try Tensor(0.0, dtype: .float64)
      for (index, step) in parts.steps[2...].enumerated() {
        let (next, part) = try flow.forward(back, step, mask(index))
        back = next
        logDeterminant = try logDeterminant + part
      }
      let centre = try parts.b1 * activation
      let logVariance = try parts.b2 * activation
      let squares = try (back - centre).square() * (logVariance * -1.0).exp()
      return try ((squares + logVariance) * -0.5).sum() + logDeterminant
    }

    func draw(_ parameters: Tensor, _ random: inout RandomStream) throws -> [Double] {
      let parts = try parts(parameters)
      let (z, _) = try multiplier(parts, &random)
      let noise = try random.normal([rows, columns], dtype: .float64)
      return try (z.unsqueezed(1) * parts.mean + parts.logDeviation.exp() * noise).doubles()
    }
  }
}

/// A masked step of RealNVP with a gate: z ← m∘z + (1 − m)∘(z∘s + (1 − s)∘μ).
struct MaskedFlow {
  let size: Int
  let width: Int

  // f: [size × width] and [width]; g and k: [width × size] and [size].
  var parameterCount: Int { size * width + width + 2 * (width * size + size) }

  func start(_ random: inout RandomStream) -> [Double] {
    let inner = random.normals(size * width).map { $0 / Double(size).squareRoot() }
    let outer = { (random: inout RandomStream, bias: Double) in
      random.normals(width * size).map { 0.01 * $0 } + [Double](repeating: bias, count: size)
    }
    // A gate that is nearly open at the start leaves z as it is.
    return inner + [Double](repeating: 0, count: width) + outer(&random, 0) + outer(&random, 2)
  }

  /// The step's outcome, and the logarithm of its determinant.
  func forward(
    _ z: Tensor, _ parameters: Tensor, _ mask: Tensor
  ) throws -> (z: Tensor, logDeterminant: Tensor) {
    var start = 0
    func next(_ shape: [Int]) throws -> Tensor {
      let count = shape.reduce(1, *)
      defer { start += count }
      return try parameters[start..<start + count].reshaped(shape)
    }
    let f = (try next([size, width]), try next([width]))
    let g = (try next([width, size]), try next([size]))
    let k = (try next([width, size]), try next([size]))
    let hidden = try ((z * mask).unsqueezed(0).matmul(f.0) + f.1).tanh()
    let shift = try (hidden.matmul(g.0) + g.1).reshaped(size)
    let logit = try (hidden.matmul(k.0) + k.1).reshaped(size)
    let gate = try logit.sigmoid()
    let free = try mask * -1.0 + 1.0
    let moved = try mask * z + free * (z * gate + (gate * -1.0 + 1.0) * shift)
    // log sigmoid(x) = −softplus(−x), which doesn't underflow.
    return (moved, try (free * (logit * -1.0).softplus() * -1.0).sum())
  }
}
