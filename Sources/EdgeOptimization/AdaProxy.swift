#if canImport(Glibc)
  import Glibc
#endif
import LinearAlgebra

/// Adapts a linear predictor of a proxy device to a target from few samples (AdaProxy).
///
/// Lu et al. 2021 (arXiv 2111.01203), in the form of the public `solver.py`: with the proxy's
/// weights w₀ and n samples (X, y) of the target, y divided by its mean,
///
///     min over a, c ∈ ℝ, b ∈ ℝᵖ of  (1/n)‖X(w₀∘(a·1 + b)) + c·1 − y‖² + λ‖b‖_q.
///
/// The norm isn't squared, so b is exactly 0 from a finite λ on. a and c are eliminated: P projects
/// off the span of Xw₀ and 1, and what remains is min (1/n)‖Zb − r‖² + λ‖b‖_q with
/// Z = P X diag(w₀) and r = P y.
public struct AdaProxy: Sendable {
  /// The norm q that keeps the adapted weights near the proxy's.
  public enum Norm: String, CaseIterable, Sendable {
    /// Few weights change (q = 1).
    case l1
    /// The changes are small together (q = 2).
    case l2
    /// The largest change is small (q = ∞).
    case lInfinity
  }

  /// What the correction b is to the proxy's weights.
  public enum Correction: String, CaseIterable, Sendable {
    /// w = w₀∘(a·1 + b), the paper's form; a weight that is 0 on the proxy stays 0.
    case multiplicative
    /// w = a·w₀ + b.
    case additive
  }

  /// How λ is chosen; always by the mean squared error, since ranks of ten samples say too little.
  public enum Choice: Hashable, Sendable {
    /// The last so many samples are kept out of the fit and judge it.
    case validation(Int)
    /// Each sample is predicted by a fit to the others; exact and without refits for `l2`.
    case leaveOneOut
    /// The samples are dealt into so many folds, each predicted by a fit to the others.
    case folds(Int)
  }

  public var norm: Norm
  public var correction: Correction
  public var choice: Choice
  /// The μ of the ridge path, for `l2`: b(μ) solves the problem for λ = 2μ‖b(μ)‖₂.
  public var ridges: [Double] = (0...24).map { pow(10, Double($0) / 4 - 6) }
  /// The λ to choose from as shares of the smallest λ for which b = 0, for `l1` and `lInfinity`.
  public var shares: [Double] = (0...16).map { pow(10, -Double($0) / 4) }

  public init(
    norm: Norm = .l2, correction: Correction = .multiplicative, choice: Choice = .leaveOneOut
  ) {
    self.norm = norm
    self.correction = correction
    self.choice = choice
  }

  /// One solution of the problem, in units of the target's mean.
  public struct Solution: Hashable, Sendable {
    /// a; negative where the target reverses the proxy's ranking.
    public var scale: Double
    /// b.
    public var change: [Double]
    /// c.
    public var intercept: Double
    /// λ.
    public var penalty: Double
    /// μ, where the solution is one of the ridge path and not b = 0.
    public var ridge: Double?
    /// An upper bound of the objective's distance from its minimum; 0 for closed forms.
    public var dualityGap: Double
    /// w, the adapted weights.
    public var weights: [Double]
    /// The mean squared error on the samples that chose λ; nil where none did.
    public var error: Double?

    /// ‖b‖₂.
    public var changeNorm: Double { dot(change, change).squareRoot() }
  }

  /// What an adaptation found.
  public struct Outcome: Sendable {
    /// All solutions tried, by ascending λ.
    public var path: [Solution]
    /// The position in `path` of the solution with the least error; of equal ones the largest λ.
    public var chosen: Int
    /// The adapted predictor, in the unit of the target's values.
    public var predictor: LinearPredictor
    /// The mean of the fitted values, by which they were divided.
    public var mean: Double

    /// Whether the target ranks designs the other way round than the proxy (a < 0).
    public var isReversed: Bool { path[chosen].scale < 0 }

    /// The predictor of any solution of the path.
    public func predictor(_ position: Int) -> LinearPredictor {
      AdaProxy.predictor(path[position], mean: mean)
    }
  }

  /// Fits the whole path and chooses λ.
  ///
  /// - `proxy`: The proxy's weights w₀, one for each feature; fitted to values divided by their
  ///   mean, as by `proxyWeights`.
  /// - `features`: X, one row for each sample.
  /// - `values`: y, the target's measured values in any unit.
  /// - Throws: `EdgeError` for fewer than 3 samples, a choice that leaves fewer to fit, values whose
  ///   mean isn't positive, or a proxy that predicts the same for all samples.
  public func adapt(
    proxy: [Double], features: FeatureMatrix, values: [Double]
  ) throws(EdgeError) -> Outcome {
    try checkFit(features, values)
    precondition(proxy.count == features.columnCount, "as many weights as features")
    let (fitted, errors) = try fitted(proxy, features, values)
    let mean = try AdaProxy.mean(fitted.values)
    let problem = try AdaptationProblem(
      proxy: proxy, features: fitted.features, values: fitted.values.map { $0 / mean },
      correction: correction, norm: norm)
    var path = solutions(of: problem)
    switch choice {
    case .validation:
      for position in path.indices {
        path[position].error = AdaProxy.error(path[position], errors.features, errors.values, mean)
      }
    case .leaveOneOut where norm == .l2:
      let left = problem.leaveOneOutErrors(ridges: path.map(\.ridge))
      for position in path.indices { path[position].error = left[position] }
    case .leaveOneOut, .folds:
      let count = if case .folds(let count) = choice { count } else { values.count }
      let errors = try foldErrors(proxy, features, values, folds: count, path: path)
      for position in path.indices { path[position].error = errors[position] }
    }
    // Ascending λ, and ≤, so that the larger of equally good penalties wins.
    var chosen = 0
    for position in path.indices
    where path[position].error ?? .infinity <= path[chosen].error ?? .infinity {
      chosen = position
    }
    return Outcome(
      path: path, chosen: chosen, predictor: AdaProxy.predictor(path[chosen], mean: mean),
      mean: mean)
  }

