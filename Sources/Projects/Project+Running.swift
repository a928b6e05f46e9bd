import ArtifactStore
import ContentHashing
public import Execution
import Foundation
import PipelineSpec
import Planning
public import Provenance
public import RunRecord
import SpecSyntax
import StructuredValue

/// What came of a run.
public struct RunOutcome {
  public var record: RunRecord
  /// Where it is recorded, or why it is not recorded in git.
  public var kept: KeptRecord?
  public var verifications: [OutputVerification]
  /// The signal that ended it early.
  public var signal: Int32?
}

extension Project {
  /// Runs a pipeline and records it.
  ///
  /// - `launcher`: Made before the process had threads.
  /// - `observe`: Hears what happens, on the calling thread.
  /// - Throws: `ExecutionError` or `StoreError` when the run cannot go on; what was finished is
  ///   kept.
  public func run(
    _ loaded: LoadedPipeline, selection: Selection, options: RunOptions, launcher: StageLauncher,
    program: String, toolVersion: String, observe: @escaping (RunEvent) -> Void
  ) throws -> RunOutcome {
    let id = Project.newRunIdentifier()
    let started = timestamp()
    store.removeAbandonedWrites()
    let lease = try store.lease()
    let lock = try store.lock(run: id)
    defer { withExtendedLifetime((lease, lock)) {} }
    cleanUpAbandonedRuns()
    let work = "\(store.path)/work/\(id)"
    try FileManager.default.createDirectory(
      atPath: store.runFolder(id), withIntermediateDirectories: true)
    let journal = Journal(path: "\(store.runFolder(id))/events.jsonl")
    let graph = loaded.graph
    observeRepository()
    let source = try? log?.sourceState(snapshotDirty: true)
    let selected = try selection.selected(in: graph)
    try checkDemands(of: selected.sorted().map { graph.instances[$0] }, loaded, options)
    let past = Memo { [self] in (try? history.pastRun()) ?? PastRun() }
    let facts = facts(past: past)
    let scheduler = try Scheduler(
      graph: graph,
      decider: Decider(
        graph: graph, facts: facts, salt: loaded.pipeline.salt,
        forced: try selection.forced(in: graph)),
      facts: facts, store: store, selected: selected,
      layout: RunLayout(run: id, project: root, work: work, program: program),
      launcher: launcher, options: options,
      durations: { past.value.instances.mapValues(\.seconds).filter { $0.value > 0 } }
    ) { event in
      journal.append(event)
      observe(event)
    }
    let begun = RunEvent.began(
      run: id, file: loaded.file, instances: selected.sorted().map { graph.instances[$0].name })
    journal.append(begun)
    observe(begun)
    if let leftOut = log?.leftOut, let first = leftOut.first {
      let others = leftOut.count > 1 ? " and \(leftOut.count - 1) more" : ""
      observe(
        .warning(
          instance: nil,
          message: "'\(first)'\(others) is not in the record's snapshot of the work tree, "
            + "being over 10 MiB; commit it, or have git ignore it"))
    }
    let instances = try scheduler.run()
    store.flushIndex()
    let status: RunRecord.Status =
      scheduler.wasInterruptedBy != nil
      ? .interrupted
      : instances.contains { $0.outcome == .failed || $0.outcome == .blocked }
        ? .failed : .succeeded
    var record = record(
      loaded, id: id, started: started, status: status, instances: instances,
      toolVersion: toolVersion)
    record.source = source
    observe(.ended(status))
    journal.append(.ended(status))
    try? FileManager.default.removeItem(atPath: work)
    var outcome = RunOutcome(
      record: record, kept: nil, verifications: scheduler.verifications,
      signal: scheduler.wasInterruptedBy)
    if !options.isVerifying && options.isRecorded {
      outcome.kept = try recordFolder.keep(record, log: log)
    }
    return outcome
  }

  /// Refuses what this machine can never do, before anything is done.
  private func checkDemands(
    of instances: [Instance], _ loaded: LoadedPipeline, _ options: RunOptions
  ) throws {
    for instance in instances {
      guard let wanted = instance.resources.memory, wanted > options.memory else { continue }
      let places = loaded.pipeline.cells.compactMap { cell in
        if case .stage(let stage) = cell, stage.id.value == instance.cell {
          stage.id.location
        } else {
          nil
        }
      }
      let diagnostic = Diagnostic(
        code: "P0104",
        message: "\(instance.name) asks for \(wanted >> 20) MiB of memory, this machine has "
          + "\(options.memory >> 20) MiB to give",
        location: places.first, help: "lower 'resources.memory' of the cell")
      throw ProjectError(
        status: ProjectError.invalidPipeline,
        diagnostic.rendered { file in loaded.files.first { $0.path == file }?.text })
    }
  }

