import BranchingTablesStage
import Foundation
import StageKit
import StageTesting
import StructuredValue
import Testing

struct BranchingTablesTests {
  private let header = "set,group,property,method,verdict,branches,seconds,limit\n"

  private func file(_ text: String) throws -> String {
    let path = NSTemporaryDirectory() + "runs-\(UUID().uuidString).csv"
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    return path
  }

  @Test func `means, common rows and contradictions come out`() async throws {
    let path = try file(
      header + "base,easy,1,babsr,unsat,20,10,100\nbase,easy,2,babsr,timeout,,100,100\n"
        + "base,easy,1,gnn,unsat,10,6,100\nbase,easy,2,gnn,unsat,60,30,100\n"
        + "deep,deep,1,babsr,unsat,8,1,100\ndeep,deep,1,gnn,sat,8,1,100\n")
    let outcome = try await StageHarness(BranchingTables.self).run(
      gathered: ["runs": [("runs", path)]])
    #expect(
      String(decoding: try outcome.bytes("table"), as: UTF8.self) == """
        set,group,method,rows,seconds,branches,unsolved %,counterexamples
        base,easy,babsr,2,55.0,20.0,50.0,0
        base,easy,gnn,2,18.0,35.0,0.0,0
        deep,deep,babsr,1,1.0,8.0,0.0,0
        deep,deep,gnn,1,1.0,8.0,0.0,1

        """)
    #expect(
      String(decoding: try outcome.bytes("common"), as: UTF8.self) == """
        set,method,rows,branches,seconds
        base,babsr,1,20.0,10.0
        base,gnn,1,10.0,6.0
        deep,babsr,1,8.0,1.0
        deep,gnn,1,8.0,1.0

        """)
    #expect(outcome.metrics["contradictions"] == 1 && outcome.metrics["rows"] == 3)
    let base = try await StageHarness(BranchingTables.self).run(
      parameters: ["sets": ["base"]], gathered: ["runs": [("runs", path)]])
    #expect(base.metrics["branch_ratio"] == 0.5 && base.metrics["common_rows"] == 1)
    #expect(base.metrics["baseline_unsolved"] == 50.0 && base.metrics["seconds"] == 18.0)
    #expect(base.metrics["contradictions"] == 0)
  }

  @Test func `an unknown method or set lists those there are`() async throws {
    let path = try file(header + "base,easy,1,babsr,unsat,20,10,100\n")
    for (parameter, value, part) in [
      ("method", "gnn", "there are runs by babsr"), ("baseline", "x", "no run is by 'gnn'"),
    ] {
      let error = await #expect(throws: StageError.self) {
        try await StageHarness(BranchingTables.self).run(
          parameters: [parameter: .string(value)], gathered: ["runs": [("runs", path)]])
      }
      #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
    }
    let error = await #expect(throws: StageError.self) {
      try await StageHarness(BranchingTables.self).run(
        parameters: ["sets": ["wide"]], gathered: ["runs": [("runs", path)]])
    }
    #expect(error?.message.contains("the sets are base") == true)
  }
}
