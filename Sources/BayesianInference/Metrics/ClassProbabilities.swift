import Foundation

/// Class probabilities of several members; the prediction is their mean.
public struct ClassProbabilities: Hashable, Sendable {
  public let members: Int
  public let rows: Int
  public let classes: Int
  /// members × rows × classes.
  public let values: [Double]

  /// - `values`: members × rows × classes.
  /// - Throws: ``InferenceError`` for a negative probability, or a sum that isn't 1 to 10⁻⁶.
  public init(_ values: [Double], members: Int, rows: Int, classes: Int) throws {
    guard members > 0, rows > 0, classes > 1, values.count == members * rows * classes else {
      throw InferenceError(
        .badData,
        "\(values.count) probabilities for \(members) members, \(rows) rows, \(classes) classes")
    }
    for start in stride(from: 0, to: values.count, by: classes) {
      let row = values[start..<start + classes]
      let sum = row.reduce(0, +)
      guard row.allSatisfy({ $0 >= 0 }), abs(sum - 1) <= 1e-6 else {
        throw InferenceError(
          .badData,
          "member \(start / classes / rows), row \(start / classes % rows): the probabilities "
            + "\(Array(row)) sum to \(sum)")
      }
    }
    self.values = values
    self.members = members
    self.rows = rows
    self.classes = classes
  }

  /// The probabilities of drawn logits: softmax, or the logistic function of a single output.
  ///
  /// - Throws: ``InferenceError`` for draws of numbers, or logits that aren't finite.
  public init(_ draws: PredictiveDraws) throws {
    guard let classes = draws.likelihood.classes else {
      throw InferenceError(.badData, "the predictions are of numbers, not of classes")
    }
    var values: [Double] = []
    values.reserveCapacity(draws.count * draws.rows * classes)
    for start in stride(from: 0, to: draws.values.count, by: draws.outputs) {
      if draws.outputs == 1 {
        let p = logistic(Double(draws.values[start]))
        values += [1 - p, p]
      } else {
        let logits = (0..<classes).map { Double(draws.values[start + $0]) }
        let largest = logits.max() ?? 0
        let powers = logits.map { exp($0 - largest) }
        let sum = powers.reduce(0, +)
        values += powers.map { $0 / sum }
      }
    }
    try self.init(values, members: draws.count, rows: draws.rows, classes: classes)
  }

  /// A member's probabilities of a row.
  public func member(_ member: Int, _ row: Int) -> ArraySlice<Double> {
    let start = (member * rows + row) * classes
    return values[start..<start + classes]
  }

  /// The mean over members.
  public func mixture(_ row: Int) -> [Double] {
    var sums = [Double](repeating: 0, count: classes)
    for index in 0..<members {
      for (c, p) in member(index, row).enumerated() { sums[c] += p }
    }
    return sums.map { $0 / Double(members) }
  }

  /// The class of the largest probability, the lowest of several.
  public static func largest(_ probabilities: some Collection<Double>) -> Int {
    var (best, index) = (-Double.infinity, 0)
    for (c, p) in probabilities.enumerated() where p > best { (best, index) = (p, c) }
    return index
  }

  /// −Σ p log p.
  static func entropy(_ probabilities: some Sequence<Double>) -> Double {
    probabilities.reduce(0) { $1 > 0 ? $0 - $1 * Foundation.log($1) : $0 }
  }
}

/// What members say of each row's uncertainty.
public struct ClassUncertainty: Hashable, Sendable {
  /// The mean probabilities, rows × classes, smoothed.
  public let mixtures: [[Double]]
  public let predictions: [Int]
  /// The entropy H of the mean.
  public let entropy: [Double]
  /// The mean of the members' entropies.
  public let expectedEntropy: [Double]
  /// Their difference; exactly 0 for one member.
  public let mutualInformation: [Double]
  /// The share of members that don't vote for the most common class.
  public let variationRatio: [Double]
  /// The largest mean probability.
  public let confidence: [Double]
  public let members: Int
  /// The share γ that was spread over all classes: (1 − γ) p + γ / classes.
  public let smoothing: Double

  /// - Throws: ``InferenceError`` for a smoothing outside of 0 to below 1.
  public init(_ probabilities: ClassProbabilities, smoothing: Double = 0) throws {
    self.init(try ClassMixture(probabilities, smoothing: smoothing))
  }

  public init(_ mixture: ClassMixture) {
    members = mixture.members
    smoothing = mixture.smoothing
    let rows = 0..<mixture.rows
    mixtures = rows.map { mixture.smoothedMixture($0) }
    predictions = mixtures.map { ClassProbabilities.largest($0) }
    entropy = mixtures.map { ClassProbabilities.entropy($0) }
    confidence = mixtures.map { $0.max() ?? 0 }
    expectedEntropy = rows.map { mixture.expectedEntropy($0) }
    variationRatio = rows.map { mixture.variationRatio($0) }
    mutualInformation =
      members == 1
      ? entropy.map { _ in 0 }
      : zip(entropy, expectedEntropy).map { total, part in
        // Rounding may make it negative where the members agree.
        total - part < 0 && total - part > -1e-12 ? 0 : total - part
      }
  }
}
