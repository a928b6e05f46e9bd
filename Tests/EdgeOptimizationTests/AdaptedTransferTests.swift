import EdgeOptimization
import Foundation
import Statistics
import StructuredValue
import Testing

struct AdaptedTransferTests {
  private static func knowledge(
    _ method: AdaptedTransfer.Method
  ) throws -> (known: TransferKnowledge, target: [Double]) {
    var generator = SplitMix64(seed: 21)
    let designs = (0..<300).map { _ in (0..<6).map { _ in Int(generator.next() % 5) } }
    let device = { (cost: [Double]) in
      designs.map { design in 1 + design.reduce(0) { $0 + cost[$1] } }
    }
    let accuracy = designs.map { design in
      design.reduce(50.0) { $0 + [0, 2, 5, 7, 1][$1] } + Double(generator.next() % 100) / 50
    }
    let known = try TransferKnowledge(
      space: .nasbench201, designs: designs,
      proxies: [device([0, 3, 0.1, 0.2, 4]), device([0, 0.1, 1, 4, 0.5])], accuracy: accuracy,
      pool: Array(0..<150), method: method, sampleCount: 12, seed: 3)
    return (known, device([0, 0.1, 1.2, 3.5, 0.9]))
  }

  @Test(arguments: AdaptedTransfer.Method.allCases)
  func `what was not measured has no influence, and the budget is kept`(
    method: AdaptedTransfer.Method
  ) throws {
    let (known, target) = try Self.knowledge(method)
    let transfer = try AdaptedTransfer(
      method: method, checkCount: 6, sampleCount: 12, candidateCount: 20)
    var oracle = MeasurementOracle(table: target, budget: 35)
    let outcome = try transfer.run(known, oracle: &oracle, seed: 3)
    #expect(oracle.spent <= 35)
    #expect(outcome.choice.best == 1)
    #expect(outcome.cost.measurements == oracle.spent)
    #expect(outcome.plan.checks + outcome.plan.samples + outcome.candidates == oracle.log)
    var changed = target
    for design in changed.indices where !oracle.log.contains(design) { changed[design] = 1e6 }
    var other = MeasurementOracle(table: changed, budget: 35)
    let repeated = try transfer.run(known, oracle: &other, seed: 3)
    #expect(other.log == oracle.log)
    #expect(repeated.front == outcome.front)
    #expect(repeated.predicted == outcome.predicted)
    #expect(repeated.next == outcome.next)
  }

  @Test func `measurements that were taken elsewhere say what the oracle's would`() throws {
    let (known, target) = try Self.knowledge(.gp)
    let transfer = try AdaptedTransfer(checkCount: 6, sampleCount: 12, candidateCount: 0)
    var oracle = MeasurementOracle(table: target, budget: 18)
    let played = try transfer.run(known, oracle: &oracle, seed: 3)
    let plan = try transfer.plan(known, seed: 3)
    #expect(Set(plan.checks).isDisjoint(with: plan.samples))
    let measured = Dictionary(
      uniqueKeysWithValues: (plan.checks + plan.samples).map { ($0, target[$0]) })
    let assessed = try transfer.assess(known, plan: plan, measured: measured)
    #expect(assessed.predicted == played.predicted)
    #expect(assessed.check == played.check)
    #expect(assessed.front == played.front)
  }

  @Test func `a design that the target can't run is paid for and left out`() throws {
    let (known, target) = try Self.knowledge(.gp)
    let transfer = try AdaptedTransfer(checkCount: 6, sampleCount: 12, candidateCount: 10)
    let plan = try transfer.plan(known, seed: 3)
    var broken = target
    for design in [plan.checks[0], plan.samples[0]] { broken[design] = .nan }
    var oracle = MeasurementOracle(table: broken, budget: 28)
    let outcome = try transfer.run(known, oracle: &oracle, seed: 3)
    #expect(outcome.cost.measurements == oracle.spent)
    #expect(outcome.measured.count == oracle.spent - 2)
    #expect(outcome.front.allSatisfy { !broken[$0].isNaN })
  }

