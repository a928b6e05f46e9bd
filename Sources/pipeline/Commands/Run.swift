import ArgumentParser
import Execution
import Foundation
import Projects
import Provenance
import RunRecord
import StructuredValue

struct Run: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Execute what has changed, and record the run.",
    discussion: """
      Finished stages are never executed again unless something that enters their key changed; see \
      `pipeline explain`. After a crash or Ctrl-C, run again: it continues where it stopped.

      Examples:
        pipeline run                               paper.yaml, or Pipelines/paper.yaml
        pipeline run --profile quick --set n=20    other parameters for this run
        pipeline run --only 'predictor*' -j 2      these stages and what they need
        pipeline run --force tables --keep-going   again, and past failures
        pipeline run --json | jq .                 every event, for programs
      """)

  @OptionGroup var pipeline: PipelineOptions
  @OptionGroup var cells: SelectionOptions
  @OptionGroup var execution: ExecutionOptions

  @Flag(help: "Exit with 1 where a claim does not hold.")
  var checkClaims = false

  @Flag(
    name: [.customShort("n"), .customLong("dry-run")], help: "Show what would be done; as `plan`.")
  var isDryRun = false

  func run() throws {
    if isDryRun {
      var plan = Plan()
      plan.pipeline = pipeline
      plan.cells = cells
      plan.json = execution.json
      return try plan.run()
    }
    let question = try self.question()
    if let question, let receipt = Receipt.standing(question) {
      return Self.tell(receipt, isQuiet: execution.quiet)
    }
    let (project, loaded, outcome) = try execute()
    if !execution.json { summarize(outcome, project) }
    if let warning = project.log?.warning { Terminal.note("warning: \(warning)") }
    if let warning = outcome.kept?.warning {
      Terminal.note(project.logProblem.map { "Provenance is off: \($0)" } ?? warning)
    }
    if let question {
      project.keepReceipt(
        question, record: outcome.record, loaded: loaded, summary: summary(of: outcome.record))
    }
    // The kernel frees all at once what would be freed here piece by piece.
    withExtendedLifetime((project, loaded, outcome)) { Foundation.exit(status(of: outcome)) }
  }

  private func execute() throws -> (Project, LoadedPipeline, RunOutcome) {
    // Before the process has threads.
    let launcher = try StageLauncher()
    let (project, loaded) = try pipeline.load(writes: true)
    let display = execution.display
    let outcome = try project.run(
      loaded, selection: cells.selection, options: try execution.options(project),
      launcher: launcher, program: executablePath(), toolVersion: PipelineCommand.version
    ) { display.show($0) }
    return (project, loaded, outcome)
  }

  private func status(of outcome: RunOutcome) -> Int32 {
    if let signal = outcome.signal { return 128 + signal }
    if outcome.record.status == .failed { return Self.failureStatus(outcome.record) }
    let holds = outcome.record.claims.allSatisfy { $0.verdict == .holds }
    return checkClaims && !holds ? 1 : 0
  }

  /// 5 for content that is not what its digest says, 4 for what could not be had, else 1.
  static func failureStatus(_ record: RunRecord) -> Int32 {
    let codes = Set(record.instances.compactMap { $0.error?.code })
    // Nothing failed, so what is blocked misses something from outside of the pipeline.
    if codes.isEmpty, record.instances.contains(where: { $0.outcome == .blocked }) { return 4 }
    if codes == ["P0202"] { return 5 }
    return !codes.isEmpty && codes.isSubset(of: ["P0201", "P0203", "P0204"]) ? 4 : 1
  }

  /// What a run of nothing but hits may be answered by; nil where the user wants to see more, or
  /// wants it done anyway.
  private func question() throws -> Receipt.Question? {
    guard !execution.json, !execution.verbose, !checkClaims, cells.force.isEmpty else {
      return nil
    }
    try pipeline.project.enter()
    guard let file = try? pipeline.fileOrDefault() else { return nil }
    return Self.question(about: file)
  }

  private static func question(about file: String) -> Receipt.Question {
    let path = URL(fileURLWithPath: file).standardizedFileURL.path
    let environment = ProcessInfo.processInfo.environment
    return Receipt.Question(
      project: Project.root(for: (path as NSString).deletingLastPathComponent), file: path,
      program: executablePath(),
      arguments: CommandLine.arguments.dropFirst().filter { $0 != "-q" && $0 != "--quiet" },
      path: ["PATH", "PIPELINE_STAGES"].map { environment[$0] ?? "" }.joined(separator: "\0"))
  }

  private static func tell(_ receipt: Receipt, isQuiet: Bool) {
    guard !isQuiet else { return }
    Terminal.note(
      Terminal.styled("ok", .green) + "  nothing to do: "
        + receipt.summary.trimmingCharacters(in: .newlines))
  }

  /// Answers by a receipt, where there is one, before the arguments are parsed, which takes longer.
  ///
  /// It finds the file in the most common arguments only. A receipt is found by file and arguments
  /// together and was written when they had been parsed, so no other command can be taken for it.
  ///
  /// - Parameter arguments: Those of the process.
  /// - Returns: Whether there is nothing else to do.
  static func isAnswered(_ arguments: [String]) -> Bool {
    guard arguments.first == "run" else { return false }
    var file: String?
    var isQuiet = false
    var rest = arguments.dropFirst()
    while let argument = rest.popFirst() {
      switch argument {
      case "-q", "--quiet": isQuiet = true
      case "--profile", "--set": guard rest.popFirst() != nil else { return false }
      default:
        guard file == nil, !argument.hasPrefix("-") else { return false }
        file = argument
      }
    }
    guard let file = file ?? (try? PipelineOptions.defaultFile()),
      let receipt = Receipt.standing(question(about: file))
    else { return false }
    tell(receipt, isQuiet: isQuiet)
    return true
  }

  /// What the next run says when it finds nothing to do.
  private func summary(of record: RunRecord) -> String {
    let count = record.instances.filter { $0.outcome != .skipped }.count
    return (["\(allCached(count)) (run \(record.id))"] + claimLines(record, plain: true))
      .joined(separator: "\n")
  }

  private func claimLines(_ record: RunRecord, plain: Bool = false) -> [String] {
    // What was left out by name measures nothing; its claims would drown the others.
    let claims = record.claims.filter { !cells.isPartial || $0.verdict != .unmeasured }
    return claims.map { claim in
      let (mark, style): (String, Terminal.Style) =
        switch claim.verdict {
        case .holds: ("✓", .green)
        case .fails: ("✗", .red)
        case .unmeasured: ("–", .yellow)
        }
      let measured = claim.measuredValue?.double.map(shortNumber) ?? "not measured"
      let published = claim.published.map { ", published \($0.text)" } ?? ""
      return "  \(plain ? mark : Terminal.styled(mark, style)) \(claim.claim) "
        + "(\(measured), wanted \(claim.holds)\(published))"
    }
  }

  /// How long the run took, where that was long enough to be of interest.
  private static func took(_ record: RunRecord) -> String {
    guard let start = try? Date(record.started, strategy: .iso8601),
      let end = try? Date(record.finished, strategy: .iso8601),
      end.timeIntervalSince(start) >= 2
    else { return "" }
    return " in \(durationText(end.timeIntervalSince(start)))"
  }

  private func summarize(_ outcome: RunOutcome, _ project: Project) {
    let record = outcome.record
    guard !execution.quiet || record.status != .succeeded else { return }
    let counts = Dictionary(grouping: record.instances, by: \.outcome).mapValues(\.count)
    let order: [InstanceRecord.Outcome] = [
      .executed, .cached, .failed, .blocked, .cancelled, .skipped,
    ]
    let parts = order.compactMap { outcome in counts[outcome].map { "\($0) \(outcome.rawValue)" } }
    Terminal.note(
      Terminal.styled(
        record.status == .succeeded ? "ok" : record.status.rawValue,
        record.status == .succeeded ? .green : .red)
        + "  run \(record.id): \(parts.joined(separator: ", "))" + Self.took(record))
    for line in claimLines(record) { Terminal.note(line) }
    if record.instances.contains(where: { $0.outcome == .failed }) {
      Terminal.note("  the log of a stage: pipeline show \(record.id) --log STAGE")
    }
  }
}

