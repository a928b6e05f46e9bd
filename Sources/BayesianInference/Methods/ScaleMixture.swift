import Foundation

/// The prior share N(0, wide²) + (1 − share) N(0, narrow²) of each whitened parameter, its deviations in
/// those of the problem's own prior.
///
/// Blundell et al. (ICML 2015), equation 7: most weights near zero, some far from it.
struct ScaleMixture: Hashable, Sendable {
  var share: Double
  var wide: Double
  var narrow: Double

  init(share: Double, wide: Double, narrow: Double) {
    (self.share, self.wide, self.narrow) = (share, wide, narrow)
  }

  /// Reads the options; nil where no mixture is asked for.
  init?(_ options: inout MethodOptions) throws {
    share = try options.number("mixture-share", 0, in: 0...0.999)
    wide = try options.number("mixture-wide", 1, in: 1e-6...1e6)
    // The middle one of the three that the paper searches.
    narrow = try options.number("mixture-narrow", exp(-7), in: 1e-6...1e6)
    if share == 0 { return nil }
  }

  /// The derivative of −log p(z).
  func slope(_ z: Double) -> Double {
    let odds =
      log((1 - share) / share * wide / narrow)
      + 0.5 * z * z * (1 / (wide * wide) - 1 / (narrow * narrow))
    let isNarrow = logistic(odds)
    return z * ((1 - isNarrow) / (wide * wide) + isNarrow / (narrow * narrow))
  }
}
