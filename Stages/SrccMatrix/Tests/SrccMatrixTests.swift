import Foundation
import SrccMatrixStage
import StageKit
import StageTesting
import StructuredValue
import Testing

struct SrccMatrixTests {
  static let table = "index,a,b,c,d\n0,1,2,4,\n1,2,3,3,9\n2,3,1,2,8\n3,4,5,1,7\n"

  @Test func `pairs, extremes and shares follow from the ranks`() async throws {
    let outcome = try await StageHarness(SrccMatrix.self).run(
      parameters: ["proxy": "a", "published": ["a|c": -0.9]],
      inputs: ["table": try file(Self.table)])
    // a: 1 2 3 4, b: 2 3 1 4: Σd² = 1+1+4 = 6, so 1 − 6·6/(4·15) = 0.4; c is a reversed.
    let text = String(decoding: try outcome.bytes("matrix"), as: UTF8.self)
    let row = try #require(text.split(separator: "\n").first { $0.hasPrefix("a,b,") })
    let numbers = row.split(separator: ",").compactMap { Double($0) }
    try #require(numbers.count == 4)
    #expect(abs(numbers[0] - 0.4) < 1e-15)
    // tanh(atanh 0.4 ∓ 1.644854 √(1.06 / (4 − 3)))
    #expect(abs(numbers[1] - -0.853751986) < 1e-8 && abs(numbers[2] - 0.971432860) < 1e-8)
    #expect(numbers[3] == 4)
    // Three common designs give no interval.
    #expect(text.contains("\nc,d,1.0,,,3\n") || text.contains("\nc,d,0.9999999999999998,,,3\n"))
    #expect(outcome.metrics["pairs"] == 6)
    #expect(abs((outcome.metrics["lowest"]?.double ?? 0) + 1) < 1e-15)
    #expect(outcome.metrics["proxy_share_above_threshold"] == 0.0)
    #expect(abs((outcome.metrics["largest_difference"]?.double ?? 0) - 0.1) < 1e-15)
  }

  @Test func `the number of processors changes no byte`() async throws {
    let path = try file(Self.table)
    let one = try await StageHarness(SrccMatrix.self).run(inputs: ["table": path], cpus: 1)
    let four = try await StageHarness(SrccMatrix.self).run(inputs: ["table": path], cpus: 4)
    for slot in ["heatmap", "matrix", "clusters"] {
      #expect(try one.bytes(slot) == four.bytes(slot))
    }
  }

  @Test func `a constant device is left out with its reason`() async throws {
    let outcome = try await StageHarness(SrccMatrix.self).run(
      inputs: ["table": try file("index,a,b,c\n0,1,1,5\n1,2,1,6\n2,3,1,7\n")])
    #expect(outcome.metrics["pairs"] == 1)
    #expect(outcome.log.contains("warn: a and b: undefined, the second side is constant"))
  }

  @Test func `devices that run no common design have no correlation`() async throws {
    let outcome = try await StageHarness(SrccMatrix.self).run(
      inputs: ["table": try file("index,a,b,c\n0,1,,1\n1,2,,3\n2,,5,4\n3,,6,9\n")])
    #expect(outcome.metrics["pairs"] == 2)
    #expect(
      outcome.log.contains("warn: a and b: undefined, 0 common values, at least 2 are needed"))
  }

  @Test func `an unknown proxy or pair lists the devices`() async throws {
    let path = try file(Self.table)
    for parameters: Value in [["proxy": "z"], ["published": ["a|z": 1.0]]] {
      let error = await #expect(throws: StageError.self) {
        try await StageHarness(SrccMatrix.self).run(
          parameters: parameters, inputs: ["table": path])
      }
      #expect(error?.code == .badParameter)
      #expect(error?.message.hasSuffix("a, b, c, d") == true)
    }
  }

  private func file(_ text: String) throws -> String {
    let path = NSTemporaryDirectory() + "srcc-\(UUID().uuidString).csv"
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    return path
  }
}
