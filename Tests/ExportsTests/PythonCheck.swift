import Foundation

/// A check by a Python library; what it prints and its exit status.
enum PythonCheck {
  static func run(_ script: String, _ arguments: [String]) throws -> (status: Int32, output: String)
  {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3", "-c", script] + arguments
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    try process.run()
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: data, as: UTF8.self))
  }

  /// Runs a check on a text in a file of its own.
  static func run(_ script: String, on text: String) throws -> (status: Int32, output: String) {
    let file = NSTemporaryDirectory() + "export-\(UUID().uuidString)"
    try text.write(toFile: file, atomically: false, encoding: .utf8)
    defer { try? FileManager.default.removeItem(atPath: file) }
    return try run(script, [file])
  }
}