  /// What the store and the work tree say, for planning.
  func facts(past: Memo<PastRun>) -> StoreFacts {
    StoreFacts(store: store, project: root, environment: environment) {
      past.value.instance(named: $0).map { LatestAction(fields: $0.keyFields, pending: $0.pending) }
    }
  }

  /// Removes the working folders of runs whose process died, and what of their stages still lives.
  private func cleanUpAbandonedRuns() {
    store.forEachAbandonedRun { run in
      killStrays(ofRun: run)
      try? FileManager.default.removeItem(atPath: "\(store.path)/work/\(run)")
    }
  }

  /// Kills processes that an attempt of a dead run left, should even the supervisor have been
  /// killed.
  private func killStrays(ofRun run: String) {
    let mark = Array("PIPELINE_ATTEMPT=\(run)-".utf8)
    for name in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] {
      guard let pid = Int32(name), pid != getpid(),
        let environment = FileManager.default.contents(atPath: "/proc/\(name)/environ"),
        environment.split(separator: 0).contains(where: { $0.starts(with: mark) })
      else { continue }
      kill(pid, SIGKILL)
    }
  }

  /// Sortable by time, and unique: the second, its 4096th part, and three random digits.
  static func newRunIdentifier() -> String {
    let now = Date()
    let time = now.formatted(.iso8601).filter { $0.isNumber }
    let seconds = now.timeIntervalSince1970
    let part = UInt32((seconds - seconds.rounded(.down)) * 4096)
    let suffix = String(1 << 24 | part << 12 | UInt32.random(in: 0..<4096), radix: 16).dropFirst()
    return "\(time.prefix(8))-\(time.dropFirst(8).prefix(6))-\(suffix)"
  }

  /// The record of a run, as far as the pipeline and its instances tell it.
  func record(
    _ loaded: LoadedPipeline, id: String, started: String, status: RunRecord.Status,
    instances: [InstanceRecord], toolVersion: String
  ) -> RunRecord {
    let pipeline = loaded.pipeline
    let measurements = Measurements(instances, parameters: pipeline.params)
    var overrides: [String: Value] = [:]
    for override in loaded.options.overrides {
      overrides[override.path] = Value.map(pipeline.params).value(at: override.path)
    }
    return RunRecord(
      id: id, started: started, finished: timestamp(), status: status,
      tool: RunRecord.Tool(version: toolVersion), source: nil, file: loaded.file,
      specification: loaded.files.map {
        RunRecord.SpecificationFile(path: $0.path, text: $0.text)
      },
      name: pipeline.name, title: pipeline.title, profile: pipeline.profile,
      overrides: overrides, parameters: pipeline.params, platform: Platform.name,
      cells: pipeline.cells.map { cell in
        switch cell {
        case .text(let text): .text(text.markdown.value)
        case .stage(let stage): .stage(StageCellRecord(stage))
        case .claim(let claim): .claim(ClaimRecord(claim, measurements))
        }
      },
      instances: instances)
  }
}

/// UTC, ISO 8601, whole seconds.
func timestamp() -> String {
  Date().formatted(.iso8601)
}

/// A value that is computed when it is first needed.
final class Memo<Content> {
  private let compute: () -> Content
  lazy var value: Content = compute()

  init(_ compute: @escaping () -> Content) { self.compute = compute }
}

/// The file of a run's events, one JSON object a line; a torn last line is nothing to worry about,
/// since nothing depends on it.
///
/// Each line says in `at` how many seconds after 1970 the event happened, so that whoever follows the
/// run, or opens its page in the middle, knows since when each stage has been running.
final class Journal {
  private let file: Int32
  /// Hits, which come by the thousand and tell a reader nothing that could not wait for the next
  /// event.
  private var waiting: [UInt8] = []

  init(path: String) { file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644) }

  deinit {
    flush()
    if file >= 0 { close(file) }
  }

  func append(_ event: RunEvent) {
    guard file >= 0 else { return }
    let now = (Date().timeIntervalSince1970 * 1000).rounded() / 1000
    Value.appendJSON([("at", .double(now))] + event.members, to: &waiting)
    waiting.append(UInt8(ascii: "\n"))
    if case .finished(let record) = event, record.outcome == .cached, waiting.count < 1 << 16 {
      return
    }
    flush()
  }

  private func flush() {
    _ = waiting.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
    waiting.removeAll(keepingCapacity: true)
  }
}
