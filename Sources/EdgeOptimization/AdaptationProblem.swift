#if canImport(Glibc)
  import Glibc
#endif
import LinearAlgebra

/// AdaProxy's problem after a and c are eliminated: min (1/n)‖Zb − r‖² + λ‖b‖_q.
struct AdaptationProblem {
  private let proxy: [Double]
  private let correction: AdaProxy.Correction
  /// X diag(w₀), or X for the additive form.
  private let scaled: FeatureMatrix
  /// X w₀ minus its mean over the samples, and its squared length.
  private let direction: [Double]
  private let directionSquare: Double
  private let directionMean: Double
  /// y, in units of its mean.
  private let values: [Double]
  /// Z and r.
  private let projected: FeatureMatrix
  private let residual: [Double]
  /// That of Z, at once for the norm whose every solution needs it.
  private let decomposed: SingularValues?
  /// ZᵀZ/n and Zᵀr/n, at once for the others.
  private let normal: (gram: [[Double]], slope: [Double])?

  private var count: Double { Double(values.count) }

  init(
    proxy: [Double], features: FeatureMatrix, values: [Double], correction: AdaProxy.Correction,
    norm: AdaProxy.Norm
  ) throws(EdgeError) {
    let predicted = features.times(proxy)
    let mean = predicted.reduce(0, +) / Double(values.count)
    let direction = predicted.map { $0 - mean }
    let square = dot(direction, direction)
    guard square > 1e-20 * dot(predicted, predicted) else {
      throw EdgeError(
        .badParameter,
        "the proxy predicts the same value for all \(values.count) samples; take others")
    }
    var scaled = features
    if correction == .multiplicative {
      for column in proxy.indices {
        for row in values.indices { scaled[row, column] *= proxy[column] }
      }
    }
    let project = { (vector: [Double]) -> [Double] in
      let mean = vector.reduce(0, +) / Double(vector.count)
      let factor = dot(vector, direction) / square
      return vector.indices.map { vector[$0] - mean - factor * direction[$0] }
    }
    var projected = scaled
    for column in proxy.indices {
      let whole = project(values.indices.map { scaled[$0, column] })
      for row in values.indices { projected[row, column] = whole[row] }
    }
    self.proxy = proxy
    self.correction = correction
    self.scaled = scaled
    self.direction = direction
    directionSquare = square
    directionMean = mean
    self.values = values
    self.projected = projected
    residual = project(values)
    let residual = residual
    if norm == .l2 {
      decomposed = SingularValues(projected, target: residual)
      normal = nil
    } else {
      decomposed = nil
      let columns = proxy.indices.map { column in values.indices.map { projected[$0, column] } }
      let count = Double(values.count)
      normal = (
        columns.map { left in columns.map { dot(left, $0) / count } },
        columns.map { dot($0, residual) / count }
      )
    }
  }

  private var decomposition: SingularValues {
    decomposed ?? SingularValues(projected, target: residual)
  }

  /// Singular values that are not rounding errors of a rank-deficient matrix.
  private func kept(_ decomposition: SingularValues) -> [Int] {
    let floor = 1e-10 * (decomposition.values.max() ?? 0)
    return decomposition.values.indices.filter { decomposition.values[$0] > floor }
  }

  // MARK: - Euclidean norm

  /// b(μ) = (ZᵀZ + nμI)⁻¹Zᵀr, which solves the problem of q = 2 for λ = 2μ‖b(μ)‖₂.
  func solve(ridge: Double) -> AdaProxy.Solution {
    let change = self.change(ridge: ridge)
    var result = solution(
      change, penalty: 2 * ridge * dot(change, change).squareRoot(), gap: 0)
    result.ridge = ridge
    return result
  }

  private func change(ridge: Double) -> [Double] {
    let decomposition = decomposition
    var change = [Double](repeating: 0, count: proxy.count)
    for index in kept(decomposition) {
      let value = decomposition.values[index]
      let factor = decomposition.projected[index] * value / (value * value + count * ridge)
      for column in change.indices { change[column] += factor * decomposition.right[index][column] }
    }
    return change
  }

  /// λ(μ) = 2μ‖b(μ)‖₂, which rises with μ from 0 to the penalty from which b = 0.
  private func penalty(ridge: Double) -> Double {
    let decomposition = decomposition
    let square = kept(decomposition).reduce(0.0) { total, index in
      let value = decomposition.values[index]
      let part = decomposition.projected[index] * value / (value * value + count * ridge)
      return total + part * part
    }
    return 2 * ridge * square.squareRoot()
  }

