import Foundation
import StructuredValue
import Testing

@Suite(.serialized)
struct CrashTests {
  /// Twelve stages in three chains, a third of a second each, that leave daemons behind.
  private static let chains = (0..<12).map { index in
    """
      - stage: s\(index)
        run: "for k in 1 2 3; do cat ${inputs.x} >> ${outputs.y}; echo \(index) $k >> ${outputs.y}; sleep 0.05; done; (setsid sleep 300 &)"
        inputs: {x: \(index < 3 ? "./a.txt" : "s\(index - 3).y")}
        outputs: {y: {kind: text}}
        sandbox: off

    """
  }.joined()

  private func project(_ mark: String) throws -> ProjectFolder {
    try ProjectFolder([
      "paper.yaml": pipeline(Self.chains.replacing("sleep 300", with: "sleep \(mark)")),
      "a.txt": "a\n",
    ])
  }

  private func processes(_ mark: String) throws -> Int {
    try FileManager.default.contentsOfDirectory(atPath: "/proc").filter { name in
      guard Int(name) != nil,
        let command = FileManager.default.contents(atPath: "/proc/\(name)/cmdline")
      else { return false }
      return String(decoding: command, as: UTF8.self).contains("sleep\0\(mark)\0")
    }.count
  }

  /// Waits until a condition holds, at most five seconds.
  private func eventually(_ condition: () throws -> Bool) rethrows -> Bool {
    for _ in 0..<100 {
      if try condition() { return true }
      Thread.sleep(forTimeInterval: 0.05)
    }
    return try condition()
  }

  @Test func `killed at ten moments, run again: the same digests, no process left`() throws {
    let clean = try project("30001")
    #expect(try clean.run("run", "-q").status == 0)
    let wanted = try clean.digests()
    #expect(wanted.count == 12)
    #expect(try eventually { try processes("30001") == 0 }, "daemons end with their stage")
    let project = try project("30002")
    for moment in 0..<10 {
      let process = try project.start(["run", "-q"])
      process.standardError = FileHandle.nullDevice
      try process.run()
      // Spread over the whole run; the generator is fixed, the machine's speed is not.
      Thread.sleep(forTimeInterval: 0.03 + Double(moment * 7 % 10) * 0.06)
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
      #expect(try eventually { try processes("30002") == 0 }, "at moment \(moment)")
      if moment % 3 == 2 { try project.shell("rm -rf Artifacts") }
    }
    #expect(try project.run("run", "-q").status == 0)
    #expect(try project.digests() == wanted)
    #expect(try project.run("fsck").status == 0)
    #expect(try project.shell("ls Artifacts/work Artifacts/tmp | grep -v ':$' || true") == "")
    #expect(try project.shell("git status --porcelain") == "?? a.txt\n?? paper.yaml")
  }

  @Test func `an interrupt ends the stages and leaves a run that continues`() throws {
    let project = try project("30003")
    let process = try project.start(["run", "-q"])
    process.standardError = FileHandle.nullDevice
    try process.run()
    Thread.sleep(forTimeInterval: 0.5)
    kill(process.processIdentifier, SIGINT)
    process.waitUntilExit()
    #expect(process.terminationStatus == 130)
    #expect(try eventually { try processes("30003") == 0 })
    #expect(try project.record()["status"]?.string == "interrupted")
    #expect(try project.run("run").status == 0)
  }

  @Test func `eight runs at once execute each key once`() throws {
    let project = try ProjectFolder()
    let count = project.path + "/count"
    try project.write(
      "paper.yaml",
      pipeline(
        (0..<4).map {
          "  - {stage: s\($0), run: 'echo \($0) >> \(count); sleep 0.3; echo \($0) > ${outputs.o}', outputs: {o: {kind: text}}, sandbox: off}\n"
        }.joined()))
    let processes = try (0..<8).map { _ in
      let process = try project.start(["run", "-q"])
      process.standardError = FileHandle.nullDevice
      try process.run()
      return process
    }
    for process in processes {
      process.waitUntilExit()
      #expect(process.terminationStatus == 0)
    }
    let lines = (project.read("count") ?? "").split(separator: "\n").sorted()
    #expect(lines == ["0", "1", "2", "3"])
    #expect(try project.shell("git log --oneline refs/pipeline/log | wc -l") == "8")
  }
}
