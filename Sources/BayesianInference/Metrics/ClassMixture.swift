import Foundation

/// What is kept of class probabilities of any number of members: sums, whose size doesn't depend on how
/// many there are.
public struct ClassMixture: Hashable, Sendable {
  public private(set) var members = 0
  public let rows: Int
  public let classes: Int
  /// The share γ that is spread over all classes before logarithms: (1 − γ) p + γ / classes.
  public let smoothing: Double
  /// rows × classes: sums over members of p.
  private var sums: [Double]
  /// rows × classes: sums over members of log p, smoothed.
  private var logSums: [Double]
  /// A row's sum over members of the entropy, smoothed.
  private var entropySums: [Double]
  /// rows × classes: how many members find the class most probable.
  private var votes: [Int32]

  /// - Throws: ``InferenceError`` for a smoothing outside of 0 to below 1.
  public init(rows: Int, classes: Int, smoothing: Double = 0) throws {
    guard (0..<1).contains(smoothing) else {
      throw InferenceError(.badOption, "a smoothing of \(smoothing); 0 up to 1 is possible")
    }
    self.rows = rows
    self.classes = classes
    self.smoothing = smoothing
    sums = [Double](repeating: 0, count: rows * classes)
    logSums = sums
    entropySums = [Double](repeating: 0, count: rows)
    votes = [Int32](repeating: 0, count: rows * classes)
  }

  /// All members of a set.
  public init(_ probabilities: ClassProbabilities, smoothing: Double = 0) throws {
    try self.init(
      rows: probabilities.rows, classes: probabilities.classes, smoothing: smoothing)
    for member in 0..<probabilities.members {
      for row in 0..<rows { add(row, probabilities.member(member, row)) }
      members += 1
    }
  }

  private mutating func add(_ row: Int, _ probabilities: ArraySlice<Double>) {
    let (start, first) = (row * classes, probabilities.startIndex)
    var (best, entropy) = (0, 0.0)
    for c in 0..<classes {
      let p = probabilities[first + c]
      let smooth = smoothed(p)
      let logarithm = Foundation.log(smooth)
      sums[start + c] += p
      logSums[start + c] += logarithm
      if smooth > 0 { entropy -= smooth * logarithm }
      if p > probabilities[first + best] { best = c }
    }
    entropySums[row] += entropy
    votes[start + best] += 1
  }

  /// Takes a member's logits of a block of rows; one logit is that of the class 1 of two.
  ///
  /// - Parameters:
  ///   - logits: rows × stride.
  ///   - first: The number of the block's first row.
  ///   - count: The rows.
  ///   - stride: Numbers from row to row.
  ///   - isSingle: Whether there is one logit for two classes.
  ///   - scratch: classes numbers.
  mutating func add(
    logits: UnsafePointer<Float>, first: Int, count: Int, stride: Int, isSingle: Bool,
    _ scratch: inout [Double]
  ) {
    for row in 0..<count {
      let logits = logits + row * stride
      if isSingle {
        scratch[1] = logistic(Double(logits[0]))
        scratch[0] = 1 - scratch[1]
      } else {
        var (largest, sum) = (-Float.infinity, 0.0)
        for c in 0..<classes { largest = max(largest, logits[c]) }
        for c in 0..<classes {
          scratch[c] = Double(expf(logits[c] - largest))
          sum += scratch[c]
        }
        for c in 0..<classes { scratch[c] /= sum }
      }
      add(first + row, scratch[...])
    }
  }

  /// Says that all rows of a member were taken.
  mutating func finishMember() { members += 1 }

  private func smoothed(_ p: Double) -> Double {
    smoothing > 0 ? (1 - smoothing) * p + smoothing / Double(classes) : p
  }

  /// The mean over members, not smoothed.
  public func mixture(_ row: Int) -> [Double] {
    sums[row * classes..<(row + 1) * classes].map { $0 / Double(members) }
  }

  func smoothedMixture(_ row: Int) -> [Double] { mixture(row).map(smoothed) }

  /// The members' mean log-probability of a class.
  func meanLog(_ row: Int, _ label: Int) -> Double {
    logSums[row * classes + label] / Double(members)
  }

  func expectedEntropy(_ row: Int) -> Double { entropySums[row] / Double(members) }

  /// The share of members that don't vote for the most common class.
  func variationRatio(_ row: Int) -> Double {
    let most = votes[row * classes..<(row + 1) * classes].max() ?? 0
    return 1 - Double(most) / Double(members)
  }

  /// - Throws: ``InferenceError`` where there isn't a label a row, or one is no class.
  func check(_ labels: [Int]) throws {
    guard labels.count == rows else {
      throw InferenceError(.badData, "\(labels.count) labels for predictions of \(rows) rows")
    }
    if let row = labels.firstIndex(where: { !(0..<classes).contains($0) }) {
      throw InferenceError(
        .badData, "row \(row): the label \(labels[row]) is none of 0 to \(classes - 1)")
    }
  }
}
