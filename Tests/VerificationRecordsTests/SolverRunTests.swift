import Formats
import Testing
import VerificationRecords

struct SolverRunTests {
  private func run(
    _ property: String, _ method: String, _ verdict: SolverRun.Verdict, _ branches: Int?,
    _ seconds: Double
  ) -> SolverRun {
    SolverRun(
      set: "base", group: "easy", property: property, method: method, verdict: verdict,
      branches: branches, seconds: seconds, limit: 100)
  }

  @Test func `an unsolved row counts its limit, and none of its branches`() throws {
    let summary = try #require(
      RunSummary([
        run("a", "gnn", .unsat, 10, 4), run("b", "gnn", .timeout, 900, 100.3),
        run("c", "gnn", .sat, 20, 7),
      ]))
    #expect(summary.seconds == 37 && summary.branches == 15)
    #expect(summary.solved == 2 && summary.violated == 1)
    #expect(abs(summary.unsolvedPercent - 100.0 / 3) < 1e-12)
  }

  @Test func `only rows that all methods solved are common`() {
    let common = CommonBranches(
      [
        run("a", "gnn", .unsat, 10, 4), run("b", "gnn", .unsat, 30, 8),
        run("a", "babsr", .unsat, 40, 2), run("b", "babsr", .timeout, nil, 100),
      ], methods: ["gnn", "babsr"])
    #expect(common.properties == ["a"])
    #expect(common.mean == ["gnn": 10, "babsr": 40] && common.seconds == ["gnn": 4, "babsr": 2])
  }

  @Test func `a cactus line rises by the rows solved, and never for a timeout`() {
    let runs = [
      run("a", "gnn", .unsat, 10, 4), run("b", "gnn", .unsat, 10, 3),
      run("c", "gnn", .timeout, nil, 100), run("d", "gnn", .sat, 2, 50),
    ]
    let seconds = CactusCurve(runs, method: "gnn", budget: .seconds).points
    #expect(seconds.map(\.budget) == [3, 4, 50] && seconds.map(\.share) == [0.25, 0.5, 0.75])
    let branches = CactusCurve(runs, method: "gnn", budget: .branches).points
    #expect(branches.map(\.budget) == [2, 10] && branches.map(\.share) == [0.25, 0.75])
  }

  @Test(arguments: [
    ("base,e,p,m,proved,1,2,3", "the verdict 'proved'"),
    ("base,e,p,m,unsat,1.5,2,3", "1.5 branches"),
    ("base,e,p,m,unsat,1,-2,3", "-2.0 seconds"), ("base,e,p,m,unsat,1,2,0", "of 0.0"),
    ("base,e,p,m,unsat,1,,3", "nan seconds"), ("base,e,p,m,unsat,x,2,3", "x"),
  ])
  func `a bad row is refused with its place`(row: String, part: String) {
    let text = "set,group,property,method,verdict,branches,seconds,limit\n\(row)\n"
    let error = #expect(throws: FormatError.self) {
      try SolverRun.read(csv: FileContent(Array(text.utf8), name: "runs.csv"))
    }
    #expect(error?.description.contains(part) == true, "\(error?.description ?? "")")
  }

  @Test(arguments: [
    ("maybe", 1.0, 2.0, "'maybe'"), ("False", .nan, 2.0, "a number of branches"),
    ("False", 1.0, .nan, "finite seconds"),
  ])
  func `a bad cell of a published table is refused`(
    verdict: String, branches: Double, seconds: Double, part: String
  ) throws {
    var table = Table(name: "base_easy.pkl")
    for method in ["BSAT_KW", "BSAT_gnnkwT", "BSAT_gnnkwTO"] {
      table.append(.strings([method == "BSAT_gnnkwT" ? verdict : "False"]), named: method)
    }
    for method in ["BBran_KW", "BBran_gnnkwT", "BBran_gnnkwTO"] {
      table.append(.doubles([method == "BBran_gnnkwT" ? branches : 2]), named: method)
    }
    for method in ["BTime_KW", "BTime_gnnkwT", "BTime_gnnkwTO", "GTime"] {
      table.append(.doubles([method == "BTime_gnnkwT" ? seconds : 2]), named: method)
    }
    table.append(.strings(["timeout"]), named: "GSAT")
    let error = #expect(throws: FormatError.self) {
      try PublishedRuns.runs(table, of: PublishedRuns.files[0])
    }
    #expect(error?.description.contains(part) == true, "\(error?.description ?? "")")
  }
}
