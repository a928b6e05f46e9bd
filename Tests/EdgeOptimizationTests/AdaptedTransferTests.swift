import EdgeOptimization
import StructuredValue
import Testing

struct AdaptedTransferTests {
  private static func knowledge(
    _ adapter: AdaptedTransfer.Adapter
  ) throws -> (known: AdaptedTransfer.Knowledge, target: [Double]) {
    var generator = SplitMix64(seed: 21)
    let designs = (0..<300).map { _ in (0..<6).map { _ in Int(generator.next() % 5) } }
    let device = { (cost: [Double]) in
      designs.map { design in 1 + design.reduce(0) { $0 + cost[$1] } }
    }
    let accuracy = designs.map { design in
      design.reduce(50.0) { $0 + [0, 2, 5, 7, 1][$1] } + Double(generator.next() % 100) / 50
    }
    let known = try AdaptedTransfer.Knowledge(
      space: .nasbench201, designs: designs,
      proxies: [device([0, 3, 0.1, 0.2, 4]), device([0, 0.1, 1, 4, 0.5])], accuracy: accuracy,
      pool: Array(0..<150), adapter: adapter)
    return (known, device([0, 0.1, 1.2, 3.5, 0.9]))
  }

  @Test(arguments: AdaptedTransfer.Adapter.allCases)
  func `what was not measured has no influence, and the budget is kept`(
    adapter: AdaptedTransfer.Adapter
  ) throws {
    let (known, target) = try Self.knowledge(adapter)
    let transfer = try AdaptedTransfer(adapter: adapter, sampleCount: 12, candidateCount: 20)
    var oracle = MeasurementOracle(table: target, budget: 30)
    let outcome = try transfer.run(known, oracle: &oracle, seed: 3)
    #expect(oracle.spent <= 30)
    #expect(outcome.choice.best == 1)
    #expect(outcome.cost.measurements == oracle.spent)
    var changed = target
    for design in changed.indices where !oracle.log.contains(design) { changed[design] = 1e6 }
    var other = MeasurementOracle(table: changed, budget: 30)
    let repeated = try transfer.run(known, oracle: &other, seed: 3)
    #expect(other.log == oracle.log)
    #expect(repeated.front == outcome.front)
    #expect(repeated.predicted == outcome.predicted)
  }

  @Test func `a budget for fewer than the samples is refused before anything is measured`() throws {
    let (known, target) = try Self.knowledge(.none)
    var oracle = MeasurementOracle(table: target, budget: 5)
    let transfer = try AdaptedTransfer(adapter: .none, sampleCount: 10)
    let error = #expect(throws: EdgeError.self) {
      try transfer.run(known, oracle: &oracle, seed: 1)
    }
    #expect(error?.message == "10 samples are more than the 5 measurements left")
    #expect(oracle.spent == 0)
  }

  @Test(arguments: [(3, 10, 0.9), (10, 0, 0.9), (10, 10, 0.0), (10, 10, 1.5)])
  func `options of a transfer out of range are refused`(
    samples: Int, candidates: Int, threshold: Double
  ) {
    let error = #expect(throws: EdgeError.self) {
      try AdaptedTransfer(
        sampleCount: samples, candidateCount: candidates, threshold: threshold)
    }
    #expect(error?.code == .badParameter)
  }

  @Test func `the proxy with the highest rank correlation is chosen, undefined ones are not`()
    throws
  {
    let choice = try ProxyChoice(
      proxies: [[1, 1, 1, 1], [4, 3, 2, 1], [1, 2, 4, 3]], target: [1, 2, 3, 4])
    #expect(choice.best == 2)
    #expect(choice.correlations[0].reason == "the first side is constant")
    let none = #expect(throws: EdgeError.self) { try ProxyChoice(proxies: [], target: [1, 2]) }
    #expect(none?.message == "an empty list of proxies; at least one is needed")
    #expect(throws: EdgeError.self) { try ProxyChoice(proxies: [[1, 1]], target: [1, 2]) }
  }

  @Test func `a transfer's cost stands beside that of measuring each device by itself`() {
    let cost = TransferCost(checks: 0, adaptations: 10, remeasurements: 40)
    #expect(cost.measurements == 50)
    #expect(cost.seconds == 1000)
    #expect(cost.baselineSeconds == 18_000)
    #expect(cost.saving == 18)
  }
}