/// The path of this program, to start it again as a stage.
func executablePath() -> String {
  (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
    ?? CommandLine.arguments[0]
}

extension RunRecord {
  var claims: [ClaimRecord] {
    cells.compactMap { if case .claim(let claim) = $0 { claim } else { nil } }
  }
}

/// How stages are executed.
struct ExecutionOptions: ParsableArguments {
  @Option(name: .shortAndLong, help: "Processors that stages may keep busy together.")
  var jobs: Int?

  @Flag(help: "After a failure, finish everything that does not depend on it.")
  var keepGoing = false

  @Flag(help: "After a failure, end what is running, too.")
  var failFast = false

  @Option(help: "Override the cells: strict or off.")
  var sandbox: Sandboxing?

  @Flag(help: "Every event as a line of JSON on standard output.")
  var json = false

  @Flag(name: .shortAndLong, help: "Also show starts, cached stages and output lines.")
  var verbose = false

  @Flag(name: .shortAndLong, help: "Show failures only.")
  var quiet = false

  enum Sandboxing: String, ExpressibleByArgument { case strict, off }

  func validate() throws {
    if let jobs, jobs < 1 { throw ValidationError("--jobs is \(jobs), but must be at least 1") }
  }

  var display: any RunDisplay {
    if json { return JSONDisplay() }
    return Terminal.isInteractive && !verbose
      ? LiveDisplay(isVerbose: false, isQuiet: quiet)
      : PlainDisplay(isVerbose: verbose, isQuiet: quiet)
  }

  func options(_ project: Project) throws -> RunOptions {
    var options = RunOptions(
      jobs: jobs ?? ProcessInfo.processInfo.activeProcessorCount,
      memory: Int(ProcessInfo.processInfo.physicalMemory) / 10 * 9,
      environment: project.environment)
    options.keepsGoing = keepGoing
    options.failsFast = failFast
    options.isSandboxed = sandbox.map { $0 == .strict }
    return options
  }
}
