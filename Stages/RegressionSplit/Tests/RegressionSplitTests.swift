import Foundation
import RegressionSplitStage
import StageKit
import StageTesting
import StructuredValue
import Testing

struct RegressionSplitTests {
  private static let files = [
    "data.txt": " 1 2 3\n 4 5 6\n 7 8 9\n 1 2 3\n", "index_features.txt": "0.0\n2.0\n",
    "index_target.txt": "1\n", "index_train_0.txt": "0\n1\n", "index_test_0.txt": "2\n3\n",
  ]

  @Test func `rows are split and columns chosen by the index files`() async throws {
    let outcome = try await run(Self.files)
    #expect(
      try String(decoding: outcome.bytes("train"), as: UTF8.self)
        == "x0,x1,y\n1.0,3.0,2.0\n4.0,6.0,5.0\n")
    #expect(
      try String(decoding: outcome.bytes("test"), as: UTF8.self)
        == "x0,x1,y\n7.0,9.0,8.0\n1.0,3.0,2.0\n")
    #expect(outcome.metrics["duplicates"] == 1)
    #expect(outcome.log == ["warn: 1 of 2 test rows are training rows, too"])
  }

  private static let refused = [
    ("data.txt", "1 2 x\n4 5 6\n", ""), ("data.txt", "1 2\n4 5 6\n", ""),
    ("data.txt", "1 2 nan\n4 5 6\n7 8 9\n1 2 3\n", "data.txt: row 0"),
    ("index_features.txt", "0\n1\n", "names column 1, which is the target"),
    ("index_features.txt", "0\n3\n", "entry 1 is 3.0; an index from 0 to 2 is needed"),
    ("index_train_0.txt", "0\n0.5\n", "index_train_0.txt: entry 1 is 0.5"),
    ("index_train_0.txt", "0\n-1\n", "entry 1 is -1.0; an index from 0 to 3"),
    ("index_train_0.txt", "0\n0\n", "index 0 is there twice"),
    ("index_train_0.txt", "0\n2\n", "both name row 2"),
    ("index_train_0.txt", "0\n4\n", "entry 1 is 4.0; an index from 0 to 3"),
    ("index_test_0.txt", "", ""), ("index_target.txt", "1\n2\n", "names 2 columns; one is needed"),
  ]

  @Test(arguments: refused.indices)
  func `files that can't be are one clear sentence`(number: Int) async throws {
    let (name, text, part) = Self.refused[number]
    var files = Self.files
    files[name] = text
    let error = await #expect(throws: StageError.self) { try await run(files) }
    #expect(part.isEmpty || error?.message.contains(part) == true, "\(error?.message ?? "")")
    #expect(error?.code == .badInput)
  }

  private func run(_ files: [String: String]) async throws
    -> StageHarness<RegressionSplit>.Outcome
  {
    let folder = NSTemporaryDirectory() + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for (name, text) in files {
      try Data(text.utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
    }
    return try await StageHarness(RegressionSplit.self).run(
      parameters: ["split": 0], inputs: ["folder": folder])
  }
}
