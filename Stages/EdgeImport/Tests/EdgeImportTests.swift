import EdgeImportStage
import EdgeOptimization
import Foundation
import StageKit
import StageTesting
import StructuredValue
import Testing

struct EdgeImportTests {
  @Test func `a CSV of one's own becomes a table, the marker an empty cell`() async throws {
    let folder = try folder(["mine.csv": "index,phone,board\n1,3,-1\n0,2.5,4\n"])
    let outcome = try await StageHarness(EdgeImport.self).run(
      parameters: ["devices": ["phone", "board"], "source": "mine.csv"],
      inputs: ["folder": folder])
    #expect(
      String(decoding: try outcome.bytes("table"), as: UTF8.self)
        == "index,metric,unit,phone,board\n0,latency,ms,2.5,4.0\n1,latency,ms,3.0,\n")
    #expect(outcome.metrics["invalid"] == 1)
  }

  @Test func `a list pickled by Python becomes a column`() async throws {
    // pickle.dumps([1.5, 2.5], protocol=2)
    let bytes: [UInt8] =
      [0x80, 2, 0x5D, 0x71, 0, 0x28, 0x47, 0x3F, 0xF8, 0, 0, 0, 0, 0, 0]
      + [0x47, 0x40, 0x04, 0, 0, 0, 0, 0, 0, 0x65, 0x2E]
    let folder = try folder([:])
    try Data(bytes).write(to: URL(fileURLWithPath: "\(folder)/phone.pickle"))
    let outcome = try await StageHarness(EdgeImport.self).run(
      parameters: ["devices": ["phone"]], inputs: ["folder": folder])
    #expect(
      String(decoding: try outcome.bytes("table"), as: UTF8.self)
        == "index,metric,unit,phone\n0,latency,ms,1.5\n1,latency,ms,2.5\n")
  }

  @Test func `a transformer's latency is that of encoder and decoder`() async throws {
    let names = SubTransformer.names.joined(separator: ",")
    let folder = try folder([
      "pi.csv": names + ",latency_mean_encoder,latency_mean_decoder\n"
        + "512,6,2048,4,640,3,1024,4,4,2,1.5,2.25\n"
    ])
    let outcome = try await StageHarness(EdgeImport.self).run(
      parameters: ["devices": ["pi"], "space": "hat"], inputs: ["folder": folder])
    #expect(
      String(decoding: try outcome.bytes("table"), as: UTF8.self)
        == "index,design,metric,unit,pi\n0,512.0-6.0-2048.0-4.0-640.0-3.0-1024.0-4.0-4.0-2.0,"
        + "latency,ms,3.75\n")
  }

  @Test(arguments: [
    ("index,unit,phone\n0,s,1\n", "its unit is 's', the parameter says 'ms'"),
    ("index,phone\n0,1\n1,0\n", "'phone', index 1: 0.0 is no positive finite value"),
    ("index,board\n0,1\n", "no device 'phone'; the table has 'board'"),
    ("phone\n1\n", "no column 'index'"),
    ("index,phone\n0,1\n0,2\n", "the index 0 occurs twice"),
  ])
  func `a bad table is refused with its place`(text: String, part: String) async throws {
    let folder = try folder(["mine.csv": text])
    let error = await #expect(throws: StageError.self) {
      try await StageHarness(EdgeImport.self).run(
        parameters: ["devices": ["phone"], "source": "mine.csv"], inputs: ["folder": folder])
    }
    #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
    #expect(error?.code == .badInput)
  }

  @Test func `tables of other lengths are refused with both counts`() async throws {
    // pickle.dumps([1.5, 2.5], protocol=2), and of three numbers.
    func list(_ numbers: Int) -> Data {
      let number: [UInt8] = [0x47, 0x3F, 0xF8, 0, 0, 0, 0, 0, 0]
      return Data(
        [0x80, 2, 0x5D, 0x71, 0, 0x28] + (0..<numbers).flatMap { _ in number } + [0x65, 0x2E])
    }
    let folder = try folder([:])
    try list(2).write(to: URL(fileURLWithPath: "\(folder)/phone.pickle"))
    try list(3).write(to: URL(fileURLWithPath: "\(folder)/board.pickle"))
    let error = await #expect(throws: StageError.self) {
      try await StageHarness(EdgeImport.self).run(
        parameters: ["devices": ["phone", "board"]], inputs: ["folder": folder])
    }
    #expect(error?.message == "board.pickle: 3 rows, where the other files have 2")
  }

  @Test func `values without a unit are refused`() async throws {
    let folder = try folder(["mine.csv": "index,phone\n0,1\n1,2\n"])
    let error = await #expect(throws: StageError.self) {
      try await StageHarness(EdgeImport.self).run(
        parameters: ["devices": ["phone"], "source": "mine.csv", "unit": ""],
        inputs: ["folder": folder])
    }
    #expect(error?.message.hasPrefix("'unit' is empty") == true)
  }

  @Test func `a device that rejects more than a fifth is pointed out`() async throws {
    let folder = try folder(["mine.csv": "index,phone\n0,1\n1,-1\n2,3\n"])
    let outcome = try await StageHarness(EdgeImport.self).run(
      parameters: ["devices": ["phone"], "source": "mine.csv"], inputs: ["folder": folder])
    #expect(outcome.log.contains { $0.contains("'phone': 33 % of the rows are invalid") })
  }

  @Test func `devices with one ranking are pointed out`() async throws {
    let folder = try folder(["mine.csv": "index,a,b\n0,1,2\n1,2,3\n2,3,9\n"])
    let outcome = try await StageHarness(EdgeImport.self).run(
      parameters: ["devices": ["a", "b"], "source": "mine.csv"], inputs: ["folder": folder])
    #expect(outcome.log.contains { $0.contains("near-duplicate devices") })
  }

  @Test func `a missing file lists those there are`() async throws {
    let folder = try folder(["other.pickle": ""])
    let error = await #expect(throws: StageError.self) {
      try await StageHarness(EdgeImport.self).run(
        parameters: ["devices": ["phone"]], inputs: ["folder": folder])
    }
    #expect(error?.message.hasSuffix("the folder has other.pickle") == true)
  }

  private func folder(_ files: [String: String]) throws -> String {
    let path = NSTemporaryDirectory() + "import-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    for (name, text) in files {
      try Data(text.utf8).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
    }
    return path
  }
}
