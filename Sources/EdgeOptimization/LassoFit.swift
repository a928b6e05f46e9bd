#if canImport(Glibc)
  import Glibc
#endif
import LinearAlgebra

/// The lasso on standardised features: ½·mean squared error + λ·Σ|w| (Tibshirani 1996).
///
/// Cyclic coordinate descent on the features' moments, along a path from the least λ whose weights
/// are all 0, each start the end before it (Friedman, Hastie and Tibshirani 2010, section 2); a λ is
/// done when the duality gap is small. λ is chosen by cross-validation.
public struct LassoFit: PredictorMethod {
  /// Whether the logarithm of the values is fitted.
  public var isLogarithmic: Bool
  /// The penalties tried, in equal ratios, as shares of the one that makes all weights 0.
  public var pathLength = 50
  public var leastShare = 1e-3
  /// Parts of the cross-validation; row i is left out with part i modulo this number.
  ///
  /// Of equal errors the larger penalty wins.
  public var folds = 5
  /// The largest duality gap, as a share of the target's variance.
  public var gap = 1e-6
  /// Sweeps after which a penalty is left as it is, were the gap not reached.
  public var sweepLimit = 20_000

  /// - Parameter isLogarithmic: Fit the logarithm, as befits positive values such as latency.
  public init(isLogarithmic: Bool) { self.isLogarithmic = isLogarithmic }

  public func fit(
    _ features: FeatureMatrix, _ values: [Double], weights: [Double]? = nil
  ) throws(EdgeError) -> LinearPredictor {
    try checkFit(features, values, weights)
    let target = try TargetScale(values, weights: weights, isLogarithmic: isLogarithmic)
    let scale = FeatureScale(features, weights: weights)
    let rows = scale.standardised(features)
    let standardised = target.standardised(values)
    let counts = weights ?? [Double](repeating: 1, count: values.count)
    let parts = min(folds, values.count)
    let partial = (0..<parts).map { part in
      Moments(rows, standardised, counts, stride(from: part, to: values.count, by: parts))
    }
    let all = partial.reduce(Moments(size: features.columnCount)) { $0.adding($1, times: 1) }
    let problem = all.centred()
    let largest = problem.products.map(abs).max() ?? 0
    let path = (0..<pathLength).map { step in
      largest * pow(leastShare, Double(step) / Double(max(pathLength - 1, 1)))
    }
    var errors = [Double](repeating: 0, count: path.count)
    for part in partial {
      let problem = all.adding(part, times: -1).centred()
      var descent = Descent(problem)
      for (step, penalty) in path.enumerated() {
        descent.minimise(penalty, gap: gap, sweepLimit: sweepLimit)
        errors[step] += part.squaredError(
          descent.weights, intercept: problem.intercept(descent.weights))
      }
    }
    var chosen = 0
    for step in path.indices where errors[step] < errors[chosen] { chosen = step }
    var descent = Descent(problem)
    for penalty in path[...chosen] {
      descent.minimise(penalty, gap: gap, sweepLimit: sweepLimit)
    }
    // Back from standardised features and target.
    let found = descent.weights.enumerated().map { column, weight in
      scale.deviations[column] > 0 ? weight * target.deviation / scale.deviations[column] : 0
    }
    return LinearPredictor(
      weights: found, intercept: target.mean - dot(found, scale.means),
      isLogarithmic: isLogarithmic, rank: found.count { $0 != 0 }, penalty: path[chosen])
  }

  /// The weights that minimise the objective for one penalty, of data that is taken as it is: columns
  /// and target are centred, not scaled.
  ///
  /// - `gap`: The duality gap that ends the descent, as a share of the target's variance.
  package static func weights(
    _ features: FeatureMatrix, _ values: [Double], penalty: Double, gap: Double
  ) -> [Double] {
    let counts = [Double](repeating: 1, count: values.count)
    let moments = Moments(
      features, values, counts, stride(from: 0, to: values.count, by: 1))
    var descent = Descent(moments.centred())
    descent.minimise(penalty, gap: gap, sweepLimit: 1_000_000)
    return descent.weights
  }

  /// Weighted sums of the rows' products, from which all else follows.
  private struct Moments {
    var count = 0.0
    var sums: [Double]
    var target = 0.0
    /// Σ w·x·xᵀ, row after row.
    var squares: [Double]
    var products: [Double]
    var targetSquare = 0.0

