import AdaptedTransferStage
import Foundation
import StageKit
import StageTesting
import StructuredValue
import Testing

struct AdaptToTargetTests {
  private static let operations = (0..<200).map { row in
    (0..<6).map { (row * 7919 / [1, 5, 25, 125, 625, 3125][$0] + row * $0) % 5 }
  }
  private static func column(_ cost: [Double]) -> [Double] {
    operations.map { design in 1 + design.reduce(0) { $0 + cost[$1] } }
  }
  static let target = column([0, 0.1, 1.2, 3.5, 0.9])
  static let latency: String = {
    let devices = [
      column([0, 0.1, 1, 4, 0.5]), column([0, 0.3, 2, 3, 1]), target,
    ]
    return "index,design,phone,board,new\n"
      + operations.enumerated().map { row, design in
        "\(row),\(design.map(String.init).joined()),"
          + devices.map { "\($0[row])" }
          .joined(separator: ",") + "\n"
      }.joined()
  }()
  static let accuracy =
    "index,cifar\n"
    + operations.enumerated().map { row, design in
      "\(row),\(50 + design.reduce(0) { $0 + [0, 2, 5, 7, 1][$1] } + row % 3)\n"
    }.joined()

  @Test(arguments: ["none", "adaproxy", "gp"])
  func `a device like the known ones is ranked well from few samples`(
    method: String
  ) async throws {
    let outcome = try await run([
      "target": "new", "proxies": ["phone", "board"], "method": .string(method), "checks": 6,
      "samples": 12, "candidates": 20, "pool": 100,
    ])
    #expect(outcome.metrics["srcc"]?.double ?? 0 > 0.9)
    #expect(outcome.metrics["measurements"]?.int ?? 99 <= 38)
    let cost = try outcome.text("cost")
    #expect(cost.hasPrefix("purpose,measurements,hours\ncheck,6,0.033333\nadapt,12,0.066667\n"))
    #expect(cost.hasSuffix("a predictor of its own,900,5.0\n"))
    let measured = try outcome.text("measured").split(separator: "\n")
    #expect(measured.count(where: { $0.contains(",check,") }) == 6)
    #expect(measured.count(where: { $0.contains(",sample,") }) == 12)
    let evaluation = try outcome.text("evaluation").split(separator: "\n")
    let names = evaluation[0].split(separator: ",", omittingEmptySubsequences: false)
    let values = evaluation[1].split(separator: ",", omittingEmptySubsequences: false)
    #expect(evaluation.count == 2 && names.count == values.count && values[0] == "new")
    #expect(names.contains("coverage") == (method == "gp"))
    for (name, value) in zip(names.dropFirst(), values.dropFirst()) {
      #expect(Double(value) == outcome.metrics[String(name)]?.double, "\(name)")
    }
  }

  @Test func `the same seed gives the same bytes`() async throws {
    let parameters: Value = [
      "target": "new", "proxies": ["phone", "board"], "candidates": 10, "pool": 100,
    ]
    let (first, again) = (try await run(parameters), try await run(parameters))
    for slot in ["next", "ranking", "measured", "predictions", "proxies", "cost", "scatter"] {
      #expect(try first.bytes(slot) == again.bytes(slot))
    }
  }

  @Test func `a value that was not measured reaches no output but the evaluation`() async throws {
    let parameters: Value = [
      "target": "new", "proxies": ["phone", "board"], "candidates": 10, "pool": 100,
    ]
    let first = try await run(parameters)
    let asked = Set(
      try first.text("measured").split(separator: "\n").dropFirst().map {
        Int($0.split(separator: ",")[1]) ?? -1
      })
    #expect(asked.count == 30)
    let changed = Self.latency.split(separator: "\n").enumerated().map { line, text in
      line == 0 || asked.contains(line - 1)
        ? String(text) : text.split(separator: ",").dropLast().joined(separator: ",") + ",777"
    }
    let other = try await run(parameters, latency: changed.joined(separator: "\n") + "\n")
    for slot in ["next", "ranking", "measured", "predictions", "proxies", "cost"] {
      #expect(try first.bytes(slot) == other.bytes(slot), "\(slot)")
    }
  }

