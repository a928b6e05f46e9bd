public import Statistics

/// How well a score tells positive rows (wrong, or foreign) from negative ones.
public struct Detection: Hashable, Sendable {
  /// The probability that a positive scores above a negative, ties half.
  public let auroc: Statistic
  /// Average precision over distinct thresholds, without interpolation.
  public let averagePrecision: Statistic
  /// The share of negatives at the first threshold that finds 95 % of the positives.
  public let falsePositiveRate95: Statistic

  public init(positives: [Double], negatives: [Double]) {
    let all = positives + negatives
    let reason: String? =
      positives.isEmpty
      ? "there is no positive row"
      : negatives.isEmpty
        ? "there is no negative row"
        : all.allSatisfy { $0 == all[0] } ? "the score is the same for all rows" : nil
    if let reason {
      (auroc, averagePrecision) = (.undefined(reason), .undefined(reason))
      falsePositiveRate95 = .undefined(reason)
      return
    }
    let (p, n) = (Double(positives.count), Double(negatives.count))
    let ranks = midRanks(all)
    let sum = ranks[..<positives.count].reduce(0, +)
    auroc = .value((sum - p * (p + 1) / 2) / (p * n))
    let order = all.indices.sorted { all[$0] > all[$1] }
    var (found, falseAlarms, precision, recall) = (0.0, 0.0, 0.0, 0.0)
    var rate: Double?
    var start = 0
    while start < order.count {
      var end = start
      while end < order.count && all[order[end]] == all[order[start]] {
        if order[end] < positives.count { found += 1 } else { falseAlarms += 1 }
        end += 1
      }
      precision += (found / p - recall) * found / (found + falseAlarms)
      recall = found / p
      if rate == nil && recall >= 0.95 { rate = falseAlarms / n }
      start = end
    }
    averagePrecision = .value(precision)
    falsePositiveRate95 = .value(rate ?? 1)
  }
}

/// What is gained by leaving the most uncertain rows to somebody else.
public struct SelectivePrediction: Hashable, Sendable {
  /// Whether each row is right, from the most certain row on.
  public let correct: [Bool]

  /// - Parameters:
  ///   - correct: Whether each row is right.
  ///   - uncertainty: Of each row; equal ones stay in their order.
  public init(_ correct: [Bool], by uncertainty: [Double]) {
    let order = correct.indices.sorted { (uncertainty[$0], $0) < (uncertainty[$1], $1) }
    self.correct = order.map { correct[$0] }
  }

  /// The share of errors among the first k rows, mean over k = 1 … N.
  public var areaUnderRisk: Double {
    var (errors, sum) = (0.0, 0.0)
    for (index, isCorrect) in correct.enumerated() {
      if !isCorrect { errors += 1 }
      sum += errors / Double(index + 1)
    }
    return sum / Double(correct.count)
  }

  /// That less the area of the best possible order.
  public var excessArea: Double {
    let best = SelectivePrediction(
      correct.sorted { $0 && !$1 }, by: correct.indices.map { Double($0) })
    return areaUnderRisk - best.areaUnderRisk
  }

  /// The accuracy over the most certain rows, against their share.
  ///
  /// - Parameter points: At most so many points, evenly spread; 200 draw the curve as well as 10,000.
  /// - Returns: The points, by growing share.
  public func curve(points: Int = 200) -> [(coverage: Double, accuracy: Double)] {
    var right = 0
    var curve: [(coverage: Double, accuracy: Double)] = []
    for (index, isCorrect) in correct.enumerated() {
      if isCorrect { right += 1 }
      let rows = index + 1
      if rows * points / correct.count > index * points / correct.count {
        curve.append((Double(rows) / Double(correct.count), Double(right) / Double(rows)))
      }
    }
    return curve
  }

  /// The accuracy over the most certain ⌈coverage N⌉ rows.
  ///
  /// - Throws: ``InferenceError`` for a coverage outside of 0 to 1.
  public func accuracy(coverage: Double) throws -> Double {
    guard coverage > 0 && coverage <= 1 else {
      throw InferenceError(.badOption, "a coverage of \(coverage); above 0 up to 1 is possible")
    }
    // A coverage such as 0.7 of 10 rows must not round up to 8.
    let count = max(Int((coverage * Double(correct.count) - 1e-9).rounded(.up)), 1)
    return Double(correct[..<count].count { $0 }) / Double(count)
  }

  /// The quality of rejecting the most uncertain rows.
  public struct Rejection: Hashable, Sendable {
    public var keptAccuracy: Statistic
    /// (kept and right + rejected and wrong) / N.
    public var classificationQuality: Double
    /// (rejected wrong / rejected right) / (wrong / right overall); infinite where no right row is
    /// rejected.
    public var rejectionQuality: Statistic
  }

  /// - Throws: ``InferenceError`` for a count outside of 0 to the number of rows.
  public func rejecting(_ count: Int) throws -> Rejection {
    guard (0...correct.count).contains(count) else {
      throw InferenceError(
        .badOption, "\(count) rows to reject; 0 to \(correct.count) are possible")
    }
    let kept = correct[..<(correct.count - count)]
    let rejected = correct[(correct.count - count)...]
    let keptRight = kept.count { $0 }
    let rejectedRight = rejected.count { $0 }
    let rejectedWrong = rejected.count - rejectedRight
    let (right, wrong) = (keptRight + rejectedRight, correct.count - keptRight - rejectedRight)
    let quality: Statistic =
      wrong == 0 || right == 0
      ? .undefined(wrong == 0 ? "no row is wrong" : "no row is right")
      : count == 0
        ? .undefined("no row is rejected")
        : .value(
          rejectedRight == 0
            ? .infinity
            : Double(rejectedWrong) / Double(rejectedRight) / (Double(wrong) / Double(right)))
    return Rejection(
      keptAccuracy: kept.isEmpty
        ? .undefined("no row is kept") : .value(Double(keptRight) / Double(kept.count)),
      classificationQuality: Double(keptRight + rejectedWrong) / Double(correct.count),
      rejectionQuality: quality)
  }
}

/// What chance does to a detection's scores.
public enum DetectionError {
  /// The standard error of an AUROC, both groups drawn anew.
  ///
  /// DeLong, DeLong and Clarke-Pearson (Biometrics 1988): the variances of each row's share of pairs
  /// that are in order, over the groups' sizes.
  ///
  /// - Returns: Nil for a group of fewer than two rows.
  public static func auroc(positives: [Double], negatives: [Double]) -> Double? {
    guard positives.count > 1, negatives.count > 1 else { return nil }
    let all = midRanks(positives + negatives)
    let (p, n) = (midRanks(positives), midRanks(negatives))
    // The share of negatives below a positive, and of positives above a negative.
    let below = p.indices.map { (all[$0] - p[$0]) / Double(negatives.count) }
    let above = n.indices.map {
      1 - (all[positives.count + $0] - n[$0]) / Double(positives.count)
    }
    let variance = { (values: [Double]) -> Double in
      let deviation = Moments(values).deviation
      return deviation * deviation / Double(values.count - 1)
    }
    return (variance(below) + variance(above)).squareRoot()
  }
}
