import Foundation
import StageKit
import StructuredValue
import Testing

struct StageKitTests {
  @Test(
    arguments: [
      .hello(protocol: 1, name: "n", version: "1.0.0"),
      .progress(done: 1, total: 2, unit: "u", message: "m"),
      .metric(name: "x", step: nil, value: .null), .metric(name: "x", step: 3, value: 0.5),
      .log(level: .warn, message: "a\nb"), .checkpoint(path: "tmp/c"), .note(markdown: "**x**"),
      .result(outputs: ["o"], metrics: ["m": 1]),
      .error(code: "bad-input", message: "m", isRetryable: true, slot: "s", line: 4),
    ] as [StageMessage])
  func `messages survive their line`(message: StageMessage) throws {
    #expect(try StageMessage(line: Array(message.line.utf8)) == message)
    #expect(!message.line.contains("\n"))
  }

  @Test func `numbers that JSON cannot write travel as texts`() throws {
    let line = StageMessage.metric(name: "x", step: nil, value: .double(.infinity)).line
    guard case .metric(_, _, let value) = try StageMessage(line: Array(line.utf8)) else { return }
    #expect(value.double == .infinity)
  }

  @Test(arguments: [
    "", "{}", "[]", "{\"type\":1}", "{\"type\":\"hello\"}", "{\"type\":\"metric\",\"name\":\"x\"}",
    "{\"type\":\"metric\",\"name\":\"x\",\"value\":\"abc\"}", "{\"type\":\"error\"}",
  ])
  func `what is no message is refused with an excerpt`(line: String) {
    #expect(throws: StageMessage.ProtocolError.self) { try StageMessage(line: Array(line.utf8)) }
  }

  @Test func `unknown types and fields are ignored`() throws {
    let line = "{\"type\":\"hologram\",\"x\":1}"
    #expect(try StageMessage(line: Array(line.utf8)) == .unknown(type: "hologram"))
  }

  private struct Probe: Stage {
    struct Parameters: Decodable, Sendable {
      var trainRows: Int
      var rate: Double?
    }
    static var manifest: [UInt8] { [] }
    static var code: String { "" }
    func run(_ parameters: Parameters, in context: StageContext) async throws {
      context.metric("rows", parameters.trainRows)
      #expect(throws: StageError.self) { try context.input("nothing") }
      #expect(throws: StageError.self) { try context.output("nothing") }
      #expect(context.inputs("many").map(\.name) == ["d=a", "d=b"])
      #expect(throws: StageError.self) { try context.input("many") }
    }
  }

  @Test func `parameters and inputs reach a stage`() async throws {
    let items = ["a", "b"].map {
      StageRequest.Item(name: "d=\($0)", matrix: ["d": .string($0)], path: "", digest: "")
    }
    let request = StageRequest(
      stage: "probe", version: "1.0.0", action: "", attempt: "",
      params: ["train-rows": 5, "rate": nil],
      inputs: ["many": StageRequest.Input(path: "", kind: "model", digest: "", items: items)],
      outputs: [:], resources: StageRequest.Resources(cpus: 1), seed: 7, checkpoint: nil,
      scratch: "")
    try await StageHost.run(Probe.self, request: request) { message in
      #expect(message == .metric(name: "rows", step: nil, value: 5))
    }
    let json = String(decoding: try JSONEncoder().encode(request), as: UTF8.self)
    #expect(json.contains("\"checkpoint\":null"), "plugins read every key without asking")
  }
}
