import Foundation
import Tensors

/// Minimises a mean loss over parameters θ themselves, as networks are usually trained.
struct GradientTraining {
  var epochs: Int
  var batch: Int
  var rate: Double
  /// Whether the rate falls to 0 as a cosine.
  var isDecaying: Bool
  /// Steps, where those of all epochs are too many; nil takes these.
  var limit: Int?

  /// Steps of all epochs.
  func steps(rows: Int) -> Int { limit ?? epochs * max(rows / min(batch, rows), 1) }

  /// Reads the options; without `epochs` at least `leastSteps` are taken, so that small data isn't left
  /// half learned.
  init(
    _ options: inout MethodOptions, epochs: Int, batch: Int, rate: Double, isDecaying: Bool
  ) throws {
    self.epochs = try options.integer("epochs", epochs, in: 0...100_000_000)
    self.batch = try options.integer("batch", batch, in: 1...1_000_000)
    self.rate = try options.number("rate", rate, in: 1e-9...10)
    self.isDecaying = isDecaying
  }

  /// The same with enough epochs for so many steps where none were asked for.
  func resolved(rows: Int, published: Int, leastSteps: Int) -> GradientTraining {
    guard epochs == 0 else { return self }
    var result = self
    let perEpoch = max(rows / min(batch, rows), 1)
    result.epochs = max(published, (leastSteps + perEpoch - 1) / perEpoch)
    return result
  }

  /// The posterior with θ itself as coordinates: only its likelihood is used.
  static func plain(_ posterior: Posterior, _ likelihood: Likelihood? = nil) throws -> Posterior {
    let likelihood = likelihood ?? posterior.likelihood
    let network = try Network(
      inputs: posterior.network.inputs,
      hidden: posterior.network.layers.dropLast().map(\.outputs), outputs: likelihood.outputs,
      activation: posterior.network.activation)
    return try Posterior(
      network: network, prior: .isotropic(1), likelihood: likelihood, rows: posterior.rows,
      scaling: posterior.scaling, arithmetic: posterior.arithmetic)
  }

  /// Weights uniform within ±√(6 / (inputs + outputs)) and biases of 0 (Glorot and Bengio 2010).
  static func start(_ network: Network, _ random: inout RandomStream) -> [Double] {
    network.layers.flatMap { layer in
      let limit = (6 / Double(layer.inputs + layer.outputs)).squareRoot()
      return (0..<layer.inputs * layer.outputs).map { _ in limit * (2 * random.uniform() - 1) }
        + [Double](repeating: 0, count: layer.outputs)
    }
  }

  /// The parameters of a network that predicts the same everywhere: the targets' mean and variance, or how
  /// frequent the classes are.
  static func constant(_ plain: Posterior) -> [Double] {
    let targets = plain.rows.targets
    let count = Double(targets.count)
    let moments = Moments(targets)
    let outputs: [Double]
    switch plain.likelihood {
    case .gaussian: outputs = [moments.mean]
    case .heteroscedastic:
      // The inverse of softplus.
      outputs = [moments.mean, log(expm1(max(moments.variance, Likelihood.leastVariance)))]
    case .bernoulli:
      // One row more of each class, so that one that isn't there is possible.
      let share = (moments.mean * count + 1) / (count + 2)
      outputs = [log(share / (1 - share))]
    case .categorical(let classes):
      outputs = (0..<classes).map { label in
        log(Double(targets.count { Int($0) == label } + 1) / (count + Double(classes)))
      }
    }
    var theta = [Double](repeating: 0, count: plain.parameterCount)
    theta.replaceSubrange(theta.count - outputs.count..<theta.count, with: outputs)
    return theta
  }

  /// Adam on (mean loss + Σ penalty parameter²).
  ///
  /// - Parameters:
  ///   - theta: Where to start; the result.
  ///   - energy: Of a plain posterior; its precision scales a Gaussian loss.
  ///   - penalties: A factor of each parameter's square; none where it is empty.
  ///   - random: For the order of rows.
  ///   - masks: What changes each batch, as dropout does.
  ///   - checkpoints: Where the training leaves its state, and under which name.
  ///   - progress: Told how many of how many steps are done.
  /// - Throws: ``InferenceError`` where the checkpoint is of another fit.
  func run(
    _ theta: inout [Double], _ energy: Energy, penalties: [Double] = [], random: RandomStream,
    masks: BlockMasks? = nil, checkpoints: (store: Checkpoints?, name: String) = (nil, ""),
    progress: (_ done: Int, _ total: Int) -> Void = { _, _ in }
  ) throws {
    let rows = energy.posterior.rows.count
    var order = BatchOrder(rows: rows, batch: min(batch, rows), random: random)
    let steps = steps(rows: rows)
    var adam = Adam(theta.count, rate: rate, steps: isDecaying ? steps : nil)
    var gradient = theta
    let key = "training \(steps) \(theta.count) \(rows) \(random.stream)"
    var state = TrainingState(values: theta, adam: adam)
    if try state.load(checkpoints.store, checkpoints.name, key) {
      (theta, adam) = (state.values, state.adam)
      if let place = state.places.first { masks?.resume(place) }
      order.resume(state.batches)
      energy.passes = state.sums[0]
    }
    for step in state.step..<steps {
      if step % Checkpoints.interval(steps) == 0 {
        let (places, batches) = (masks.map { [$0.align()] } ?? [], order.state())
        TrainingState.save(
          checkpoints.store, checkpoints.name, key,
          TrainingState(
            step: step, values: theta, adam: adam, places: places, batches: batches,
            sums: [energy.passes]))
      }
      _ = energy.dataLoss(theta, batch: order.next(), gradient: &gradient, masks: masks)
      for i in gradient.indices { gradient[i] /= Double(rows) }
      for i in penalties.indices { gradient[i] += 2 * penalties[i] * theta[i] }
      adam.step(&theta, gradient)
      if step % 100 == 99 { progress(step + 1, steps) }
    }
  }
}
