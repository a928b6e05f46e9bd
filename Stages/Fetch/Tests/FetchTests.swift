import FetchStage
import Foundation
import StageKit
import StageTesting
import StructuredValue
import Testing

struct FetchTests {
  private static let digest = String(repeating: "0", count: 64)

  private static let wrongFiles: [(Value, String)] = [
    (["sha256": .string(digest)], "there is no 'url'"),
    (["url": "https://a.org/x", "sha256": "12"], "'12' is no SHA-256"),
    (["url": "ftp://a.org/x", "sha256": .string(digest)], "no https or http URL"),
    (["url": "https://a.org/x", "name": "../x", "sha256": .string(digest)], "cannot name a file"),
    (["url": "https://a.org/", "sha256": .string(digest)], "cannot name a file"),
  ]

  @Test(arguments: wrongFiles)
  func `a wrong file is refused before any transfer`(file: Value, message: String) async throws {
    let harness = try StageHarness(Fetch.self)
    let error = await #expect(throws: StageError.self) {
      try await harness.run(parameters: ["files": [file]])
    }
    #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
  }

  @Test func `two files of one name are refused`() async throws {
    let file: Value = ["url": "https://a.org/x", "sha256": .string(Self.digest)]
    let harness = try StageHarness(Fetch.self)
    let error = await #expect(throws: StageError.self) {
      try await harness.run(parameters: ["files": [file, file]])
    }
    #expect(error?.message.contains("two files are called 'x'") == true)
  }
}
