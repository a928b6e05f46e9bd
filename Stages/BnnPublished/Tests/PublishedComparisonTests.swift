import BnnPublishedStage
import Foundation
import StageKit
import StageTesting
import StructuredValue
import Testing

struct PublishedComparisonTests {
  private static let published = """
    set,method,source,score,mean,error
    boston,dropout,Table B,rmse,3.0,0.1
    boston,dropout,Table A,rmse,9.0,0.1
    boston,dropout,Table B,log_likelihood,-2.5,
    wine,dropout,Table B,rmse,0.6,0.1

    """

  @Test func `means stand beside published ones, with what chance allows`() async throws {
    let outcome = try await run([2, 4, 3])
    #expect(outcome.metrics["splits"] == 3)
    #expect(outcome.metrics["compared"] == 2)
    #expect(outcome.metrics["beyond"] == 1)
    // The population variance is 2/3, the error its root over √3; 3 of both errors and 1 % are allowed.
    let allowed = 3 * (2.0 / 9 + 0.01).squareRoot() + 0.03
    let text = String(decoding: try outcome.bytes("table"), as: UTF8.self)
    #expect(
      text.contains(
        "dropout,rmse,3,3.0,0.4714,\"Table B\",3.0,0.1,\((allowed * 1e4).rounded() / 1e4),yes\n"))
    #expect(text.contains("\"Table A\",9.0,0.1,"))
    // Shown, not judged.
    #expect(text.contains("dropout,log_likelihood,3,-3.0,0.4714,\"Table B\",-2.5,,,\n"))
    #expect(!text.contains("0.6"))
  }

  @Test func `published results of the same splits correlate with ours`() async throws {
    let outcome = try await run([2, 4, 3], results: "-1.0\n-3.0\n-2.0\n")
    #expect(abs((outcome.metrics["split_correlation"]?.double ?? 0) - 1) < 1e-12)
    let other = try await run([2, 4, 3], results: "-3.0\n-1.0\n-2.0\n")
    #expect(abs((other.metrics["split_correlation"]?.double ?? 0) + 1) < 1e-12)
    let few = try await run([2, 4], results: "-1.0\n-3.0\n")
    #expect(few.metrics["split_correlation"] == .null)
  }

  @Test func `what can't be compared is one clear sentence`() async throws {
    var error = await #expect(throws: StageError.self) {
      try await run([2, 4, 3], results: "-1.0\n-3.0\n")
    }
    #expect(error?.message.hasSuffix("has 2 numbers, none for split 2") == true)
    error = await #expect(throws: StageError.self) {
      try await run([1, 2], published: "set,method,source,score,mean,error\na,b,c,brier,1,1\n")
    }
    #expect(error?.message.contains("row 0 has the mean 1.0 of 'brier'") == true)
  }

  private func run(
    _ values: [Double], published: String = published, results: String? = nil
  ) async throws -> StageHarness<PublishedComparison>.Outcome {
    let folder = NSTemporaryDirectory() + "published-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    func write(_ text: String, _ name: String) throws -> String {
      try Data(text.utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
      return "\(folder)/\(name)"
    }
    let items = try values.enumerated().map { split, value in
      let scores: Value = [
        "method": "dropout",
        "metrics": [
          "rmse": ["value": .double(value)], "log_likelihood": ["value": .double(-value)],
        ],
      ]
      return (name: "split=\(split)", path: try write(scores.json(), "\(split).json"))
    }
    var inputs = ["published": try write(published, "published.csv")]
    if let results {
      _ = try write(results, "ll.txt")
      inputs["folder"] = folder
    }
    return try await StageHarness(PublishedComparison.self).run(
      parameters: ["set": "boston", "results": "ll.txt"], inputs: inputs,
      gathered: ["scores": items])
  }
}
