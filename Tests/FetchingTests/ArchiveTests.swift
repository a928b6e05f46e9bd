import Fetching
import Foundation
import Testing

struct ArchiveTests {
  /// Python's own archive modules write what no honest tool would.
  private func make(_ script: String) throws -> String {
    let folder = temporaryFolder()
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [
      "python3", "-c",
      """
      import io, os, tarfile, zipfile, gzip, sys
      os.chdir(sys.argv[1])
      def tar(*entries, mode="w"):
          with tarfile.open("a.tar", mode) as t:
              for name, kind, target, data in entries:
                  info = tarfile.TarInfo(name)
                  info.type = kind
                  info.linkname = target
                  info.size = len(data)
                  t.addfile(info, io.BytesIO(data))
      FILE, DIR, SYM, HARD, DEV = (tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE,
                                   tarfile.LNKTYPE, tarfile.CHRTYPE)
      """ + "\n" + script, folder,
    ]
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    return folder + "/a.tar"
  }

  @Test(arguments: [
    ("tar(('a/b.txt', FILE, '', b'hi'), ('a/c', DIR, '', b''))", "a/b.txt"),
    ("tar(('./b.txt', FILE, '', b'hi'), mode='w:gz')", "b.txt"),
    ("tar(('b.txt', FILE, '', b'hi'), mode='w:xz')", "b.txt"),
    ("zipfile.ZipFile('a.tar', 'w').writestr('d/b.txt', 'hi')", "d/b.txt"),
    ("gzip.open('a.tar', 'w').write(b'hi')", "a"),
  ])
  func `archives come out as their files`(script: String, name: String) throws {
    let archive = try make(script)
    let target = archive + ".out"
    try Archive.unpack(archive, into: target)
    #expect(FileManager.default.contents(atPath: "\(target)/\(name)") == Data("hi".utf8))
  }

  @Test(arguments: [
    ("tar(('../evil', FILE, '', b'x'))", "leaves the folder"),
    ("tar(('a/../../evil', FILE, '', b'x'))", "leaves the folder"),
    ("tar(('/tmp/evil-absolute', FILE, '', b'x'))", "absolute"),
    ("tar(('l', SYM, '/tmp', b''), ('l/evil', FILE, '', b'x'))", "link or a device"),
    ("tar(('h', HARD, '/etc/passwd', b''))", "link or a device"),
    ("tar(('d', DEV, '', b''))", "link or a device"),
    ("tar(('a', FILE, '', b'x'), ('a', FILE, '', b'y'))", "twice"),
    ("tar(('a', FILE, '', b'x'), ('a/b', FILE, '', b'y'))", "below a file"),
    ("open('a.tar', 'w').write('no archive')", "no archive"),
    ("open('a.tar', 'w').write('')", "Unrecognized"),
    (
      "gzip.open('a.tar', 'w').write(b'a' * (200 << 20))", "times the archive"
    ),
  ])
  func `what must not be unpacked leaves nothing behind`(script: String, words: String) throws {
    let archive = try make(script)
    let target = archive + ".out"
    var limits = Archive.Limits()
    limits.ratio = 100
    let error = #expect(throws: FetchError.self) {
      try Archive.unpack(archive, into: target, limits: limits)
    }
    #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
    #expect(!FileManager.default.fileExists(atPath: target))
    #expect(!FileManager.default.fileExists(atPath: "/tmp/evil-absolute"))
    #expect(!FileManager.default.fileExists(atPath: "/tmp/evil"))
  }

  @Test func `too many entries are refused`() throws {
    let archive = try make("tar(*[(f'f{i}', FILE, '', b'') for i in range(20)])")
    var limits = Archive.Limits()
    limits.entries = 10
    let error = #expect(throws: FetchError.self) {
      try Archive.unpack(archive, into: archive + ".out", limits: limits)
    }
    #expect(error?.message.contains("10 that are allowed") == true)
  }
}
