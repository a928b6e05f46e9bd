import Foundation
import Statistics

/// How well predicted numbers and their uncertainty fit targets.
public struct RegressionMetrics: Hashable, Sendable {
  public var rmse: Double
  /// Mean over rows of log (1/S) Σ N(y; f⁽ˢ⁾, σ²): the average marginal log-likelihood.
  public var mixtureLogLikelihood: Double
  /// The same of one normal with the mixture's mean and variance.
  public var momentLogLikelihood: Double
  /// Mean over rows and draws of log N(y; f⁽ˢ⁾, σ²); at most the mixture's.
  public var gibbsLogLikelihood: Double
  /// The share of targets in the central 95 % interval of the mixture.
  public var coverage95: Double
  /// The mean width of that interval.
  public var width95: Double
  /// Coverage of central intervals of 10, 20, …, 90 %.
  public var calibration: [Double]
  /// The root mean square of coverage less level.
  public var calibrationError: Double
  /// The continuous ranked probability score of the moments' normal, mean over rows.
  public var crps: Double
  /// The predictive distribution function at each target; uniform where predictions are calibrated.
  public let targetProbabilities: [Double]
  /// Standard errors over rows.
  public let errors: StandardErrors

  /// What chance in the choice of test rows does to the scores that are means over them, and to RMSE.
  public struct StandardErrors: Hashable, Sendable {
    public var rmse: Double
    public var mixtureLogLikelihood: Double
    public var momentLogLikelihood: Double
    public var gibbsLogLikelihood: Double
    public var coverage95: Double
    public var width95: Double
    public var crps: Double
  }

  public static let levels = (1...9).map { Double($0) / 10 }

  /// - Parameters:
  ///   - draws: Predictions with noise.
  ///   - targets: In the same units.
  /// - Throws: ``InferenceError`` where the counts differ, or the draws are of classes.
  public init(_ draws: PredictiveDraws, _ targets: [Double]) throws {
    guard draws.likelihood.isRegression, draws.rows == targets.count else {
      throw InferenceError(
        .badData, "predictions of \(draws.rows) rows for \(targets.count) numbers")
    }
    var squares: [Double] = []
    var (logs, momentLogs, gibbsLogs): ([Double], [Double], [Double]) = ([], [], [])
    var (inside, widths, ranked): ([Double], [Double], [Double]) = ([], [], [])
    var below: [Double] = []
    for (row, target) in targets.enumerated() {
      let mixture = NormalMixture(draws, row)
      let moments = mixture.moments
      squares.append((moments.mean - target) * (moments.mean - target))
      let members = mixture.logDensities(target)
      logs.append(logSumExp(members) - Foundation.log(Double(members.count)))
      gibbsLogs.append(members.reduce(0, +) / Double(members.count))
      momentLogs.append(NormalDistribution.logDensity(target, moments.mean, moments.deviation))
      // The interval holds the target where the distribution function there is between its ends.
      let probability = mixture.probability(below: target)
      below.append(probability)
      inside.append(probability >= 0.025 && probability <= 0.975 ? 1 : 0)
      widths.append(mixture.quantile(0.975) - mixture.quantile(0.025))
      ranked.append(RegressionMetrics.crps(target, moments.mean, moments.deviation))
    }
    let mean = { (values: [Double]) in values.reduce(0, +) / Double(values.count) }
    rmse = mean(squares).squareRoot()
    (mixtureLogLikelihood, momentLogLikelihood) = (mean(logs), mean(momentLogs))
    gibbsLogLikelihood = mean(gibbsLogs)
    (coverage95, width95, crps) = (mean(inside), mean(widths), mean(ranked))
    calibration = RegressionMetrics.coverage(below)
    calibrationError = RegressionMetrics.calibrationError(below)
    targetProbabilities = below
    errors = StandardErrors(
      // By the delta method.
      rmse: rmse > 0 ? RegressionMetrics.standardError(squares) / (2 * rmse) : 0,
      mixtureLogLikelihood: RegressionMetrics.standardError(logs),
      momentLogLikelihood: RegressionMetrics.standardError(momentLogs),
      gibbsLogLikelihood: RegressionMetrics.standardError(gibbsLogs),
      coverage95: RegressionMetrics.standardError(inside),
      width95: RegressionMetrics.standardError(widths),
      crps: RegressionMetrics.standardError(ranked))
  }

  /// The coverage of central intervals of ``levels``, given the distribution function at each target.
  static func coverage(_ probabilities: [Double]) -> [Double] {
    levels.map { level in
      Double(probabilities.count { abs($0 - 0.5) <= level / 2 }) / Double(probabilities.count)
    }
  }

