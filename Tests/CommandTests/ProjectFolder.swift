import Foundation
import StructuredValue
import Testing

/// A temporary project and the program that works in it.
final class ProjectFolder: Sendable {
  let path: String

  /// - `git`: Whether the folder is a repository.
  init(_ files: [String: String] = [:], git: Bool = true) throws {
    path =
      URL(fileURLWithPath: NSTemporaryDirectory()).resolvingSymlinksInPath().path
      + "/command-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    for (name, text) in files { try write(name, text) }
    if git { _ = try shell("git init -q . && git config user.name t && git config user.email t@t") }
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func write(_ name: String, _ text: String) throws {
    let file = "\(path)/\(name)"
    try FileManager.default.createDirectory(
      atPath: (file as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    try text.write(toFile: file, atomically: false, encoding: .utf8)
  }

  func read(_ name: String) -> String? {
    try? String(contentsOfFile: "\(path)/\(name)", encoding: .utf8)
  }

  /// The program that the tests are about, beside the test bundle.
  static let program: String = {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let bundle = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
    let beside = bundle.appending(path: "pipeline").path
    return FileManager.default.isExecutableFile(atPath: beside)
      ? beside : root.appending(path: ".build/debug/pipeline").path
  }()

  struct Result {
    var status: Int32
    var output: String
    var errors: String
    var all: String { output + errors }
  }

  /// Starts the program; the caller waits for it.
  func start(_ arguments: [String], environment: [String: String] = [:]) throws -> Process {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: Self.program)
    process.arguments = arguments
    process.currentDirectoryURL = URL(fileURLWithPath: path)
    process.environment = ProcessInfo.processInfo.environment
      .merging(["NO_COLOR": "1"]) { _, new in new }.merging(environment) { _, new in new }
    process.standardInput = FileHandle.nullDevice
    return process
  }

  @discardableResult
  func run(_ arguments: String..., environment: [String: String] = [:]) throws -> Result {
    try run(arguments, environment: environment)
  }

  @discardableResult
  func run(_ arguments: [String], environment: [String: String] = [:]) throws -> Result {
    let process = try start(arguments, environment: environment)
    // Files, not pipes: nobody has to read them while the program runs.
    let names = ["out", "err"].map { "\(path).\($0)-\(UUID().uuidString)" }
    for name in names { FileManager.default.createFile(atPath: name, contents: nil) }
    process.standardOutput = FileHandle(forWritingAtPath: names[0])
    process.standardError = FileHandle(forWritingAtPath: names[1])
    try process.run()
    process.waitUntilExit()
    let texts = names.map { (try? String(contentsOfFile: $0, encoding: .utf8)) ?? "" }
    for name in names { try? FileManager.default.removeItem(atPath: name) }
    let isSignal = process.terminationReason == .uncaughtSignal
    return Result(
      status: isSignal ? -process.terminationStatus : process.terminationStatus,
      output: texts[0], errors: texts[1])
  }

  @discardableResult
  func shell(_ text: String) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-ec", text]
    process.currentDirectoryURL = URL(fileURLWithPath: path)
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// How each instance stood in the latest run.
  func outcomes() throws -> [String: String] {
    let record = try record()
    let pairs = (record["instances"]?.list ?? []).compactMap { instance in
      instance["name"]?.string.map { ($0, instance["outcome"]?.string ?? "") }
    }
    return Dictionary(pairs) { first, _ in first }
  }

  func record() throws -> Value { try Value(json: run("show", "--json").output) }

  /// The digests of all outputs of the latest run.
  func digests() throws -> [String: String] {
    let record = try record()
    var digests: [String: String] = [:]
    for instance in record["instances"]?.list ?? [] {
      for output in instance["outputs"]?.list ?? [] {
        digests["\(instance["name"]?.string ?? "").\(output["slot"]?.string ?? "")"] =
          output["digest"]?.string
      }
    }
    return digests
  }
}

/// A pipeline file with these cells.
func pipeline(_ cells: String, head: String = "") -> String {
  "pipeline: v1\nname: test\n\(head)cells:\n" + cells
}
