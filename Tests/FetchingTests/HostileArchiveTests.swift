import Fetching
import Foundation
import Testing

struct HostileArchiveTests {
  private let folder: String
  private var target: String { folder + "/out" }

  init() throws { folder = try scratchFolder() }

  /// Runs a script that writes `archive`; Python's modules write what no honest tool would.
  private func make(_ script: String) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [
      "python3", "-c",
      """
      import gzip, io, os, sys, tarfile, zipfile
      os.chdir(sys.argv[1])
      def tar(names, format=tarfile.GNU_FORMAT, data=b"hi"):
          with tarfile.open("archive", "w", format=format) as t:
              for name in names:
                  info = tarfile.TarInfo(name)
                  info.size = len(data)
                  t.addfile(info, io.BytesIO(data))
      def put(data):
          with open("archive", "wb") as f:
              f.write(data)
      def get():
          with open("archive", "rb") as f:
              return bytearray(f.read())
      """ + "\n" + script, folder,
    ]
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    return folder + "/archive"
  }

  private func refusal(of script: String, _ limits: Archive.Limits = Archive.Limits()) throws
    -> String
  {
    let archive = try make(script)
    let error = #expect(throws: FetchError.self) {
      try Archive.unpack(archive, into: target, limits: limits)
    }
    #expect(error?.code == .archive)
    #expect(!FileManager.default.fileExists(atPath: target), "nothing is left")
    return error?.message ?? ""
  }

  @Test(arguments: [
    "tar(['h\\u00e9/\\u00fc.txt'], tarfile.GNU_FORMAT)",
    "tar(['h\\u00e9/\\u00fc.txt'], tarfile.USTAR_FORMAT)",
    "tar(['h\\u00e9/\\u00fc.txt'], tarfile.PAX_FORMAT)",
    "zipfile.ZipFile('archive', 'w').writestr('h\\u00e9/\\u00fc.txt', 'hi')",
  ])
  func `names beyond ASCII come out as they went in`(script: String) throws {
    try Archive.unpack(try make(script), into: target)
    #expect(
      FileManager.default.contents(atPath: target + "/h\u{e9}/\u{fc}.txt") == Data("hi".utf8))
  }

  @Test func `a name that is no UTF-8 is refused`() throws {
    let message = try refusal(
      of: """
        tar(["xxx"])
        d = get()
        d[0:3] = b"a\\xff\\xfe"
        d[148:156] = b" " * 8
        d[148:155] = b"%06o\\0" % sum(d[:512])
        put(d)
        """)
    #expect(message.contains("UTF-8"), "\(message)")
  }

  /// libarchive would hand these to programs that it finds in PATH.
  @Test(arguments: [
    "put(b'LRZI\\0\\6' + bytes(100))", "put(b'\\x89LZO\\0\\r\\n\\x1a\\n' + bytes(100))",
    "put(b'GRZipII\\0\\2\\4:)' + bytes(100))",
  ])
  func `an archive starts no program`(script: String) throws {
    let message = try refusal(of: script)
    #expect(message.contains("no archive"), "\(message)")
  }

  @Test func `folders within folders have an end`() throws {
    let message = try refusal(of: "tar(['d/' * 90 + 'x'])")
    #expect(message.contains("64 folders deep"), "\(message)")
  }

  @Test func `two names that only Unicode calls equal are two files`() throws {
    try Archive.unpack(try make("tar(['caf\\u00e9', 'cafe\\u0301'])"), into: target)
    #expect(try FileManager.default.contentsOfDirectory(atPath: target).count == 2)
  }

  @Test func `a sparse file counts with what it claims`() throws {
    // 1 GiB of nothing in a few hundred bytes.
    let message = try refusal(
      of: """
        import subprocess
        with open("hole", "wb") as f:
            f.truncate(1 << 30)
        subprocess.run(["tar", "--sparse", "-cf", "archive", "hole"], check=True)
        os.remove("hole")
        """)
    #expect(message.contains("times the archive"), "\(message)")
  }

  @Test func `a sparse file keeps the hole at its end`() throws {
    let archive = try make(
      """
      import subprocess
      with open("hole", "wb") as f:
          f.write(b"hi")
          f.truncate(1 << 20)
      subprocess.run(["tar", "--sparse", "-cf", "archive", "hole"], check=True)
      """)
    try Archive.unpack(archive, into: target)
    #expect(
      FileManager.default.contents(atPath: target + "/hole")
        == Data("hi".utf8) + Data(count: (1 << 20) - 2))
  }

  @Test func `the whole may be as large as its limit and no larger`() throws {
    var limits = Archive.Limits()
    limits.size = 2999
    let script = "tar(['a', 'b', 'c'], data=bytes(1000))"
    let message = try refusal(of: script, limits)
    #expect(message.contains("2999 bytes"), "\(message)")
    limits.size = 3000
    try Archive.unpack(try make(script), into: target, limits: limits)
  }

  @Test(arguments: [
    """
    with zipfile.ZipFile("archive", "w") as z:
        z.writestr("a", bytes(5000))
    d = get()
    d[2000] = 1
    put(d)
    """,
    "tar(['a'], data=bytes(50000)); os.truncate('archive', 20000)",
    "put(gzip.compress(os.urandom(50000))[:20000])",
  ])
  func `a damaged archive leaves nothing`(script: String) throws {
    _ = try refusal(of: script)
  }

  @Test func `a compressed file takes the name that it is given`() throws {
    let archive = try make("put(gzip.compress(b'hi'))")
    try Archive.unpack(archive, into: target, singleName: "digits.idx")
    #expect(FileManager.default.contents(atPath: target + "/digits.idx") == Data("hi".utf8))
  }
}