  /// The root mean square of coverage less level, given the distribution function at each target.
  static func calibrationError(_ probabilities: [Double]) -> Double {
    let gaps = zip(coverage(probabilities), levels).map { $0 - $1 }
    return (gaps.reduce(0) { $0 + $1 * $1 } / Double(gaps.count)).squareRoot()
  }

  static func standardError(_ values: [Double]) -> Double {
    let count = Double(values.count)
    guard count > 1 else { return .nan }
    let mean = values.reduce(0, +) / count
    return (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (count - 1) / count).squareRoot()
  }

  /// Gneiting and Raftery (JASA 2007), equation 21's closed form for a normal.
  static func crps(_ y: Double, _ mean: Double, _ deviation: Double) -> Double {
    guard deviation > 0 else { return abs(y - mean) }
    let z = (y - mean) / deviation
    return deviation
      * (z * (2 * NormalDistribution.probability(below: z) - 1) + 2 * NormalDistribution.density(z)
        - 1 / Double.pi.squareRoot())
  }
}

/// A row's predictive distribution: normals of equal weight.
struct NormalMixture {
  let means: [Double]
  let deviations: [Double]

  init(_ draws: PredictiveDraws, _ row: Int) {
    means = (0..<draws.count).map { draws.value($0, row) }
    deviations = (0..<draws.count).map { draws.deviation($0, row) }
  }

  init(means: [Double], deviations: [Double]) {
    self.means = means
    self.deviations = deviations
  }

  var moments: (mean: Double, deviation: Double) {
    let count = Double(means.count)
    let mean = means.reduce(0, +) / count
    var variance = 0.0
    for i in means.indices {
      variance += (means[i] - mean) * (means[i] - mean) + deviations[i] * deviations[i]
    }
    return (mean, (variance / count).squareRoot())
  }

  func logDensities(_ y: Double) -> [Double] {
    means.indices.map { NormalDistribution.logDensity(y, means[$0], deviations[$0]) }
  }

  func probability(below y: Double) -> Double {
    var sum = 0.0
    for i in means.indices {
      let z = (y - means[i]) / deviations[i]
      sum += z > 9 ? 1 : z < -9 ? 0 : 0.5 * erfc(-z / 2.0.squareRoot())
    }
    return sum / Double(means.count)
  }

  /// The value below which the mixture is with this probability, to 10⁻⁹ of its deviation.
  func quantile(_ p: Double) -> Double {
    let (mean, deviation) = moments
    // Cantelli's inequality bounds how far a quantile can be.
    var low = mean - deviation * ((1 - p) / p).squareRoot() - 1e-12
    var high = mean + deviation * (p / (1 - p)).squareRoot() + 1e-12
    var x = mean + deviation * NormalDistribution.quantile(p)
    for _ in 0..<60 where high - low > 1e-9 * deviation {
      if !(x > low && x < high) { x = (low + high) / 2 }
      let (error, density) = distance(x, p)
      if error > 0 { high = x } else { low = x }
      if abs(error) < 1e-12 { break }
      // Newton's step; the bracket catches it where the density is small.
      let next = x - error / density
      x = next > low && next < high ? next : (low + high) / 2
    }
    return x
  }

  private func distance(_ x: Double, _ p: Double) -> (error: Double, density: Double) {
    var (sum, density) = (0.0, 0.0)
    for i in means.indices {
      let z = (x - means[i]) / deviations[i]
      guard abs(z) < 9 else {
        sum += z > 0 ? 1 : 0
        continue
      }
      sum += 0.5 * erfc(-z / 2.0.squareRoot())
      density += exp(-z * z / 2) / deviations[i]
    }
    let count = Double(means.count)
    return (sum / count - p, density / count / (2 * Double.pi).squareRoot())
  }
}

/// A row's predictive distribution in five numbers.
public struct PredictiveSummary: Hashable, Sendable {
  public let mean: Double
  /// The deviation of the function alone.
  public let functionDeviation: Double
  /// The deviation with noise.
  public let deviation: Double
  /// The ends of the central 95 % interval of the mixture, noise included.
  public let low95: Double
  public let high95: Double

  public init(_ draws: PredictiveDraws, _ row: Int) {
    let mixture = NormalMixture(draws, row)
    (mean, deviation) = mixture.moments
    functionDeviation = Moments(mixture.means).deviation
    low95 = mixture.quantile(0.025)
    high95 = mixture.quantile(0.975)
  }
}
