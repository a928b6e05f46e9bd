import EdgeOptimization
import Foundation
import NeuralNetworks
public import Tensors

/// A network that maps a declared device and prices λ of energy and latency to a cell with its bit widths
/// and pruning, with no search.
///
/// It is trained through a frozen problem (predicted accuracies and the cost model) on devices that are
/// drawn, and never sees the one it is asked for.
public struct CompressionOptimizer: Sendable {
  public struct Options: Sendable {
    public var width = 128
    public var steps = 1500
    public var batch = 128
    public var rate = 2e-3
    /// λ in points of accuracy for the whole cost of the largest dense network.
    public var prices = 0.3...100.0
    /// How many of the network's likeliest designs are judged.
    public var beam = 16

    public init() {}
  }

  private let problem: CompressionProblem
  private let policy: DesignPolicy
  private let options: Options

  /// - Parameters:
  ///   - problem: Stays as it is.
  ///   - options: Of the network and its training.
  ///   - random: Draws weights, devices and prices.
  ///   - progress: Is told how many steps of how many are done.
  /// - Throws: `EdgeError` for prices that are not above 0, or as training does.
  public init(
    _ problem: CompressionProblem, options: Options = Options(), random: RandomStream,
    progress: (Int, Int) throws -> Void = { _, _ in }
  ) throws {
    guard options.prices.lowerBound > 0 else {
      throw EdgeError(
        .badParameter, "prices from \(options.prices.lowerBound) on; they are above 0")
    }
    self.problem = problem
    self.options = options
    var draws = random.child("draws")
    let example = CompressionOptimizer.drawn(&draws)
    var policy = try DesignPolicy(
      positions: 12, operations: CostModel.widths.count, context: example.features.count + 2,
      width: options.width, random: random.child("weights"))
    var optimizer = Adam(rate: options.rate)
    let schedule = Schedule.cosine(steps: options.steps, floor: 0.02)
    for step in 0..<options.steps {
      var contexts: [Double] = []
      var designs: [Int] = []
      for _ in 0..<options.batch {
        let device = CompressionOptimizer.drawn(&draws)
        let prices = CompressionProblem.Prices(
          energy: CompressionOptimizer.draw(options.prices, &draws),
          latency: CompressionOptimizer.draw(options.prices, &draws))
        contexts += CompressionOptimizer.context(device, prices)
        designs += problem.minimum(on: device, prices).decisions
      }
      let context = try Tensor(
        contexts, shape: [options.batch, example.features.count + 2], dtype: .float32)
      let best = try Tensor(designs, shape: [options.batch, 12])
      optimizer.rate = options.rate * schedule.factor(at: step)
      try policy.train(&optimizer, maximumNorm: 5) { policy in
        try policy.negativeLogLikelihood(of: best, context)
      }
      if step % 50 == 49 { try progress(step + 1, options.steps) }
    }
    self.policy = policy
  }

  private static func context(
    _ device: DeclaredDevice, _ prices: CompressionProblem.Prices
  ) -> [Double] {
    device.features + [log(prices.energy) - 2, log(prices.latency) - 2]
  }

  private static func draw(_ range: ClosedRange<Double>, _ random: inout RandomStream) -> Double {
    exp(log(range.lowerBound) + random.uniform() * log(range.upperBound / range.lowerBound))
  }

  /// A device as there might be: peaks that grow as bits get fewer, each width at most twice as fast as the
  /// one above it.
  private static func drawn(_ random: inout RandomStream) -> DeclaredDevice {
    var peak = draw(0.5...500, &random)
    var peaks: [Int: Double] = [:]
    for width in CostModel.widths.reversed() {
      peaks[width] = peak
      // Half of the steps bring nothing, as where a device lacks the instructions.
      peak *= max(1, draw(0.5...2, &random))
    }
    return DeclaredDevice(
      name: "", peaks: peaks, bandwidth: draw(1...1000, &random),
      cache: random.uniform() < 0.2 ? nil : draw(16...32_768, &random))
  }

  /// The network's design: of its likeliest ones the best by the frozen problem.
  public func design(
    for device: DeclaredDevice, _ prices: CompressionProblem.Prices
  ) throws -> CompressedDesign {
    let context = try Tensor(
      CompressionOptimizer.context(device, prices), dtype: .float32
    ).unsqueezed(0)
    let likeliest = try policy.likeliest(context, width: options.beam)[0]
      .compactMap { CompressedDesign(decisions: $0) }
    let judged = likeliest.compactMap { design in
      problem.objective(design, on: device, prices).map { (design, $0) }
    }
    // Where none is of the problem's cells, its own minimum answers.
    return judged.min { $0.1 < $1.1 }?.0 ?? problem.minimum(on: device, prices)
  }
}
