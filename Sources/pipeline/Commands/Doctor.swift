import ArgumentParser
import ArtifactStore
import Execution
import Foundation
import Projects
import Provenance
import StructuredValue

struct Doctor: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Look whether everything that the program needs is there, and say what to do.",
    discussion: """
      The exit code is 7 where something is missing.

      Example:
        pipeline doctor
      """)

  @OptionGroup var options: ProjectOptions

  @Flag(help: "As JSON.")
  var json = false

  func run() throws {
    var findings = libraries() + [tensors()] + pageParts()
    // A project cannot be opened without them, and says less well what is missing.
    if findings.prefix(3).allSatisfy(\.isGood) {
      let project = try options.project(writes: true)
      findings = [repository(project), store(project), sandbox(project)] + findings
      findings += [drawings(project), mirror(project)]
    }
    if json {
      let list = findings.map { finding -> Value in
        [
          "name": .string(finding.name), "ok": .bool(finding.isGood),
          "detail": .string(finding.detail), "advice": finding.advice.map { .string($0) } ?? .null,
        ]
      }
      Terminal.print(Value.list(list).json(indented: true))
    } else {
      let rows = findings.map { finding in
        [finding.isGood ? "ok" : "missing", finding.name, finding.detail]
      }
      for (line, finding) in zip(columns(rows), findings) {
        Terminal.print(line)
        if let advice = finding.advice { Terminal.print("         → \(advice)") }
      }
    }
    if findings.contains(where: { !$0.isGood }) { throw ExitCode(7) }
  }

  private struct Finding {
    var name: String
    var isGood = true
    var detail: String
    /// What to do, where there is something to do.
    var advice: String?
  }

  private func repository(_ project: Project) -> Finding {
    if project.log != nil {
      return Finding(name: "provenance", detail: "runs are recorded in git, in \(project.root)")
    }
    return Finding(
      name: "provenance", isGood: false,
      detail: project.logProblem ?? "\(project.root) is no git repository",
      advice: project.logProblem == nil
        ? "`pipeline init` makes one; without it records stay in Artifacts/runs" : nil)
  }

  private func store(_ project: Project) -> Finding {
    var facts = statvfs()
    let isKnown = statvfs(project.store.path, &facts) == 0
    let free = isKnown ? Int(clamping: UInt64(facts.f_bavail) * UInt64(facts.f_frsize)) : 0
    let isTight = isKnown && free < 1 << 30
    return Finding(
      name: "store", isGood: !isTight, detail: "\(project.store.path), \(sizeText(free)) free",
      advice: isTight ? "less than 1 GiB: `pipeline gc` shows what may go" : nil)
  }

  private func sandbox(_ project: Project) -> Finding {
    let works = Sandbox(project: project.root) != nil
    return Finding(
      name: "sandbox", isGood: works,
      detail: works ? "bubblewrap hides what a cell does not declare" : "bubblewrap does not work",
      advice: works
        ? nil
        : "apt-get install bubblewrap; in a container it needs user namespaces. Stages run unboxed")
  }

  /// Libraries that are opened when they are first needed.
  private func libraries() -> [Finding] {
    [
      (GitLibrary.file, "libgit2", "records in git", "libgit2-dev"),
      ("libcurl.so.4", "libcurl", "fetching", "libcurl4-openssl-dev"),
      ("libarchive.so.13", "libarchive", "unpacking", "libarchive-dev"),
    ].map { file, name, use, package in
      let isThere = dlopen(file, RTLD_LAZY | RTLD_LOCAL) != nil
      return Finding(
        name: name, isGood: isThere, detail: isThere ? use : "cannot be opened, so no \(use)",
        advice: isThere ? nil : "apt-get install \(package)")
    }
  }

  private func tensors() -> Finding {
    let folder = (executablePath() as NSString).deletingLastPathComponent
    let candidates = ["\(folder)/libCTorch.so", "\(folder)/../lib/pipeline/libCTorch.so"]
    let found = candidates.first { FileManager.default.fileExists(atPath: $0) }
    guard let found else {
      return Finding(
        name: "tensors", isGood: false, detail: "no libCTorch.so beside the program",
        advice: "`make build`, or `make install`, puts it there")
    }
    let isOpen = dlopen(found, RTLD_LAZY | RTLD_LOCAL) != nil
    return Finding(
      name: "tensors", isGood: isOpen,
      detail: isOpen ? "LibTorch through \(found)" : dlerror().map { String(cString: $0) } ?? found,
      advice: isOpen ? nil : "apt-get install libtorch-dev libopenblas0-pthread")
  }

  private func drawings(_ project: Project) -> Finding {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: project.python)
    process.arguments = ["-I", "-c", "import vl_convert; print(vl_convert.__version__)"]
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = FileHandle.nullDevice
    let isStarted = (try? process.run()) != nil
    let data = isStarted ? pipe.fileHandleForReading.readDataToEndOfFile() : Data()
    if isStarted { process.waitUntilExit() }
    let version = String(decoding: data, as: UTF8.self).trimmingCharacters(
      in: .whitespacesAndNewlines)
    return Finding(
      name: "figures", isGood: !version.isEmpty,
      detail: version.isEmpty
        ? "\(project.python) has no vl-convert" : "vl-convert \(version) in \(project.python)",
      advice: version.isEmpty
        ? "python3 -m venv .venv && .venv/bin/pip install vl-convert-python" : nil)
  }

  private func mirror(_ project: Project) -> Finding {
    guard let path = project.environment["PIPELINE_MIRROR"] else {
      return Finding(name: "mirror", detail: "none; data comes from the network")
    }
    let isThere = FileManager.default.fileExists(atPath: path)
    return Finding(
      name: "mirror", isGood: isThere, detail: isThere ? path : "\(path) is not there",
      advice: isThere ? nil : "set PIPELINE_MIRROR to a folder laid out as HOST/PATH, or unset it")
  }

  private func pageParts() -> [Finding] {
    [
      ("formulas", "/usr/share/javascript/katex/katex.min.js", "libjs-katex fonts-katex"),
      ("code", "/usr/share/javascript/highlight.js/highlight.min.js", "libjs-highlight.js"),
    ].map { name, path, packages in
      let isThere = FileManager.default.fileExists(atPath: path)
      return Finding(
        name: "\(name) in pages", isGood: isThere,
        detail: isThere ? path : "not installed; they stay plain text",
        advice: isThere ? nil : "apt-get install \(packages)")
    }
  }
}
