import BranchingRunsStage
import Foundation
import StageKit
import StageTesting
import StructuredValue
import Testing
import Verification

struct BranchingRunsTests {
  @Test(
    .enabled(if: Mirror.isPresent, "\(Mirror.isMissing)"),
    arguments: ["babsr", "gnn", "gnn-online", "random", "fsb", "strong"])
  func `a published row is verified with any rule`(rule: String) async throws {
    let outcome = try await StageHarness(BranchingRuns.self).run(
      parameters: [
        "tables": ["base_easy"], "per-table": 1, "most-recorded": 26, "rule": .string(rule),
        "snapshot": "snapshot.pt", "branches": 40, "label": .string("\(rule) here"),
      ], inputs: ["files": try Mirror.files()])
    let lines = String(decoding: try outcome.bytes("runs"), as: UTF8.self).split(separator: "\n")
    #expect(lines.count == 2 && lines[1].contains(",base_easy/"))
    // Two branches suffice for whoever looks; random choices need hundreds.
    let verdict = rule == "random" ? "unknown" : "unsat"
    #expect(lines[1].contains(",\(rule) here,\(verdict),"), "\(lines[1])")
    #expect(outcome.metrics["rows"] == 1)
    #expect((outcome.metrics["decisions"] != nil) == rule.hasPrefix("gnn"))
    // 641 rows, of which 81 are about images that the mirrored batch has.
    #expect(outcome.metrics["skipped"] == 560)
  }

  @Test(.enabled(if: Mirror.isPresent && SequentialSearch.isAvailable, "no data, or no Clp"))
  func `the published search counts the first split's two children`() async throws {
    let outcome = try await StageHarness(BranchingRuns.self).run(
      parameters: [
        "tables": ["base_easy"], "only": ["base_easy/565"], "rule": "gnn", "search": "sequential",
        "snapshot": "snapshot.pt", "branches": 2,
      ], inputs: ["files": try Mirror.files()])
    let lines = String(decoding: try outcome.bytes("runs"), as: UTF8.self).split(separator: "\n")
    #expect(lines.count == 2 && lines[1].contains(",base_easy/565,gnn,unknown,2,"), "\(lines[1])")
    #expect(outcome.metrics["decisions"] == 1 && outcome.metrics["passes"] == 1)
  }

  @Test(.enabled(if: Mirror.isPresent, "\(Mirror.isMissing)"))
  func `a learned rule without weights is refused`() async throws {
    let files = try Mirror.files()
    for (parameters, part) in [
      (["rule": "gnn"] as Value, "needs weights"),
      (["rule": "gnn", "snapshot": "cifar_base_kw.pth"], "'state_dict' holds list"),
      (["rule": "babsr", "network": "none.pth"], "none.pth"),
      (["rule": "babsr", "images": "none"], "none"),
      (["rule": "babsr", "tables": ["base_easy"], "most-recorded": 1], "no row is left"),
      (["rule": "babsr", "only": ["base_easy/641"]], "'base_easy/641'"),
    ] {
      let error = await #expect(throws: StageError.self) {
        try await StageHarness(BranchingRuns.self).run(
          parameters: parameters.merging(["tables": parameters["tables"] ?? ["base_easy"]]),
          inputs: ["files": files])
      }
      #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
      #expect(error?.message.contains(files) == false)
    }
  }
}

extension Value {
  fileprivate func merging(_ other: [String: Value]) -> Value {
    .map((map ?? [:]).merging(other) { first, _ in first })
  }
}
