import Foundation
public import EdgeOptimization
import LinearAlgebra
import NeuralNetworks
public import Tensors

/// Accuracy of designs from some measured ones: a Gaussian process, so that each prediction says how
/// certain it is.
///
/// On a thousand cells it ranks as well as boosted trees do and, unlike them, says where to look: what counts
/// is how good the best designs are, and those the next measurements find (``ActiveRounds``).
public struct AccuracyPredictor: Sendable {
  public struct Options: Sendable {
    /// How many hyper-parameters are drawn for the first fit, and moved about for each later one.
    public var draws = 40
    public var moves = 12
    /// At most so many designs, evenly spread, judge them by the evidence.
    public var evidenceRows = 450

    public init() {}
  }

  public let space: SearchSpace
  private let kernel: AccuracyKernel
  private let parameters: AccuracyKernel.Parameters
  private let known: AccuracyKernel.Designs
  /// (K + σ²I)⁻¹z.
  private let solution: [Double]
  /// L of LLᵀ = K + σ²I, [designs, designs].
  private let factor: Tensor
  /// Accuracies are predicted as standardised logarithms of the distance to a bound above them, which
  /// spreads the best, where the optimum is, and draws the worst together.
  private let bound: Double
  private let mean: Double
  private let deviation: Double

  /// Learns from designs and their accuracies in percent.
  ///
  /// - Parameters:
  ///   - designs: Measured.
  ///   - accuracies: Theirs.
  ///   - space: Of the designs.
  ///   - options: Of the search for hyper-parameters.
  ///   - previous: A fit to some of these designs, whose hyper-parameters are moved about.
  ///   - random: Draws them.
  /// - Throws: `EdgeError` for designs that are not of the space, or fewer than two accuracies.
  public init(
    _ designs: [[Int]], accuracies: [Double], space: SearchSpace, options: Options = Options(),
    startingFrom previous: AccuracyPredictor? = nil, random: RandomStream
  ) throws {
    guard designs.count == accuracies.count, designs.count > 1,
      let best = accuracies.max(), let worst = accuracies.min(), best > worst
    else {
      throw EdgeError(
        .badTable, "an accuracy predictor needs two or more designs of different accuracy")
    }
    let bound = best + 0.05 * (best - worst)
    let transformed = accuracies.map { -Foundation.log(bound - $0) }
    let mean = transformed.reduce(0, +) / Double(transformed.count)
    let deviation =
      (transformed.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(transformed.count))
      .squareRoot()
    let targets = transformed.map { ($0 - mean) / deviation }
    let kernel = previous?.kernel ?? AccuracyKernel(space, reference: designs)
    let known = try kernel.prepared(designs)
    let step = max(1, (designs.count + options.evidenceRows - 1) / max(options.evidenceRows, 2))
    let some = Array(stride(from: 0, to: designs.count, by: step))
    let (part, values) = (known.selecting(some), some.map { targets[$0] })
    var random = random
    var found: (evidence: Double, parameters: AccuracyKernel.Parameters)?
    for number in 0..<max(previous == nil ? options.draws : options.moves, 1) {
      let parameters =
        previous?.parameters.moved(by: number == 0 ? 0 : 0.35, random: &random)
        ?? AccuracyKernel.Parameters(positions: space.positionCount, random: &random)
      var matrix = kernel.covariance(part, part, parameters)
      for index in some.indices { matrix[index * (some.count + 1)] += parameters.noise }
      guard let factor = CholeskyFactorization(matrix, size: some.count) else { continue }
      let evidence = -0.5 * dot(values, factor.solve(values)) - factor.halfLogDeterminant
      if evidence > found?.evidence ?? -.infinity { found = (evidence, parameters) }
    }
    guard let parameters = found?.parameters else {
      throw EdgeError(.badTable, "no kernel is positive definite on \(designs.count) designs")
    }
    var matrix = kernel.covariance(known, known, parameters)
    for index in designs.indices { matrix[index * (designs.count + 1)] += parameters.noise }
    (factor, solution) = try withoutGradients {
      let factor = try Tensor(matrix, shape: [designs.count, designs.count], dtype: .float64)
        .cholesky()
      let right = try Tensor(targets, dtype: .float64).unsqueezed(1)
      return (factor, try factor.choleskySolving(right).doubles())
    }
    self.space = space
    self.kernel = kernel
    self.parameters = parameters
    self.known = known
    (self.bound, self.mean, self.deviation) = (bound, mean, deviation)
  }

  /// Means and deviations of designs, in standardised units.
  ///
  /// Designs that are the same in effect are predicted once.
  func distributions(_ designs: [[Int]]) throws -> [(mean: Double, deviation: Double)] {
    let (distinct, places) = grouped(designs)
    var result: [(mean: Double, deviation: Double)] = []
    for start in stride(from: 0, to: distinct.count, by: 1024) {
      let part = try kernel.prepared(
        distinct[start..<min(start + 1024, distinct.count)].map { designs[$0] })
      let rows = part.graph.count
      let cross = kernel.covariance(part, known, parameters)
      let explained = try withoutGradients {
        try factor.triangularSolving(
          Tensor(cross, shape: [rows, solution.count], dtype: .float64).transposed()
        ).square().sum(along: 0).doubles()
      }
      for (row, prior) in kernel.variances(part, parameters).enumerated() {
        let mean = dot(Array(cross[row * solution.count..<(row + 1) * solution.count]), solution)
        result.append((mean, max(prior - explained[row], 1e-9).squareRoot()))
      }
    }
    return places.map { result[$0] }
  }

  /// The places of the first of each kind of effective designs, and for each design that of its kind.
  private func grouped(_ designs: [[Int]]) -> (distinct: [Int], places: [Int]) {
    var kinds: [[Int]: Int] = [:]
    var distinct: [Int] = []
    let places = designs.indices.map { index in
      let effective = space.effective(designs[index])
      if let place = kinds[effective] { return place }
      kinds[effective] = distinct.count
      distinct.append(index)
      return distinct.count - 1
    }
    return (distinct, places)
  }

  /// Possible accuracies of designs in standardised units: [count, designs].
  ///
  /// Each design is drawn by itself, with that share of its deviation, but equal in effect means equal.
  func draws(
    _ count: Int, of designs: [[Int]], from distributions: [(mean: Double, deviation: Double)],
    share: Double = 0.7, random: RandomStream
  ) throws -> Tensor {
    let (distinct, places) = grouped(designs)
    var random = random
    let noise = try random.normal([count, distinct.count])
      .gathering(Tensor(places), along: 1)
    return try noise * Tensor(distributions.map { share * $0.deviation }, dtype: .float32)
      + Tensor(distributions.map(\.mean), dtype: .float32)
  }

  /// An accuracy in percent in standardised units; one above the bound counts as just below it.
  func standardized(_ accuracy: Double) -> Double {
    (-Foundation.log(max(bound - accuracy, 1e-3)) - mean) / deviation
  }

  /// A standardised accuracy in percent.
  func accuracy(_ standardized: Double) -> Double {
    bound - Foundation.exp(-(standardized * deviation + mean))
  }

  /// The accuracies of designs in percent.
  ///
  /// - Throws: `EdgeError` for a design that is not of the space.
  public func predict(_ designs: [[Int]]) throws -> [Double] {
    try distributions(designs).map { accuracy($0.mean) }
  }
}
