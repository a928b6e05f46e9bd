import EdgeOptimization
import Statistics
import StructuredValue
import Testing

struct ParetoTests {
  @Test func `fronts agree with comparing all pairs, layer by layer`() {
    var generator = SplitMix64(seed: 11)
    let latency = (0..<200).map { _ in Double(generator.next() % 30) }
    let accuracy = (0..<200).map { _ in Double(generator.next() % 30) }
    var rest = Array(0..<200)
    for layer in Pareto.layers(4, of: rest, latency: latency, accuracy: accuracy) {
      let expected = rest.filter { design in
        !rest.contains { other in
          let isNoWorse =
            latency[other] <= latency[design] && accuracy[other] >= accuracy[design]
          let isEqual = latency[other] == latency[design] && accuracy[other] == accuracy[design]
          return isNoWorse && (!isEqual || other < design)
        }
      }
      #expect(layer.sorted() == expected)
      rest.removeAll { layer.contains($0) }
    }
  }

  @Test func `all designs as candidates leave no gap`() {
    let quality = TransferQuality(
      candidates: [0, 1, 2], latency: [1, 2, 3], accuracy: [55, 60, 58])
    #expect(quality.meanGap == 0)
    #expect(quality.hypervolumeRatio.value == 1)
  }

  @Test func `a budget that no candidate keeps has no gap`() {
    let quality = TransferQuality(candidates: [2], latency: [1, 2, 3], accuracy: [55, 60, 70])
    #expect(quality.gaps[0] == nil)
    #expect(quality.meanGap == nil)
  }
}

struct ProxyTransferTests {
  @Test func `a query over the budget is refused and not logged`() throws {
    var oracle = MeasurementOracle(table: [1, 2, .nan], budget: 2)
    #expect(try oracle.measure(0) == 1)
    #expect(try oracle.measure(0) == 1)
    #expect(try oracle.measure(2) == nil)
    let error = #expect(throws: EdgeError.self) { _ = try oracle.measure(1) }
    #expect(error?.message == "2 measurements spent of 2 allowed; design 1 is more")
    #expect(oracle.log == [0, 2])
  }

  @Test func `a target's values that were not measured have no influence`() throws {
    var generator = SplitMix64(seed: 2)
    let proxy = (0..<300).map { _ in Double(1 + generator.next() % 1000) }
    let accuracy = (0..<300).map { _ in Double(generator.next() % 1000) / 10 }
    let target = proxy.map { $0 + Double(generator.next() % 100) }
    let transfer = try ProxyTransfer(layers: 2, sampleCount: 20)
    var oracle = MeasurementOracle(table: target, budget: 300)
    let outcome = try transfer.run(
      proxy: proxy, accuracy: accuracy, oracle: &oracle, seed: 4)
    var changed = target
    for design in changed.indices where !oracle.log.contains(design) { changed[design] = 1e6 }
    var other = MeasurementOracle(table: changed, budget: oracle.spent)
    let repeated = try transfer.run(proxy: proxy, accuracy: accuracy, oracle: &other, seed: 4)
    #expect(repeated.front == outcome.front)
    #expect(repeated.check == outcome.check)
    #expect(other.log == oracle.log)
  }

  @Test func `a transfer that needs more than its budget says how much`() throws {
    let values = (0..<50).map { Double($0 + 1) }
    var oracle = MeasurementOracle(table: values, budget: 10)
    let transfer = try ProxyTransfer(layers: 1, sampleCount: 10)
    let error = #expect(throws: EdgeError.self) {
      try transfer.run(proxy: values, accuracy: values, oracle: &oracle, seed: 1)
    }
    #expect(error?.code == .overBudget)
    #expect(oracle.spent == 0)
  }

  @Test func `equal rankings pass and reversed ones fail`() throws {
    let values = (0..<50).map { Double($0 + 1) }
    let transfer = try ProxyTransfer(layers: 1, sampleCount: 20)
    var same = MeasurementOracle(table: values, budget: 100)
    var reversed = MeasurementOracle(table: values.reversed(), budget: 100)
    #expect(
      try transfer.run(proxy: values, accuracy: values, oracle: &same, seed: 1).verdict == .passes)
    #expect(
      try transfer.run(proxy: values, accuracy: values, oracle: &reversed, seed: 1).verdict
        == .fails)
  }

  @Test(arguments: [(0, 20, 0.9), (1, 3, 0.9), (1, 20, 0), (1, 20, 1.1)])
  func `options out of range are refused`(layers: Int, samples: Int, threshold: Double) {
    let error = #expect(throws: EdgeError.self) {
      try ProxyTransfer(layers: layers, sampleCount: samples, threshold: threshold)
    }
    #expect(error?.code == .badParameter)
  }
}

@Suite(.enabled(if: Mirror.isPresent, "\(Mirror.isAbsent)"))
struct RealParetoTests {
  @Test func `Pareto fronts of the real tables are the expected ones`() throws {
    let accuracy = try Mirror.values("\(Mirror.accuracy)/cifar100.pkl")
    let expected = try Mirror.expected("pareto_front_cifar100_val")
    #expect(expected.count == 6)
    for (device, facts) in expected {
      let front = Pareto.front(
        of: Array(accuracy.indices), latency: try Mirror.helpTable("nasbench201", device),
        accuracy: accuracy)
      #expect(front == facts.map?["indices"]?.list?.compactMap(\.int), "\(device)")
    }
  }

  @Test func `candidates of a proxy are as good on the target as expected`() throws {
    let accuracy = try Mirror.values("\(Mirror.accuracy)/cifar100.pkl")
    let expected = try Mirror.expected("pareto_proxy_cifar100_val")
    #expect(expected.count == 20)
    for (pair, facts) in expected {
      let devices = pair.split(separator: ">").map { $0.trimmingSuffix("-") }
      let proxy = try Mirror.helpTable("nasbench201", devices[0])
      let target = try Mirror.helpTable("nasbench201", devices[1])
      let layers = Pareto.layers(
        10, of: Array(accuracy.indices), latency: proxy, accuracy: accuracy)
      for count in [1, 3, 10] {
        let row = try #require(facts.map?["layers\(count)"]?.map)
        let candidates = layers[..<count].flatMap { $0 }
        let quality = TransferQuality(candidates: candidates, latency: target, accuracy: accuracy)
        let place = "\(pair), \(count) layers"
        #expect(candidates.count == row["candidates"]?.int, "\(place)")
        // The reference gives four decimals of the ratio and three of the gaps.
        #expect(
          near(quality.hypervolumeRatio.value, row["hv_ratio"], 0.0001), "\(place)")
        #expect(near(quality.meanGap, row["mean_gap"], 0.001), "\(place)")
        #expect(near(quality.largestGap, row["max_gap"], 0.001), "\(place)")
      }
    }
  }

  private func near(_ found: Double?, _ expected: Value?, _ tolerance: Double) -> Bool {
    guard let found, let expected = expected?.double else { return false }
    return abs(found - expected) <= tolerance
  }
}

extension Substring {
  fileprivate func trimmingSuffix(_ suffix: String) -> String {
    String(hasSuffix(suffix) ? dropLast(suffix.count) : self)
  }
}
