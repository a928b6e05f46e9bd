import ArgumentParser
import ArtifactStore
import BuiltinStages
import Execution
import Foundation
import Projects
import Provenance
import SpecSyntax
import StageKit

@main
struct PipelineCommand: ParsableCommand {
  static let version = "0.1.0"

  static let configuration = CommandConfiguration(
    commandName: "pipeline",
    abstract: "Runs papers: prose, stages and claims, cached by content and recorded in git.",
    discussion: """
      A paper.yaml is a notebook of text, stage and claim cells. `pipeline run paper.yaml` executes \
      what has changed, keeps every result by the hash of what it was made from, and records the run \
      in git without touching your branches.

      Exit codes: 0 done, 1 a stage failed (or, with --check-claims, a claim), 2 wrong usage, 3 the \
      pipeline file is invalid, 4 an input is missing, 5 damaged content, 6 locked by another \
      process, 7 disk or supervisor, 8 not reproducible, 9 work to do (status --check), 10 different \
      (diff --exit-code), 130 interrupted.
      """,
    version: version,
    subcommands: [
      Run.self, Plan.self, Status.self, Explain.self, Log.self, Show.self, Diff.self, Check.self,
      Report.self, Serve.self, Export.self, Import.self, StageCommand.self, Lineage.self,
      Sync.self, GarbageCommand.self, Fsck.self, Doctor.self, Schema.self, Init.self,
    ])

  static func main() {
    let arguments = Array(CommandLine.arguments.dropFirst())
    if arguments.first == "__stage", arguments.count == 2 { hostStage(arguments[1]) }
    // Whoever reads our output may stop reading; that is no reason to die without a word.
    signal(SIGPIPE, SIG_IGN)
    if Run.isAnswered(arguments) { return }
    refuseUnknownCommand(arguments)
    do {
      var command = try parseAsRoot(arguments)
      try command.run()
    } catch {
      fail(error)
    }
  }

  /// Names the command that was meant, which the parser does not.
  private static func refuseUnknownCommand(_ arguments: [String]) {
    guard let first = arguments.first, !first.hasPrefix("-"), first != "help" else { return }
    let names = configuration.subcommands.compactMap { $0.configuration.commandName }
    guard !names.contains(first) else { return }
    let near = nearest(first, among: names)
    end(
      "error: there is no command '\(first)'"
        + (near.map { "; did you mean '\($0)'?" } ?? "; `pipeline --help` lists them"),
      ProjectError.usage)
  }

  /// Becomes the process of one attempt of a built-in stage.
  private static func hostStage(_ name: String) -> Never {
    guard let stage = BuiltinStages.all.first(where: { $0.name == name }) else {
      Terminal.note("error: this program has no built-in stage '\(name)'")
      Foundation.exit(2)
    }
    Task { Foundation.exit(await stage.host()) }
    dispatchMain()
  }

  /// Says what went wrong and ends with the documented exit code.
  private static func fail(_ error: any Error) -> Never {
    switch error {
    case let error as ProjectError: end(error.message, error.status)
    case let error as ExecutionError: end("error: \(error.message)", error.code.exitStatus)
    case let error as StoreError:
      end("error \(error.code.name): \(error.message)", error.code == .corrupt ? 5 : 7)
    case let error as ProvenanceError:
      // A run that is not there is named wrongly, as a stage or an option may be.
      end("\(error)", error.code == .missingRecord ? ProjectError.usage : 7)
    case let code as ExitCode: Foundation.exit(code.rawValue)
    default:
      // The parser's own errors, its help and its version.
      let code = exitCode(for: error)
      let text = fullMessage(for: error)
      if code.isSuccess { Terminal.print(text) } else { Terminal.note(text) }
      Foundation.exit(code.isSuccess ? 0 : 2)
    }
  }

  private static func end(_ message: String, _ status: Int32) -> Never {
    Terminal.note(message)
    Foundation.exit(status)
  }
}

extension Stage {
  static var name: String {
    let text = String(decoding: manifest, as: UTF8.self)
    let line = text.split(separator: "\n").first { $0.hasPrefix("stage:") }
    return line.map { $0.dropFirst(6).trimmingCharacters(in: .whitespaces) } ?? ""
  }

  static func host() async -> Int32 { await StageHost.run(Self.self) }
}
