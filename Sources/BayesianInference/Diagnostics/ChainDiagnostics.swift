import Foundation
public import Statistics

/// Convergence of chains of one quantity.
///
/// Vehtari, Gelman, Simpson, Carpenter and Bürkner, "Rank-normalization, folding, and localization"
/// (Bayesian Analysis 2021).
public struct ChainDiagnostics: Hashable, Sendable {
  /// The larger of the rank-normalised split R̂ of the values and of their distances from the median.
  public let rHat: Statistic
  /// The effective number of draws for the bulk.
  public let bulkSize: Statistic
  /// The smaller effective number of draws for the 5 % and the 95 % quantile.
  public let tailSize: Statistic
  /// The effective number of draws for the mean.
  public let meanSize: Statistic
  /// The Monte Carlo standard error of the mean.
  public let meanError: Statistic

  /// - `chains`: Draws of each chain, equally many.
  /// - Throws: ``InferenceError`` for chains of different lengths.
  public init(_ chains: [[Double]]) throws {
    if let reason = ChainDiagnostics.obstacle(chains, try ChainDiagnostics.length(chains)) {
      (rHat, bulkSize, tailSize) = (.undefined(reason), .undefined(reason), .undefined(reason))
      (meanSize, meanError) = (.undefined(reason), .undefined(reason))
      return
    }
    let split = ChainDiagnostics.split(chains)
    let ranked = ChainDiagnostics.rankNormalised(split)
    let all = chains.flatMap { $0 }.sorted()
    let folded = ChainDiagnostics.folded(split, all)
    rHat = ChainDiagnostics.larger(
      ChainDiagnostics.rHat(ranked), ChainDiagnostics.rHat(folded))
    bulkSize = .value(ChainDiagnostics.effectiveSize(ranked))
    let tails = [0.05, 0.95].map { probability -> Double? in
      let limit = quantile(sorted: all, probability)
      let indicators = split.map { $0.map { $0 <= limit ? 1.0 : 0.0 } }
      return ChainDiagnostics.isConstant(indicators)
        ? nil : ChainDiagnostics.effectiveSize(indicators)
    }
    let tail = tails.compactMap { $0 }.min()
    tailSize = tail.map { .value($0) } ?? .undefined("no draw is in the tails")
    let size = ChainDiagnostics.effectiveSize(split)
    meanSize = .value(size)
    let mean = all.reduce(0, +) / Double(all.count)
    let variance = all.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(all.count - 1)
    meanError = .value((variance / size).squareRoot())
  }

  /// R̂ alone, as ``rHat``, without what effective sizes cost.
  ///
  /// - Parameter chains: Draws of each chain, equally many.
  /// - Returns: R̂, or why it is undefined.
  /// - Throws: ``InferenceError`` for chains of different lengths.
  static func rHat(of chains: [[Double]]) throws -> Statistic {
    if let reason = obstacle(chains, try length(chains)) { return .undefined(reason) }
    let split = split(chains)
    return larger(
      rHat(rankNormalised(split)), rHat(folded(split, chains.flatMap { $0 }.sorted())))
  }

  /// Chains that stay where they are have no variance to compare with.
  private static func larger(_ first: Double, _ second: Double) -> Statistic {
    let larger = max(first, second)
    return larger.isFinite ? .value(larger) : .undefined("no chain moves")
  }

  private static func length(_ chains: [[Double]]) throws -> Int {
    let lengths = Set(chains.map(\.count))
    guard lengths.count == 1, let length = lengths.first else {
      throw InferenceError(
        .badData, "chains of the lengths \(chains.map(\.count)); all must have the same")
    }
    return length
  }

  /// Ranks of distances from the median.
  private static func folded(_ split: [[Double]], _ sorted: [Double]) -> [[Double]] {
    let median = quantile(sorted: sorted, 0.5)
    return rankNormalised(split.map { $0.map { abs($0 - median) } })
  }

  private static func obstacle(_ chains: [[Double]], _ length: Int) -> String? {
    if length < 8 { return "\(length) draws a chain; at least 4 in each half are needed" }
    if chains.contains(where: { $0.contains { !$0.isFinite } }) { return "a draw is not finite" }
    return isConstant(chains) ? "all draws are the same" : nil
  }

  private static func isConstant(_ chains: [[Double]]) -> Bool {
    let first = chains[0][0]
    return chains.allSatisfy { $0.allSatisfy { $0 == first } }
  }

  /// Each chain's halves; the middle draw of an odd number is left out.
  static func split(_ chains: [[Double]]) -> [[Double]] {
    chains.flatMap { chain -> [[Double]] in
      let half = chain.count / 2
      return [Array(chain[..<half]), Array(chain[(chain.count - half)...])]
    }
  }

  /// Φ⁻¹((rank − 3/8) / (n + 1/4)), with the mean rank for ties.
  static func rankNormalised(_ chains: [[Double]]) -> [[Double]] {
    let values = chains.flatMap { $0 }
    let ranks = midRanks(values)
    var index = 0
    return chains.map { chain in
      chain.map { _ in
        defer { index += 1 }
        return NormalDistribution.quantile(
          (ranks[index] - 0.375) / (Double(values.count) + 0.25))
      }
    }
  }

  /// √(((n − 1)/n W + B/n) / W) of chains of length n.
  static func rHat(_ chains: [[Double]]) -> Double {
    let (within, marginal) = variances(chains)
    return (marginal / within).squareRoot()
  }

  private static func variances(_ chains: [[Double]]) -> (within: Double, marginal: Double) {
    let length = Double(chains[0].count)
    let means = chains.map { $0.reduce(0, +) / length }
    let within =
      zip(chains, means).reduce(0) { sum, pair in
        sum + pair.0.reduce(0) { $0 + ($1 - pair.1) * ($1 - pair.1) } / (length - 1)
      } / Double(chains.count)
    let centre = means.reduce(0, +) / Double(means.count)
    let between =
      chains.count > 1
      ? means.reduce(0) { $0 + ($1 - centre) * ($1 - centre) } / Double(means.count - 1) : 0
    return (within, within * (length - 1) / length + between)
  }

  /// The effective number of draws by Geyer's initial monotone sequence (section 3.2).
  static func effectiveSize(_ chains: [[Double]]) -> Double {
    let length = chains[0].count
    let (within, marginal) = variances(chains)
    let total = Double(chains.count * length)
    guard marginal > 0 else { return total }
    let centred = chains.map { chain -> [Double] in
      let mean = chain.reduce(0, +) / Double(length)
      return chain.map { $0 - mean }
    }
    // Lags are computed as they are needed: the sum ends early where chains mix.
    let autocorrelation = { (lag: Int) -> Double in
      let covariance =
        centred.reduce(0) { sum, chain in
          var products = 0.0
          for i in 0..<length - lag { products += chain[i] * chain[i + lag] }
          return sum + products / Double(length)
        } / Double(chains.count)
      return 1 - (within - covariance) / marginal
    }
    var even = 1.0
    var odd = autocorrelation(1)
    var sums: [Double] = [even + odd]
    var lag = 2
    while lag < length - 2 && even + odd > 0 {
      even = autocorrelation(lag)
      odd = autocorrelation(lag + 1)
      sums.append(min(even + odd, sums[sums.count - 1]))
      lag += 2
    }
    // Of the pair that ends the sequence only the even lag counts, and once.
    if sums.count > 1 { sums.removeLast() }
    let last = max(even, 0)
    let time = -1 + 2 * sums.reduce(0, +) + last
    return total / max(time, 1 / Foundation.log10(total))
  }
}
