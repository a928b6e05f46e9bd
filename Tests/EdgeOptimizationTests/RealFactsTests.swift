import EdgeOptimization
import Foundation
import Statistics
import StructuredValue
import Testing

/// What was computed independently from the published tables and is no correlation matrix or front.
@Suite(.enabled(if: Mirror.isPresent, "\(Mirror.isAbsent)"))
struct RealFactsTests {
  @Test(arguments: [
    ("cifar100", 9930, "333133", 73.49333332519531), ("cifar10", 6111, "333132", nil),
    ("imagenet", 10676, "322133", nil),
  ])
  func `the most accurate cell is the known one`(
    data: String, index: Int, digits: String, mean: Double?
  ) throws {
    let accuracy = try Mirror.values("\(Mirror.accuracy)/\(data).pkl")
    #expect(accuracy.count == 15_625)
    #expect(accuracy.firstIndex(of: accuracy.max() ?? 0) == index)
    #expect(try Mirror.nasBench201()[index].map(String.init).joined() == digits)
    if let mean { #expect(abs(accuracy[index] / mean - 1) < 1e-9) }
  }

  @Test func `accuracies agree between data sets, and are at chance only without a path`() throws {
    let fine = try Mirror.values("\(Mirror.accuracy)/cifar100.pkl")
    let coarse = try Mirror.values("\(Mirror.accuracy)/cifar10.pkl")
    #expect(abs((Correlation.spearman(coarse, fine).value ?? 0) - 0.9763) < 0.0002)
    let designs = try Mirror.nasBench201()
    #expect(
      designs.indices.allSatisfy { (fine[$0] <= 1.5) != NASBench201.isConnected(designs[$0]) })
  }

  @Test func `phones are measured in few distinct values, the FPGA in 84`() throws {
    let counts = try ["samsung_a50", "samsung_s7", "essential_ph_1", "fpga"].map {
      Set(try Mirror.helpTable("nasbench201", $0)).count
    }
    #expect(counts == [63, 79, 39, 84])
  }

  /// What a cell costs through which no data flows, as a share of the median latency.
  @Test(arguments: [
    ("pixel3", 0.004...0.006), ("raspi4", 0.004...0.006), ("1080ti_1", 0.77...0.82),
    ("1080ti_256", 0.77...0.82), ("2080ti_32", 0.77...0.82), ("titan_rtx_1", 0.77...0.82),
    ("titanx_256", 0.77...0.82), ("titanxp_32", 0.77...0.82),
  ])
  func `a cell without a path costs next to nothing where dead code is removed`(
    device: String, share: ClosedRange<Double>
  ) throws {
    let table = try Mirror.helpTable("nasbench201", device)
    let designs = try Mirror.nasBench201()
    let dead = designs.indices.filter { !NASBench201.isConnected(designs[$0]) }
    #expect(dead.count == 341)
    let found = quantile(dead.map { table[$0] }, 0.5) / quantile(table, 0.5)
    #expect(share.contains(found), "\(found)")
  }

  /// Operations of the cell as it is written, over all cells and by HELP's protocol.
  @Test(arguments: [
    ("titan_rtx_256", 0.9718, 0.951), ("fpga", 0.9385, 0.8945), ("raspi4", 0.8727, 0.8714),
  ])
  func `operations alone rank devices as known`(
    device: String, whole: Double, trimmed: Double
  ) throws {
    let costs = try Mirror.nasBench201().map { Double(NASBench201.operationsCIFAR10($0)) }
    let table = try Mirror.helpTable("nasbench201", device)
    #expect(abs((Correlation.spearman(costs, table).value ?? 0) - whole) < 0.0002)
    let kept = (900..<1900).sorted {
      table[$0] != table[$1] ? table[$0] < table[$1] : $0 < $1
    }[100..<900]
    let found = Correlation.spearman(kept.map { costs[$0] }, kept.map { table[$0] })
    #expect(abs((found.value ?? 0) - trimmed) < 0.0002)
  }

