/// How weights are decomposed; the defaults are those of the public code's inference script.
public struct DecompositionOptions: Hashable, Sendable {
  /// Exponents that coefficients may have; others are moved to the nearer end.
  public struct ExponentWindow: Hashable, Sendable {
    public var lowest: Int
    public var highest: Int

    public init(_ lowest: Int, _ highest: Int) {
      self.lowest = lowest
      self.highest = highest
    }

    /// What an open window amounts to: below 2⁻⁶⁴ nothing is left of a 32-bit weight.
    public static let open = ExponentWindow(-64, 62)
  }

  /// How coefficients are rounded to powers of two.
  public enum Rounding: Hashable, Sendable {
    /// Each for itself, to the nearest.
    case nearest
    /// A row at once, least squares plus λ for each non-zero (``JointRounding``).
    case joint(lambda: Double)
  }

  /// Magnitudes below it become zero; θ.
  public var threshold: Double
  /// Sweeps are one fewer, followed by a closing step.
  public var iterations: Int
  /// The Frobenius distance of two successive rounded C that ends the sweeps.
  public var tolerance: Double
  /// Singular values of B below this share of the largest count as zero.
  public var rcond: Double
  /// A power of two that clips magnitudes.
  public var maxCoefficient: Double
  /// Whether rows of spatial kernels whose magnitudes sum to less than 5 θ become zero.
  public var vectorWise: Bool
  /// Whether each column is first centred on the grid of powers of two.
  public var columnScale: Bool
  /// What multiplies the threshold where a column has lost all coefficients, with `columnScale`.
  public var thresholdDecay: Double
  /// Whether columns have unit norm when they are rounded and compared with the threshold.
  public var normalise: Bool
  public var exponents: ExponentWindow
  public var rounding: Rounding
  public var kernels: BlockLayout.Kernels

  public init(
    threshold: Double = 4e-3, iterations: Int = 30, tolerance: Double = 1e-10,
    rcond: Double = 1e-10, maxCoefficient: Double = 32, vectorWise: Bool = false,
    columnScale: Bool = false, thresholdDecay: Double = 0.5, normalise: Bool = false,
    exponents: ExponentWindow = .open, rounding: Rounding = .nearest,
    kernels: BlockLayout.Kernels = .square
  ) {
    self.threshold = threshold
    self.iterations = iterations
    self.tolerance = tolerance
    self.rcond = rcond
    self.maxCoefficient = maxCoefficient
    self.vectorWise = vectorWise
    self.columnScale = columnScale
    self.thresholdDecay = thresholdDecay
    self.normalise = normalise
    self.exponents = exponents
    self.rounding = rounding
    self.kernels = kernels
  }

  /// Refuses what has no meaning, before any work.
  ///
  /// - Throws: ``SmartDealError`` that names the option, its value and its range.
  public func check() throws(SmartDealError) {
    func require(
      _ holds: Bool, _ name: String, _ value: some Any, _ range: String
    ) throws(SmartDealError) {
      guard holds else {
        throw SmartDealError(.badOption, "\(name) is \(value); it must be \(range)")
      }
    }
    try require(threshold.isFinite && threshold >= 0, "threshold", threshold, "a number from 0")
    try require(iterations >= 1, "iterations", iterations, "at least 1")
    try require(tolerance >= 0, "tolerance", tolerance, "a number from 0")
    try require(rcond >= 0 && rcond < 1, "rcond", rcond, "from 0 to below 1")
    try require(
      maxCoefficient.isNormal && maxCoefficient > 0 && maxCoefficient.significand == 1
        && (-64...62).contains(maxCoefficient.exponent),
      "maxCoefficient", maxCoefficient, "a power of two from 2^-64 to 2^62")
    try require(
      thresholdDecay > 0 && thresholdDecay < 1, "thresholdDecay", thresholdDecay,
      "between 0 and 1")
    try require(
      exponents.lowest <= exponents.highest && exponents.lowest >= -64 && exponents.highest <= 63,
      "exponents", "\(exponents.lowest)...\(exponents.highest)",
      "a lower and an upper end, in this order, both in -64...63")
    if case .joint(let lambda) = rounding {
      try require(lambda.isFinite && lambda >= 0, "lambda", lambda, "a number from 0")
      try require(
        !vectorWise && !columnScale && !normalise, "rounding", "joint",
        "nearest where vectorWise, columnScale or normalise is set")
    }
  }
}
