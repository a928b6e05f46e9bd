import Foundation
import StageKit
import StageTesting
import StructuredValue
import Testing

/// Copies an input as often as a parameter says.
private struct Repeat: Stage {
  struct Parameters: Decodable, Sendable {
    var copyCount: Int
    var joiner: String
    var scaleFactor: Double?
    var limit: Double
  }

  static let manifest = Array(
    """
    stage: repeat
    version: 1.2.3
    inputs: {text: {kind: text}, more: {kind: text, many: true, required: false}}
    outputs: {copy: {kind: text}}
    metrics: {bytes: {}}
    params:
      copy-count: {type: integer, minimum: 1, required: true}
      joiner: {type: string, default: "+"}
      scale_factor: {type: number, default: 2}
      limit: {type: number, default: .inf}
    """.utf8)
  static let code = "test"

  func run(_ parameters: Parameters, in context: StageContext) async throws {
    let input = try context.input("text")
    let text = try String(contentsOfFile: input.path, encoding: .utf8)
    guard !text.isEmpty else {
      throw StageError(code: .badInput, message: "the text is empty", slot: "text", line: 1)
    }
    let copies = Array(repeating: text, count: parameters.copyCount)
      .joined(separator: parameters.joiner)
    try copies.write(toFile: try context.output("copy"), atomically: false, encoding: .utf8)
    context.progress(1, of: 1)
    context.metric("bytes", copies.utf8.count)
    context.metric("scale", parameters.scaleFactor)
    context.metric("limit", parameters.limit)
    context.metric("undefined", nil)
    context.metric("loss", step: 1, 0.5)
    context.metric("seed", Int(context.seed))
    context.note("made by \(input.slot), \(context.inputs("more").map(\.name))")
    context.log(.warn, "nearly")
    context.checkpoint("\(context.scratch)/c")
  }
}

struct HarnessTests {
  private func file(_ text: String) throws -> String {
    let path = NSTemporaryDirectory() + "harness-" + UUID().uuidString
    try text.write(toFile: path, atomically: false, encoding: .utf8)
    return path
  }

  @Test func `a stage runs with its defaults, and all that it says is kept`() async throws {
    let outcome = try await StageHarness(Repeat.self).run(
      parameters: ["copy-count": 2], inputs: ["text": try file("ab")],
      gathered: ["more": [("d=x", "/x"), ("d=y,e=z", "/y")]], seed: 9)
    #expect(try outcome.bytes("copy") == Array("ab+ab".utf8))
    #expect(
      outcome.metrics == [
        "bytes": 5, "scale": 2.0, "limit": .double(.infinity), "undefined": nil, "seed": 9,
      ], "a point of a curve is no result")
    #expect(outcome.notes == ["made by text, [\"d=x\", \"d=y,e=z\"]"])
    #expect(outcome.log == ["warn: nearly"])
    #expect(outcome.checkpoints.count == 1)
  }

  @Test func `an error keeps its place in the input`() async throws {
    let path = try file("")
    let error = await #expect(throws: StageError.self) {
      try await StageHarness(Repeat.self).run(
        parameters: ["copy-count": 1], inputs: ["text": path])
    }
    #expect(error?.slot == "text" && error?.line == 1 && error?.code == .badInput)
  }

  @Test(
    arguments: [
      ([:], "lacks the parameter 'copy-count'"), (["copy-count": 0], "at least 1"),
      (["copy-count": "x"], "where integer is needed"),
      (["copy-count": 1, "joinr": "-"], "did you mean 'joiner'?"),
    ] as [(Value, String)])
  func `parameters that do not fit the manifest never reach the stage`(
    parameters: Value, words: String
  ) async throws {
    let path = try file("ab")
    let error = await #expect(throws: StageError.self) {
      try await StageHarness(Repeat.self).run(parameters: parameters, inputs: ["text": path])
    }
    #expect(error?.code == .badParameter)
    #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
  }

  @Test func `a stage without its input says which one it lacks`() async throws {
    let error = await #expect(throws: StageError.self) {
      try await StageHarness(Repeat.self).run(parameters: ["copy-count": 1])
    }
    #expect(error?.code == .badInput && error?.slot == "text")
  }

  @Test func `parameters that the properties cannot hold are told as such`() async throws {
    let request = StageRequest(
      stage: "repeat", version: "1.2.3", action: "", attempt: "",
      params: ["copy-count": "many", "joiner": "", "limit": 1], inputs: [:], outputs: [:],
      resources: StageRequest.Resources(cpus: 1), seed: 0, checkpoint: nil, scratch: "")
    let error = await #expect(throws: StageError.self) {
      try await StageHost.run(Repeat.self, request: request) { _ in }
    }
    #expect(error?.code == .badParameter)
  }
}

struct ProtocolErrorTests {
  private func message(_ line: String) -> String? {
    do {
      _ = try StageMessage(line: Array(line.utf8))
      return nil
    } catch {
      return error.description
    }
  }

  @Test(arguments: [
    (#"{"type":"hello","name":"n"}"#, "lacks a valid 'protocol'"),
    (#"{"type":"hello","protocol":"1","name":"n"}"#, "lacks a valid 'protocol'"),
    (#"{"type":"hello","protocol":1}"#, "lacks a valid 'name'"),
    (#"{"type":"progress","total":3}"#, "lacks a valid 'done'"),
    (#"{"type":"progress","done":"x"}"#, "lacks a valid 'done'"),
    (#"{"type":"metric","value":1}"#, "lacks a valid 'name'"),
    (#"{"type":"metric","name":"m"}"#, "lacks a valid 'value'"),
    (#"{"type":"metric","name":"m","value":[1]}"#, "the metric's value is no number"),
    (#"{"type":"metric","name":"m","value":true}"#, "the metric's value is no number"),
    (#"{"type":"log","level":"info"}"#, "lacks a valid 'message'"),
    (#"{"type":"checkpoint"}"#, "lacks a valid 'path'"),
    (#"{"type":"note","markdown":3}"#, "lacks a valid 'markdown'"),
    (#"{"type":"error","code":"x"}"#, "lacks a valid 'message'"),
    (#"{"type":"result""#, "is not a JSON object with a 'type'"),
    ("3", "is not a JSON object with a 'type'"), ("hello", "is not a JSON object with a 'type'"),
    ("\u{1B}[31m", "'·[31m'"),
  ])
  func `a wrong line is told with its reason`(line: String, words: String) {
    #expect(message(line)?.contains(words) == true, "\(message(line) ?? "accepted")")
  }

  @Test func `a long line is shown in part`() {
    let text = message(String(repeating: "x", count: 5000)) ?? ""
    #expect(text.contains("…") && text.count < 200)
  }

  @Test func `a line of bytes that are no UTF-8 is refused`() {
    #expect(throws: StageMessage.ProtocolError.self) {
      try StageMessage(line: [0x7B, 0xFF, 0xFE, 0x7D])
    }
  }

  @Test func `what may be left out has a default`() throws {
    func read(_ line: String) throws -> StageMessage {
      try StageMessage(line: Array(line.utf8))
    }
    #expect(
      try read(#"{"type":"progress","done":2.5}"#)
        == .progress(done: 2, total: 0, unit: "", message: ""))
    #expect(
      try read(#"{"type":"log","level":"loud","message":"m"}"#) == .log(level: .info, message: "m"))
    #expect(try read(#"{"type":"result"}"#) == .result(outputs: [], metrics: [:]))
    #expect(
      try read(#"{"type":"error","message":"m"}"#)
        == .error(code: "failed", message: "m", isRetryable: false, slot: nil, line: nil))
  }
}
