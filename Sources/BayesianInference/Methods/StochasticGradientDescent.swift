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
    let batches = max(rows / min(batch, rows), 1)
    // Fifty epochs as published, and at least 10,000 steps, so that small data isn't left half learned.
    var steps = (epochs > 0 ? epochs : max(50, (10_000 + batches - 1) / batches)) * batches
    var (passes, precision) = (0.0, plain.startingPrecision)
    // The rows that a network was trained on say little of the noise, and of when to stop: it may fit them
    // exactly. So each is predicted by a network that was trained without it.
    let learnsNoise = plain.likelihood.noisePrior != nil
    if let validation = CrossValidation(rows: rows), epochs == 0 || learnsNoise {
      let lengths = epochs > 0 ? [steps] : (0..<6).map { steps >> (2 * $0) } + [0]
      let trials = try await trials(plain, lengths, validation, context)
      passes += trials.reduce(0) { $0 + $1.passes }
      let best = lengths.indices.min { trials[$0].loss < trials[$1].loss } ?? 0
      steps = lengths[best]
      if let prior = plain.likelihood.noisePrior {
        precision =
          (prior.shape + Double(validation.heldCount) / 2)
          / (prior.rate + trials[best].squares / 2)
      }
    }
    let (theta, energy) = try train(plain, steps, context.random) { done, _ in
      context.progress(steps + done, 2 * steps)
    }
    passes += energy.passes
    var result = ApproximatePosterior(
      method: Self.name, of: plain, chains: [[theta]], precisions: [[precision]])
    result.passes = passes
    return result
  }

  /// What a training loses on rows that it was made without, their squared errors, and what it took.
  private struct Trial {
    var loss = 0.0
    var squares = 0.0
    var passes = 0.0
  }

  /// What trainings of so many steps lose on rows that they were made without, and their squared errors.
  private func trials(
    _ plain: Posterior, _ lengths: [Int], _ validation: CrossValidation, _ context: FitContext
  ) async throws -> [Trial] {
    let all = 2 * lengths.reduce(0, +) * validation.parts.count
    let counter = ProgressCounter(total: lengths.count * validation.parts.count) { done, total in
      context.progress(all / 2 * done / total, all)
    }
    let parts = try await validation.run(
      plain, FitContext(random: context.random.child("held"), workers: context.workers)
    ) { fitted, held, random in
      let judge = Energy(held)
      return try lengths.map { length in
        let (theta, spent) = try train(fitted, length, random)
        var gradient = theta
        let loss = judge.dataLoss(theta, gradient: &gradient)
        counter.advance()
        return Trial(
          loss: loss.isFinite ? loss : .infinity, squares: judge.squares, passes: spent.passes)
      }
    }
    return lengths.indices.map { length in
      parts.reduce(into: Trial()) { sum, part in
        sum.loss += part[length].loss
        sum.squares += part[length].squares
        sum.passes += part[length].passes
      }
    }
  }

  private func train(
    _ plain: Posterior, _ steps: Int, _ random: RandomStream,
    progress: (_ done: Int, _ total: Int) -> Void = { _, _ in }
  ) throws -> (theta: [Double], energy: Energy) {
    let energy = Energy(plain)
    // No step at all is a candidate that no data makes worse than a constant.
    guard steps > 0 else { return (GradientTraining.constant(plain), energy) }
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
