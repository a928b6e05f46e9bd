import LinearAlgebra

/// Ranks from 1; equal values share the mean of the ranks they span.
public func midRanks(_ values: [Double]) -> [Double] {
  if suitsRadix(values.count) { return midRanks(values, sorted: radixSorted(values), minus: 0) }
  let order = sortedIndices(values)
  var ranks = [Double](repeating: 0, count: values.count)
  var start = 0
  while start < order.count {
    let own = orderedBits(values[order[start]])
    var end = start + 1
    while end < order.count && orderedBits(values[order[end]]) == own { end += 1 }
    let rank = Double(start + 1 + end) / 2
    for place in start..<end { ranks[order[place]] = rank }
    start = end
  }
  return ranks
}

/// Mid-ranks less a constant, from sorted words of the values' upper bits and their positions.
private func midRanks(
  _ values: [Double], sorted words: [UInt64], minus centre: Double
) -> [Double] {
  [Double](unsafeUninitializedCapacity: values.count) { ranks, count in
    count = values.count
    words.withUnsafeBufferPointer { words in
      values.withUnsafeBufferPointer { values in
        var start = 0
        while start < words.count {
          var end = start + 1
          if end < words.count && words[end] >> 32 == words[start] >> 32 {
            let bits = { orderedBits(values[Int(words[$0] & 0xFFFF_FFFF)]) }
            let own = bits(start)
            while end < words.count && bits(end) == own { end += 1 }
          }
          let rank = Double(start + 1 + end) / 2 - centre
          for place in start..<end { ranks[Int(words[place] & 0xFFFF_FFFF)] = rank }
          start = end
        }
      }
    }
  }
}

/// Correlations of two samples of equal length.
public enum Correlation {
  /// Pearson's product-moment correlation.
  public static func pearson(_ left: [Double], _ right: [Double]) -> Statistic {
    if let reason = objection(left, right) { return Statistic(undefined: reason) }
    return Statistic(dot(centredUnit(left), centredUnit(right)))
  }

  /// Spearman's rank correlation: Pearson's of the mid-ranks.
  public static func spearman(_ left: [Double], _ right: [Double]) -> Statistic {
    if let reason = objection(left, right) { return Statistic(undefined: reason) }
    let (left, right) = (centred(midRanks(left)), centred(midRanks(right)))
    // One root of both sums, so that equal and opposite orders give exactly 1 and -1.
    return Statistic(dot(left, right) / (dot(left, left) * dot(right, right)).squareRoot())
  }

  /// Kendall's τ-b in O(n log n), by counting the exchanges of a merge sort (Knight 1966).
  public static func kendallTauB(_ left: [Double], _ right: [Double]) -> Statistic {
    if let reason = objection(left, right) { return Statistic(undefined: reason) }
    let order = left.indices.sorted {
      left[$0] != left[$1] ? left[$0] < left[$1] : right[$0] < right[$1]
    }
    let x = order.map { left[$0] }
    var y = order.map { right[$0] }
    let pairs = tiedPairs(count: x.count) { _, _ in true }
    let tiedBoth = tiedPairs(count: x.count) { x[$0] == x[$1] && y[$0] == y[$1] }
    let tiedX = tiedPairs(count: x.count) { x[$0] == x[$1] }
    let discordant = sortCountingExchanges(&y)
    let tiedY = tiedPairs(count: y.count) { y[$0] == y[$1] }
    let difference = pairs - tiedX - tiedY + tiedBoth - 2 * discordant
    return Statistic(difference / ((pairs - tiedX) * (pairs - tiedY)).squareRoot())
  }

  /// Why no correlation of these samples is defined, or nil.
  package static func objection(_ left: [Double], _ right: [Double]) -> String? {
    precondition(left.count == right.count, "samples of \(left.count) and \(right.count) values")
    if left.count < 2 { return "\(left.count) common values, at least 2 are needed" }
    if left.contains(where: \.isNaN) { return "the first side holds NaN" }
    if right.contains(where: \.isNaN) { return "the second side holds NaN" }
    let isConstant = { (values: [Double]) in values.allSatisfy { $0 == values[0] } }
    if isConstant(left) { return "the first side is constant" }
    if isConstant(right) { return "the second side is constant" }
    return nil
  }

  /// The mid-ranks minus their mean, scaled to length 1.
  package static func centredUnitRanks(_ values: [Double]) -> [Double] {
    guard suitsRadix(values.count) else { return centredUnit(midRanks(values)) }
    // The mean of all ranks is known, and exact in binary.
    var ranks = Statistics.midRanks(
      values, sorted: radixSorted(values), minus: Double(values.count + 1) / 2)
    let length = dot(ranks, ranks).squareRoot()
    for index in ranks.indices { ranks[index] /= length }
    return ranks
  }

  /// The values minus their mean, scaled to length 1.
  package static func centredUnit(_ values: [Double]) -> [Double] {
    var centred = centred(values)
    let length = dot(centred, centred).squareRoot()
    for index in centred.indices { centred[index] /= length }
    return centred
  }

  /// The values minus their mean.
  private static func centred(_ values: [Double]) -> [Double] {
    let mean = values.reduce(0, +) / Double(values.count)
    return values.map { $0 - mean }
  }

  /// The sum over runs of equal neighbours of run·(run−1)/2.
  private static func tiedPairs(count: Int, equal: (Int, Int) -> Bool) -> Double {
    var total = 0
    var start = 0
    for index in 1...count where index == count || !equal(start, index) {
      total += (index - start) * (index - start - 1) / 2
      start = index
    }
    return Double(total)
  }

  private static func sortCountingExchanges(_ values: inout [Double]) -> Double {
    var exchanges = 0
    var buffer = values
    var width = 1
    while width < values.count {
      for start in stride(from: 0, to: values.count, by: 2 * width) {
        let middle = min(start + width, values.count)
        let end = min(start + 2 * width, values.count)
        var (left, right) = (start, middle)
        for target in start..<end {
          if right == end || (left < middle && values[left] <= values[right]) {
            buffer[target] = values[left]
            left += 1
          } else {
            buffer[target] = values[right]
            exchanges += middle - left
            right += 1
          }
        }
      }
      swap(&values, &buffer)
      width *= 2
    }
    return Double(exchanges)
  }
}
