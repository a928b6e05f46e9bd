import Formats
import Testing
import VerificationRecords

/// Lu and Kumar 2020, tables 1 and 2, recomputed from the files that they published.
@Suite(.enabled(if: Mirror.isPresent, "\(Mirror.isMissing)"))
struct PublishedRunsTests {
  private func runs() throws -> [SolverRun] {
    try PublishedRuns.files.flatMap { file in
      let path = Mirror.table(file.name)
      return try PublishedRuns.runs(
        Table(dataFrame: Pickle.read(path: path), name: path), of: file)
    }
  }

  /// Group, rows; per method seconds, branches, unsolved per cent.
  private static let published: [(String, Int, [String: (Double, Double?, Double)])] = [
    (
      "easy", 467,
      [
        "mip": (1499.4, nil, 16.49), "babsr": (545.7, 580.4, 0), "gnn": (272.7, 285.7, 0.21),
        "gnn-online": (208.8, 252.8, 0.21),
      ]
    ),
    (
      "medium", 773,
      [
        "mip": (2240.9, nil, 42.95), "babsr": (1370.4, 1408.7, 0), "gnn": (592.1, 583.2, 0.39),
        "gnn-online": (556.2, 514.8, 0.13),
      ]
    ),
    (
      "hard", 426,
      [
        "mip": (2250.6, nil, 46.24), "babsr": (3127.9, 2562.9, 41.3),
        "gnn": (1577.1, 1111.5, 21.6), "gnn-online": (1369.3, 985.4, 18.3),
      ]
    ),
    (
      "wide", 306,
      [
        "mip": (5855.6, nil, 74.18), "babsr": (4104.3, 851.5, 19.9), "gnn": (2348.9, 408.2, 12.4),
        "gnn-online": (2170.3, 422.2, 9.48),
      ]
    ),
    (
      "deep", 250,
      [
        "mip": (5426.1, nil, 60.80), "babsr": (4061.3, 428.5, 9.20),
        "gnn": (2308.6, 202.7, 4.80), "gnn-online": (2220.3, 198.4, 4.00),
      ]
    ),
  ]

  // Tolerances are half of the last printed digit.
  @Test func `the tables of the paper follow from the published files alone`() throws {
    let summaries = RunSummary.table(try runs())
    #expect(summaries.count == 20)
    for (group, rows, methods) in Self.published {
      for (method, expected) in methods {
        let summary = try #require(
          summaries.first { $0.group == group && $0.method == method })
        #expect(summary.rows == rows)
        #expect(abs(summary.seconds - expected.0) <= 0.05 + 1e-9, "\(group) \(method)")
        #expect((summary.branches == nil) == (expected.1 == nil))
        #expect(abs((summary.branches ?? 0) - (expected.1 ?? 0)) <= 0.05 + 1e-9)
        #expect(abs(summary.unsolvedPercent - expected.2) <= 0.05)
      }
    }
  }

  @Test(arguments: [
    ("base", 1481, [1325, 558, 475]), ("wide", 242, [839, 386, 352]),
    ("deep", 221, [417, 209, 199]),
  ])
  func `the learned branching halves the branches`(
    set: String, rows: Int, branches: [Double]
  ) throws {
    let methods = ["babsr", "gnn", "gnn-online"]
    let common = CommonBranches(try runs().filter { $0.set == set }, methods: methods)
    #expect(common.properties.count == rows)
    for (method, expected) in zip(methods, branches) {
      // Half of the last digit, with room for the halves that were rounded up: 385.5 stands as 386.
      #expect(abs((common.mean[method] ?? 0) - expected) <= 0.55)
    }
  }

  @Test func `every solved verdict but one is that the property holds`() throws {
    let violated = try runs().filter { $0.verdict == .sat }
    #expect(violated.map(\.method) == ["mip"] && violated.map(\.set) == ["wide"])
  }

  @Test func `runs survive the way through a file`() throws {
    let runs = Array(try runs().suffix(300))
    let text = SolverRun.csv(runs)
    #expect(try SolverRun.read(csv: FileContent(Array(text.utf8), name: "runs.csv")) == runs)
  }
}
