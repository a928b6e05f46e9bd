import Foundation
import Testing

/// The example of the documentation, as a reader would run it.
@Suite(.enabled(if: Mirror.isPresent, "\(Mirror.isMissing)"))
struct ExampleTests {
  /// The example's program, beside the tests'.
  static func program() throws -> URL {
    let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    return URL(fileURLWithPath: tests).deletingLastPathComponent().appending(path: "digits")
  }

  static func run(_ program: URL, in folder: URL) throws -> (text: String, status: Int32) {
    let process = Process()
    process.executableURL = program
    process.arguments = [Mirror.folder]
    process.currentDirectoryURL = folder
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return (text, process.terminationStatus)
  }

  static func withFolder<Result>(_ body: (URL) throws -> Result) throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appending(path: "digits-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try body(folder)
  }

  @Test(.timeLimit(.minutes(3)))
  func `digits are learnt in seconds, and twice to the same bytes`() throws {
    let files = try (0..<2).map { _ in
      try ExampleTests.withFolder { folder in
        let (text, status) = try ExampleTests.run(ExampleTests.program(), in: folder)
        #expect(status == 0)
        let last = try #require(text.split(separator: "\n").last)
        let right = try #require(last.split(separator: " ").dropLast(4).last.flatMap { Int($0) })
        // 1,890 with this seed; another order of sums moves a few.
        #expect(right > 1880, "\(text)")
        return try Data(contentsOf: folder.appending(path: "digits.safetensors"))
      }
    }
    #expect(files[0] == files[1])
  }

  @Test func `where LibTorch is missing, one sentence says what to install`() throws {
    try ExampleTests.withFolder { folder in
      // Away from the library that lies beside it.
      let alone = folder.appending(path: "digits")
      try FileManager.default.copyItem(at: ExampleTests.program(), to: alone)
      let (text, status) = try ExampleTests.run(alone, in: folder)
      #expect(status == 1)
      #expect(
        text
          == "LibTorch cannot be opened (no libCTorch.so beside the program, in ../lib/pipeline or "
          + "on the library path); install Debian's packages libtorch-dev and libopenblas0-pthread, or "
          + "build with LIBTORCH=/path/to/libtorch, then run 'make build'\n")
    }
  }
}
