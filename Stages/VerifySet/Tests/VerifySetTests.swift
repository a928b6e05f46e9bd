import Formats
import Foundation
import StageKit
import StageTesting
import StructuredValue
import Testing
import VerifySetStage

struct VerifySetTests {
  private static let acasxu: String = {
    let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    let root =
      ProcessInfo.processInfo.environment["PIPELINE_MIRROR"]
      ?? package.appendingPathComponent("../shared/mirror").standardizedFileURL.path
    return "\(root)/raw.githubusercontent.com/stanleybak/vnncomp2021/"
      + "90419aadcf06cf543ce5c1706cae1059dc9fa6cf/benchmarks/acasxu"
  }()
  private static let isPresent = FileManager.default.fileExists(atPath: acasxu)

  private func truth(_ rows: String) throws -> String {
    let path = NSTemporaryDirectory() + "truth-\(UUID().uuidString).csv"
    try Data("onnx,vnnlib,status\n\(rows)".utf8).write(to: URL(fileURLWithPath: path))
    return path
  }

  @Test(.enabled(if: isPresent, "the data mirror is not there; set PIPELINE_MIRROR"))
  func `instances of a competition are decided and compared with what is known`() async throws {
    // The second row claims the contrary of the truth, which must be noticed.
    let known = try truth(
      "ACASXU_run2a_4_5_batch_2000.onnx,prop_4.vnnlib,unsat\n"
        + "ACASXU_run2a_4_5_batch_2000.onnx,prop_3.vnnlib,sat\n")
    let outcome = try await StageHarness(VerifySet.self).run(
      parameters: ["only": ["4_5_batch_2000.onnx prop_3", "4_5_batch_2000.onnx prop_4"]],
      inputs: ["set": VerifySetTests.acasxu, "truth": known])
    #expect(outcome.metrics["instances"] == 2 && outcome.metrics["unsat"] == 2)
    #expect(outcome.metrics["agreed"] == 1 && outcome.metrics["contradictions"] == 1)
    let table = try CSV.read(path: outcome.path("runs"))
    #expect(try table.strings("verdict") == ["unsat", "unsat"])
    #expect(try table.strings("known") == ["sat", "unsat"])
  }

  @Test func `a folder without a list says what it needs`() async throws {
    let folder = NSTemporaryDirectory() + "set-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let error = await #expect(throws: StageError.self) {
      try await StageHarness(VerifySet.self).run(inputs: ["set": folder])
    }
    #expect(
      error?.message
        == "the folder has 0 files *instances.csv; name one with the parameter 'list'")
  }
}