  @Test func `a new device is planned, measured, and ranked`() async throws {
    let parameters: [String: Value] = [
      "proxies": ["phone", "board"], "checks": 6, "samples": 10, "candidates": 5, "pool": 100,
    ]
    // The table holds known devices only.
    let known = Self.latency.split(separator: "\n").map {
      $0.split(separator: ",").dropLast().joined(separator: ",") + "\n"
    }.joined()
    let planned = try await run(.map(parameters), latency: known)
    let lines = try planned.text("next").split(separator: "\n")
    #expect(lines[0] == "index,design,purpose,latency")
    #expect(lines.count == 17)
    let measured =
      ([String(lines[0])]
      + lines.dropFirst().map { line in
        "\(line)\(Self.target[Int(line.split(separator: ",")[0]) ?? 0])"
      }).joined(separator: "\n")
    let outcome = try await run(.map(parameters), latency: known, measurements: measured)
    #expect(outcome.metrics["measurements"] == 16)
    #expect(outcome.metrics["adapted_srcc"]?.double ?? 0 > 0.9)
    #expect(outcome.metrics["srcc"] == nil)
    #expect(outcome.notes[0].contains("the new device, 16 measurements"))
    #expect(try outcome.text("next").split(separator: "\n").count == 6)
    #expect(try outcome.text("predictions").split(separator: "\n").count == 201)
    // What is played through from a table is the same.
    var played = parameters
    played["target"] = "new"
    played["candidates"] = 0
    let other = try await run(.map(played))
    #expect(try other.bytes("predictions") == outcome.bytes("predictions"))
  }

  @Test func `ten plain numbers are enough`() async throws {
    let measured =
      "index,latency\n" + (0..<10).map { "\(9 * $0),\(Self.target[9 * $0])\n" }.joined()
    let outcome = try await run(
      ["target": "toaster", "proxies": ["phone", "board"], "pool": 100, "limit": 12],
      measurements: measured)
    #expect(outcome.notes[0].contains("on the same designs, for want of checks"))
    #expect(outcome.notes[0].contains("Best measured design within 12.0 ms: index "))
    #expect(outcome.metrics["measurements"] == 10)
  }

  @Test func `a limit that no measured design keeps is answered with those that can be kept`()
    async throws
  {
    let outcome = try await run([
      "target": "new", "proxies": ["phone"], "pool": 100, "limit": 0.5,
    ])
    #expect(outcome.notes[0].contains("no design keeps the limit 0.5; feasible are limits of "))
  }

