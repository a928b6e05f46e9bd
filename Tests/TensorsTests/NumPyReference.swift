import Formats
import Foundation
import Tensors

/// What NumPy says the operators give, made anew for each run of the tests.
enum NumPyReference {
  struct Case {
    var inputs: [Tensor]
    var results: [Tensor]
  }

  static let cases: Result<[String: Case], any Error> = Result { try make() }

  private static func make() throws -> [String: Case] {
    let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appending(path: "Fixtures/reference.py").path
    let output = FileManager.default.temporaryDirectory
      .appending(path: "reference-\(ProcessInfo.processInfo.processIdentifier).npz").path
    defer { try? FileManager.default.removeItem(atPath: output) }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3", script, output]
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw TensorError(
        .library, "python3 with NumPy is needed; 'make setup' installs it in .venv")
    }
    var cases: [String: Case] = [:]
    for entry in try NPZ.read(path: output) {
      let parts = entry.name.split(separator: "/")
      let isInput = parts[1].hasPrefix("in")
      var reference = cases[String(parts[0])] ?? Case(inputs: [], results: [])
      // The script writes a case's inputs, then its results, each in order.
      if isInput {
        reference.inputs.append(try Tensor(entry.data))
      } else {
        reference.results.append(try Tensor(entry.data))
      }
      cases[String(parts[0])] = reference
    }
    return cases
  }
}