  /// For each μ, the mean squared error of samples predicted by fits without them.
  ///
  /// The fit is a projection on Xw₀ and 1 plus a ridge regression, linear in y: a left-out residual
  /// is e/(1−h) with the leverage h.
  func leaveOneOutErrors(ridges: [Double?]) -> [Double] {
    let decomposition = decomposition
    let kept = kept(decomposition)
    let left = kept.map { index in
      projected.times(decomposition.right[index]).map { $0 / decomposition.values[index] }
    }
    return ridges.map { ridge in
      var leverage = direction.map { 1 / count + $0 * $0 / directionSquare }
      var error = residual
      for (position, index) in kept.enumerated() {
        let square = decomposition.values[index] * decomposition.values[index]
        let share = square / (square + count * (ridge ?? .infinity))
        let step = share * decomposition.projected[index]
        for row in error.indices {
          leverage[row] += share * left[position][row] * left[position][row]
          error[row] -= step * left[position][row]
        }
      }
      let total = error.indices.reduce(0.0) { total, row in
        // A leverage of 1 means that the sample is fitted only by itself.
        let one = error[row] / max(1 - leverage[row], 1e-9)
        return total + one * one
      }
      return total / count
    }
  }

  // MARK: - Any norm, one penalty

  /// The smallest λ for which b = 0: the dual norm of (2/n)Zᵀr.
  func largestPenalty(_ norm: AdaProxy.Norm) -> Double {
    let slope = gradientAtZero
    return switch norm {
    case .l1: slope.reduce(0) { max($0, abs($1)) }
    case .l2: dot(slope, slope).squareRoot()
    case .lInfinity: slope.reduce(0) { $0 + abs($1) }
    }
  }

  /// (2/n)Zᵀr.
  private var gradientAtZero: [Double] {
    if let normal { return normal.slope.map { 2 * $0 } }
    return proxy.indices.map { column in
      2 / count * dot(values.indices.map { projected[$0, column] }, residual)
    }
  }

  /// Solves the problem for one λ.
  ///
  /// - `start`: The b of a neighbouring λ, to begin from.
  func solve(
    norm: AdaProxy.Norm, penalty: Double, from start: [Double]?
  ) -> AdaProxy.Solution {
    let zero = [Double](repeating: 0, count: proxy.count)
    // Rounding must not turn a largest penalty that the caller computed into a change of 1e-17.
    guard penalty < largestPenalty(norm) * (1 - 1e-12) else {
      return solution(zero, penalty: penalty, gap: 0)
    }
    if norm == .l2 || penalty == 0 {
      let ridge = penalty == 0 ? 0 : self.ridge(penalty: penalty)
      var result = solution(change(ridge: ridge), penalty: penalty, gap: 0)
      result.ridge = ridge
      return result
    }
    guard let normal else { preconditionFailure("a problem made for the Euclidean norm") }
    var descent = PenalisedDescent(
      gram: normal.gram, slope: normal.slope, square: dot(residual, residual) / count,
      norm: norm, penalty: penalty, start: start ?? zero)
    descent.run()
    return solution(descent.change, penalty: penalty, gap: descent.gap)
  }

  /// The μ of a λ, by bisection in log μ.
  private func ridge(penalty: Double) -> Double {
    var (low, high) = (-60.0, 60.0)
    for _ in 0..<120 {
      let middle = (low + high) / 2
      if self.penalty(ridge: exp(middle)) < penalty { low = middle } else { high = middle }
    }
    return exp((low + high) / 2)
  }

  /// a and c belong to b by least squares.
  private func solution(_ change: [Double], penalty: Double, gap: Double) -> AdaProxy.Solution {
    let moved = scaled.times(change)
    let rest = values.indices.map { values[$0] - moved[$0] }
    let scale = dot(rest, direction) / directionSquare
    let mean = rest.reduce(0, +) / count
    let weights = proxy.indices.map { column in
      correction == .multiplicative
        ? proxy[column] * (scale + change[column]) : scale * proxy[column] + change[column]
    }
    return AdaProxy.Solution(
      scale: scale, change: change, intercept: mean - scale * directionMean, penalty: penalty,
      ridge: nil, dualityGap: gap, weights: weights, error: nil)
  }
}

