@testable import BayesianInference
import Foundation
import Statistics
import StructuredValue
import Tensors
import Testing

struct StandardErrorTests {
  private static func draws(
    _ count: Int, rows: Int, _ random: RandomStream, noise: Double = 0.5
  ) -> PredictiveDraws {
    var random = random
    return PredictiveDraws(
      likelihood: .gaussian(.known(deviation: noise)), count: count, rows: rows, outputs: 1,
      values: random.normals(count * rows).map { Float($0) },
      noise: [Float](repeating: Float(noise), count: count), chains: 1)
  }

  @Test func `errors of means over rows are those of the rows' own scores`() throws {
    let all = Self.draws(30, rows: 40, RandomStream(seed: 1))
    var random = RandomStream(seed: 2)
    let targets = random.normals(40)
    let metrics = try RegressionMetrics(all, targets)
    let single = try (0..<40).map { row in
      try RegressionMetrics(
        PredictiveDraws(
          likelihood: all.likelihood, count: 30, rows: 1, outputs: 1,
          values: (0..<30).map { all.values[$0 * 40 + row] }, noise: all.noise, chains: 1),
        [targets[row]])
    }
    let cases: [(KeyPath<RegressionMetrics, Double>, Double)] = [
      (\.mixtureLogLikelihood, metrics.errors.mixtureLogLikelihood),
      (\.momentLogLikelihood, metrics.errors.momentLogLikelihood),
      (\.gibbsLogLikelihood, metrics.errors.gibbsLogLikelihood),
      (\.coverage95, metrics.errors.coverage95), (\.width95, metrics.errors.width95),
      (\.crps, metrics.errors.crps),
    ]
    for (score, error) in cases {
      let moments = Moments(single.map { $0[keyPath: score] })
      #expect(abs(metrics[keyPath: score] - moments.mean) < 1e-9)
      #expect(abs(error - moments.deviation / 39.0.squareRoot()) < 1e-9)
    }
  }

  @Test func `leaving out blocks gives the error of a mean of independent draws`() throws {
    let all = Self.draws(200, rows: 1, RandomStream(seed: 3))
    let errors = DrawJackknife.standardErrors(all) { [Moments($0.values(at: 0)).mean] }
    // Of a mean the jackknife is exact: the deviation of block means over the root of their number.
    let blocks = (0..<10).map { block in
      Moments((block * 20..<(block + 1) * 20).map { all.value($0, 0) }).mean
    }
    let expected = Moments(blocks).deviation / 3
    #expect(abs((errors[0] ?? 0) - expected) < 1e-9)
    let few = Self.draws(2, rows: 1, RandomStream(seed: 3))
    #expect(DrawJackknife.standardErrors(few) { [Moments($0.values(at: 0)).mean] } == [nil])
  }

  @Test func `the error of a distance is that of distances of other draws`() throws {
    let reference = Self.draws(400, rows: 5, RandomStream(seed: 4).child("reference"))
    var (distances, errors): ([Double], [Double]) = ([], [])
    for repetition in 0..<100 {
      var draws = Self.draws(200, rows: 5, RandomStream(seed: 4).child(repetition))
      draws.values = draws.values.map { 0.7 * $0 + 0.5 }
      let distance = { (draws: PredictiveDraws) in
        try RegressionFidelity(draws, reference: reference).wasserstein2
      }
      distances.append(try distance(draws))
      errors.append(try DrawJackknife.standardErrors(draws) { [try distance($0)] }[0] ?? 0)
    }
    // A deviation of 100 numbers is known to 7 %; a jackknife of 10 blocks scatters by a quarter.
    let ratio = Moments(errors).mean / Moments(distances).deviation
    #expect(ratio > 0.75 && ratio < 1.35, "\(ratio)")
  }

  @Test func `every score of classes has an error, or a reason why it has no value`() throws {
    var random = RandomStream(seed: 5)
    let (members, rows, classes) = (4, 200, 3)
    let probabilities = (0..<members * rows).flatMap { _ -> [Double] in
      let weights = (0..<classes).map { _ in 0.05 + random.uniform() }
      let sum = weights.reduce(0, +)
      return weights.map { $0 / sum }
    }
    let mixture = try ClassMixture(
      ClassProbabilities(probabilities, members: members, rows: rows, classes: classes))
    var scores = Scores()
    _ = try scores.add(
      mixture, (0..<rows).map { $0 % classes }, random: RandomStream(seed: 6))
    #expect(scores.all.count > 15)
    for score in scores.all where score.name != "log_likelihood_se" {
      #expect(score.standardError ?? -1 >= 0 || score.value.reason != nil, "\(score.name)")
    }
  }

  @Test func `rows that count twice count as two rows`() {
    var random = RandomStream(seed: 7)
    let probabilities = (0..<40).map { _ in
      let p = random.uniform()
      return [p, 1 - p]
    }
    let labels = (0..<40).map { $0 % 3 == 0 ? 1 : 0 }
    let once = AdaptiveCalibration(probabilities, labels, groups: 7)
    #expect(once.error() == once.error(counts: [Int](repeating: 1, count: 40)))
    // Every other row twice, the rest never.
    let counts = (0..<40).map { $0 % 2 == 0 ? 2 : 0 }
    let doubled = (0..<40).map { $0 / 2 * 2 }
    let other = AdaptiveCalibration(
      doubled.map { probabilities[$0] }, doubled.map { labels[$0] }, groups: 7)
    #expect(abs(once.error(counts: counts) - other.error()) < 1e-12)
  }
}