  @Test func `an FPGA's latency is a sum of table entries in all 15,625 cells`() throws {
    let table = try Mirror.helpTable("nasbench201", "fpga")
    let features = SearchSpace.nasbench201.oneHot(try Mirror.nasBench201())
    let predicted = try LookupTableFit().fit(features, table).predict(features)
    // The reference leaves 8.88e-15 ms; sums in another order move that by a few units in the last place.
    #expect(zip(predicted, table).allSatisfy { abs($0 - $1) < 1e-12 })
    #expect(Set(table).count == 84)
  }

  @Test(arguments: [("cifar100", 0.803), ("cifar10", 0.717)])
  func `a look-up table ranks accuracies as known`(data: String, spearman: Double) throws {
    let accuracy = try Mirror.values("\(Mirror.accuracy)/\(data).pkl")
    let features = SearchSpace.nasbench201.oneHot(Array(try Mirror.nasBench201()[..<1900]))
    let model = try LookupTableFit().fit(
      features.rows(Array(0..<900)), Array(accuracy[..<900]))
    let quality = PredictionQuality(
      predicted: model.predict(features.rows(Array(900..<1900))),
      measured: Array(accuracy[900..<1900]))
    // Three digits are given.
    #expect(abs((quality.spearman.value ?? 0) - spearman) < 0.0007)
  }

  @Test func `two of OneProxy's devices are nearly one table, and others have the known range`()
    throws
  {
    let (left, right) = (
      try Mirror.oneProxyTable("eagle_i7"), try Mirror.oneProxyTable("eagle_gtx")
    )
    #expect(abs((Correlation.spearman(left, right).value ?? 0) - 0.9989) < 0.0002)
    let differences = zip(left, right).map { abs($0 / $1 - 1) }.sorted()
    #expect(abs(differences[999] - 0.0049) < 0.0001)
    for (device, facts) in try Mirror.expected("oneproxy_table") {
      let values = try Mirror.oneProxyTable(device)
      #expect(values.min() == facts.map?["min"]?.double, "\(device)")
      #expect(values.max() == facts.map?["max"]?.double, "\(device)")
    }
  }

  /// Means over ten draws of samples and 14 targets; the prototype's, ±0.01.
  @Test(arguments: [(20, 0.858), (50, 0.916), (70, 0.926), (150, 0.944)])
  func `AdaProxy lifts the Myriad's mean correlation as the prototype does`(
    count: Int, mean: Double
  ) throws {
    let designs = try RawTables.designs(
      path: "\(Mirror.root)/\(Mirror.oneProxy)/encode.pickle", space: .nasbench201
    ).map { try SearchSpace.nasbench201.design($0) }
    let features = SearchSpace.nasbench201.oneHot(designs)
    let tables = try Mirror.tables("\(Mirror.oneProxy)/latency_data", invalid: -1)
    let proxy = try #require(tables.devices.firstIndex(of: "true_vpu"))
    let weights = try AdaProxy.proxyWeights(features: features, values: tables.values[proxy])
    var (total, targets) = (0.0, 0.0)
    for (target, table) in tables.values.enumerated() where target != proxy {
      let valid = table.indices.filter { !table[$0].isNaN }
      let (whole, measured) = (features.rows(valid), valid.map { table[$0] })
      for seed in 0..<10 {
        let samples = sample(count, of: valid, seed: UInt64(100 * target + seed))
        let outcome = try AdaProxy().adapt(
          proxy: weights, features: features.rows(samples), values: samples.map { table[$0] })
        total += Correlation.spearman(outcome.predictor.predict(whole), measured).value ?? 0
        targets += 1
      }
    }
    // Leave-one-out chooses λ at least as well as the prototype's held-out samples.
    #expect(total / targets > mean - 0.01, "\(total / targets)")
  }
}