  @Test func `a known device with the target's values is a trivial transfer`() async throws {
    let lines = Self.latency.split(separator: "\n").enumerated().map { line, text -> String in
      let last = line == 0 ? "twin" : String(text.split(separator: ",").last ?? "")
      return "\(text),\(last)\n"
    }
    let outcome = try await run(
      ["target": "new", "proxies": ["phone", "twin"], "pool": 100], latency: lines.joined())
    #expect(
      outcome.log.contains { $0.contains("'twin' and 'new' hold the same values: a trivial") })
  }

  @Test func `accuracies are found by design where the indices differ`() async throws {
    let parameters: Value = [
      "target": "new", "proxies": ["phone"], "pool": 100, "candidates": 5, "method": "none",
    ]
    let accuracy =
      "index,design,cifar\n"
      + Self.operations.enumerated().reversed().map { row, design in
        "\(1000 - row),\(design.map(String.init).joined()),\(50 + row % 7)\n"
      }.joined()
    let outcome = try await run(parameters, accuracy: accuracy)
    for line in try outcome.text("ranking").split(separator: "\n").dropFirst() {
      let cells = line.split(separator: ",")
      #expect(Double(cells[3]) == Double(50 + (Int(cells[1]) ?? 0) % 7))
    }
  }

  @Test func `without accuracies latencies are predicted, but no candidates are chosen`()
    async throws
  {
    let inputs = ["latency": try file(Self.latency)]
    var parameters: [String: Value] = ["target": "new", "proxies": ["phone"], "checks": 0]
    let error = await #expect(throws: StageError.self) {
      try await StageHarness(AdaptToTarget.self).run(
        parameters: .map(parameters), inputs: inputs, seed: 1)
    }
    #expect(error?.message.contains("no accuracy table, so 30 candidates") == true)
    parameters["candidates"] = 0
    let outcome = try await StageHarness(AdaptToTarget.self).run(
      parameters: .map(parameters), inputs: inputs, seed: 1)
    #expect(try #require(outcome.metrics["srcc"].flatMap(\.double)) > 0.9)
    #expect(outcome.metrics["mean_gap"] == nil)
  }

  private static let refused: [(Value, String)] = [
    (["target": "new", "proxies": ["phone", "new"]], "the target 'new' is among the proxies"),
    (["target": "new", "proxies": ["tv"]], "no device 'tv'"),
    (["target": "tv", "proxies": ["phone"]], "no device 'tv'"),
    (["target": "new", "proxies": ["phone"], "samples": 201, "pool": 200], "201 samples of"),
    (["target": "new", "proxies": ["phone"], "checks": 2], "2 checks; an interval"),
  ]

  @Test(arguments: refused)
  func `what can't work is refused with its reason`(parameters: Value, part: String) async throws {
    let error = await #expect(throws: StageError.self) { try await run(parameters) }
    #expect(error?.code == .badParameter)
    #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
  }

  private static let badFiles: [(latency: String?, accuracy: String?, measured: String?, String)] =
    [
      (nil, "index,cifar\n0,60\n", nil, "the latency table has 200 designs, the accuracy table 1"),
      (nil, accuracy.replacing("cifar", with: "cifar,imagenet"), nil, ""),
      ("index,phone,new\n0,1,2\n", nil, nil, "no column 'design'"),
      (
        "index,design,phone,new\n0,000009,1,2\n", nil, nil,
        "position 5 of a nasbench201 design is 9"
      ),
      (nil, nil, "index,latency\n0,1\n1,2\n2,3\n", "3 samples with a latency; at least 4"),
      (nil, nil, "index,latency\n0,1\n1,2\n2,3\n999,4\n", "row 3: the latency table has no design"),
      (nil, nil, "index,latency\n0,1\n1,-2\n", "row 1, index 1: the latency -2.0 is not positive"),
      (nil, nil, "index,latency\n0,3\n1,3\n2,3\n5,3\n", "is constant"),
    ]

  @Test(arguments: badFiles.indices)
  func `a file that can't work is refused with its reason`(number: Int) async throws {
    let (latency, accuracy, measured, part) = Self.badFiles[number]
    let error = await #expect(throws: StageError.self) {
      try await run(
        ["target": measured == nil ? "new" : "", "proxies": ["phone"]],
        latency: latency ?? Self.latency, accuracy: accuracy ?? Self.accuracy,
        measurements: measured)
    }
    #expect(error?.code == .badInput)
    #expect(part.isEmpty || error?.message.contains(part) == true, "\(error?.message ?? "")")
  }

  private func run(
    _ parameters: Value, latency: String = latency, accuracy: String = accuracy,
    measurements: String? = nil
  ) async throws -> StageHarness<AdaptToTarget>.Outcome {
    var inputs = ["latency": try file(latency), "accuracy": try file(accuracy)]
    if let measurements { inputs["measurements"] = try file(measurements) }
    return try await StageHarness(AdaptToTarget.self).run(
      parameters: parameters, inputs: inputs, seed: 1)
  }

  private func file(_ text: String) throws -> String {
    let path = NSTemporaryDirectory() + "adapted-\(UUID().uuidString).csv"
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    return path
  }
}

extension StageHarness.Outcome {
  fileprivate func text(_ slot: String) throws -> String {
    String(decoding: try bytes(slot), as: UTF8.self)
  }
}
