import Foundation

/// How near a method's predictive distribution is to that of a reference, over a grid.
public struct RegressionFidelity: Hashable, Sendable {
  /// Mean over the grid of the 2-Wasserstein distance between draws of f.
  public var wasserstein2: Double
  /// The same between normals of the draws' means and deviations.
  public var gaussianWasserstein2: Double
  /// Mean over the grid of KL(reference ‖ method) of the predictive normals, noise included.
  public var divergence: Double
  /// The method's deviation of f over the reference's, point by point.
  public var deviationRatios: [Double]
  /// The 2-Wasserstein distance and the divergence, point by point.
  public var wassersteins: [Double]
  public var divergences: [Double]

  /// - Parameters:
  ///   - draws: Of the method, over a grid.
  ///   - reference: Over the same grid.
  /// - Throws: ``InferenceError`` where the grids differ.
  public init(_ draws: PredictiveDraws, reference: PredictiveDraws) throws {
    guard draws.rows == reference.rows, draws.outputs == reference.outputs else {
      throw InferenceError(
        .badData,
        "predictions on a grid of \(draws.rows) rows can't be compared with a reference on "
          + "\(reference.rows)")
    }
    guard draws.likelihood.isRegression, reference.likelihood.isRegression else {
      throw InferenceError(.badData, "both predictions must be of numbers")
    }
    (deviationRatios, wassersteins, divergences) = ([], [], [])
    gaussianWasserstein2 = 0
    for row in 0..<draws.rows {
      let (u, v) = (draws.values(at: row), reference.values(at: row))
      wassersteins.append(Wasserstein.distance(u, v, power: 2))
      let (a, b) = (Moments(u), Moments(v))
      gaussianWasserstein2 +=
        ((a.mean - b.mean) * (a.mean - b.mean)
        + (a.deviation - b.deviation) * (a.deviation - b.deviation)).squareRoot()
        / Double(draws.rows)
      deviationRatios.append(a.deviation / b.deviation)
      let method = NormalMixture(draws, row).moments
      let truth = NormalMixture(reference, row).moments
      divergences.append(
        GaussianDistance.divergence(
          truth.mean, truth.deviation, method.mean, method.deviation))
    }
    wasserstein2 = wassersteins.reduce(0, +) / Double(draws.rows)
    divergence = divergences.reduce(0, +) / Double(draws.rows)
  }
}

/// How near predicted probabilities are to those of a reference.
public struct ClassificationFidelity: Hashable, Sendable {
  /// The share of rows whose most probable class is the same.
  public var agreement: Double
  /// Mean over rows of ½ Σ |m − m_reference|.
  public var totalVariation: Double
  /// Mean over rows of KL(reference ‖ method).
  public var divergence: Double

  /// - Throws: ``InferenceError`` where rows or classes differ.
  public init(_ method: ClassProbabilities, reference: ClassProbabilities) throws {
    guard method.rows == reference.rows, method.classes == reference.classes else {
      throw InferenceError(
        .badData,
        "probabilities of \(method.rows) rows can't be compared with a reference of "
          + "\(reference.rows)")
    }
    (agreement, totalVariation, divergence) = (0, 0, 0)
    let rows = Double(method.rows)
    for row in 0..<method.rows {
      let (m, r) = (method.mixture(row), reference.mixture(row))
      if ClassProbabilities.largest(m) == ClassProbabilities.largest(r) { agreement += 1 / rows }
      totalVariation += zip(m, r).reduce(0) { $0 + abs($1.0 - $1.1) } / 2 / rows
      divergence +=
        zip(r, m).reduce(0) { sum, pair in
          pair.0 > 0 ? sum + pair.0 * Foundation.log(pair.0 / pair.1) : sum
        } / rows
    }
  }
}

/// Wasserstein distances of samples on a line.
public enum Wasserstein {
  /// (∫ |F⁻¹(t) − G⁻¹(t)|ᵖ dt)^(1/p), exact also for samples of different sizes.
  public static func distance(_ first: [Double], _ second: [Double], power p: Double) -> Double {
    let (a, b) = (first.sorted(), second.sorted())
    var (i, j) = (0, 0)
    var (at, sum) = (0.0, 0.0)
    while i < a.count && j < b.count {
      let (nextA, nextB) = (Double(i + 1) / Double(a.count), Double(j + 1) / Double(b.count))
      let next = min(nextA, nextB)
      let gap = abs(a[i] - b[j])
      sum += (next - at) * (p == 2 ? gap * gap : p == 1 ? gap : pow(gap, p))
      at = next
      // Integer products, since equal quotients may round differently.
      let order = (i + 1) * b.count - (j + 1) * a.count
      if order <= 0 { i += 1 }
      if order >= 0 { j += 1 }
    }
    return p == 2 ? sum.squareRoot() : p == 1 ? sum : pow(sum, 1 / p)
  }
}

/// Distances of normal distributions.
public enum GaussianDistance {
  /// KL(N(m₁, s₁²) ‖ N(m₂, s₂²)).
  public static func divergence(
    _ mean1: Double, _ deviation1: Double, _ mean2: Double, _ deviation2: Double
  ) -> Double {
    let ratio = deviation1 * deviation1 / (deviation2 * deviation2)
    let shift = (mean1 - mean2) / deviation2
    return 0.5 * (ratio + shift * shift - 1 - Foundation.log(ratio))
  }
}