    init(size: Int) {
      sums = [Double](repeating: 0, count: size)
      products = sums
      squares = [Double](repeating: 0, count: size * size)
    }

    init(
      _ features: FeatureMatrix, _ values: [Double], _ weights: [Double], _ rows: StrideTo<Int>
    ) {
      self.init(size: features.columnCount)
      let rows = Array(rows)
      let kept = rows.map { weights[$0] }
      let target = rows.map { values[$0] }
      count = kept.reduce(0, +)
      self.target = dot(kept, target)
      targetSquare = dot(zip(kept, target).map(*), target)
      let columns = sums.indices.map { column in rows.map { features[$0, column] } }
      for (first, column) in columns.enumerated() {
        let weighted = zip(kept, column).map(*)
        sums[first] = weighted.reduce(0, +)
        products[first] = dot(weighted, target)
        for second in 0...first {
          let product = dot(weighted, columns[second])
          squares[first * columns.count + second] = product
          squares[second * columns.count + first] = product
        }
      }
    }

    func adding(_ other: Moments, times factor: Double) -> Moments {
      var result = self
      result.count += factor * other.count
      result.target += factor * other.target
      result.targetSquare += factor * other.targetSquare
      for index in sums.indices {
        result.sums[index] += factor * other.sums[index]
        result.products[index] += factor * other.products[index]
      }
      for index in squares.indices { result.squares[index] += factor * other.squares[index] }
      return result
    }

    /// Σ w·(z − intercept − xᵀ·weights)².
    func squaredError(_ weights: [Double], intercept: Double) -> Double {
      var error = targetSquare - 2 * intercept * target + intercept * intercept * count
      let size = weights.count
      for first in 0..<size where weights[first] != 0 {
        error += 2 * weights[first] * (intercept * sums[first] - products[first])
        for second in 0..<size where weights[second] != 0 {
          error += weights[first] * weights[second] * squares[first * size + second]
        }
      }
      return error
    }

    func centred() -> Problem {
      let size = sums.count
      let means = sums.map { $0 / count }
      let mean = target / count
      var problem = Problem(
        means: means, mean: mean, variance: targetSquare / count - mean * mean,
        covariances: squares, products: products)
      for first in 0..<size {
        problem.products[first] = products[first] / count - means[first] * mean
        for second in 0..<size {
          let index = first * size + second
          problem.covariances[index] = squares[index] / count - means[first] * means[second]
        }
      }
      return problem
    }
  }

  private struct Problem {
    var means: [Double]
    var mean: Double
    var variance: Double
    /// Row after row.
    var covariances: [Double]
    /// Covariances with the target.
    var products: [Double]

    func intercept(_ weights: [Double]) -> Double { mean - dot(weights, means) }
  }

  private struct Descent {
    let problem: Problem
    var weights: [Double]
    /// Covariances times weights.
    private var image: [Double]

    init(_ problem: Problem) {
      self.problem = problem
      weights = [Double](repeating: 0, count: problem.means.count)
      image = weights
    }

    mutating func minimise(_ penalty: Double, gap: Double, sweepLimit: Int) {
      let size = weights.count
      for _ in 0..<sweepLimit {
        for column in 0..<size {
          let square = problem.covariances[column * size + column]
          // A feature that is constant in these rows.
          guard square > 1e-12 else { continue }
          let slope = problem.products[column] - image[column] + square * weights[column]
          let size_ = max(abs(slope) - penalty, 0) / square
          let updated = slope < 0 ? -size_ : size_
          let change = updated - weights[column]
          guard change != 0 else { continue }
          weights[column] = updated
          for other in 0..<size {
            image[other] += change * problem.covariances[column * size + other]
          }
        }
        if dualityGap(penalty) <= gap * problem.variance { return }
      }
    }

    /// The objective minus that of the dual point that is the residual, scaled to be feasible.
    func dualityGap(_ penalty: Double) -> Double {
      let fitted = dot(weights, problem.products)
      let residual = problem.variance - 2 * fitted + dot(weights, image)
      let steepest = zip(problem.products, image).reduce(0) { max($0, abs($1.0 - $1.1)) }
      let scale = steepest > penalty ? penalty / steepest : 1
      let primal = residual / 2 + penalty * weights.reduce(0) { $0 + abs($1) }
      let dual = scale * (problem.variance - fitted) - scale * scale * residual / 2
      return primal - dual
    }
  }
}
