/// How far two lists agree on the order of the same things.
public enum RankCorrelation {
  /// Spearman's correlation of two lists.
  public static func spearman(_ first: [Double], _ second: [Double]) -> Statistic {
    guard first.count == second.count, first.count > 1 else {
      return .undefined("fewer than two pairs")
    }
    let (a, b) = (Ranks.middle(first), Ranks.middle(second))
    let mean = Double(first.count + 1) / 2
    var (products, left, right) = (0.0, 0.0, 0.0)
    for (x, y) in zip(a, b) {
      products += (x - mean) * (y - mean)
      left += (x - mean) * (x - mean)
      right += (y - mean) * (y - mean)
    }
    guard left > 0, right > 0 else { return .undefined("all values are the same") }
    return .value(products / (left * right).squareRoot())
  }
}
