import Foundation

/// A Python process that answers lines with lines.
struct PythonLines {
  let python: String
  let secondsAtMost: Int

  /// Asks all questions and waits for the end.
  ///
  /// Input and output are files, so neither side can block the other.
  ///
  /// - Returns: The answers that came, and one sentence about why there are no more.
  /// - Throws: `FigureError` when Python can't be started.
  func answers(to questions: [String]) throws -> (lines: [String], reason: String) {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("figures-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let files = ["in", "out", "err", "figures.py"].map { folder.appendingPathComponent($0) }
    try Data((questions.joined(separator: "\n") + "\n").utf8).write(to: files[0])
    for file in files[1...2] { try Data().write(to: file) }
    try Data(PackageResources.figures_py).write(to: files[3])

    let process = Process()
    process.executableURL = URL(fileURLWithPath: python)
    process.arguments = ["-I", files[3].path]
    process.standardInput = try FileHandle(forReadingFrom: files[0])
    process.standardOutput = try FileHandle(forWritingTo: files[1])
    process.standardError = try FileHandle(forWritingTo: files[2])
    guard FileManager.default.isExecutableFile(atPath: python) else {
      throw FigureError.notInstalled(python)
    }
    try process.run()
    let finished = wait(for: process)
    let output = String(decoding: try Data(contentsOf: files[1]), as: UTF8.self)
    let errors = String(decoding: try Data(contentsOf: files[2]), as: UTF8.self)
    // A line that was cut off by a kill doesn't parse and counts as missing.
    let lines = output.split(separator: "\n").map(String.init)
    return (lines, reason(finished: finished, errors: errors))
  }

  private func wait(for process: Process) -> Bool {
    let done = DispatchSemaphore(value: 0)
    let waiter = Thread {
      process.waitUntilExit()
      done.signal()
    }
    waiter.start()
    if done.wait(timeout: .now() + .seconds(secondsAtMost)) == .success { return true }
    kill(process.processIdentifier, SIGKILL)
    _ = done.wait(timeout: .now() + .seconds(5))
    return false
  }

  private func reason(finished: Bool, errors: String) -> String {
    if !finished { return "drawing took longer than \(secondsAtMost) s and was stopped" }
    if errors.contains("No module named 'vl_convert'") {
      return FigureError.notInstalled(python).description
    }
    let last = errors.split(separator: "\n").last.map(String.init) ?? "it gave no reason"
    return "the Python process that draws ended early: \(last)"
  }
}

/// Why figures can't be drawn at all.
enum FigureError: Error, CustomStringConvertible {
  case notInstalled(String)

  var description: String {
    switch self {
    case .notInstalled(let python):
      "vl-convert is not installed for \(python); "
        + "create it with: python3 -m venv .venv && .venv/bin/pip install -r requirements.txt"
    }
  }
}
