import Foundation
public import EdgeOptimization
import NeuralNetworks
public import Tensors

/// Accuracy of designs from some measured ones: the mean of small networks that are trained as one
/// batch, each on its own resampling, and their spread.
public struct AccuracyPredictor: Sendable {
  public struct Options: Sendable {
    /// Networks of the ensemble.
    public var members = 8
    public var width = 96
    public var steps = 1500
    public var batch = 128
    public var rate = 2e-3
    public var weightDecay = 0.05
    public var dropout = 0.1

    public init() {}
  }

  public let encoding: RelaxedEncoding
  private let network: Sequential
  private let members: Int
  /// Accuracies are predicted as standardised logarithms of the distance to a bound above them, which
  /// spreads the best, where the optimum is, and draws the worst together.
  private let bound: Double
  private let mean: Double
  private let deviation: Double

  /// Learns from designs and their accuracies in percent.
  ///
  /// - Throws: `EdgeError` for designs that are not of the space, or fewer than two accuracies.
  public init(
    _ designs: [[Int]], accuracies: [Double], space: SearchSpace, options: Options = Options(),
    random: RandomStream
  ) throws {
    guard designs.count == accuracies.count, designs.count > 1,
      let best = accuracies.max(), let worst = accuracies.min(), best > worst
    else {
      throw EdgeError(
        .badTable, "an accuracy predictor needs two or more designs of different accuracy")
    }
    let encoding = RelaxedEncoding(space)
    let bound = best + 0.05 * (best - worst)
    let transformed = accuracies.map { -Foundation.log(bound - $0) }
    let mean = transformed.reduce(0, +) / Double(transformed.count)
    let deviation =
      (transformed.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(transformed.count))
      .squareRoot()
    let features = try withoutGradients { try encoding.features(encoding.corners(designs)) }
    let targets = try Tensor(transformed.map { ($0 - mean) / deviation }, dtype: .float32)
    let inputs = try features.extent(1)
    var network = try Sequential.joined(
      (0..<options.members).map { member in
        let random = random.child("network").child(member)
        return try Sequential(
          Linear(inputs, options.width, random: random.child(0)), Activation.silu,
          Dropout(options.dropout),
          Linear(options.width, options.width, random: random.child(1)), Activation.silu,
          Dropout(options.dropout),
          Linear(options.width, 1, random: random.child(2)))
      })
    var optimizer = Adam.decoupled(rate: options.rate, weightDecay: options.weightDecay)
    let schedule = Schedule.cosine(steps: options.steps)
    var draws = random.child("batches")
    var pass = Pass.training(random.child("dropout"))
    for step in 0..<options.steps {
      // Each member sees samples of its own.
      let chosen = try draws.integers(below: designs.count, [options.members * options.batch])
      let input = try features.gathering(chosen)
        .reshaped(options.members, options.batch, inputs)
      let target = try targets.gathering(chosen).reshaped(options.members, options.batch)
      optimizer.rate = options.rate * schedule.factor(at: step)
      try network.train(&optimizer) {
        try $0.forward(input, &pass).squeezed(2).huber(target)
      }
    }
    self.network = network
    members = options.members
    self.encoding = encoding
    (self.bound, self.mean, self.deviation) = (bound, mean, deviation)
  }

  /// The members' predictions for [n, positions, operations], in standardised units: [members, n].
  ///
  /// - Throws: `TensorError` for another shape.
  func standardized(_ probabilities: Tensor) throws -> Tensor {
    let features = try encoding.features(probabilities)
    var copy = network
    var pass = Pass.inference
    return try copy.forward(features.unsqueezed(0).expanded([members, -1, -1]), &pass).squeezed(2)
  }

  /// Means and deviations of the members' predictions, in standardised units.
  func distributions(_ designs: [[Int]]) throws -> [(mean: Double, deviation: Double)] {
    try withoutGradients {
      let each = try standardized(encoding.corners(designs))
      let (means, deviations) = (
        try each.mean(along: 0).doubles(), try each.standardDeviation(along: 0).doubles()
      )
      return Array(zip(means, deviations)).map { ($0, $1) }
    }
  }

  /// An accuracy in percent in standardised units; one above the bound counts as just below it.
  func standardized(_ accuracy: Double) -> Double {
    (-Foundation.log(max(bound - accuracy, 1e-3)) - mean) / deviation
  }

  /// The accuracies of designs in percent.
  ///
  /// - Throws: `EdgeError` for a design that is not of the space.
  public func predict(_ designs: [[Int]]) throws -> [Double] {
    try withoutGradients {
      let means = try standardized(encoding.corners(designs)).mean(along: 0).doubles()
      return means.map { bound - Foundation.exp(-($0 * deviation + mean)) }
    }
  }
}