/// Minimises bᵀGb − 2bᵀh + s + λ‖b‖_q for q = 1 and q = ∞, to a duality gap of 1e-9.
///
/// q = 1 by coordinate descent, q = ∞ by accelerated proximal steps with restarts (Beck and
/// Teboulle 2009; O'Donoghue and Candès 2015), whose proximal map is the distance from the
/// projection on an l1 ball (Moreau); both finished by steps of an active-set method.
package struct PenalisedDescent {
  /// ZᵀZ/n, Zᵀr/n and ‖r‖²/n.
  let gram: [[Double]]
  let slope: [Double]
  let square: Double
  let norm: AdaProxy.Norm
  let penalty: Double
  private(set) var change: [Double]
  private(set) var gap = Double.infinity

  /// Below the tolerance of 1e-8 that the specification allows.
  private static let tolerance = 1e-9
  private static let limit = 500_000

  init(
    gram: [[Double]], slope: [Double], square: Double, norm: AdaProxy.Norm, penalty: Double,
    start: [Double]
  ) {
    self.gram = gram
    self.slope = slope
    self.square = square
    self.norm = norm
    self.penalty = penalty
    change = start
  }

  mutating func run() {
    switch norm {
    case .l1: descendByCoordinate()
    case .l2: preconditionFailure("the Euclidean norm has a closed path")
    case .lInfinity: descendByProximalSteps()
    }
  }

  /// The distance of the primal value from a dual one, which bounds that from the minimum.
  ///
  /// The dual point is the residual ρ = r − Zb times 2t/n, with t as large as the dual constraint
  /// t·2‖Zᵀρ/n‖_* ≤ λ lets it be, or better.
  private func dualityGap(_ change: [Double]) -> Double {
    let gradient = gram.indices.map { slope[$0] - dot(gram[$0], change) }
    let along = dot(change, slope)
    let error = max(square - along - dot(change, gradient), 0)
    let size: Double
    let dual: Double
    if norm == .l1 {
      size = change.reduce(0) { $0 + abs($1) }
      dual = gradient.reduce(0) { max($0, abs($1)) }
    } else {
      size = change.reduce(0) { max($0, abs($1)) }
      dual = gradient.reduce(0) { $0 + abs($1) }
    }
    guard error > 0, dual > 0 else { return penalty * size }
    let step = min(penalty / (2 * dual), (square - along) / error)
    return error + penalty * size - (2 * step * (square - along) - step * step * error)
  }

  private mutating func descendByCoordinate() {
    var product = gram.map { dot($0, change) }
    for round in 1...PenalisedDescent.limit {
      for column in change.indices where gram[column][column] > 0 {
        let own = gram[column][column]
        let target = slope[column] - product[column] + own * change[column]
        let size = max(abs(target) - penalty / 2, 0) / own
        let next = target < 0 ? -size : size
        let step = next - change[column]
        guard step != 0 else { continue }
        change[column] = next
        for row in product.indices { product[row] += step * gram[column][row] }
      }
      guard round % 5 == 0 else { continue }
      if finish() { return }
      product = gram.map { dot($0, change) }
    }
  }

  private mutating func descendByProximalSteps() {
    // Near a neighbour's solution a few steps of the active-set method are often all.
    if finish() { return }
    // Twice the largest eigenvalue of G is at most twice its trace.
    let rate = 1 / (2 * largestEigenvalue())
    var (point, momentum) = (change, 1.0)
    for round in 1...PenalisedDescent.limit {
      let moved = point.indices.map {
        point[$0] - rate * 2 * (dot(gram[$0], point) - slope[$0])
      }
      let next = PenalisedDescent.shrinkLargest(moved, by: rate * penalty)
      let step = next.indices.map { next[$0] - change[$0] }
      // A step against the last direction means that the momentum overshot.
      let overshot = next.indices.reduce(0) { $0 + (point[$1] - next[$1]) * step[$1] } > 0
      let following = overshot ? 1 : (1 + (1 + 4 * momentum * momentum).squareRoot()) / 2
      let share = overshot ? 0 : (momentum - 1) / following
      point = next.indices.map { next[$0] + share * step[$0] }
      change = next
      momentum = following
      guard round % 10 == 0 else { continue }
      if finish() { return }
      // Where the active set moved the point, the old direction says nothing.
      if change != next { (point, momentum) = (change, 1.0) }
    }
  }

  /// Goes to the best point of the face that the descent has reached, if that is better.
  ///
  /// - Returns: Whether the duality gap is closed.
  private mutating func finish() -> Bool {
    gap = dualityGap(change)
    if gap <= PenalisedDescent.tolerance { return true }
    let better = polished(change)
    let left = dualityGap(better)
    if objective(better) <= objective(change) { (change, gap) = (better, left) }
    return gap <= PenalisedDescent.tolerance
  }

  private func objective(_ change: [Double]) -> Double {
    let size =
      norm == .l1
      ? change.reduce(0) { $0 + abs($1) } : change.reduce(0) { max($0, abs($1)) }
    return change.indices.reduce(penalty * size) {
      $0 + change[$1] * (dot(gram[$1], change) - 2 * slope[$1])
    }
  }

  private func largestEigenvalue() -> Double {
    var vector = gram.indices.map { gram[$0][$0] + 1e-300 }
    var value = 0.0
    for _ in 0..<200 {
      let next = gram.map { dot($0, vector) }
      value = dot(next, next).squareRoot()
      guard value > 0 else { return 1 }
      vector = next.map { $0 / value }
    }
    // The power iteration comes from below.
    return min(value * 1.01, gram.indices.reduce(0) { $0 + gram[$1][$1] })
  }

  /// The proximal map of t‖·‖_∞: values are cut to ±m, with m so that t is cut off in all.
  package static func shrinkLargest(_ values: [Double], by amount: Double) -> [Double] {
    let sizes = values.map(abs).sorted(by: >)
    var (total, bound) = (0.0, 0.0)
    for (position, size) in sizes.enumerated() {
      total += size
      let candidate = (total - amount) / Double(position + 1)
      if position + 1 == sizes.count || candidate >= sizes[position + 1] {
        bound = max(candidate, 0)
        break
      }
    }
    return values.map { max(-bound, min(bound, $0)) }
  }
}
