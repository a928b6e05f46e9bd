import ContentHashing
import Foundation
import Provenance
import RunRecord
import StructuredValue

/// A folder with a repository that goes away with the test.
final class TestRepository {
  let path: String

  init(_ arguments: [String]? = ["init", "--quiet", "--initial-branch=main"]) throws {
    path =
      FileManager.default.temporaryDirectory
      .appendingPathComponent("provenance-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    if let arguments { try git(arguments) }
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Runs git without the machine's configuration, as a user of its own name.
  @discardableResult
  func git(_ arguments: [String], in folder: String? = nil) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments =
      ["git", "-C", folder ?? path, "-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
      + ["-c", "protocol.file.allow=always"] + arguments
    process.environment = ProcessInfo.processInfo.environment.merging(
      ["GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"], uniquingKeysWith: { $1 })
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    try process.run()
    let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw ProvenanceError(.repository, "git \(arguments): \(output)")
    }
    return output.trimmingCharacters(in: .newlines)
  }

  func write(_ text: String, to name: String) throws {
    let file = URL(fileURLWithPath: path).appendingPathComponent(name)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: file)
  }

  @discardableResult
  func commit(_ message: String = "Change") throws -> String {
    try git(["add", "-A"])
    try git(["commit", "--quiet", "--allow-empty", "-m", message])
    return try git(["rev-parse", "HEAD"])
  }

  func log() throws -> ProvenanceLog {
    guard let log = try ProvenanceLog.open(containing: path) else {
      throw ProvenanceError(.repository, "no repository in \(path)")
    }
    return log
  }

  /// A digest for each file of the user: work tree, index, HEAD, configuration, branches, tags.
  func userFiles() throws -> [String: Digest] {
    var digests: [String: Digest] = [:]
    guard let files = FileManager.default.enumerator(atPath: path) else { return digests }
    for case let name as String in files {
      if name.hasPrefix(".git/") && !Self.isUsers(name) { continue }
      if let bytes = FileManager.default.contents(atPath: "\(path)/\(name)") {
        digests[name] = .of(Array(bytes))
      }
    }
    return digests
  }

  private static func isUsers(_ name: String) -> Bool {
    ["index", "HEAD", "config", "packed-refs", "ORIG_HEAD", "FETCH_HEAD"].contains(
      name.dropFirst(5))
      || name.hasPrefix(".git/refs/heads") || name.hasPrefix(".git/refs/tags")
      || name.hasPrefix(".git/refs/stash") || name.hasPrefix(".git/refs/remotes")
      || name.hasPrefix(".git/logs/HEAD") || name.hasPrefix(".git/logs/refs/heads")
      || name.hasPrefix(".git/info") || name.hasPrefix(".git/hooks")
  }
}

/// A record with what the tests ask for.
func sampleRecord(
  _ id: String, source: RunRecord.Source? = nil, seed: Int = 1, rmse: Double = 0.5,
  table: Digest = .of("table 1"), model: Digest = .of("model 1"),
  verdict: ClaimRecord.Verdict = .holds
) -> RunRecord {
  let tables = InstanceRecord(
    name: "tables", cell: "tables", plugin: "fetch", version: "1.0.0", outcome: .cached,
    why: "unchanged", key: .of("tables \(table)"), keyFields: ["param.url": .string("\(table)")],
    inputs: [InputRecord(slot: "raw", kind: "file", digest: .of("raw"), from: "Data/raw.csv")],
    outputs: [
      ArtifactRecord(slot: "folder", kind: "folder", digest: table, isTree: true, size: 9)
    ])
  let predictors = ["fpga", "pixel3"].map { device in
    InstanceRecord(
      name: "predictor[device=\(device)]", cell: "predictor", matrix: ["device": .string(device)],
      plugin: "predictor", version: "1.4.0", outcome: .executed, why: "first",
      key: .of("\(device) \(table) \(seed)"),
      keyFields: ["param.seed": .int(seed), "input.table": .string(table.hex)],
      inputs: [InputRecord(slot: "table", kind: "folder", digest: table, from: "tables.folder")],
      outputs: [
        ArtifactRecord(
          slot: "model", kind: "model", digest: .of("\(model) \(device)"), isTree: false, size: 7,
          published: "Results/\(device).bin")
      ], metrics: ["rmse": MetricRecord(value: .double(rmse), unit: "ms", direction: .lower)])
  }
  let gathered = Digest.of("gathered \(model)")
  let plot = InstanceRecord(
    name: "plot", cell: "plot", outcome: .executed, why: "first", key: .of("plot \(model)"),
    keyFields: ["input.models": .string(gathered.hex)],
    inputs: [
      InputRecord(slot: "models", kind: "folder", digest: gathered, from: "predictor[*].model")
    ],
    outputs: [
      ArtifactRecord(
        slot: "figure", kind: "figure/vega-lite", digest: .of("figure \(model)"), isTree: false,
        size: 5)
    ])
  return RunRecord(
    id: id, started: "2026-11-23T16:34:17Z", finished: "2026-11-23T16:35:00Z", status: .succeeded,
    tool: .init(version: "0.1.0"), source: source, file: "paper.yaml",
    specification: [.init(path: "paper.yaml", text: "seed: \(seed)\n")], name: "paper",
    title: "A paper", profile: nil, overrides: [:], parameters: ["seed": .int(seed)],
    platform: "x86_64-linux",
    cells: [
      .text("# Hello"),
      .stage(StageCellRecord(id: "tables", uses: "fetch@1", description: nil, show: [])),
      .stage(StageCellRecord(id: "predictor", uses: "predictor@1", description: nil, show: [])),
      .stage(StageCellRecord(id: "plot", uses: "python plot.py", description: nil, show: [])),
      .claim(
        ClaimRecord(
          claim: "It is exact", published: .double(0.4), source: "Table 2",
          measured: "predictor[device=fpga].rmse", measuredValue: .double(rmse), holds: "<= 0.6",
          verdict: verdict, note: nil)),
    ], instances: [tables] + predictors + [plot])
}
