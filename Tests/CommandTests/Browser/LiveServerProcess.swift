import Foundation
import Testing

/// `pipeline serve` in a project, for as long as a test needs it.
final class LiveServerProcess {
  let process: Process
  let address: String
  /// `http://127.0.0.1:PORT`.
  let origin: String
  let port: Int

  init(_ project: ProjectFolder, _ arguments: [String] = [], environment: [String: String] = [:])
    throws
  {
    process = try project.start(["serve"] + arguments, environment: environment)
    let output = Pipe()
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    var text = ""
    while !text.contains("\n") {
      let data = output.fileHandleForReading.availableData
      if data.isEmpty { break }
      text += String(decoding: data, as: UTF8.self)
    }
    address = text.trimmingCharacters(in: .whitespacesAndNewlines)
    origin = String(address.prefix { $0 != "?" }.dropLast())
    port = try #require(Int(origin.split(separator: ":").last ?? ""), "\(text)")
  }

  func stop() {
    process.terminate()
    process.waitUntilExit()
  }

  deinit { if process.isRunning { stop() } }
}
