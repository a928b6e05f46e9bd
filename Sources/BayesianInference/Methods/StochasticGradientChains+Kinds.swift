/// What kinds of noise, cycles and steps chains may have.
extension StochasticGradientChains {
  /// How the injected noise is scaled.
  enum Noise: String, CaseIterable {
    /// For exp(−U / T).
    case exact
    /// √N times too small, as in the published URSABench code: it samples at T/N.
    case ursabench
  }

  /// Cosine cycles (Zhang et al., ICLR 2020): warm steps without noise, then draws.
  struct Cycles {
    var count: Int
    /// The share of a cycle, at its end, that has noise.
    var noisyShare: Double
    /// Draws of each cycle, evenly over the second half of its noisy part.
    var draws: Int
  }

  /// RMSprop's preconditioner (Li, Chen, Carlson and Carin, AAAI 2016).
  struct Preconditioner {
    var decay: Double
    /// Added to the root of the mean square; nil is 1/N, so that no gain is above N.
    ///
    /// In whitened coordinates the prior's curvature is 1, to which a gain of N belongs. The published
    /// 10⁻⁵ makes units that no row activates unstable.
    var offset: Double?
  }
}
