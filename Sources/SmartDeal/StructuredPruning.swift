/// Zeroing whole kernel rows before a decomposition, in groups of filters at once.
///
/// A row that is zero in a group of filters lets an accelerator skip the matching input row for all
/// of them (Zhao et al., "SmartExchange", ISCA 2020, arXiv 2005.03403; the public code of
/// "SmartDeal").
public struct StructuredPruning: Hashable, Sendable {
  /// What the numbers of a list mean.
  public enum Criterion: String, Hashable, Sendable, CaseIterable {
    /// The share of rows to zero, rounded up.
    case population
    /// The score below which rows are zeroed.
    case value
    /// The share of the scores' sum that kept rows reach. The public code sums unsorted scores here;
    /// this sums the largest first.
    case energy
  }

  public var criterion: Criterion
  /// How many filters share their zeroed rows.
  public var groupSize: Int

  public init(criterion: Criterion = .population, groupSize: Int = 32) {
    self.criterion = criterion
    self.groupSize = groupSize
  }

  /// Zeroes a tensor's rows; fully connected tensors stay as they are.
  ///
  /// - Parameters:
  ///   - weights: Row-major, outputs × inputs × k × k.
  ///   - shape: Of the tensor.
  ///   - number: Its entry in the list.
  /// - Returns: The weights with zeros, in the same order.
  public func applied(to weights: [Float], shape: [Int], number: Double) -> [Float] {
    guard shape.count == 4 else { return weights }
    // A row is a kernel row of an input channel, or all of a pointwise kernel.
    let width = shape[3]
    let rows = shape[1] * shape[2]
    let perFilter = rows * width
    var pruned = weights
    for start in stride(from: 0, to: shape[0], by: max(groupSize, 1)) {
      let filters = start..<min(start + max(groupSize, 1), shape[0])
      var scores = [Double](repeating: 0, count: rows)
      for filter in filters {
        for row in 0..<rows {
          for column in 0..<width {
            scores[row] += Double(weights[filter * perFilter + row * width + column].magnitude)
          }
        }
      }
      for row in dropped(scores, number) {
        for filter in filters {
          for column in 0..<width { pruned[filter * perFilter + row * width + column] = 0 }
        }
      }
    }
    return pruned
  }

  private func dropped(_ scores: [Double], _ number: Double) -> ArraySlice<Int> {
    let order = scores.indices.sorted { (scores[$0], $0) < (scores[$1], $1) }
    switch criterion {
    case .population:
      // A hair below, so that 0.3 × 10 is 3 rows in spite of its rounding.
      let count = Int((number * Double(scores.count) - 1e-9).rounded(.up))
      return order.prefix(min(max(count, 0), scores.count))
    case .value:
      return order.prefix { scores[$0] < number }
    case .energy:
      let goal = number * scores.reduce(0, +)
      var kept = 0
      var sum = 0.0
      while kept < order.count, sum < goal * (1 - 1e-12) {
        sum += scores[order[order.count - 1 - kept]]
        kept += 1
      }
      return order.prefix(order.count - kept)
    }
  }

  /// Refuses lists that do not fit a network.
  ///
  /// - Parameters:
  ///   - list: One number for each tensor.
  ///   - tensors: Their names, in the same order.
  /// - Throws: ``SmartDealError`` with the entry that is wrong.
  public func check(_ list: [Double], tensors: [String]) throws(SmartDealError) {
    guard groupSize >= 1 else {
      throw SmartDealError(.badOption, "groupSize is \(groupSize); it must be at least 1")
    }
    guard list.count == tensors.count else {
      throw SmartDealError(
        .badOption,
        "the pruning list has \(list.count) numbers, the network \(tensors.count) weight tensors: "
          + tensors.joined(separator: ", "))
    }
    for (number, tensor) in zip(list, tensors) {
      let fits = criterion == .value ? number >= 0 && number.isFinite : (0...1).contains(number)
      guard fits else {
        throw SmartDealError(
          .badOption,
          "the pruning list has \(number) for tensor '\(tensor)'; it must be "
            + (criterion == .value ? "a number from 0" : "a share from 0 to 1"))
      }
    }
  }
}
