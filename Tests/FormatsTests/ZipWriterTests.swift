import Formats
import Foundation
import Testing

struct ZipWriterTests {
  private func archive(_ members: [(String, [UInt8])]) throws -> String {
    let path = NSTemporaryDirectory() + "zip-\(UUID().uuidString).zip"
    var writer = try ZipWriter(path: path)
    for (name, bytes) in members { try writer.add(name, bytes) }
    try writer.finish()
    return path
  }

  @Test func `what is written is read again, here and by Python`() throws {
    let members: [(String, [UInt8])] = [
      ("a/", []), ("a/b.txt", Array("hello".utf8)), ("ü", [UInt8](repeating: 7, count: 100_000)),
      ("empty", []),
    ]
    let path = try archive(members)
    defer { try? FileManager.default.removeItem(atPath: path) }
    let zip = try ZipArchive(try FileContent(path: path))
    for (name, bytes) in members where !name.hasSuffix("/") {
      let member = try #require(zip[name])
      #expect(try zip.bytes(of: member) == bytes)
    }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [
      "python3", "-c",
      "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); print(z.testzip(), z.namelist())",
      path,
    ]
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    #expect(output == "None ['a/', 'a/b.txt', 'ü', 'empty']\n")
  }

  @Test func `equal members give equal bytes`() throws {
    let paths = try (0..<2).map { _ in try archive([("x", [1, 2, 3])]) }
    defer { for path in paths { try? FileManager.default.removeItem(atPath: path) } }
    #expect(
      FileManager.default.contents(atPath: paths[0])
        == FileManager.default.contents(atPath: paths[1]))
  }

  @Test func `a folder that does not exist is named`() {
    let error = #expect(throws: FormatError.self) { _ = try ZipWriter(path: "/none/x.zip") }
    #expect(error?.description.hasPrefix("/none/x.zip: a place where no file can be made") == true)
  }
}
