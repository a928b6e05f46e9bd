import BranchingImportStage
import Foundation
import StageKit
import StageTesting
import StructuredValue
import Testing

struct BranchingImportTests {
  @Test func `a missing table is named without the folder`() async throws {
    let folder = NSTemporaryDirectory() + "branching-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let error = await #expect(throws: StageError.self) {
      try await StageHarness(BranchingImport.self).run(inputs: ["folder": folder])
    }
    #expect(error?.message.hasPrefix("base_easy.pkl") == true, "\(error?.message ?? "")")
    #expect(error?.code == .badInput)
  }

  @Test func `a pickle that would call a function is refused`() async throws {
    let folder = NSTemporaryDirectory() + "branching-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    // pickle.dumps of an object that reduces to os.system("true"), protocol 2
    let bytes: [UInt8] =
      [0x80, 2] + Array("cposix\nsystem\n".utf8) + [0x58, 4, 0, 0, 0] + Array("true".utf8)
      + [0x85, 0x52, 0x2E]
    try Data(bytes).write(to: URL(fileURLWithPath: "\(folder)/deep.pkl"))
    let error = await #expect(throws: StageError.self) {
      try await StageHarness(BranchingImport.self).run(
        parameters: ["files": ["deep"]], inputs: ["folder": folder])
    }
    #expect(error?.message.contains("posix system") == true, "\(error?.message ?? "")")
  }
}
