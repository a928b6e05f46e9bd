import Tensors

/// What a gradient fit of a variational family carries from step to step, whatever the family is.
struct VariationalRun {
  /// The family's parameters.
  var values: [Double]
  var noise: RandomStream
  var order: BatchOrder
  /// 1/σ² of a Gaussian likelihood.
  private(set) var precision: Double
  /// Gradients computed so far, in passes over all rows.
  var passes = 0.0
  /// The expected sum of squared errors, smoothed over some hundred steps.
  private var squares: Double?
  private var adam: Adam
  private let posterior: Posterior
  private let checkpoints: Checkpoints?
  private let key: String
  private let steps: Int

  /// - `values`: To start from.
  /// - `batch`: Rows of a step; 0 is ``BatchOrder``'s own choice.
  init(
    _ method: String, _ posterior: Posterior, _ context: FitContext, values: [Double],
    rate: Double, steps: Int, batch: Int
  ) {
    self.values = values
    self.posterior = posterior
    self.steps = steps
    noise = context.random.child("noise")
    order = BatchOrder(
      rows: posterior.rows.count, batch: batch, random: context.random.child("order"))
    precision = posterior.startingPrecision
    adam = Adam(values.count, rate: rate, steps: steps)
    checkpoints = context.checkpoints
    key = "\(method) \(steps) \(values.count) \(context.random.seed) \(context.random.stream)"
  }

  /// Takes over what an interrupted fit left.
  ///
  /// - Returns: The step to go on with.
  /// - Throws: ``InferenceError`` where that was another fit.
  mutating func resume() throws -> Int {
    var state = TrainingState(values: values, adam: adam)
    guard try state.load(checkpoints, "fit", key) else { return 0 }
    (values, adam) = (state.values, state.adam)
    noise.resume(at: state.places[0])
    order.resume(state.batches)
    // The first step has no error yet to smooth.
    squares = state.step > 0 ? state.sums[0] : nil
    (precision, passes) = (state.sums[1], state.sums[2])
    return state.step
  }

  /// Leaves everything that depends on earlier steps, where this is a step for it.
  mutating func checkpoint(before step: Int) {
    guard step % Checkpoints.interval(steps) == 0 else { return }
    let (place, batches) = (noise.align(), order.state())
    TrainingState.save(
      checkpoints, "fit", key,
      TrainingState(
        step: step, values: values, adam: adam, places: [place], batches: batches,
        sums: [squares ?? 0, precision, passes]))
  }

  /// Moves the parameters against a slope; a learned noise follows the expected squared error.
  mutating func step(_ slope: [Double], expectedSquares: Double) {
    adam.step(&values, slope)
    let smoothed = squares.map { 0.99 * $0 + 0.01 * expectedSquares } ?? expectedSquares
    squares = smoothed
    precision = posterior.expectedPrecision(squares: smoothed) ?? precision
  }
}