struct ConstrainedSearchTests {
  private static let costs = [0, 1, 3, 9, 2.0]
  private static func latency(_ design: [Int]) -> Double {
    design.reduce(0.5) { $0 + costs[$1] }
  }
  private static func accuracy(_ design: [Int]) -> Double {
    design.enumerated().reduce(0) { $0 + Double(($1.offset + 1) * [0, 1, 4, 6, 2][$1.element]) }
  }

  @Test(arguments: [5.5, 12, 30])
  func `the evolutionary search finds what enumerating finds`(limit: Double) throws {
    var best = -1.0
    for number in 0..<15_625 {
      var (rest, design) = (number, [Int]())
      for _ in 0..<6 {
        design.append(rest % 5)
        rest /= 5
      }
      if Self.latency(design) <= limit { best = max(best, Self.accuracy(design)) }
    }
    let search = EvolutionarySearch(space: .nasbench201)
    let run = {
      try search.best(
        within: limit, seed: 5, accuracy: Self.accuracy, latency: Self.latency)
    }
    let found = try run()
    #expect(found.latency <= limit)
    #expect(found.accuracy == best)
    #expect(try run() == found)
  }

  @Test func `a sweep over limits gives more accuracy for more time`() throws {
    var search = EvolutionarySearch(space: .nasbench201)
    (search.populationSize, search.generations) = (40, 60)
    let sweep = try search.sweep(seed: 2, accuracy: Self.accuracy, latency: Self.latency)
    #expect(sweep.count == 19)
    #expect(sweep.allSatisfy { $0.found.latency <= $0.limit })
    for (left, right) in zip(sweep, sweep.dropFirst()) {
      #expect(left.found.accuracy <= right.found.accuracy)
    }
  }

  @Test func `a limit that no design keeps is answered with the range of those that can be kept`() {
    let error = #expect(throws: EdgeError.self) {
      try EvolutionarySearch(space: .nasbench201).best(
        within: 0.1, seed: 1, accuracy: Self.accuracy, latency: Self.latency)
    }
    #expect(error?.message.hasPrefix("no design is as fast as 0.1; ") == true)
    let range = FeasibleRange(latencies: [2, .nan, 5])
    #expect(
      range?.meaning(of: 1)
        == .infeasible("no design keeps the limit 1.0; feasible are limits of 2.0…5.0"))
    #expect(range?.meaning(of: 3) == .binding)
    if case .unconstrained = range?.meaning(of: 9) {
    } else {
      Issue.record("a limit above all latencies excludes nothing")
    }
    #expect(FeasibleRange(latencies: [.nan]) == nil)
  }
}

@Suite(.enabled(if: Mirror.isPresent, "\(Mirror.isAbsent)"))
struct RealVerdictTests {
  @Test func `the lower bound does not pass where a point estimate wrongly would`() throws {
    let proxy = try Mirror.oneProxyTable("rice_pixel3")
    let target = try Mirror.oneProxyTable("true_a76")
    let samples = (0..<150).map { 769 * $0 % 1999 }
    let found = Correlation.spearman(samples.map { proxy[$0] }, samples.map { target[$0] })
    let value = try #require(found.value)
    #expect(abs(value - 0.9135) < 0.0002)
    let whole = Correlation.spearman(proxy, target).value ?? 0
    #expect(abs(whole - 0.8888) < 0.0002)
    let interval = RankInterval(value: value, count: 150)
    #expect(ProxyTransfer.Verdict(interval, threshold: 0.9) == .uncertain)
  }
}
