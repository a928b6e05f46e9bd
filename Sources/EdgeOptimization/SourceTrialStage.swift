#if canImport(Glibc)
  import Glibc
#endif
import Statistics

extension SourceTrials {
  /// What the sources say of intervals from so many measurements.
  public struct Stage: Hashable, Sendable {
    /// The number of measurements.
    public let count: Int
    /// How many samples the process's own variance counts for beside a target's left-out residuals.
    ///
    /// Of few samples the residuals tell an easy device from a hard one only roughly. Of a few counts the
    /// one whose intervals score best on the sources.
    public let priorCount: Double
    /// What was seen in each trial.
    package let trials: [Trial]

    package init(count: Int, priorCount: Double, trials: [Trial]) {
      self.count = count
      self.priorCount = priorCount
      self.trials = trials
    }

    /// What one trial says of intervals at this stage.
    package struct Trial: Hashable, Sendable {
      /// The root mean square of its samples' standardised left-out residuals.
      package let residual: Double
      /// Its judges' residuals as parts of their intervals' half widths, ascending.
      package let ratios: [Double]

      package init(residual: Double, ratios: [Double]) {
        self.residual = residual
        self.ratios = ratios
      }
    }
  }
}

extension SourceTrials.Stage {
  private static let priorCounts: [Double] = [1, 2, 5, 10, 20, 40]

  /// How much alike the residuals of two devices are, as the deviation of their logarithm's difference,
  /// and for how many trials the process itself counts.
  ///
  /// Of deviations of 0.1 to 0.5 and counts of 0.3, 1 and 2 among those that cover left-out sources
  /// nearest to 90 %; they differ by a percentage point.
  private static let likeness = 0.2
  private static let ownCount = 1.0

  init(_ looks: [SourceTrial.Look]) {
    let scored = Self.priorCounts.map { prior in
      let factor = quantile(looks.flatMap { $0.ratios(priorCount: prior) }, 0.9)
      return (
        score: looks.reduce(0) { $0 + $1.score(priorCount: prior, factor: factor) }, prior: prior
      )
    }
    let best = scored.dropFirst().reduce(scored[0]) { $1.score < $0.score ? $1 : $0 }.prior
    self.init(
      count: looks.reduce(0) { $0 + $1.leftOutSquares.count } / looks.count, priorCount: best,
      trials: looks.map {
        Trial(
          residual: Self.residual($0.leftOutSquares),
          ratios: $0.ratios(priorCount: best).sorted())
      })
  }

  private static func residual(_ squares: [Double]) -> Double {
    max((squares.reduce(0, +) / Double(max(squares.count, 1))).squareRoot(), 1e-9)
  }

  /// The factor by which intervals are widened besides what the target's own residuals say.
  ///
  /// The 90 % quantile of |residual|/reach over the trials' designs: conformal prediction whose
  /// exchangeable units are devices. Trials count more the more alike their left-out residuals are to
  /// the target's (localised conformal prediction: Guan 2023, Biometrika 110), and the process's own
  /// word counts as a trial: where no known device is like the target, that is what is left.
  /// - Parameter leftOutSquares: The squares of the target's standardised left-out residuals.
  /// - Returns: The factor.
  public func calibration(leftOutSquares: [Double]) -> Double {
    let own = Self.residual(leftOutSquares)
    let weights = trials.map { trial in
      let distance = log(own / trial.residual) / Self.likeness
      return exp(-0.5 * distance * distance)
    }
    let total = weights.reduce(Self.ownCount, +)
    let deviations = NormalDistribution.quantile(exceededWith: 0.05)
    let share = { (factor: Double) in
      let normal = 2 * NormalDistribution.probability(below: deviations * factor) - 1
      return zip(trials, weights).reduce(Self.ownCount * normal) {
        $0 + $1.1 * $1.0.share(upTo: factor)
      } / total
    }
    var (low, high) = (0.0, trials.reduce(1) { max($0, $1.ratios.last ?? 0) })
    while high - low > 1e-9 * high {
      let middle = (low + high) / 2
      if share(middle) < 0.9 { low = middle } else { high = middle }
    }
    return high
  }
}

extension SourceTrials.Stage.Trial {
  /// The share of ratios that are no larger than a factor.
  fileprivate func share(upTo factor: Double) -> Double {
    var (low, high) = (0, ratios.count)
    while low < high {
      let middle = (low + high) / 2
      if ratios[middle] <= factor { low = middle + 1 } else { high = middle }
    }
    return Double(low) / Double(max(ratios.count, 1))
  }
}
