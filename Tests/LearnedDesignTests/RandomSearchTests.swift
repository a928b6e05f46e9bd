import EdgeOptimization
import Tensors
import Testing

@testable import LearnedDesign

struct RandomSearchTests {
  private static let latencies = (0..<40).map { 1 + Double($0) / 10 }
  private static let accuracies = (0..<40).map { 50 + Double($0 * 7 % 40) }

  private static func row(_ budget: Double) -> DesignTrial.Row {
    let within = latencies.indices.filter { latencies[$0] <= budget }
    return DesignTrial.Row(
      device: "phone", budget: budget, optimum: within.map { accuracies[$0] }.max() ?? 0,
      results: [:])
  }

  @Test func `measuring every design loses nothing, and measuring more loses less`() throws {
    let rows = [Self.row(2), Self.row(3.5)]
    let found = try [1, 5, 20, 40].map { count in
      try #require(
        try RandomSearch.summary(
          measuring: count, rows: rows, latencies: Self.latencies, accuracies: Self.accuracies,
          draws: 200, random: RandomStream(seed: 5)))
    }
    #expect(found[3].gap == 0 && found[3].exceeded == 0)
    #expect(found[0].gap > found[1].gap && found[1].gap > found[2].gap && found[2].gap > 0)
    // A single design keeps these budgets as often as designs do: 11 and 26 of 40 are within, and no
    // latency lies within 2 % above.
    #expect(abs(found[0].exceeded - (29.0 + 14) / 80) < 0.07, "\(found[0].exceeded)")
  }

  @Test func `the fastest is taken where no design keeps the budget`() {
    let best = { (budget: Double) in
      RandomSearch.best(of: [4, 9, 30], within: budget, Self.latencies, Self.accuracies)
    }
    #expect(best(1.1) == 4)
    #expect(best(1.9) == (Self.accuracies[4] > Self.accuracies[9] ? 4 : 9))
  }

  @Test func `designs that a device can't run are not drawn`() throws {
    var latencies = Self.latencies
    for index in 0..<39 { latencies[index] = index % 2 == 0 ? .nan : -1 }
    let found = try #require(
      try RandomSearch.summary(
        measuring: 10, rows: [Self.row(4.9)], latencies: latencies, accuracies: Self.accuracies,
        draws: 3, random: RandomStream(seed: 1)))
    #expect(found.gap == Self.row(4.9).optimum - Self.accuracies[39])
    #expect(throws: EdgeError.self) {
      try RandomSearch.summary(
        measuring: 10, rows: [], latencies: [1], accuracies: [1, 2], random: RandomStream(seed: 1))
    }
  }
}