  @Test func `a budget for fewer than the samples is refused before anything is measured`() throws {
    let (known, target) = try Self.knowledge(.none)
    var oracle = MeasurementOracle(table: target, budget: 5)
    let transfer = try AdaptedTransfer(method: .none, checkCount: 4, sampleCount: 10)
    let error = #expect(throws: EdgeError.self) {
      try transfer.run(known, oracle: &oracle, seed: 1)
    }
    #expect(
      error?.message == "4 checks and 10 samples are more than the 5 measurements left")
    #expect(oracle.spent == 0)
  }

  @Test(arguments: [
    (3, 10, 10, 0.9), (10, 3, 10, 0.9), (10, 10, -1, 0.9), (10, 10, 10, 0.0), (10, 10, 10, 1.5),
  ])
  func `options of a transfer out of range are refused`(
    checks: Int, samples: Int, candidates: Int, threshold: Double
  ) {
    let error = #expect(throws: EdgeError.self) {
      try AdaptedTransfer(
        checkCount: checks, sampleCount: samples, candidateCount: candidates, threshold: threshold)
    }
    #expect(error?.code == .badParameter)
  }

  @Test func `more designs than the pool has are refused`() throws {
    let (known, _) = try Self.knowledge(.none)
    let transfer = try AdaptedTransfer(method: .none, checkCount: 80, sampleCount: 80)
    let error = #expect(throws: EdgeError.self) { try transfer.plan(known, seed: 1) }
    #expect(error?.message == "80 checks and 80 samples of 150 valid designs")
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

  @Test func `a proxy that was chosen on the samples that judge it must do better`() throws {
    let (left, right) = ((0..<12).map(Double.init), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 10.0])
    let apart = ProxyCheck(proxy: left, target: right, comparisons: 1)
    let same = ProxyCheck(proxy: left, target: right, comparisons: 9)
    #expect(apart.correlation == same.correlation)
    // 5 % and 5 %/9 of the normal distribution lie beyond 1.644854 and 2.539 standard errors.
    let width = { (check: ProxyCheck) in
      atanh(check.correlation.value ?? 0) - atanh(check.interval?.lower ?? 0)
    }
    #expect(abs(width(same) / width(apart) - 2.539 / 1.644854) < 1e-3)
    #expect(apart.verdict(threshold: 0.97) == .passes)
    #expect(same.verdict(threshold: 0.97) == .uncertain)
  }

  @Test func `a transfer's cost stands beside that of measuring each device by itself`() {
    let cost = TransferCost(checks: 10, adaptations: 10, remeasurements: 30)
    #expect(cost.measurements == 50)
    #expect(cost.seconds == 1000)
    #expect(cost.baselineHours == 5)
    #expect(cost.saving == 18)
  }
}

struct CandidateSearchTests {
  @Test func `a design is worth what it may gain within the limits it may keep`() {
    // 51 designs of latency 1…51, so that limits are 2…50; accuracy grows with latency.
    let latencies = (1...51).map(Double.init)
    var search = CandidateSearch(predicted: latencies, accuracy: latencies)
    #expect(search.limits.first == 2 && search.limits.last == 50)
    // Certain to take 50, it serves one limit, and beats the least accuracy, 1, there.
    #expect(abs(search.gain(49, predicted: 49.9, logDeviation: 0) - 49) < 1e-9)
    // As likely below as above the only limit of its size: half of that, and a little above.
    #expect(abs(search.gain(49, predicted: 50, logDeviation: 1e-6) - 49 / 2) < 1e-6)
    search.observe(49, latency: 50)
    #expect(search.gain(49, predicted: 49.9, logDeviation: 0) == 0)
    #expect(search.gain(50, predicted: 49.9, logDeviation: 0) == 1)
  }

  @Test func `what is chosen makes its like worthless`() {
    let latencies = [10.0, 10, 20, 30, 40, 50]
    let accuracy = [5.0, 5, 6, 7, 8, 9]
    let search = CandidateSearch(predicted: latencies, accuracy: accuracy)
    let chosen = search.chosen(
      6, of: Array(latencies.indices), predicted: latencies,
      logDeviations: latencies.map { _ in 1e-6 })
    #expect(!(chosen.contains(0) && chosen.contains(1)))
    #expect(Set(chosen).count == chosen.count)
  }
}

struct DeviceMeasurementsTests {
  private static func read(_ text: String) throws -> DeviceMeasurements {
    let path = NSTemporaryDirectory() + "measured-\(UUID().uuidString).csv"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    return try DeviceMeasurements(csv: path)
  }

