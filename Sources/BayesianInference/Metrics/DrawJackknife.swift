/// Monte Carlo errors of scores of draws: what another run of the same length would change.
///
/// The jackknife that leaves out one block of draws at a time. Blocks are parts of chains, so that the
/// correlation of neighbouring draws, and chains that differ, count as what they are. Quenouille
/// (Biometrika 1956) and Tukey (1958); blocks as in Künsch (Annals of Statistics 1989), section 2.
public enum DrawJackknife {
  /// The most blocks that are left out in turn.
  static let mostBlocks = 10

  /// - Parameters:
  ///   - draws: Of a method.
  ///   - scores: Of the draws that are left: so many numbers each time.
  /// - Returns: A standard error a score; nil where there are fewer than three draws, or a score
  ///   isn't finite.
  public static func standardErrors(
    _ draws: PredictiveDraws, _ scores: (PredictiveDraws) throws -> [Double]
  ) rethrows -> [Double?] {
    let blocks = min(mostBlocks, draws.count)
    guard blocks > 2 else { return try scores(draws).map { _ in nil } }
    let values = try (0..<blocks).map { block in
      let left = block * draws.count / blocks..<(block + 1) * draws.count / blocks
      return try scores(draws.without(left))
    }
    return values[0].indices.map { index in
      let moments = Moments(values.map { $0[index] })
      // (B − 1)/B Σ (θ₍b₎ − mean)², of which the population variance is Σ/B.
      let error = Double(blocks - 1).squareRoot() * moments.deviation
      return error.isFinite ? error : nil
    }
  }
}

extension PredictiveDraws {
  /// All draws but those of a range; they count as one chain.
  func without(_ range: Range<Int>) -> PredictiveDraws {
    let (size, kept) = (rows * outputs, count - range.count)
    let noise =
      self.noise.isEmpty
      ? []
      : self.noise.count == count
        ? Array(self.noise[..<range.lowerBound] + self.noise[range.upperBound...])
        : Array(
          self.noise[..<(range.lowerBound * rows)] + self.noise[(range.upperBound * rows)...])
    return PredictiveDraws(
      likelihood: likelihood, count: kept, rows: rows, outputs: outputs,
      values: Array(values[..<(range.lowerBound * size)] + values[(range.upperBound * size)...]),
      noise: noise, chains: 1)
  }
}
