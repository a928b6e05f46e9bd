import Foundation
import Testing

/// The example of the documentation, as a reader would run it.
@Suite(.enabled(if: Mirror.isPresent, "\(Mirror.isMissing)"))
struct ExampleTests {
  @Test(.timeLimit(.minutes(3)))
  func `digits are learnt in seconds, and twice to the same bytes`() throws {
    var files: [Data] = []
    for run in 0..<2 {
      let folder = FileManager.default.temporaryDirectory
        .appending(path: "digits-\(ProcessInfo.processInfo.processIdentifier)-\(run)")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(at: folder) }
      let process = Process()
      process.executableURL = URL(
        fileURLWithPath: try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
      ).deletingLastPathComponent().appending(path: "digits")
      process.arguments = [Mirror.folder]
      process.currentDirectoryURL = folder
      let output = Pipe()
      process.standardOutput = output
      try process.run()
      let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      process.waitUntilExit()
      #expect(process.terminationStatus == 0)
      let last = try #require(text.split(separator: "\n").last)
      let right = try #require(last.split(separator: " ").dropLast(4).last.flatMap { Int($0) })
      // 1,910 with this seed; another order of sums moves a few.
      #expect(right > 1880, "\(text)")
      files.append(try Data(contentsOf: folder.appending(path: "digits.safetensors")))
    }
    #expect(files[0] == files[1])
  }
}
