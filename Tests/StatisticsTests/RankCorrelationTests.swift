import Statistics
import Testing

struct RankCorrelationTests {
  @Test func `equal values share the mean of their ranks`() {
    #expect(midRanks([3, 1, 3, 2]) == [3.5, 1, 3.5, 2])
  }

  @Test func `ranks of many values count what is less and what is equal`() {
    var generator = SplitMix64(seed: 3)
    func draw() -> Double { Double(generator.next() >> 11) / 9_007_199_254_740_992 - 0.5 }
    let spread = (0..<600).map { _ in draw() * 1e3 }
    // Neighbours that differ in their last bits only, ties, both zeros and infinities.
    let close = (0..<600).map { 1 + Double($0 * 7 % 300) * .ulpOfOne }
    let special = (0..<600).map { [0, -0.0, .infinity, -.infinity, -1, 5e-324][$0 % 6] }
    for values in [spread, close, special, spread.map { ($0 / 50).rounded() }] {
      let expected = values.map { value in
        let (less, equal) = values.reduce((0, 0)) {
          ($0.0 + ($1 < value ? 1 : 0), $0.1 + ($1 == value ? 1 : 0))
        }
        return Double(less) + Double(equal + 1) / 2
      }
      #expect(midRanks(values) == expected)
      let order = sortedIndices(values)
      #expect(
        zip(order, order.dropFirst()).allSatisfy {
          values[$0] < values[$1] || (values[$0] == values[$1] && $0 < $1)
        })
    }
  }

  @Test func `tau-b agrees with counting all pairs, ties included`() throws {
    var generator = SplitMix64(seed: 5)
    for count in [2, 3, 17, 64, 65] {
      let left = (0..<count).map { _ in Double(generator.next() % 7) }
      let right = (0..<count).map { _ in Double(generator.next() % 5) }
      guard let value = Correlation.kendallTauB(left, right).value else { continue }
      var (agree, untiedLeft, untiedRight) = (0.0, 0.0, 0.0)
      for first in 0..<count {
        for second in 0..<first {
          let x = left[first] - left[second]
          let y = right[first] - right[second]
          agree += x * y > 0 ? 1 : x * y < 0 ? -1 : 0
          untiedLeft += x == 0 ? 0 : 1
          untiedRight += y == 0 ? 0 : 1
        }
      }
      // Both count integers exactly; the root and the quotient round three times.
      #expect(abs(value - agree / (untiedLeft * untiedRight).squareRoot()) < 1e-15)
    }
  }

  @Test func `a correlation with a constant says which side is constant`() {
    let first = Correlation.spearman([1, 1, 1], [1, 2, 3])
    #expect(first.value == nil)
    #expect(first.reason == "the first side is constant")
    #expect(Correlation.kendallTauB([1, 2], [4, 4]).reason == "the second side is constant")
    #expect(Correlation.pearson([1], [2]).reason == "1 common values, at least 2 are needed")
  }

  @Test func `the interval of a rank correlation matches Fisher's transformation`() throws {
    // atanh 0.9135 = 1.548336, 1.644854·√(1.06/147) = 0.139675, computed by hand.
    let interval = try #require(RankInterval(value: 0.9135, count: 150))
    #expect(abs(interval.lower - 0.8872) < 0.0002)
    #expect(abs(interval.upper - 0.9339) < 0.0002)
    #expect(RankInterval(value: 0.5, count: 3) == nil)
  }

  @Test func `the best of nine needs a wider interval than one alone`() throws {
    // The normal quantile of 1 - 0.05/9 is 2.539184813651313, in R and in Python.
    let chosen = try #require(RankInterval(value: 0.97, count: 10, comparisons: 9))
    #expect(abs(chosen.lower - 0.80200324741381) < 1e-12)
    #expect(abs(chosen.upper - 0.9957876747694954) < 1e-12)
  }

  @Test func `quantiles interpolate linearly`() {
    #expect(quantile([4, 1, 3, 2], 0.5) == 2.5)
    #expect(quantile([10, 20], 0.1) == 11)
  }
}
