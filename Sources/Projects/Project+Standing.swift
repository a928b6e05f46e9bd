import ArtifactStore
import Execution
import Foundation
public import Notebook
import PipelineSpec
import Planning
import Provenance
public import RunRecord

/// How a pipeline stands as its files are now: what is known of it, and what a run would do.
public struct Standing {
  /// The latest results of every instance, as if a run had just found them; those of an instance
  /// that a run would execute again are its former ones.
  public var record: RunRecord
  /// What a run would do about every instance.
  public var plan: [PlannedInstance]
  /// Instances without any result, by name.
  public var pending: Set<String>
  /// Which instance feeds which.
  public var edges: [NotebookPage.Options.Edge]
}

extension Project {
  /// How a pipeline stands, without executing or writing anything.
  ///
  /// - Parameters:
  ///   - loaded: The pipeline.
  ///   - latest: Its latest run, for what is no longer, or not yet, up to date.
  ///   - toolVersion: This program's.
  /// - Returns: The latest results, and what a run would do.
  /// - Throws: Where the store cannot be read.
  public func standing(_ loaded: LoadedPipeline, latest: RunRecord?, toolVersion: String) throws
    -> Standing
  {
    let plan = try self.plan(loaded, selection: Selection())
    let former = Dictionary((latest?.instances ?? []).map { ($0.name, $0) }) { first, _ in first }
    var pending: Set<String> = []
    let instances = plan.map { planned -> InstanceRecord in
      let name = planned.instance.name
      switch planned.decision {
      case .reuse(let key, _):
        // The run that executed it knows more than the store: how often it was tried, and why.
        if let known = former[name], known.key == key.digest, known.error == nil { return known }
        var record = InstanceRecord(
          of: planned.instance, .cached, why: "nothing it depends on changed", key: key)
        if let action = store.action(for: key.digest) { record.take(action, of: planned.instance) }
        return record
      case .skip(let why): return InstanceRecord(of: planned.instance, .skipped, why: why)
      case .execute, .wait, .block:
        if let known = former[name], known.hasResult { return known }
        pending.insert(name)
        return InstanceRecord(of: planned.instance, .skipped, why: "it has not run yet")
      }
    }
    var record = record(
      loaded, id: latest?.id ?? "none", started: latest?.started ?? timestamp(),
      status: latest?.status ?? .succeeded, instances: instances, toolVersion: toolVersion)
    record.finished = latest?.finished ?? record.started
    record.source = latest?.source
    let names = loaded.graph.instances.map(\.name)
    let edges = loaded.graph.needs.enumerated().flatMap { index, needs in
      needs.map { NotebookPage.Options.Edge(from: names[$0], to: names[index]) }
    }
    return Standing(record: record, plan: plan, pending: pending, edges: edges)
  }

  /// The latest recorded run of a pipeline file, as named inside of the project, with the results of
  /// earlier runs where it came to none: a run of one cell leaves the others as they were.
  ///
  /// - Parameters:
  ///   - file: The file.
  ///   - known: What this function gave before, so that it need not be read again.
  /// - Returns: Nil where it has not been run.
  public func latestRecord(of file: String, known: RunRecord? = nil) -> RunRecord? {
    var latest: RunRecord?
    var read = 0
    for summary in (try? history.runs(limit: 50)) ?? [] {
      let isKnown = known?.id == summary.id
      guard let record = isKnown ? known : try? history.record(run: summary.id),
        record.file == file
      else { continue }
      read += 1
      let isComplete = latest.fill(from: record)
      if isKnown || isComplete || read == Self.formerRuns { break }
    }
    return latest
  }

  /// Runs that are looked through for results that later ones did not come to.
  private static let formerRuns = 20
}

extension RunRecord? {
  /// Takes over what an earlier run has and this one has not.
  ///
  /// - Returns: Whether every instance has a result.
  fileprivate mutating func fill(from earlier: RunRecord) -> Bool {
    guard var record = self else {
      self = earlier
      return earlier.instances.allSatisfy(\.hasResult)
    }
    let former = Dictionary(earlier.instances.map { ($0.name, $0) }) { first, _ in first }
    for index in record.instances.indices where !record.instances[index].hasResult {
      guard let known = former[record.instances[index].name], known.hasResult else { continue }
      record.instances[index] = known
    }
    self = record
    return record.instances.allSatisfy(\.hasResult)
  }
}

extension InstanceRecord {
  /// What a run left out, blocked or cancelled has nothing to show.
  fileprivate var hasResult: Bool { [.executed, .cached, .failed].contains(outcome) }
}

extension PlannedInstance {
  /// `cached`, `run`, `wait`, `skip` or `blocked`.
  public var word: String {
    switch decision {
    case .reuse: "cached"
    case .execute: "run"
    case .wait: "wait"
    case .skip: "skip"
    case .block: "blocked"
    }
  }

  /// Why, in one sentence.
  public var why: String {
    switch decision {
    case .reuse: "nothing it depends on changed"
    case .execute where latestFailure != nil:
      "failed in the latest run: \(latestFailure.map { "\($0.code) \($0.message)" } ?? "")"
    case .execute(_, let why), .wait(let why), .skip(let why), .block(let why): why
    }
  }
}
