import EdgeOptimization
import Statistics
import StructuredValue
import Testing

/// Ground truth computed with SciPy from the published tables; 4 decimals, so ±0.0002.
@Suite(.enabled(if: Mirror.isPresent, "\(Mirror.isAbsent)"))
struct RealTableTests {
  @Test func `tables read as their own statistics say`() throws {
    for (device, facts) in try Mirror.expected("oneproxy_table") {
      let values = try Mirror.oneProxyTable(device)
      #expect(values.count == facts.map?["n"]?.int)
      let valid = values.filter { $0 != -1 }
      #expect(values.count - valid.count == facts.map?["invalid"]?.int)
      let mean = try #require(facts.map?["mean"]?.double)
      let all = values.reduce(0, +) / Double(values.count)
      let some = valid.reduce(0, +) / Double(valid.count)
      #expect(min(abs(all / mean - 1), abs(some / mean - 1)) < 1e-9, "\(device)")
      #expect(Array(values.prefix(3)) == facts.map?["first3"]?.list?.compactMap(\.double))
    }
  }

  @Test func `rank correlations of OneProxy's tables are the published ones`() async throws {
    let agreement = await RankAgreement(
      try Mirror.tables("\(Mirror.oneProxy)/latency_data"), workers: 2)
    try expectPairs(agreement, "oneproxy_spearman_raw", count: 105)
    let spearman = Correlation.spearman(
      try Mirror.oneProxyTable("true_vpu"), try Mirror.oneProxyTable("eagle_gtx"))
    // 15 digits of the public notebook; the order of summation moves the last one.
    #expect(abs((spearman.value ?? 0) - 0.690526859861756) < 2e-15)
  }

  @Test func `designs that a device rejects are left out of its correlations`() async throws {
    let agreement = await RankAgreement(
      try Mirror.tables("\(Mirror.oneProxy)/latency_data", invalid: -1), workers: 3)
    let device = try #require(agreement.devices.firstIndex(of: "rice_edgetpu"))
    #expect(agreement.counts[device][device] == 1999 - 259)
    let expected = try Mirror.expected("oneproxy_spearman_edgetpu_valid_only")
    #expect(expected.count == 14)
    for (other, value) in expected {
      let position = try #require(agreement.devices.firstIndex(of: other))
      let found = try #require(agreement.matrix[device][position].value)
      #expect(abs(found - (value.double ?? 0)) < 0.0002, "\(other)")
    }
  }

  @Test(arguments: [("nasbench201", 276), ("fbnet", 276), ("ofa", 66)])
  func `rank correlations of HELP's tables are the expected ones`(
    space: String, count: Int
  ) async throws {
    let agreement = await RankAgreement(
      try Mirror.tables("\(Mirror.help)/\(space)/latency"), workers: 2)
    try expectPairs(agreement, "help_\(space)_spearman", count: count)
  }

  @Test func `the number of workers changes no bit`() async throws {
    let tables = try Mirror.tables("\(Mirror.oneProxy)/latency_data", invalid: -1)
    let one = await RankAgreement(tables, workers: 1)
    let five = await RankAgreement(tables, workers: 5)
    #expect(one == five)
  }

  @Test func `tau-b of OneProxy's tables is the expected one`() throws {
    for (pair, value) in try Mirror.expected("oneproxy_kendall_tau_b") {
      let names = pair.split(separator: "|").map(String.init)
      let found = Correlation.kendallTauB(
        try Mirror.oneProxyTable(names[0]), try Mirror.oneProxyTable(names[1]))
      #expect(abs((found.value ?? 0) - (value.double ?? 0)) < 0.0002, "\(pair)")
    }
  }

  private func expectPairs(_ agreement: RankAgreement, _ key: String, count: Int) throws {
    let expected = try Mirror.expected(key)
    #expect(expected.count == count)
    for (pair, value) in expected {
      let positions = try pair.split(separator: "|").map { name in
        try #require(agreement.devices.firstIndex(of: String(name)))
      }
      let found = try #require(agreement.matrix[positions[0]][positions[1]].value)
      #expect(abs(found - (value.double ?? 0)) < 0.0002, "\(pair)")
    }
  }
}
