import Foundation
import Tensors

/// One network trained as networks usually are: a point, without any uncertainty of the function.
public struct StochasticGradientDescent: InferenceMethod {
  public static let name = "sgd"
  public static let summary =
    "One network by stochastic gradient descent with momentum, weight decay and a cosine rate"

  private let epochs: Int
  private let batch: Int
  private let rate: Double
  private let momentum: Double
  private let decay: Double

  public init(options: inout MethodOptions) throws {
    epochs = try options.integer("epochs", 0, in: 0...100_000_000)
    batch = try options.integer("batch", 128, in: 1...1_000_000)
    // URSABench's values for 784-200-200-10.
    rate = try options.number("rate", 0.1, in: 1e-9...10)
    momentum = try options.number("momentum", 0.9, in: 0...0.9999)
    decay = try options.number("weight-decay", 3e-4, in: 0...1)
  }

  public func fit(
    _ posterior: Posterior, _ context: FitContext
  ) async throws -> ApproximatePosterior {
    let plain = try GradientTraining.plain(posterior)
    let energy = Energy(plain)
    let rows = plain.rows.count
    var start = context.random.child("start")
    var theta = GradientTraining.start(plain.network, &start)
    var order = BatchOrder(
      rows: rows, batch: min(batch, rows), random: context.random.child("order"))
    let perEpoch = max(rows / order.batch, 1)
    // Fifty epochs as published, and at least 10,000 steps, so that small data isn't left half learned.
    let steps = (epochs > 0 ? epochs : max(50, (10_000 + perEpoch - 1) / perEpoch)) * perEpoch
    // The mean of half the squared errors, whatever the noise is.
    if case .gaussian = plain.likelihood { energy.precision = 1 }
    var (velocity, gradient) = ([Double](repeating: 0, count: theta.count), theta)
    for step in 0..<steps {
      _ = energy.dataLoss(theta, batch: order.next(), gradient: &gradient)
      let size = rate * 0.5 * (1 + cos(Double.pi * Double(step) / Double(steps)))
      for i in theta.indices {
        velocity[i] = momentum * velocity[i] - gradient[i] / Double(rows) - decay * theta[i]
        theta[i] += size * velocity[i]
      }
      if step % 100 == 99 { context.progress(step + 1, steps) }
    }
    guard theta.allSatisfy(\.isFinite) else {
      throw InferenceError(.failed, "\(Self.name) diverged; take a smaller 'rate'")
    }
    if case .gaussian(.known(let deviation)) = plain.likelihood {
      energy.precision = 1 / (deviation * deviation)
    } else if plain.likelihood.noisePrior != nil {
      _ = energy.dataLoss(theta, gradient: &gradient)
      energy.precision = plain.expectedPrecision(squares: energy.squares) ?? 1
    }
    var result = ApproximatePosterior(
      method: Self.name, of: plain, chains: [[theta]], precisions: [[energy.precision]])
    result.passes = energy.passes
    return result
  }
}