  /// The solution for one λ, fitted to all samples.
  ///
  /// - Throws: As `adapt`, and for a negative λ.
  public func solve(
    proxy: [Double], features: FeatureMatrix, values: [Double], penalty: Double
  ) throws(EdgeError) -> Solution {
    try checkFit(features, values)
    guard penalty >= 0, penalty.isFinite else {
      throw EdgeError(.badParameter, "the penalty \(penalty) is not in [0, ∞)")
    }
    let mean = try AdaProxy.mean(values)
    let problem = try AdaptationProblem(
      proxy: proxy, features: features, values: values.map { $0 / mean }, correction: correction,
      norm: norm)
    return problem.solve(norm: norm, penalty: penalty, from: nil)
  }

  /// The weights w₀ of a proxy: least squares of its values divided by their mean.
  ///
  /// - `features`: One row for each design that is valid on the proxy, with a constant column.
  /// - Throws: `EdgeError` as `LookupTableFit.fit`, or where the mean isn't positive.
  public static func proxyWeights(
    features: FeatureMatrix, values: [Double]
  ) throws(EdgeError) -> [Double] {
    let mean = try mean(values)
    return try LookupTableFit().fit(features, values.map { $0 / mean }).weights
  }

  // MARK: - Path and choice

  private func solutions(of problem: AdaptationProblem) -> [Solution] {
    switch norm {
    case .l2: return ridges.sorted().map { problem.solve(ridge: $0) }
    case .l1, .lInfinity:
      let largest = problem.largestPenalty(norm)
      var path: [Solution] = []
      for share in shares.sorted(by: >) {
        path.append(
          problem.solve(norm: norm, penalty: share * largest, from: path.last?.change))
      }
      return path.reversed()
    }
  }

  private typealias Samples = (features: FeatureMatrix, values: [Double])

  /// The samples to fit, and those that are kept out for validation.
  private func fitted(
    _ proxy: [Double], _ features: FeatureMatrix, _ values: [Double]
  ) throws(EdgeError) -> (Samples, Samples) {
    let count = values.count
    switch choice {
    case .validation(let kept):
      guard kept >= 1, count - kept >= 3 else {
        throw EdgeError(
          .badParameter,
          "\(kept) validation samples of \(count); at least 1 is needed, and 3 to fit")
      }
      let (fit, rest) = (Array(0..<count - kept), Array(count - kept..<count))
      return (
        (features.rows(fit), fit.map { values[$0] }), (features.rows(rest), rest.map { values[$0] })
      )
    case .folds(let folds):
      guard folds >= 2, folds <= count else {
        throw EdgeError(
          .badParameter, "\(folds) folds of \(count) samples; 2…\(count) are possible")
      }
      return ((features, values), (features.rows([]), []))
    case .leaveOneOut:
      return ((features, values), (features.rows([]), []))
    }
  }

  /// For each penalty of the path, the mean squared error of samples predicted by fits without them.
  private func foldErrors(
    _ proxy: [Double], _ features: FeatureMatrix, _ values: [Double], folds: Int, path: [Solution]
  ) throws(EdgeError) -> [Double] {
    var totals = [Double](repeating: 0, count: path.count)
    let whole = try AdaProxy.mean(values)
    for fold in 0..<folds {
      let kept = values.indices.filter { $0 % folds != fold }
      let left = values.indices.filter { $0 % folds == fold }
      let mean = try AdaProxy.mean(kept.map { values[$0] })
      let problem = try AdaptationProblem(
        proxy: proxy, features: features.rows(kept), values: kept.map { values[$0] / mean },
        correction: correction, norm: norm)
      let (rest, measured) = (features.rows(left), left.map { values[$0] })
      var change: [Double]?
      for position in path.indices.reversed() {
        let solution =
          path[position].ridge.map { problem.solve(ridge: $0) }
          ?? problem.solve(norm: norm, penalty: path[position].penalty, from: change)
        change = solution.change
        let error = AdaProxy.error(solution, rest, measured, mean)
        totals[position] += error * Double(left.count) * (mean / whole) * (mean / whole)
      }
    }
    return totals.map { $0 / Double(values.count) }
  }

  /// The mean squared error in units of the mean.
  private static func error(
    _ solution: Solution, _ features: FeatureMatrix, _ values: [Double], _ mean: Double
  ) -> Double {
    let predicted = features.times(solution.weights)
    let total = zip(predicted, values).reduce(0) { total, pair in
      let difference = pair.0 + solution.intercept - pair.1 / mean
      return total + difference * difference
    }
    return total / Double(values.count)
  }

  private static func mean(_ values: [Double]) throws(EdgeError) -> Double {
    let mean = values.reduce(0, +) / Double(max(values.count, 1))
    guard mean > 0, mean.isFinite else {
      throw EdgeError(.badTable, "the values have the mean \(mean), by which they can't be divided")
    }
    return mean
  }

  private static func predictor(_ solution: Solution, mean: Double) -> LinearPredictor {
    LinearPredictor(
      weights: solution.weights.map { $0 * mean }, intercept: solution.intercept * mean,
      isLogarithmic: false, rank: solution.weights.count { $0 != 0 }, penalty: solution.penalty)
  }
}