  @Test func `ten numbers are samples, unless the file says what they are for`() throws {
    let plain = try Self.read("index,latency\n7,1.5\n3,2\n")
    #expect(try plain.designs(.sample, in: [3: 0, 7: 1]) == [1, 0])
    #expect(try plain.designs(.check, in: [3: 0, 7: 1]).isEmpty)
    let planned = try Self.read(
      "index,design,purpose,latency\n7,000000,check,1.5\n3,000001,sample,\n")
    #expect(try planned.designs(.check, in: [3: 0, 7: 1]) == [1])
    #expect(planned.latencies[1].isNaN)
  }

  private static let refused: [(String, String)] = [
    ("index,latency\n1,2\n1,3\n", "row 1: the index 1 occurs twice"),
    ("index,latency\n1,2\n4,0\n", "row 1, index 4: the latency 0.0 is not positive"),
    ("index,latency\n1,2\n4,-3\n", "row 1, index 4: the latency -3.0 is not positive"),
    ("index,latency\n1,inf\n", "row 0, index 1: the latency inf is not positive"),
    ("index,latency,purpose\n1,2,test\n", "row 0: the purpose 'test' is none of 'check'"),
    ("index,time\n1,2\n", "latency"),
  ]

  @Test(arguments: refused)
  func `what is no measurement is refused with its row`(text: String, part: String) {
    let error = #expect(throws: (any Error).self) { try Self.read(text) }
    #expect("\(error.map { "\($0)" } ?? "")".contains(part), "\(error.map { "\($0)" } ?? "")")
  }

  @Test func `an index that the table lacks is refused`() throws {
    let plain = try Self.read("index,latency\n7,1.5\n3,2\n")
    let error = #expect(throws: EdgeError.self) { try plain.designs(.sample, in: [7: 0]) }
    #expect(error?.message == "row 1: the latency table has no design with the index 3")
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
  private static let folders = [
    "\(Mirror.oneProxy)/latency_data", "\(Mirror.help)/nasbench201/latency",
    "\(Mirror.help)/fbnet/latency", "\(Mirror.help)/ofa/latency",
  ]

  /// Every mirrored table is the target, and all others of its space may be the proxy.
  @Test func `at most one in twenty proxies that rank too differently passes`() async throws {
    var (bad, apart, corrected, same) = (0, 0, 0, 0)
    for folder in Self.folders {
      let tables = try Mirror.tables(folder, invalid: -1)
      let agreement = await RankAgreement(tables, workers: 2)
      for target in tables.devices.indices {
        let proxies = tables.devices.indices.filter { $0 != target }
        let valid = tables.values[target].indices.filter { !tables.values[target][$0].isNaN }
        for seed in 0..<20 {
          let designs = sample(20, of: valid, seed: UInt64(1000 * target + seed))
          let (samples, checks) = (Array(designs[..<10]), Array(designs[10...]))
          let values = { (device: Int, designs: [Int]) in designs.map { tables.values[device][$0] }
          }
          let choice = try ProxyChoice(
            proxies: proxies.map { values($0, samples) }, target: values(target, samples))
          let proxy = proxies[choice.best]
          guard agreement.matrix[target][proxy].value ?? 0 < 0.9 else { continue }
          bad += 1
          let passes = { (designs: [Int], comparisons: Int) in
            ProxyCheck(
              proxy: values(proxy, designs), target: values(target, designs),
              comparisons: comparisons
            ).verdict(threshold: 0.9) == .passes
          }
          if passes(checks, 1) { apart += 1 }
          if passes(samples, proxies.count) { corrected += 1 }
          if passes(samples, 1) { same += 1 }
        }
      }
    }
    // About 400 of 1500 trials choose a bad proxy. A rate of 5 % then has a standard error of 1.1 %,
    // and the errors of one target's 20 trials are not independent.
    #expect(bad > 300)
    #expect(Double(apart) / Double(bad) < 0.05 + 2 * 0.011)
    // Bonferroni bounds the share of all trials, not of those in which luck chose.
    #expect(Double(corrected) / 1500 < 0.05)
    // What the correction is for.
    #expect(Double(same) / Double(bad) > 0.15)
  }
}
