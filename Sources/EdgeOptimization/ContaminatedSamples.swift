#if canImport(Glibc)
  import Glibc
#endif
package import LinearAlgebra

/// Samples that a covariance explains, of which one may be off by much more than the noise.
///
/// A measurement on a busy device is now and then far too slow. Contaminated normal noise says so: with a
/// prior probability one sample has more variance than the others. Everything of such a hypothesis
/// follows from the covariance's inverse by one update of rank 1. Source: Tukey (1960); Rasmussen and
/// Williams, Gaussian Processes for Machine Learning (2006), appendix A.3.
package struct ContaminatedSamples: Sendable {
  /// The prior odds that a certain sample is the one, and its further variance, in units of the
  /// samples' variance.
  ///
  /// Chosen on devices that play the target for six random sets of sources in FBNet; odds of 0.02 to
  /// 0.1 and variances of 1 to 10 rank them equally well to 0.001.
  package static let odds = 0.1 / 0.9
  package static let variance = 3.0

  /// (K + σ²I)⁻¹, row after row.
  package let inverse: [Double]
  private let halfLogDeterminant: Double
  private let count: Int

  package init(_ factor: CholeskyFactorization) {
    inverse = factor.inverse
    halfLogDeterminant = factor.halfLogDeterminant
    count = factor.size
  }

  /// A⁻¹z without an outlier.
  package func solution(_ targets: [Double]) -> [Double] { symmetricProduct(inverse, targets) }

  /// By what an outlier's own row of the inverse changes a quadratic form.
  package func gain(_ outlier: Int) -> Double {
    let own = inverse[outlier * count + outlier]
    return ContaminatedSamples.variance / (1 + ContaminatedSamples.variance * own)
  }

  /// log p(z) without the constants that all covariances share: without an outlier, and with each.
  package func evidence(_ targets: [Double], _ solution: [Double]) -> (plain: Double, [Double]) {
    let plain = -0.5 * dot(targets, solution) - halfLogDeterminant
    let prior = log(ContaminatedSamples.odds)
    return (
      plain,
      (0..<count).map { sample in
        let own = inverse[sample * count + sample]
        return plain + prior + 0.5 * gain(sample) * solution[sample] * solution[sample]
          - 0.5 * log(1 + ContaminatedSamples.variance * own)
      }
    )
  }

  /// A⁻¹z where a sample is the outlier.
  package func solution(_ plain: [Double], outlier: Int?) -> [Double] {
    guard let outlier else { return plain }
    let factor = gain(outlier) * plain[outlier]
    return plain.indices.map { plain[$0] - factor * inverse[outlier * count + $0] }
  }

  /// The diagonal of A⁻¹ where a sample is the outlier.
  package func diagonal(outlier: Int?) -> [Double] {
    (0..<count).map { sample in
      let own = inverse[sample * count + sample]
      guard let outlier else { return own }
      let cross = inverse[outlier * count + sample]
      return own - gain(outlier) * cross * cross
    }
  }
}
