/// The FBNet space: 22 layers, each one of eight inverted-residual blocks or a skip.
public enum FBNet {
  public static let operations = [
    "k3_e1", "k3_e1_g2", "k3_e3", "k3_e6", "k5_e1", "k5_e1_g2", "k5_e3", "k5_e6", "skip",
  ]

  /// One-hot, counts of the operations, numbers of non-skip and grouped layers and of 5×5 minus 3×3
  /// ones, and logarithms of the costs: 213 numbers.
  static func features(_ design: [Int]) -> [Double] {
    let counts = operationCounts(design, operations: 9)
    let wide = counts[4] + counts[5] + counts[6] + counts[7]
    let narrow = counts[0] + counts[1] + counts[2] + counts[3]
    return indicators(design, operations: 9) + counts
      + [22 - counts[8], counts[1] + counts[5], wide - narrow]
      + costFeatures(design)
  }
}
