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
    let rows = plain.rows.count
    let kept = rows - max(rows / 5, 1)
    let batches = max(rows / min(batch, rows), 1)
    // Fifty epochs as published, and at least 10,000 steps, so that small data isn't left half learned.
    var steps = (epochs > 0 ? epochs : max(50, (10_000 + batches - 1) / batches)) * batches
    var (passes, precision) = (0.0, plain.startingPrecision)
    // The rows that a network was trained on say little of the noise, and of when to stop: it may fit them
    // exactly. So others, trained without the last fifth, are judged there.
    let learnsNoise = plain.likelihood.noisePrior != nil
    if kept > 0, epochs == 0 || learnsNoise {
      let part = try plain.selected(Array(0..<kept))
      let held = Energy(try plain.selected(Array(kept..<rows)))
      var best = Double.infinity
      for length in epochs > 0 ? [steps] : (0..<6).map({ steps >> (2 * $0) }) {
        let (other, spent) = try train(part, length, context.random.child("held")) { done, _ in
          context.progress(done, 2 * steps)
        }
        passes += spent.passes
        var gradient = other
        let loss = held.dataLoss(other, gradient: &gradient)
        guard loss < best else { continue }
        (best, steps) = (loss, length)
        if let prior = plain.likelihood.noisePrior {
          precision = (prior.shape + Double(rows - kept) / 2) / (prior.rate + held.squares / 2)
        }
      }
    }
    let (theta, energy) = try train(plain, steps, context.random) { done, steps in
      context.progress(steps + done, 2 * steps)
    }
    passes += energy.passes
    var result = ApproximatePosterior(
      method: Self.name, of: plain, chains: [[theta]], precisions: [[precision]])
    result.passes = passes
    return result
  }

  private func train(
    _ plain: Posterior, _ steps: Int, _ random: RandomStream,
    progress: (_ done: Int, _ total: Int) -> Void
  ) throws -> (theta: [Double], energy: Energy) {
    let energy = Energy(plain)
    let rows = plain.rows.count
    var start = random.child("start")
    var theta = GradientTraining.start(plain.network, &start)
    var order = BatchOrder(rows: rows, batch: min(batch, rows), random: random.child("order"))
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
      if step % 100 == 99 { progress(step + 1, steps) }
    }
    guard theta.allSatisfy(\.isFinite) else {
      throw InferenceError(.failed, "\(Self.name) diverged; take a smaller 'rate'")
    }
    return (theta, energy)
  }
}
